"""From writing to symbols and from sound to pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from empatheia.errors import InputError
from empatheia.speech.styletts2 import espeak
from empatheia.speech.styletts2.dictionary import Dictionary, ipa
from empatheia.speech.styletts2.espeak import Espeak, share
from empatheia.speech.styletts2.mel import filters, log_mel, reference_mel, trim
from empatheia.speech.styletts2.symbols import SYMBOLS, numbers
from empatheia.types import Phoneme, Speech

installed = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is absent")


def written(phonemes: tuple[Phoneme, ...]) -> str:
    return "".join(p.symbol for p in phonemes)


def test_the_table_is_the_published_one() -> None:
    table = numbers()
    assert len(SYMBOLS) == 178
    assert len(table) == 177
    assert (table["$"], table[" "], table["a"], table["ˈ"], table["'"]) == (0, 16, 43, 156, 176)


def test_the_dictionary_writes_known_symbols() -> None:
    said = Dictionary()("I'm sorry, my friend!")
    assert written(said) == "ˈaɪm sˈɑːɹi , mˈaɪ fɹˈɛnd !"
    assert all(p.symbol in numbers() for p in said)
    assert ipa("ER0") == "ɚ"
    assert ipa("OY1") == "ˈɔɪ"


def test_an_absent_program_is_named() -> None:
    with pytest.raises(InputError, match=r"no-such-program is not installed.*apt install"):
        Espeak("no-such-program")("hello there")


@installed
def test_words_that_espeak_joins_are_parted_again() -> None:
    said = Espeak()("I must have been there, so I am sorry.")
    assert {p.word for p in said if p.word >= 0} == set(range(9))
    assert written(said).endswith(" .")
    assert " , " in written(said)
    assert all(p.symbol in numbers() for p in said)


def test_a_phrase_is_shared_out_by_sound() -> None:
    assert share("mˈʌstɐv", ["mˈʌst", "hˈæv"]) == ["mˈʌst", "ɐv"]
    assert share("ðə", ["ðə"]) == ["ðə"]
    for phrase, alone in (("ɪndə", ["ɪn", "ðə"]), ("", ["a", "b"]), ("abc", ["abc", "x", "y"])):
        parts = share(phrase, alone)
        assert "".join(parts) == phrase
        assert len(parts) == len(alone)


def test_filters_reach_eight_nominal_kilohertz() -> None:
    table = filters()
    assert table.shape == (1025, 80)
    assert table.min() == 0
    assert table.max() <= 1
    assert table[-1].max() < 1e-6
    peaks = table.argmax(0)
    assert (peaks[1:] >= peaks[:-1]).all()


def test_filters_are_those_of_the_htk_scale() -> None:
    from transformers.audio_utils import mel_filter_bank

    theirs = mel_filter_bank(1025, 80, 0.0, 8000.0, 16000, norm=None, mel_scale="htk")
    assert np.abs(filters().numpy() - theirs).max() < 1e-5


def test_pictures_have_eighty_frames_a_second() -> None:
    tone = torch.sin(torch.arange(24000) * 0.1)[None]
    picture = log_mel(tone)
    assert picture.shape == (1, 80, 81)
    assert picture.isfinite().all()
    assert log_mel(tone * 0).max() == pytest.approx((np.log(1e-5) + 4) / 4, abs=1e-4)


def test_silent_ends_are_trimmed() -> None:
    tone = np.sin(np.arange(24000) * 0.1).astype(np.float32)
    padded = np.concatenate([np.zeros(12000, np.float32), tone, np.zeros(12000, np.float32)])
    kept = trim(padded)
    assert 24000 <= len(kept) <= 24000 + 2 * 2048
    assert len(trim(np.zeros(24000, np.float32))) == 0


def test_recordings_too_short_or_silent_are_refused() -> None:
    tone = np.sin(np.arange(24000) * 0.1).astype(np.float32)
    assert reference_mel(Speech(tone, 24000)).shape[-1] >= 65
    with pytest.raises(InputError, match=r"at least 0\.8"):
        reference_mel(Speech(tone[:12000], 24000))
    with pytest.raises(InputError, match="silent"):
        reference_mel(Speech(np.zeros(48000, np.float32), 24000))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("cat > heard; echo hello", ""),
        ("echo broken >&2; exit 3", "exit status 3"),
        ("exec sleep 5", "timed out"),
    ],
)
def test_the_program_is_given_the_text_and_its_faults_are_one_line(
    body: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program of our own in espeak-ng's place."""
    program = tmp_path / "speak"
    program.write_text(f"#!/bin/sh\ncd {tmp_path}\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setattr(espeak, "_TIMEOUT", 0.5)
    ask = Espeak(program=str(program))._say
    if not message:
        assert ask("Hello.").strip() == "hello"
        assert (tmp_path / "heard").read_text() == "Hello."
        return
    with pytest.raises(InputError, match=f"failed on a sentence: .*{message}"):
        ask("Hello.")
