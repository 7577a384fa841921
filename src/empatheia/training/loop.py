"""The training loop, written once. A stage says what trains, on what, and what the loss is."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from empatheia.errors import EmpatheiaError
from empatheia.training.checkpoint import Progress, load_checkpoint, save_checkpoint


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """Numbers of a run; saved beside every checkpoint."""

    steps: int
    lr: float
    warmup: int = 100
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    clip: float = 1.0
    accumulate: int = 1
    validate_every: int = 500
    save_every: int = 125
    seed: int = 0
    bf16: bool = True


class Stage(Protocol):
    """One stage of training. ``batch(step)`` must depend on ``step`` alone."""

    name: str
    model: nn.Module

    def groups(self, lr: float) -> list[dict[str, Any]]:
        """Optimizer groups of exactly the parameters that train."""
        ...

    def batch(self, step: int) -> Any: ...

    def loss(self, batch: Any) -> dict[str, Tensor]:
        """Parts of the loss by name; ``loss`` is their weighted sum."""
        ...

    def validate(self) -> dict[str, float]:
        """Figures on held-out data; the first one is minimised by the best checkpoint."""
        ...


Report = Callable[[Mapping[str, Any]], None]


def schedule(step: int, config: LoopConfig) -> float:
    """Share of the learning rate at ``step``: linear warm-up, then cosine to zero."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, config.steps - config.warmup)
    return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def run(
    stage: Stage,
    config: LoopConfig,
    out: Path,
    resume: bool = False,
    report: Report | None = None,
) -> dict[str, float]:
    """Train ``stage``; returns its last validation figures.

    ``out/log.jsonl`` gets a line per step, ``out/last`` and ``out/best`` a checkpoint. A run killed
    at any moment and started again with ``resume`` ends with the same weights on a CPU.
    """
    torch.manual_seed(config.seed)
    groups = [group for group in stage.groups(config.lr) if group["params"]]
    for group in groups:
        group["peak"] = group.get("lr", config.lr)
    optimizer = torch.optim.AdamW(
        groups, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay, fused=True
    )
    settings = {"stage": stage.name, **json.loads(json.dumps(asdict(config)))}
    progress = Progress(0, None)
    if resume and (out / "last" / "run.json").is_file():
        progress = load_checkpoint(out / "last", stage.model, optimizer, settings)
    log = _open_log(out, progress.step)
    figures: dict[str, float] = {}
    stage.model.train()
    with log.open("a", encoding="utf-8") as handle:
        for step in range(progress.step, config.steps):
            started = time.perf_counter()
            line = {"step": step, **_step(stage, optimizer, config, step)}
            line["seconds"] = round(time.perf_counter() - started, 4)
            last = step + 1 == config.steps
            if last or (step + 1) % config.validate_every == 0:
                stage.model.eval()
                figures = stage.validate()
                stage.model.train()
                line |= {f"valid_{name}": value for name, value in figures.items()}
                first = next(iter(figures.values()), None)
                if first is not None and (progress.best is None or first < progress.best):
                    progress = Progress(step + 1, first)
                    save_checkpoint(out / "best", stage.model, optimizer, progress, settings)
            progress = Progress(step + 1, progress.best)
            handle.write(json.dumps(line) + "\n")
            handle.flush()
            if last or (step + 1) % config.save_every == 0:
                save_checkpoint(out / "last", stage.model, optimizer, progress, settings)
            if report is not None:
                report(line)
    stage.model.eval()
    return figures


def _step(
    stage: Stage, optimizer: torch.optim.Optimizer, config: LoopConfig, step: int
) -> dict[str, float]:
    share = schedule(step, config)
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share
    totals: dict[str, float] = {}
    for part in range(config.accumulate):
        number = step * config.accumulate + part
        autocast = torch.autocast("cpu", dtype=torch.bfloat16) if config.bf16 else nullcontext()
        with autocast:
            losses = stage.loss(stage.batch(number))
        loss = losses["loss"] / config.accumulate
        if not torch.isfinite(loss):
            raise EmpatheiaError(
                f"stage {stage.name}: the loss is {loss.item()} at step {step}, batch {number}; "
                "lower --set lr or look at that batch"
            )
        loss.backward()
        for name, value in losses.items():
            totals[name] = totals.get(name, 0.0) + float(value.detach()) / config.accumulate
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    norm = torch.nn.utils.clip_grad_norm_(parameters, config.clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return {k: round(v, 5) for k, v in totals.items()} | {
        "norm": round(float(norm), 4),
        "lr": config.lr * share,
    }


def _open_log(out: Path, step: int) -> Path:
    """Drop log lines that a killed run wrote after its last checkpoint."""
    out.mkdir(parents=True, exist_ok=True)
    log = out / "log.jsonl"
    kept = []
    if step and log.is_file():
        lines = log.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] < step]
    log.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
    return log
