"""The smallest stage: least squares with dropout, so that chance matters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))
        self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)
        self.drop = nn.Dropout(0.5)


class LineStage:
    """``fail_at``: the batch at which somebody interrupts."""

    name = "line"

    def __init__(self, fail_at: int | None = None) -> None:
        self.model: nn.Module = Line()
        self.fail_at = fail_at

    def groups(self, lr: float) -> list[dict[str, Any]]:
        return [{"params": [p for p in self.model.parameters() if p.requires_grad], "lr": lr}]

    def batch(self, step: int) -> Tensor:
        if step == self.fail_at:
            raise KeyboardInterrupt
        return torch.tensor([1.0, 2.0, 3.0]) + step

    def loss(self, batch: Tensor) -> dict[str, Tensor]:
        assert isinstance(self.model, Line)
        return {"loss": ((self.model.drop(batch) * self.model.weight).sum() - 1) ** 2}

    def validate(self) -> dict[str, float]:
        return {"error": float(self.model.weight.detach().sum().abs())}
