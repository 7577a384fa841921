"""Two published models of recordings, where they are installed: DNSMOS and Resemblyzer.

DNSMOS P.835 (Reddy et al. 2022) rates a signal from 1 to 5; it puts formant synthesis level with
recordings, so it says nothing of naturalness. Resemblyzer (GE2E, Wan et al. 2018) gives a unit
vector of who speaks. Both hear 16 kHz.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from empatheia.files import digest_of
from empatheia.media.audio import check_heard, resample
from empatheia.types import Speech

RATE: Final = 16_000
NO_DNSMOS: Final = "DNSMOS, from pip install speechmos onnxruntime librosa"
NO_SPEAKER: Final = "Resemblyzer, from pip install resemblyzer"


@dataclass(frozen=True, slots=True)
class SignalQuality:
    """DNSMOS's overall score."""

    run: Any
    digest: str

    @classmethod
    @cache
    def installed(cls) -> SignalQuality | None:
        """The one of ``speechmos``, None where that or what it needs is missing."""
        try:
            found = importlib.import_module("speechmos.dnsmos")
        except ImportError:
            return None
        return cls(found.run, _digest(found, "dnsmos_models/sig_bak_ovr.onnx"))

    def __call__(self, speech: Speech) -> float:
        """Raises MediaError for a recording without sound."""
        return float(self.run(_heard(speech), RATE)["ovrl_mos"])


@dataclass(frozen=True, slots=True)
class SpeakerLikeness:
    """Cosine of two recordings' speaker vectors: 1 is the same voice."""

    embed: Any
    digest: str

    @classmethod
    @cache
    def installed(cls) -> SpeakerLikeness | None:
        """Resemblyzer on the CPU, None where it is missing."""
        try:
            found = importlib.import_module("resemblyzer")
        except ImportError:
            return None
        encoder = found.VoiceEncoder("cpu", verbose=False)
        return cls(encoder.embed_utterance, _digest(found, "pretrained.pt"))

    def __call__(self, one: Speech, other: Speech) -> float:
        """Raises MediaError for a recording without sound."""
        return cosine(self.vector(one), self.vector(other))

    def vector(self, speech: Speech) -> NDArray[np.float64]:
        """Who speaks, (256,). Raises MediaError for a recording without sound."""
        return np.asarray(self.embed(_heard(speech)), np.float64)


def cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Of two vectors."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def _heard(speech: Speech) -> Any:
    """Sound at 16 kHz within -1 and 1, which resampling may leave and the models insist on."""
    check_heard(speech)
    return resample(speech.audio, speech.sample_rate, RATE).clip(-1, 1)


def _digest(module: Any, name: str) -> str:
    """Of a model file beside ``module``; ``none`` where it has no such file."""
    path = Path(module.__file__ or "").parent / name
    return digest_of(path) if path.is_file() else "none"
