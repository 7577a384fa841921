"""What a face needs to know about a sound, once a picture: the teacher of C^v from phoneme times.

A row has 15 viseme shares, then voice, energy, stress, word onset and lip closure. Shares are
smoothed over about 100 ms, as lips are; closure is not, because lips that meet, meet.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from empatheia.errors import InputError, unknown
from empatheia.types import Speech, TimedPhoneme

Content = NDArray[np.float32]  # (frames, CONTENT_DIM)

VISEMES = (
    "sil",
    "PP",
    "FF",
    "TH",
    "DD",
    "KK",
    "CH",
    "SS",
    "RR",
    "AA",
    "EH",
    "IH",
    "OH",
    "UU",
    "HH",
)
CHANNELS = (*VISEMES, "voice", "energy", "stress", "onset", "closure")
CONTENT_DIM = len(CHANNELS)
PAUSES = ("sil", "pau", "sp", "spn", "ssil", "<pause>", ",", ".", "?", "!", ";", ":", "-")

_SPOKEN = {
    "PP": "P B M EM", "FF": "F V", "TH": "TH DH", "DD": "T D N L DX EN EL NX", "KK": "K G NG",
    "CH": "CH JH SH ZH", "SS": "S Z", "RR": "R ER AXR", "AA": "AA AE AH AX", "EH": "EH",
    "IH": "IH IY Y IX", "OH": "AO", "UU": "UH UW W UX", "HH": "HH HV",
}  # fmt: skip
_GLIDES = {
    "AY": ("AA", "IH"),
    "AW": ("AA", "UU"),
    "OY": ("OH", "IH"),
    "EY": ("EH", "IH"),
    "OW": ("OH", "UU"),
}
SYMBOLS: dict[str, tuple[str, ...]] = {
    **{symbol: (viseme,) for viseme, symbols in _SPOKEN.items() for symbol in symbols.split()},
    **_GLIDES,
    **{pause.upper(): ("sil",) for pause in PAUSES},
}
VOWELS = frozenset(
    [
        "AA",
        "AE",
        "AH",
        "AX",
        "EH",
        "IH",
        "IY",
        "IX",
        "AO",
        "UH",
        "UW",
        "UX",
        "ER",
        "AXR",
        "AY",
        "AW",
        "OY",
        "EY",
        "OW",
    ]
)

_FINE = 200  # samples a second of the smooth signals
_SMOOTH = 0.036  # standard deviation in seconds: about 85 ms at half height


def plain(symbol: str) -> str:
    """``"AH0"`` -> ``"AH"``; raises InputError for a sound that no viseme belongs to."""
    name = symbol.rstrip("012").upper()
    if name not in SYMBOLS:
        raise InputError(unknown("phoneme", symbol, sorted(SYMBOLS)))
    return name


def check_times(phonemes: tuple[TimedPhoneme, ...], seconds: float) -> None:
    """Times must be finite, in order and inside the sound."""
    last = 0.0
    for p in phonemes:
        if not (math.isfinite(p.start) and math.isfinite(p.end)) or p.end < p.start:
            raise InputError(
                f"phoneme {p.symbol!r} has times {p.start} to {p.end}: give start <= end"
            )
        if p.start < last - 1e-3:
            raise InputError(
                f"phoneme {p.symbol!r} starts at {p.start:.3f} s, before the one in front of it "
                f"({last:.3f} s): give phonemes in the order of time"
            )
        last = p.start
    if phonemes and phonemes[-1].end > seconds + 0.25:
        raise InputError(
            f"phonemes end at {phonemes[-1].end:.2f} s but the sound lasts {seconds:.2f} s: "
            "give times from the start of this sound"
        )


def frame_count(speech: Speech, fps: int) -> int:
    """Pictures that cover the sound; raises InputError where there is no sound."""
    if speech.sample_rate <= 0 or len(speech.audio) == 0:
        raise InputError("speech of zero length: give at least one sample of sound")
    if speech.audio.ndim != 1:
        raise InputError(f"speech has shape {speech.audio.shape}: give one channel, (samples,)")
    if not np.isfinite(speech.audio).all():
        raise InputError("speech has NaN or infinite samples: give finite numbers in [-1, 1]")
    return max(1, math.ceil(speech.seconds * fps - 1e-6))


def energy(speech: Speech, frames: int, fps: int) -> NDArray[np.float32]:
    """Loudness of each picture's sound: 0 about 35 dB under the loud parts, 1 at them."""
    edges = np.round(np.arange(frames + 1) / fps * speech.sample_rate).astype(int)
    square = np.r_[0.0, np.cumsum(speech.audio.astype(np.float64) ** 2)]
    edges = np.minimum(edges, len(speech.audio))
    power = np.diff(square[edges]) / np.maximum(np.diff(edges), 1)
    level = 10 * np.log10(power + 1e-10)
    loud = max(float(np.percentile(level, 92)), -55.0)
    return np.clip((level - loud + 32) / 32, 0, 1).astype(np.float32)


def _smoothed(signal: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    reach = int(3 * seconds * _FINE)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (seconds * _FINE)) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(signal, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, kernel, mode="valid") for column in padded.T], 1)


def content_from_times(speech: Speech, fps: int) -> Content:
    """The teacher where phoneme times are known."""
    frames = frame_count(speech, fps)
    check_times(speech.phonemes, speech.seconds)
    count = math.ceil(frames / fps * _FINE)
    track = np.zeros((count, len(VISEMES) + 4))
    voice, stress, onset, closure = range(len(VISEMES), len(VISEMES) + 4)
    time = (np.arange(count) + 0.5) / _FINE
    word = -1
    for p in speech.phonemes:
        name = plain(p.symbol)
        parts = SYMBOLS[name]
        cuts = np.linspace(p.start, p.end, len(parts) + 1)
        for viseme, start, end in zip(parts, cuts[:-1], cuts[1:], strict=True):
            track[(time >= start) & (time < end), VISEMES.index(viseme)] = 1.0
        inside = (time >= p.start) & (time < p.end)
        track[inside, voice] = float(name in VOWELS)
        track[inside, stress] = float(p.symbol.endswith("1"))
        if parts == ("PP",):
            middle = (p.start + p.end) / 2
            half = max(
                (p.end - p.start) / 2 - 0.005, 0.5 / fps + 0.014
            )  # at least one picture sees it
            track[np.abs(time - middle) <= half, closure] = 1.0
        if p.word >= 0 and p.word != word:
            track[np.abs(time - p.start) < 0.02, onset] = 1.0
        word = p.word
    silent = track[:, : len(VISEMES)].sum(1) < 0.5
    track[silent, 0] = 1.0
    smooth = _smoothed(track, _SMOOTH)
    smooth[:, closure] = _smoothed(track[:, closure:], 0.010)[:, 0]
    middle = np.minimum(((np.arange(frames) + 0.5) / fps * _FINE).astype(int), count - 1)
    rows = smooth[middle]
    out = np.zeros((frames, CONTENT_DIM), np.float32)
    out[:, : len(VISEMES)] = rows[:, : len(VISEMES)]
    loud = energy(speech, frames, fps)
    out[:, CHANNELS.index("voice")] = rows[:, voice]
    out[:, CHANNELS.index("energy")] = loud * (1 - rows[:, 0])
    out[:, CHANNELS.index("stress")] = rows[:, stress]
    out[:, CHANNELS.index("onset")] = np.clip(rows[:, onset] * 2.5, 0, 1)
    out[:, CHANNELS.index("closure")] = rows[:, closure]
    return out
