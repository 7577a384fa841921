"""The parts of the paper's system, opened from a folder of models and put together."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from empatheia.errors import ConfigError, InputError, WeightsError
from empatheia.face.dreamtalk.generator import TalkingPortrait
from empatheia.face.dreamtalk.portraits import SIZE
from empatheia.model import TextSettings
from empatheia.paper.folder import Models
from empatheia.paper.needs import memory_plan
from empatheia.paper.reasoner import WRITING, PublishedReasoner, open_reasoner, preset_of
from empatheia.reasoner import Reasoner
from empatheia.speech.styletts2.generator import StyleTTS2Voice

DEVICE = "EMPATHEIA_DEVICE"
REASONER = "reasoner.safetensors"
TRAIN = "empatheia train all --preset {preset} --data RENDERED -o {folder}"


def device() -> str:
    """``$EMPATHEIA_DEVICE``, else a GPU where there is one. Raises ConfigError."""
    wanted = os.environ.get(DEVICE) or ("cuda" if torch.cuda.is_available() else "cpu")
    place = None
    with contextlib.suppress(RuntimeError):
        place = torch.device("cuda" if wanted == "auto" else wanted)
    if place is None or place.type not in ("cpu", "cuda"):
        raise ConfigError(f"{DEVICE}={wanted}: give cpu, cuda, cuda:1 or auto")
    there = torch.cuda.device_count()
    if place.type == "cuda" and (place.index or 0) >= there:
        found = f"there are {there} GPUs here, counted from 0" if there else "there is no GPU here"
        raise ConfigError(f"{DEVICE}={wanted}: {found}; give cpu{' or auto' if there else ''}")
    return wanted


def one_device() -> str:
    """Where what fits one device goes."""
    wanted = device()
    return "cuda" if wanted == "auto" else wanted


def open_voice(models: Models, place: str = "") -> StyleTTS2Voice:
    """StyleTTS2 with its mean styles, its phonemes by espeak-ng where it is. WeightsError.

    ``place`` is a device of torch's; else what ``one_device`` says.
    """
    phonemes = "espeak"
    if shutil.which("espeak-ng") is None:
        phonemes = "dictionary"
        say_aside(
            "note: no espeak-ng program, so phonemes come from the dictionary: StyleTTS2 learned "
            "espeak's (apt install espeak-ng)"
        )
    voice, styles = models.file("voice"), models.file("voice-styles")
    return StyleTTS2Voice.load(voice, styles, phonemes, device=place or one_device())


def open_face(models: Models, place: str = "") -> TalkingPortrait:
    """DreamTalk or StyleTalk with PIRenderer. Raises WeightsError, InputError, MediaError."""
    return TalkingPortrait.load(
        models.file("face"),
        models.file("renderer"),
        models.file("face-styles"),
        models.wav2vec2 if models.hears else None,
        models.portraits,
        models.pose,
        device=place or one_device(),
    )


def open_trained(
    models: Models,
    readers: Reasoner,
    folder: Path | None = None,
    say: Callable[[str], None] | None = None,
) -> tuple[PublishedReasoner, TextSettings]:
    """The reasoner that ``train all --preset paper`` wrote into ``folder``, adapters merged.

    The plan of memory is said before anything is loaded. Raises WeightsError.
    """
    folder = folder or models.trained
    path = folder / REASONER
    models.need(models.language())
    if not path.is_file():
        preset = preset_of(models.backbone)
        raise WeightsError(
            f"preset {preset}: {path} is not there, what is trained beside the published models: "
            f"{TRAIN.format(preset=preset, folder=folder)}"
        )
    for line in memory_plan(models, device()):
        (say or say_aside)(line)
    reasoner = open_reasoner(models, readers, device())
    return reasoner, TextSettings(
        WRITING, digest=reasoner.take(path, merge=True), in_batches=WRITING
    )


def check_picture(size: int) -> None:
    """Raise InputError unless the renderer was trained for this size."""
    if size != SIZE:
        raise InputError(f"--size {size}: the paper's renderer draws {SIZE}; leave --size out")


def versions(models: Models, voice: StyleTTS2Voice, face: TalkingPortrait) -> dict[str, str]:
    return {
        "preset": preset_of(models.backbone),
        "voice": voice.digest,
        "face": face.digest,
    }


def say_aside(line: str) -> None:
    """To standard error."""
    print(line, file=sys.stderr)
