"""The voice and the face of a preset as a studio, for commands that render."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from empatheia.data.builder.studio import Studio
    from empatheia.types import Profile, Speech


def open_studio(preset: str = "small", size: int = 256) -> Studio:
    """One thread, a processor each. Raises InputError, WeightsError."""
    import torch

    from empatheia.cli.system import check_size
    from empatheia.data.builder.studio import Studio
    from empatheia.errors import InputError, unknown
    from empatheia.face.avatar.generator import DrawnFace
    from empatheia.speech.sentences import join, speak
    from empatheia.speech.world.generator import WorldVoice

    if preset != "small":
        raise InputError(unknown("preset", preset, ("small",)))
    check_size(size)
    torch.set_num_threads(1)
    voice, face = WorldVoice.load(), DrawnFace.load(size=size)

    def say(text: str, emotion: str, intensity: float, profile: Profile) -> Speech:
        return join(list(speak(voice, text, emotion, intensity, profile)))

    return Studio(say, face, f"voice {voice.digest}, face {face.version}, {size} px")
