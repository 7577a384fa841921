"""One drawn face for all tests of this folder: small pictures, shipped weights."""

from __future__ import annotations

import numpy as np
import pytest

from empatheia.face import DrawnFace
from empatheia.types import Speech, TimedPhoneme

SAID = "sil HH AH0 L OW1 sil M AH1 M AA1 P IY1 sil"


@pytest.fixture(scope="session")
def face() -> DrawnFace:
    return DrawnFace.load(128)


@pytest.fixture(scope="session")
def speech() -> Speech:
    """1.3 s with phoneme times; loud where something is said."""
    rng = np.random.default_rng(0)
    phonemes = tuple(
        TimedPhoneme(s, 0.1 * i, 0.1 * (i + 1), -1 if s == "sil" else i // 6)
        for i, s in enumerate(SAID.split())
    )
    audio = 0.2 * rng.normal(size=round(1.3 * 16_000)).astype(np.float32)
    for p in phonemes:
        if p.symbol == "sil":
            audio[round(p.start * 16_000) : round(p.end * 16_000)] *= 0.001
    return Speech(audio.clip(-1, 1), 16_000, phonemes)
