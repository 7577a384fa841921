"""How alike speakers sound: a reply and its reference, one listener twice, two listeners."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from empatheia.data.references import Reference
from empatheia.evaluation.faults import Faults
from empatheia.evaluation.figures import mean_figure
from empatheia.evaluation.scorecard import Figure
from empatheia.evaluation.sound_models import NO_SPEAKER, SpeakerLikeness, cosine
from empatheia.media.audio import read_audio

NO_SAME = "two recordings of one listener, told by the data's listener ids"
NO_OTHER = "reference recordings of two listeners"
Beside = tuple[str, Path, Path]  # item, and the two recordings


class Voices:
    """Cosines of recordings; each is listened to once."""

    def __init__(self) -> None:
        self._alike = SpeakerLikeness.installed()
        self._known: dict[Path, Any] = {}

    def figure(self, both: Sequence[Beside], needs: str, faults: Faults) -> Figure:
        """Mean over ``both``; ``needs`` where there are none."""
        if not both:
            return Figure.missing(needs)
        if self._alike is None:
            return Figure.missing(NO_SPEAKER, len(both))
        found = []
        for item, *paths in both:
            value = faults.measure("speaker similarity", item, partial(self._cosine, paths))
            found += [(item, value)] if value is not None else []
        return mean_figure(found, "recordings that can be heard", self._alike.digest)

    def _cosine(self, paths: Sequence[Path]) -> float:
        assert self._alike is not None
        for path in paths:
            if path not in self._known:
                self._known[path] = self._alike.vector(read_audio(path))
        return cosine(*(self._known[path] for path in paths))


def of_one_listener(references: Sequence[Reference]) -> list[Beside]:
    """Each recording beside the same listener's next one: what people reach."""
    last: dict[str, Path] = {}
    out = []
    for reference in references:
        who, sound = reference.listener_id, reference.audio
        if who is None or sound is None or not sound.is_file():
            continue
        if who in last and last[who] != sound:
            out.append((reference.id, last[who], sound))
        last[who] = sound
    return out


def of_two_listeners(said: Sequence[tuple[Reference, Path]]) -> list[Beside]:
    """Each reply beside the next recording of somebody else, by id, else by profile."""
    real = [(r, r.audio) for r, _ in said if r.audio is not None and r.audio.is_file()]
    out = []
    for place, (reference, sound) in enumerate(said):
        after = real[place + 1 :] + real[: place + 1]
        other = next((audio for r, audio in after if _who(r) != _who(reference)), None)
        if other is not None:
            out.append((reference.id, sound, other))
    return out


def _who(reference: Reference) -> object:
    return reference.listener_id or reference.listener
