"""Who reads what, what stands on a sheet, and which takes must be done again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from empatheia.data import manifest
from empatheia.data.builder import record as work
from empatheia.data.lipsync import lag
from empatheia.errors import InputError
from empatheia.media.audio import wav_bytes
from empatheia.media.video import encode_mp4
from empatheia.types import AudioArray, Dialogue, Profile, Speech, Turn, Video

RATE = 16_000
PEOPLE = (
    "id,age,gender,tone,race\nP1,young,female,mild,asian\nP2,young,female,,\nP3,elderly,male,,\n"
)
YOUNG, OLD = Profile(), Profile("elderly", "male", "gentle", "african")


def dialogue(name: str = "00042", listener: Profile = OLD) -> Dialogue:
    turns = (Turn("speaker", "What a very long day", emotion="sad"), Turn("listener", "Oh my dear"))
    return Dialogue(name, turns, speaker=YOUNG, listener=listener)


def people(folder: Path, text: str = PEOPLE) -> list[work.Participant]:
    (folder / "p.csv").write_text(text, encoding="utf-8")
    return work.read_participants(folder / "p.csv")


def test_pairs_fit_and_the_load_is_shared(tmp_path: Path) -> None:
    paired, faults = work.pair([dialogue(str(i)) for i in range(4)], people(tmp_path))
    assert not faults
    assert {d.listener_id for d in paired} == {"P3"}
    assert all(d.speaker_id == "P2" for d in paired)  # P1 is of another race, P2 did not say
    same, faults = work.pair([dialogue(listener=YOUNG)], people(tmp_path))
    assert {same[0].speaker_id, same[0].listener_id} == {"P1", "P2"}
    _, faults = work.pair([dialogue(listener=Profile("child"))], people(tmp_path))
    assert "nobody is child and female" in faults[0].message


def test_every_file_on_a_sheet_is_found_again(tmp_path: Path) -> None:
    """Ids as in EmpatheticDialogues are no numbers, and file names need one."""
    paired, _ = work.pair([dialogue("hit:4_conv:9"), dialogue("hit:7_conv:1")], people(tmp_path))
    assert [(d.id, d.source) for d in paired] == [
        ("00001", "jsonl/hit:4_conv:9"),
        ("00002", "jsonl/hit:7_conv:1"),
    ]
    for line in work.lines(paired):
        for name in line.files.split():
            (tmp_path / name).write_bytes(b"")
    for _, wrong in work.take_in(paired, [tmp_path], tmp_path / "unpacked", None):
        assert {fault.rule for fault in wrong} == {"M1"}  # empty, and not missing


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,age\nP1,old\n", "unknown age"),
        ("id,age,gender\nP1,young,male\nP1,young,male\n", "used once"),
        ("id,age,gender\n", "names nobody"),
    ],
)
def test_participants_that_cannot_be_used(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        people(tmp_path, text)


def voice(seconds: float = 2.0) -> AudioArray:
    time = np.arange(round(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 8))
    syllables = np.random.default_rng(3).random(len(time) // 3200 + 2) ** 2
    swell = np.interp(time * 5, np.arange(len(syllables)), syllables)
    return (0.15 * buzz * swell + np.random.default_rng(0).normal(0, 2e-4, len(time))).astype("f")


def film(sound: AudioArray, late: int = 0) -> list[np.ndarray]:
    """A mouth that opens with the loudness; ``late`` pictures behind it."""
    size = RATE // 25
    loud = [
        float(np.abs(sound[i * size : (i + 1) * size]).mean()) for i in range(len(sound) // size)
    ]
    loud = [0.0] * late + loud[: len(loud) - late]
    pictures = []
    for value in loud:
        picture = np.full((64, 64, 3), 180, np.uint8)
        picture[40 : 41 + round(80 * value), 24:40] = 20
        pictures.append(picture)
    return pictures


def test_lips_and_sound() -> None:
    sound = voice(9.0)
    for late in (0, 6):
        found = lag(Video(np.stack(film(sound, late)), 25.0), Speech(sound, RATE))
        assert found.seconds == pytest.approx(-late / 25, abs=0.05)
        assert found.sureness > 1.5
    still = Video(np.zeros((100, 64, 64, 3), np.uint8), 25.0)
    assert lag(still, Speech(sound, RATE)).sureness == 0


def takes(folder: Path, name: str, sound: AudioArray, late: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    speech = Speech(sound, RATE)
    (folder / f"{name}.wav").write_bytes(wav_bytes(speech))
    (folder / f"{name}.mp4").write_bytes(encode_mp4(film(sound, late), 25, speech))


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda x: x, None),
        (lambda x: np.clip(x * 30, -1, 1), "M1"),
        (lambda x: x + np.random.default_rng(1).normal(0, 0.03, len(x)).astype("f"), "M5"),
        (lambda x: x[:1600], "M3"),
    ],
)
def test_takes_that_must_be_done_again(tmp_path: Path, spoil: object, rule: str | None) -> None:
    paired, _ = work.pair([dialogue()], people(tmp_path))
    takes(tmp_path / "r", "dia00042utt0_P2", spoil(voice()))  # type: ignore[operator]
    ((taken, faults),) = work.take_in(paired, [tmp_path / "r"], tmp_path / "u", None)
    first = {f.rule for f in faults if f.turn == 0}
    assert (rule in first) if rule else not first
    assert (taken.turns[0].audio is None) == bool(rule)
    assert {f.rule for f in faults if f.turn == 1} == {"V10"}


def test_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from empatheia.cli.main import run

    people(tmp_path)
    manifest.write(tmp_path / "m.jsonl", [dialogue()])
    out = tmp_path / "out"
    words = ["data", "record", str(tmp_path / "m.jsonl"), "-o", str(out)]
    assert run([*words, "--participants", str(tmp_path / "p.csv")]) == 0
    text = (out / "sheets" / "P2.md").read_text()
    assert "> What a very long day" in text
    assert "feel: **sad**" in text
    assert "dia00042utt0_P2.wav dia00042utt0_P2.mp4" in text
    takes(tmp_path / "r", "dia00042utt0_P2", voice())
    takes(tmp_path / "r", "dia00042utt1_P3", voice(6.0), late=8)
    words = ["data", "record", str(out / "paired.jsonl"), "-o", str(out)]
    assert run([*words, "--recordings", str(tmp_path / "r")]) == 2
    assert "lips and sound" in (out / "rerecord.csv").read_text()
    kept = next(manifest.read(out / "recorded.jsonl"))
    assert [t.audio is not None for t in kept.turns] == [True, False]
    assert run(words) == 2
    assert "give --participants" in capsys.readouterr().err
