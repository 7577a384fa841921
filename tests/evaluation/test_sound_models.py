"""What is asked of the two published models of sound, and what is made of their answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from empatheia.data.predictions import Answer
from empatheia.data.references import Reference
from empatheia.errors import MediaError
from empatheia.evaluation.sound_models import SignalQuality, SpeakerLikeness
from empatheia.evaluation.speech_table import METRICS, speech_table
from empatheia.files import digest_of
from empatheia.media.audio import wav_bytes
from empatheia.types import Speech, Turn

Install = Callable[[str, str, dict[str, Any]], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """A package of this name with a model file; nothing is remembered of it afterwards."""

    def make(name: str, model: str, inside: dict[str, Any]) -> Path:
        for part in (name.partition(".")[0], name):
            module = ModuleType(part)
            module.__file__ = str(tmp_path / "__init__.py")
            module.__path__ = []
            vars(module).update(inside)
            monkeypatch.setitem(sys.modules, part, module)
        path = tmp_path / model
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"model")
        return path

    opened = (SignalQuality.installed, SpeakerLikeness.installed)
    for one in opened:
        one.cache_clear()
    yield make
    for one in opened:
        one.cache_clear()


def tone(pitch: float, level: float, rate: int = 24_000) -> Speech:
    t = np.arange(rate) / rate
    return Speech((level * np.sign(np.sin(2 * np.pi * pitch * t))).astype(np.float32), rate)


def dnsmos(heard: list[np.ndarray]) -> dict[str, Any]:
    """Rates ten times the mean loudness; as strict about its input as the release."""

    def run(sample: np.ndarray, sr: int) -> dict[str, float]:
        if sr != 16_000 or sample.ndim != 1 or not (np.abs(sample) <= 1).all():
            raise ValueError("16 kHz in one channel between -1 and 1")
        heard.append(sample)
        return {"ovrl_mos": 10 * float(np.abs(sample).mean()), "sig_mos": -1.0, "bak_mos": -1.0}

    return {"run": run}


def test_signal_is_rated_at_16_khz_within_full_scale(install: Install) -> None:
    heard: list[np.ndarray] = []
    path = install("speechmos.dnsmos", "dnsmos_models/sig_bak_ovr.onnx", dnsmos(heard))
    rate = SignalQuality.installed()
    assert rate is not None
    assert rate.digest == digest_of(path)
    assert rate(tone(100, 1.0)) == pytest.approx(10, rel=0.02)  # overshoots when resampled
    assert len(heard[0]) == 16_000
    for nothing in (np.zeros(16_000), np.zeros(0)):  # the release would never end
        with pytest.raises(MediaError):
            rate(Speech(nothing.astype(np.float32), 16_000))


def test_likeness_is_the_cosine_of_vectors(install: Install) -> None:
    def embed(sample: np.ndarray) -> np.ndarray:
        """A corner's direction by loudness: 0.5 -> (3, 4), else (1, 0)."""
        return np.array([3.0, 4.0] if np.abs(sample).mean() > 0.4 else [1.0, 0.0])

    class VoiceEncoder:
        def __init__(self, device: str, verbose: bool) -> None:
            assert device == "cpu"

        embed_utterance = staticmethod(embed)

    path = install("resemblyzer", "pretrained.pt", {"VoiceEncoder": VoiceEncoder})
    alike = SpeakerLikeness.installed()
    assert alike is not None
    assert alike.digest == digest_of(path)
    assert alike(tone(100, 0.5), tone(100, 0.1)) == pytest.approx(0.6)
    assert alike(tone(100, 0.5), tone(200, 0.5)) == pytest.approx(1.0)


def replies(folder: Path) -> list[tuple[Reference, Answer]]:
    out = []
    for i, (ours, theirs) in enumerate([(0.5, 0.1), (0.1, 0.1), (0.0, 0.1)]):
        paths = folder / f"ours{i}.wav", folder / f"theirs{i}.wav"
        for path, level in zip(paths, (ours, theirs), strict=True):
            path.write_bytes(wav_bytes(tone(100, level, 16_000)))
        turns = (Turn("speaker", "Hi."),)
        who = "xxy"[i]
        reference = Reference(f"{i}#1", str(i), turns, "Oh.", audio=paths[1], listener_id=who)
        out.append((reference, Answer(f"{i}#1", "Oh.", audio=paths[0])))
    return out


def test_table_by_hand(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class VoiceEncoder:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def embed_utterance(self, sample: np.ndarray) -> list[float]:
            return [3.0, 4.0] if np.abs(sample).mean() > 0.4 else [1.0, 0.0]

    heard: list[np.ndarray] = []
    install("speechmos.dnsmos", "dnsmos_models/sig_bak_ovr.onnx", dnsmos(heard))
    path = install("resemblyzer", "pretrained.pt", {"VoiceEncoder": VoiceEncoder})
    table, faults = speech_table("ours", replies(tmp_path), {})
    ours, truth = (row.figures for row in table.rows[:2])
    assert ours["dnsmos"].value == pytest.approx(3.0, abs=0.01)  # 5 and 1; silence is left out
    assert ours["dnsmos"].n == 2
    assert truth["dnsmos"].value == pytest.approx(1.0, abs=0.01)
    assert ours["secs"].value == pytest.approx(0.8)  # 0.6 and 1
    assert ours["secs"].weights == digest_of(path)
    assert (truth["secs"].value, truth["secs"].n) == (pytest.approx(1.0), 1)  # x beside x
    other = next(r for r in table.rows if r.name == "ours, another's voice").figures["secs"]
    assert (other.value, other.n) == (pytest.approx(0.8), 2)  # beside y: 0.6 and 1; silence is out
    assert [told.partition(":")[0] for told in faults["DNSMOS not measurable"]] == ["2#1"]
    assert [told.partition(":")[0] for told in faults["speaker similarity not measurable"]] == [
        "2#1"
    ]
    assert "not naturalness" in next(m.note for m in METRICS if m.id == "dnsmos")


def test_what_is_not_installed_is_named(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("speechmos", "speechmos.dnsmos", "resemblyzer"):
        monkeypatch.setitem(sys.modules, name, None)
    ours = speech_table("ours", replies(tmp_path), {})[0].rows[0].figures
    assert ours["dnsmos"].value is ours["secs"].value is None
    assert "pip install speechmos" in str(ours["dnsmos"].needs)
    assert "pip install resemblyzer" in str(ours["secs"].needs)
