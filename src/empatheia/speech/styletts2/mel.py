"""The mel picture that the style encoders were trained on, quirk included.

The published front end builds its 80 filters for sound at 16 kHz (0 to 8 kHz over 1025 bins) and
applies them to sound at 24 kHz, so they reach 12 kHz. Weights know no other picture.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empatheia.errors import TooLittleSpeechError
from empatheia.speech.styletts2.config import SAMPLE_RATE
from empatheia.speech.styletts2.encoders import MIN_FRAMES
from empatheia.types import AudioArray, Speech

N_FFT, WINDOW, HOP, MELS = 2048, 1200, 300, 80
_NOMINAL_RATE = 16_000
_MEAN, _SPREAD, _FLOOR = -4.0, 4.0, 1e-5
_TRIM_DB, _TRIM_FRAME, _TRIM_HOP = 30.0, 2048, 512


@lru_cache(maxsize=2)
def filters(mels: int = MELS) -> Tensor:
    """(bins, mels): triangles on the HTK mel scale, not normalised."""
    bins = np.linspace(0.0, _NOMINAL_RATE / 2, N_FFT // 2 + 1)
    edge = 2595.0 * np.log10(1.0 + _NOMINAL_RATE / 2 / 700.0)
    corners = 700.0 * (10.0 ** (np.linspace(0.0, edge, mels + 2) / 2595.0) - 1.0)
    width = np.diff(corners)
    rising = (bins[:, None] - corners[:-2]) / width[:-1]
    falling = (corners[2:] - bins[:, None]) / width[1:]
    return torch.from_numpy(np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32))


def log_mel(audio: Tensor, mels: int = MELS) -> Tensor:
    """(B, samples) at 24 kHz -> (B, mels, frames) at 80 Hz."""
    window = torch.hann_window(WINDOW, device=audio.device)
    spectrum = torch.stft(
        audio, N_FFT, HOP, WINDOW, window, center=True, pad_mode="reflect", return_complex=True
    )
    power = spectrum.abs().square()
    mel = (power.mT @ filters(mels).to(audio.device)).mT
    return (torch.log(_FLOOR + mel) - _MEAN) / _SPREAD


def trim(audio: AudioArray) -> AudioArray:
    """Without the silence at both ends: frames more than 30 dB under the loudest one."""
    padded = np.pad(audio.astype(np.float64), _TRIM_FRAME // 2)
    total = np.concatenate(([0.0], np.cumsum(padded**2)))
    starts = np.arange(0, len(padded) - _TRIM_FRAME + 1, _TRIM_HOP)
    energy = (total[starts + _TRIM_FRAME] - total[starts]) / _TRIM_FRAME
    loud: NDArray[np.intp] = np.flatnonzero(energy > energy.max() * 10 ** (-_TRIM_DB / 10))
    if not len(loud):
        return audio[:0]
    end: AudioArray = audio[loud[0] * _TRIM_HOP : (loud[-1] + 1) * _TRIM_HOP]
    return end


def reference_mel(speech: Speech, mels: int = MELS) -> Tensor:
    """(1, mels, frames) of a recording without its silent ends.

    Raises TooLittleSpeechError where nothing is heard or less than 0.81 s is left.
    """
    from empatheia.media.audio import check_audio, resample

    audio = check_audio(speech.audio, speech.sample_rate)
    audio = trim(resample(audio, speech.sample_rate, SAMPLE_RATE))
    if not len(audio) or float(np.abs(audio).max()) < 1e-4:
        raise TooLittleSpeechError(
            "the recording is silent and a style can be heard only from speech: leave it out, or "
            "give another"
        )
    if len(audio) // HOP + 1 < MIN_FRAMES:
        least = (MIN_FRAMES - 1) * HOP / SAMPLE_RATE + 0.01
        raise TooLittleSpeechError(
            f"only {len(audio) / SAMPLE_RATE:.2f} s of sound: the style encoder needs at least "
            f"{least:.2f} s of speech; leave the recording out, or give a longer one"
        )
    return log_mel(torch.from_numpy(audio)[None], mels)
