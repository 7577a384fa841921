"""What somebody says in a recording, as text, offline.

faster-whisper is asked where it is installed and its weights lie on this machine; else
PocketSphinx, which often mishears, and says so.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from empatheia.errors import InputError, MissingExtraError, naming
from empatheia.media.audio import check_heard, read_audio, resample
from empatheia.types import Dialogue, Speech, Turn

_RATE = 16_000
WHISPER = "base.en"
ROUGH = "the words were heard by PocketSphinx, which often mishears: give TEXT to be sure"


@dataclass(frozen=True, slots=True)
class Transcript:
    """``note`` is what a person should know about it."""

    text: str
    by: str
    note: str | None = None


def transcribe(path: Path) -> Transcript:
    """Words of a recording. Raises MediaError, MissingExtraError, InputError without words."""
    speech = read_audio(path, _RATE)
    with naming(path):
        check_heard(speech)
    found = _by_whisper(speech) or _by_sphinx(speech)
    if not found.text:
        raise InputError(f"no words were understood in {path}: give TEXT too, or speak clearer")
    return found


def with_words(dialogue: Dialogue) -> tuple[Dialogue, list[str]]:
    """Transcripts for the speaker's turns that have sound and no text, and notes about them.

    Raises MediaError, InputError, MissingExtraError.
    """
    turns: list[Turn] = []
    notes: list[str] = []
    for turn in dialogue.turns:
        place = turn.audio or turn.video
        if turn.text.strip() == "" and place is not None:
            found = transcribe(place)
            turn = replace(turn, text=found.text)
            notes.append(f"{place.name} is heard as: {found.text}")
            if found.note is not None and found.note not in notes:
                notes.append(found.note)
        turns.append(turn)
    return replace(dialogue, turns=tuple(turns)), notes


def _by_whisper(speech: Speech) -> Transcript | None:
    if importlib.util.find_spec("faster_whisper") is None:
        return None
    whisper: Any = importlib.import_module("faster_whisper")
    try:
        model = whisper.WhisperModel(WHISPER, device="cpu", local_files_only=True)
    except Exception:  # its weights are not on this machine: each version has its own error
        return None
    parts, _ = model.transcribe(speech.audio, language="en")
    return Transcript(" ".join(part.text.strip() for part in parts).strip(), "faster-whisper")


def _by_sphinx(speech: Speech) -> Transcript:
    if importlib.util.find_spec("pocketsphinx") is None:
        raise MissingExtraError("pocketsphinx", "listen")
    sphinx: Any = importlib.import_module("pocketsphinx")
    decoder = sphinx.Decoder(samprate=float(_RATE), loglevel="FATAL")
    silence = np.zeros(_RATE // 4, np.float32)
    audio = resample(speech.audio, speech.sample_rate, _RATE)
    audio = np.concatenate([silence, audio, silence])
    loudest = float(np.abs(audio).max(initial=0.0)) or 1.0
    decoder.start_utt()
    pcm = (audio / loudest * 0.6 * 32767).astype(np.int16)
    decoder.process_raw(pcm.tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return Transcript(str(found.hypstr) if found else "", "PocketSphinx", ROUGH)
