"""Stage 2, ``content``: the synchronizer learns from both content teachers, L_ccl (Eq. 9) + KL.

The language model is frozen, so that it keeps its empathy; its r^t are computed once and kept.
How words are said can be learned from replies that are only read aloud, too: their rows are
``alone``, without a dialogue, and cost a quarter.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from empatheia.latents.content import ReplyStates
from empatheia.latents.places import places_of_words, stack_places
from empatheia.training.merg_stage import MergBatch, MergStage, collate


class ContentStage(MergStage):
    """Trains ``expression.content`` only, of it what ``weights.video`` 0 leaves: the voice's."""

    name = "content"

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._kept: dict[str, Tensor] = {}
        content = self.net.expression.content
        if not content.speech_units.fitted:  # one that was trained before keeps its units
            content.speech_units.fit(torch.cat([r.teaching.speech_content for r in self.rows]))
            content.video_units.fit(torch.cat([r.teaching.video_content for r in self.rows]))

    def _choose(self) -> list[nn.Parameter]:
        self.model = self.net.expression
        both = bool(self.config.weights.video)
        named = self.net.expression.content.named_parameters()
        return [part for name, part in named if both or not name.startswith("video_")]

    @torch.no_grad()
    def _reply(self, batch: MergBatch) -> ReplyStates:
        """r^t of each row, from one pass at its first coming."""
        missing = [row for row in batch.rows if row.id not in self._kept]
        for alone in (True, False):
            rows = [row for row in missing if row.alone is alone]
            if rows:
                found = self.net.alone(rows) if alone else self.net(collate(rows)).reply
                for row, states in zip(rows, found.states, strict=True):
                    self._kept[row.id] = states[: len(row.reply)].half()
        states = nn.utils.rnn.pad_sequence(
            [self._kept[row.id].float() for row in batch.rows], batch_first=True
        )
        return ReplyStates(states, stack_places([places_of_words(row.words) for row in batch.rows]))

    def _parts(self, batch: MergBatch) -> dict[str, Tensor]:
        parts = self.ccl(self._reply(batch), batch)
        return {"loss": parts.pop("ccl"), **parts}
