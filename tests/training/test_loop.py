"""A killed run resumes to the same weights; only the stage's parameters move."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from empatheia.errors import EmpatheiaError, WeightsError
from empatheia.training.loop import LoopConfig, run

CONFIG = LoopConfig(steps=9, lr=0.05, warmup=2, validate_every=4, save_every=3, bf16=False)


class Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))
        self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)
        self.drop = nn.Dropout(0.5)


class LineStage:
    """Least squares with dropout, so that the random state matters."""

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


def test_a_killed_run_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    whole = LineStage()
    run(whole, CONFIG, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(LineStage(fail_at=5), CONFIG, tmp_path / "cut")
    resumed = LineStage()
    run(resumed, CONFIG, tmp_path / "cut", resume=True)
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, other)
    logs = [
        [json.loads(x) for x in (tmp_path / n / "log.jsonl").read_text().splitlines()]
        for n in ("whole", "cut")
    ]
    assert [x["step"] for x in logs[1]] == list(range(9))
    assert [x["loss"] for x in logs[0]] == [x["loss"] for x in logs[1]]


def test_frozen_parameters_stay(tmp_path: Path) -> None:
    stage = LineStage()
    run(stage, CONFIG, tmp_path)
    assert torch.equal(stage.model.frozen, torch.ones(2))
    assert not torch.equal(stage.model.weight, torch.zeros(3))


def test_resume_with_other_settings_is_refused(tmp_path: Path) -> None:
    run(LineStage(), CONFIG, tmp_path)
    other = LoopConfig(steps=12, lr=0.1, warmup=2, bf16=False)
    with pytest.raises(WeightsError, match="another"):
        run(LineStage(), other, tmp_path, resume=True)


def test_a_truncated_checkpoint_is_named(tmp_path: Path) -> None:
    run(LineStage(), CONFIG, tmp_path)
    (tmp_path / "last" / "model.safetensors").write_bytes(b"123")
    with pytest.raises(WeightsError, match="not a complete checkpoint"):
        run(LineStage(), CONFIG, tmp_path, resume=True)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    stage = LineStage()
    stage.batch = lambda step: torch.full((3,), float("nan")) * (step + 1)  # type: ignore[method-assign]
    with pytest.raises(EmpatheiaError, match="step 0, batch 0"):
        run(stage, CONFIG, tmp_path)
