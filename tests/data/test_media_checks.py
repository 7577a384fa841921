"""What is wrong inside sound and video is named by its rule; good clips pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from empatheia.data import manifest
from empatheia.data.media_checks import MediaChecker
from empatheia.data.sound_checks import measure
from empatheia.data.validate import validate
from empatheia.media.audio import wav_bytes
from empatheia.media.video import encode_mp4
from empatheia.types import AudioArray, Dialogue, Profile, Speech, Turn

RATE = 16_000


def voice(seconds: float, pitch: float = 150.0, level: float = 0.3) -> AudioArray:
    """Syllables: a buzz that comes and goes four times a second, over faint noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 8))
    syllables = np.clip(np.sin(2 * np.pi * 4 * time) + 0.5, 0, 1)
    noise = np.random.default_rng(0).normal(0, 0.001, len(time))
    return (level * buzz * syllables / 2 + noise).astype(np.float32)


def pictures(seconds: float) -> Iterator[np.ndarray]:
    for i in range(round(seconds * 25)):
        yield np.full((64, 64, 3), 100 + i % 2, np.uint8)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """a.wav, a.mp4, a.json: two good seconds."""
    speech = Speech(voice(2.0), RATE)
    (tmp_path / "a.wav").write_bytes(wav_bytes(speech))
    (tmp_path / "a.mp4").write_bytes(encode_mp4(pictures(2.0), 25, speech))
    (tmp_path / "a.json").write_text(json.dumps({"phonemes": [["AA1", 0, 1, 0], ["B", 1, 2, 1]]}))
    return tmp_path


def found(folder: Path, turns: int = 1, checker: MediaChecker | None = None) -> list[str]:
    turn = Turn("speaker", "What a very long day", *(folder / f"a.{e}" for e in ("wav", "mp4")))
    turn = replace(turn, times=folder / "a.json")
    dialogue = Dialogue("1", (turn,) * turns, speaker_id="7", speaker=Profile())
    manifest.write(folder / "m.jsonl", [dialogue])
    verdict = validate(folder / "m.jsonl", (checker or MediaChecker()).check)
    return [fault.rule for fault in verdict.faults if fault.rule.startswith("M")]


def test_good_clips_pass(files: Path) -> None:
    assert found(files) == []


def test_cut_files(files: Path) -> None:
    for name in ("a.wav", "a.mp4"):
        whole = (files / name).read_bytes()
        (files / name).write_bytes(whole[: len(whole) * 2 // 3])
    assert found(files) == ["M1", "M2"]


@pytest.mark.parametrize("content", [b"", b"RIFF", b"this is a text, not media at all" * 9])
def test_files_of_another_type(files: Path, content: bytes) -> None:
    (files / "a.wav").write_bytes(content)
    (files / "a.mp4").write_bytes(content)
    assert found(files) == ["M1", "M2"]


def test_sound_of_another_kind_under_the_name_of_a_wav(files: Path) -> None:
    import av

    with av.open(str(files / "a.flac"), "w") as out:
        stream = out.add_stream("flac", rate=RATE)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(
            (voice(2.0)[None] * 32767).astype(np.int16), format="s16", layout="mono"
        )
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    (files / "a.wav").write_bytes((files / "a.flac").read_bytes())
    assert found(files) == ["M1"]


@pytest.mark.parametrize(
    ("audio", "rules"),
    [
        (np.zeros(2 * RATE, np.float32), ["M5"]),
        (np.pad(voice(0.2), (0, 9 * RATE // 5)), ["M5"]),
        (voice(0.1), ["M3", "M4"]),
        (voice(20.0), ["M3", "M4"]),
        (voice(2.4), ["M4"]),
    ],
)
def test_lengths_and_silence(files: Path, audio: AudioArray, rules: list[str]) -> None:
    (files / "a.wav").write_bytes(wav_bytes(Speech(audio, RATE)))
    assert sorted({r for r in found(files) if r != "M8"}) == rules


def test_phoneme_times(files: Path) -> None:
    for phonemes in ([["A", 1, 2, 0], ["B", 0, 1, 1]], [["A", 0, 3, 0]], [[1, 2]]):
        (files / "a.json").write_text(json.dumps({"phonemes": phonemes}))
        assert found(files) == ["M8"]


def test_another_voice_under_the_same_name(files: Path) -> None:
    checker = MediaChecker()
    found(files, 1, checker)
    found(files, 1, checker)
    (files / "a.wav").write_bytes(wav_bytes(Speech(voice(2.0, 290.0), RATE)))
    assert found(files, 1, checker) == ["M7"]


def test_faces_are_counted_where_a_counter_is_given(files: Path) -> None:
    assert found(files, 1, MediaChecker(faces=lambda picture: 1)) == []
    assert found(files, 1, MediaChecker(faces=lambda picture: 2)) == ["M6"]


def test_the_numbers_of_a_recording() -> None:
    clean = measure(Speech(voice(2.0), RATE))
    noisy = voice(2.0) + np.random.default_rng(1).normal(0, 0.03, 2 * RATE).astype(np.float32)
    loud = np.clip(voice(2.0) * 9, -1, 1)
    assert clean.snr > measure(Speech(noisy, RATE)).snr + 10
    assert clean.clipped == 0 < measure(Speech(loud, RATE)).clipped
    assert clean.speech > 0.5
    assert measure(Speech(np.zeros(3, np.float32), RATE)).seconds > 0
