"""Stage 3, ``style``: disentangler, classifiers and the signal tokens' embeddings.

L_sac = L_sal + L_cls (Eq. 10-12) + KL. The language model is frozen. Where the signal tokens train
(``MergConfig.signals``) the gradient goes through it to their rows, and it is read in every step;
where they rest, r^s and r^v are computed once and kept. How far states move from reply to reply is
measured before the first step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from empatheia.latents.style import MODALITIES, StyleDisentangler
from empatheia.training.merg_stage import MergBatch, MergRow, MergStage

MEASURED = 256  # replies that are read for the units, where not all are read anyway


class StyleStage(MergStage):
    """Trains ``expression.style`` and ``expression.signals``."""

    name = "style"

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._kept: dict[str, tuple[Tensor, Tensor]] = {}
        style = self.net.expression.style
        style.speech_units.fit(torch.stack([r.teaching.speech_style for r in self.rows]))
        style.video_units.fit(torch.stack([r.teaching.video_style for r in self.rows]))
        if isinstance(style, StyleDisentangler):
            some = self.rows[:MEASURED] if self.config.signals else self.rows
            for modality, states in zip(MODALITIES, self._signals(some), strict=True):
                style.units_of(modality).fit(states.flatten(1))

    def _choose(self) -> list[nn.Parameter]:
        expression = self.net.expression
        self.model = expression
        signals = expression.signals.parameters() if self.config.signals else ()
        return [*expression.style.parameters(), *signals]

    def _heard(self, batch: MergBatch) -> tuple[Tensor, Tensor]:
        """r^s and r^v."""
        if self.config.signals:
            found = self.net(batch).signals
            return found.speech, found.video
        return self._signals(batch.rows)

    @torch.no_grad()
    def _signals(self, rows: Sequence[MergRow]) -> tuple[Tensor, Tensor]:
        """r^s and r^v of ``rows`` as the signal tokens stand now; what was read once is kept."""
        missing = [row for row in rows if row.id not in self._kept]
        for start in range(0, len(missing), self.config.batch_size):
            part = missing[start : start + self.config.batch_size]
            with self._where():
                found = self.net(self._collated(part)).signals
            for row, *both in zip(part, found.speech, found.video, strict=True):
                self._kept[row.id] = (both[0].clone(), both[1].clone())
        speech, video = zip(*(self._kept[row.id] for row in rows), strict=True)
        return torch.stack(speech), torch.stack(video)

    def _parts(self, batch: MergBatch) -> dict[str, Tensor]:
        parts = self.sac(*self._heard(batch), batch)
        return {"loss": parts.pop("sac"), **parts}
