"""What ear and eye make of recordings, kept on disk: both rest in training, and they are large."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch

from empatheia import hub
from empatheia.errors import MediaError
from empatheia.latents.senses import RECALLED, Perceived
from empatheia.senses import Reading, Senses
from empatheia.types import Turn


class Perceptions:
    """Readings are kept in ``cache``, by the weights of ear and eye and by the recording."""

    def __init__(self, senses: Senses, cache: Path) -> None:
        self.senses, self.cache = senses, cache

    @cached_property
    def _digest(self) -> str:
        found = hashlib.sha256()
        for part in (self.senses.ear, self.senses.eye):
            for name, value in part.state_dict().items():
                whole = value.detach().cpu().reshape(-1).contiguous()
                found.update(name.encode() + whole.view(torch.uint8).numpy().tobytes())
        return found.hexdigest()

    def readings(self, turns: Sequence[Turn]) -> list[Reading]:
        """As :meth:`Senses.readings`. Raises MediaError, InputError."""
        return [self._of(turn) for turn in turns[-RECALLED:]]

    def _of(self, turn: Turn) -> Reading:
        if turn.audio is None and turn.video is None:
            return Reading()
        path = self.cache / f"{self._key(turn)}.safetensors"
        if path.is_file():
            return _loaded(path, self.senses.config.told)
        made = self.senses.perceive(turn)
        if made.there:
            kept = {
                f"{name}.{part}": getattr(seen, part)
                for name, seen in (("speech", made.speech), ("video", made.video))
                if seen is not None
                for part in Perceived.__slots__
            }
            hub.save(path, kept, {"note": made.note})
        return made

    def _key(self, turn: Turn) -> str:
        digest = hashlib.sha256(self._digest.encode())
        for kind, path in (("audio", turn.audio), ("video", turn.video)):
            if path is None:
                continue
            try:
                digest.update(kind.encode() + path.read_bytes())
            except OSError as error:
                raise MediaError(f"cannot read {path}: {error.strerror}") from error
        return f"seen-{digest.hexdigest()[:32]}"


def _loaded(path: Path, told: bool) -> Reading:
    weights = hub.load(path)
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for name, value in weights.tensors.items():
        modality, part = name.split(".")
        parts.setdefault(modality, {})[part] = value
    seen = {modality: Perceived(**found) for modality, found in parts.items()}
    return Reading(seen.get("speech"), seen.get("video"), weights.meta["note"], told)
