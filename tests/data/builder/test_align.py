"""Forced alignment: a real recording gets times, a hum gets a failure, the rest goes on."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pocketsphinx")

from empatheia.data import manifest
from empatheia.data.builder.align import Aligner, align
from empatheia.errors import InputError
from empatheia.media.audio import read_audio, wav_bytes
from empatheia.types import Dialogue, Phoneme, Speech, TimedPhoneme, Turn

RAVDESS = Path(__file__).parents[4] / "shared" / "data" / "ravdess"
KIDS = "K IH1 D Z|AA1 R|T AO1 K IH0 NG|B AY1|DH AH0|D AO1 R"


def pronounce(text: str) -> list[Phoneme]:
    return [
        Phoneme(symbol, number)
        for number, word in enumerate(KIDS.split("|"))
        for symbol in word.split()
    ]


def hum(seconds: float) -> Speech:
    time = np.arange(round(seconds * 16_000)) / 16_000
    return Speech((0.3 * np.sin(2 * np.pi * 200 * time)).astype(np.float32), 16_000)


@pytest.mark.shared
def test_a_real_actor_is_aligned() -> None:
    clip = sorted(RAVDESS.glob("03-01-01-01-01-01-*.flac"))[0]
    speech = read_audio(clip, 16_000)
    found = Aligner(pronounce).align(speech, "Kids are talking by the door")
    assert [p.symbol for p in found] == KIDS.replace("|", " ").split()
    assert all(0 <= a.start < a.end <= b.end for a, b in pairwise(found))
    assert found[-1].end <= speech.seconds
    loud = np.abs(speech.audio) > 0.1 * np.abs(speech.audio).max()
    first = loud.argmax() / 16_000
    assert abs(found[0].start - first) < 0.25


def test_what_does_not_fit_is_a_failure_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav_bytes(hum(0.1)))
    (tmp_path / "b.wav").write_bytes(b"no sound")
    turns = [Turn("speaker", "Kids", audio=tmp_path / name) for name in ("a.wav", "b.wav")]
    dialogues = [Dialogue("1", (turns[0], Turn("listener", "Oh."), turns[1]))]
    done = next(align(dialogues, tmp_path / "t", pronounce))
    assert [fault.turn for fault in done.faults] == [0, 2]
    assert all(turn.times is None for turn in done.dialogue.turns)
    manifest.write(tmp_path / "m.jsonl", [done.dialogue])


def test_times_are_found_once_and_again_for_another_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def found(self: Aligner, speech: Speech, text: str) -> tuple[TimedPhoneme, ...]:
        asked.append(text)
        return (TimedPhoneme("AH0", 0.0, 0.5, 0),)

    monkeypatch.setattr(Aligner, "align", found)
    (tmp_path / "a.wav").write_bytes(wav_bytes(hum(1.0)))
    for text in ("One.", "One.", "Two."):
        dialogue = Dialogue("hit:1", (Turn("speaker", text, audio=tmp_path / "a.wav"),))
        done = next(align([dialogue], tmp_path / "t", pronounce))
        assert done.dialogue.turns[0].times is not None
    assert asked == ["One.", "Two."]


def test_nothing_to_say() -> None:
    with pytest.raises(InputError, match="nothing to align"):
        Aligner(lambda text: [Phoneme("PAU")]).align(hum(1.0), "…")
