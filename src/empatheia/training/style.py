"""Stage 3, ``style``: disentangler, classifiers and the signal tokens' embeddings.

L_sac = L_sal + L_cls (Eq. 10-12) + KL; the language model is frozen, but the gradient goes through
it to the rows of the signal tokens.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from empatheia.training.merg_stage import MergBatch, MergStage


class StyleStage(MergStage):
    """Trains ``expression.style`` and ``expression.signals``."""

    name = "style"

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        style = self.net.expression.style
        style.speech_units.fit(torch.stack([r.teaching.speech_style for r in self.rows]))
        style.video_units.fit(torch.stack([r.teaching.video_style for r in self.rows]))

    def _choose(self) -> list[nn.Parameter]:
        expression = self.net.expression
        self.model = expression
        return [*expression.style.parameters(), *expression.signals.parameters()]

    def _parts(self, batch: MergBatch) -> dict[str, Tensor]:
        parts = self.sac(self.net(batch).signals, batch)
        return {"loss": parts.pop("sac"), **parts}
