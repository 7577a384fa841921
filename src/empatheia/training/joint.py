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
            if "lora_" in n
            or n.startswith(("expression.", "reasoner.lm.added."))
            or n.startswith(senses)
        ]

    def _parts(self, batch: MergBatch) -> dict[str, Tensor]:
        found = self.net(batch)
        emotion = torch.tensor([row.emotion for row in batch.rows])
        emp = self.net.emp(found, emotion, self.config)
        parts = (
            emp
            | self.ccl(found.reply, batch)
            | self.sac(found.signals.speech, found.signals.video, batch)
        )
        total = l_oal(parts["emp"], parts["ccl"], parts["sac"], self.config.weights)
        return {"loss": total, **parts}


class EmpStage(JointStage):
    """Stage 1, ``coe``, on multimodal data and a published language model: L_emp alone (Eq. 8).

    Trains LoRA, the rows of marks and signal tokens, and the projectors of sound and pictures.
    """

    name = "coe"

    def _choose(self) -> list[nn.Parameter]:
        chosen = {id(p) for p in super()._choose()}
        signals = "expression.signals."
        others = ("expression.content.", "expression.style.")
        named = self.net.named_parameters()
        return [
            p
            for n, p in named
            if id(p) in chosen and (n.startswith(signals) or not n.startswith(others))
        ]

    def _parts(self, batch: MergBatch) -> dict[str, Tensor]:
        emotion = torch.tensor([row.emotion for row in batch.rows])
        parts = self.net.emp(self.net(batch), emotion, self.config)
        return {"loss": parts["emp"], **parts}
