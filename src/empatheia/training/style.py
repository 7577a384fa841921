"""Stage 3, ``style``: disentangler, classifiers and the signal tokens' embeddings.

L_sac = L_sal + L_cls (Eq. 10-12) + KL. The language model is frozen. Where the signal tokens train
(``MergConfig.signals``) the gradient goes through it to their rows, and it is read in every step;
where they rest, r^s and r^v are computed once and kept.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from empatheia.training.merg_stage import MergBatch, MergStage, collate


class StyleStage(MergStage):
    """Trains ``expression.style`` and ``expression.signals``."""

    name = "style"

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._kept: dict[str, tuple[Tensor, Tensor]] = {}
        style = self.net.expression.style
        style.speech_units.fit(torch.stack([r.teaching.speech_style for r in self.rows]))
        style.video_units.fit(torch.stack([r.teaching.video_style for r in self.rows]))

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
        missing = [row for row in batch.rows if row.id not in self._kept]
        if missing:
            with torch.no_grad():
                found = self.net(collate(missing)).signals
            for row, *both in zip(missing, found.speech, found.video, strict=True):
                self._kept[row.id] = (both[0].clone(), both[1].clone())
        speech, video = zip(*(self._kept[row.id] for row in batch.rows), strict=True)
        return torch.stack(speech), torch.stack(video)

    def _parts(self, batch: MergBatch) -> dict[str, Tensor]:
        parts = self.sac(*self._heard(batch), batch)
        return {"loss": parts.pop("sac"), **parts}
