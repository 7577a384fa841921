"""Stage 4, ``joint``: L_emp + alpha L_ccl + beta L_sac (Eq. 13), end to end.

Trains LoRA on the language model, synchronizer, disentangler and signal tokens. The projectors of
sound and pictures train here too: the data of stage 1 is text.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from empatheia.training.losses import l_oal
from empatheia.training.merg_stage import MergBatch, MergStage


class JointStage(MergStage):
    """Expects LoRA beside the language model's layers (``training.coe.add_lora``)."""

    name = "joint"

    def _choose(self) -> list[nn.Parameter]:
        self.model = self.net
        named = list(self.net.named_parameters())
        senses = ("reasoner.senses.speech.", "reasoner.senses.video.")
        return [
            p
            for n, p in named
            if "lora_" in n or n.startswith("expression.") or n.startswith(senses)
        ]

    def _parts(self, batch: MergBatch) -> dict[str, Tensor]:
        found = self.net(batch)
        emotion = torch.tensor([row.emotion for row in batch.rows])
        emp = self.net.emp(found, emotion, self.config)
        nothing = torch.zeros(())
        parts = dict(emp)
        if self.config.ccl:
            parts |= self.net.ccl(found.reply, batch, self.config.weights)
        if self.config.sac:
            parts |= self.net.sac(found.signals, batch, self.config.weights)
        total = l_oal(
            parts["emp"],
            parts.get("ccl", nothing),
            parts.get("sac", nothing),
            self.config.weights,
        )
        return {"loss": total, **parts}
