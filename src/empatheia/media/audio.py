"""Sound from files and to bytes: any container that PyAV opens, resampling, tagged wav."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np

from empatheia.errors import InputError, MediaError
from empatheia.media.tags import Tags
from empatheia.types import AudioArray, Speech

MAX_SECONDS = 600.0
LEAST_SECONDS = 0.2  # less is no speech
SILENCE = 1e-4  # of full scale


def check_audio(audio: AudioArray, sample_rate: int) -> AudioArray:
    """Mono float32 within [-1, 1], or an InputError that names the fault."""
    if sample_rate < 1000:
        raise InputError(f"sample rate {sample_rate} is not usable: give at least 8000")
    if audio.ndim != 1:
        raise InputError(f"audio has shape {audio.shape}: give one channel, (samples,)")
    if not np.isfinite(audio).all():
        raise InputError("audio has NaN or infinite samples: give finite numbers in [-1, 1]")
    return np.clip(audio, -1.0, 1.0).astype(np.float32)


def check_heard(speech: Speech) -> None:
    """Raise MediaError where there is nothing to hear: too short, or silent."""
    if speech.seconds < LEAST_SECONDS:
        raise MediaError(
            f"the recording lasts {speech.seconds:.2f} s: give at least {LEAST_SECONDS} s of speech"
        )
    if float(np.abs(speech.audio).max()) < SILENCE:
        raise MediaError("the recording is silent: give a recording with speech in it")


def resample(audio: AudioArray, source: int, target: int) -> AudioArray:
    """(samples at ``source`` Hz) -> (samples at ``target`` Hz), same length in seconds."""
    if source == target or len(audio) == 0:
        return audio.astype(np.float32)
    from scipy.signal import resample_poly

    common = math.gcd(source, target)
    out = resample_poly(audio.astype(np.float64), target // common, source // common)
    wanted = round(len(audio) * target / source)
    return np.clip(out[:wanted], -1.0, 1.0).astype(np.float32)


def read_audio(path: Path | str, sample_rate: int | None = None) -> Speech:
    """The first sound track of a file, mixed to one channel, at ``sample_rate`` or its own.

    Raises MediaError where there is no file, no sound, or more than ten minutes of it.
    """
    import av

    path = Path(path)
    if not path.is_file():
        raise MediaError(f"no file at {path}: give an audio or video file")
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise MediaError(f"{path} has no sound track: give a file with sound")
            stream = container.streams.audio[0]
            rate = sample_rate or int(stream.rate or 0) or 16000
            resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
            pieces: list[AudioArray] = []
            length = 0
            for frame in container.decode(stream):
                for part in resampler.resample(frame):
                    pieces.append(part.to_ndarray()[0])
                    length += len(pieces[-1])
                if length > MAX_SECONDS * rate:
                    raise MediaError(
                        f"{path} is longer than {MAX_SECONDS:.0f} s: give a shorter recording"
                    )
            pieces += [part.to_ndarray()[0] for part in resampler.resample(None)]
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, MediaError):
            raise
        raise MediaError(f"{path} cannot be decoded as sound: {error}") from error
    audio = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    if len(audio) == 0:
        raise MediaError(f"{path} has an empty sound track: give a file with sound")
    return Speech(np.clip(np.nan_to_num(audio), -1, 1).astype(np.float32), rate)


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def wav_bytes(speech: Speech, tags: Tags | None = None) -> bytes:
    """A complete 16-bit mono wav file with ``tags`` in its LIST INFO chunk."""
    tags = tags or Tags()
    audio = check_audio(speech.audio, speech.sample_rate)
    rate = speech.sample_rate
    fields = ((b"INAM", tags.title), (b"ICMT", tags.comment), (b"ISFT", tags.software))
    info = b"".join(_chunk(name, text.encode() + b"\0") for name, text in fields if text)
    body = b"WAVE"
    body += _chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16))
    body += _chunk(b"LIST", b"INFO" + info)
    body += _chunk(b"data", np.round(audio * 32767).astype("<i2").tobytes())
    return _chunk(b"RIFF", body)
