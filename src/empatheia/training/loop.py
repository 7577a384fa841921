"""The training loop, written once. A stage says what trains, on what, and what the loss is."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from empatheia.errors import ConfigError, EmpatheiaError
from empatheia.files import write_whole
from empatheia.training.checkpoint import Progress, load_checkpoint, recover, save_checkpoint
from empatheia.training.distributed import Machine, open_machine

_SHOWN = 8  # examples of a batch that a message names


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """Numbers of a run; saved beside every checkpoint.

    ``accumulate`` batches make one step (of each process). ``deepspeed`` is empty, ``zero2`` or a
    JSON file. Raises ConfigError.
    """

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
    deepspeed: str = ""

    def __post_init__(self) -> None:
        for name in ("steps", "accumulate", "validate_every", "save_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: give a number from 1")
        for name in ("lr", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"{name} is {getattr(self, name)}: give a number above 0")
        for name in ("warmup", "weight_decay", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name} is {getattr(self, name)}: give a number from 0")


class Stage(Protocol):
    """One stage of training. ``batch(step)`` must depend on ``step`` alone."""

    name: str
    model: nn.Module

    def groups(self, lr: float) -> list[dict[str, Any]]:
        """Optimizer groups of exactly the parameters that train."""
        ...

    def batch(self, step: int) -> Any:
        """A batch; its ``names``, where it has them, are told when something is wrong with it."""
        ...

    def loss(self, batch: Any) -> dict[str, Tensor]:
        """Parts of the loss by name; ``loss`` is their weighted sum."""
        ...

    def validate(self) -> dict[str, float]:
        """Figures on held-out data; the first one is minimised by the best checkpoint."""
        ...


Report = Callable[[Mapping[str, Any]], None]


class _Losses(nn.Module):
    """A stage as a module, so that whoever wraps modules can wrap what a stage computes."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.model = stage.model
        self._loss = stage.loss

    def forward(self, batch: Any) -> dict[str, Tensor]:
        parts = self._loss(batch)
        return {n: value if n == "loss" else value.detach() for n, value in parts.items()}


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
    about: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Train ``stage``; returns its last validation figures.

    ``out/log.jsonl`` gets a line per step, ``out/last`` and ``out/best`` a checkpoint. A run killed
    at any moment and started again with ``resume`` ends with the same weights on a CPU. ``about``
    says what else decides about the result (recipe, digest of the data): it stands in every
    checkpoint, and a run is not resumed with another. Raises WeightsError, EmpatheiaError.
    """
    groups = [group for group in stage.groups(config.lr) if group["params"]]
    for group in groups:
        group["peak"] = group.get("lr", config.lr)
    optimizer = torch.optim.AdamW(
        groups, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay, fused=True
    )
    machine = open_machine(
        _Losses(stage), optimizer, config.accumulate, config.clip, config.deepspeed
    )
    settings = settings_of(stage, config, about or {}, machine)
    progress = Progress()
    if resume and recover(out / "last"):
        progress = load_checkpoint(out / "last", stage.model, settings, machine)
    log = _open_log(out, progress.step, machine)
    stage.model.train()
    for step in range(progress.step, config.steps):
        started = time.perf_counter()
        line = {"step": step, **_step(stage, optimizer, config, machine, step)}
        line["seconds"] = round(time.perf_counter() - started, 4)
        last = step + 1 == config.steps
        best, figures = progress.best, progress.figures
        if last or (step + 1) % config.validate_every == 0:
            figures = _validated(stage)
            line |= {f"valid_{name}": value for name, value in figures.items()}
            first = next(iter(figures.values()), None)
            if first is not None and (best is None or first < best):
                best = first
                whole = Progress(step + 1, best, figures)
                save_checkpoint(out / "best", stage.model, whole, settings, machine)
        progress = Progress(step + 1, best, figures)
        if machine.main:
            with log.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps(line) + "\n")
        if last or (step + 1) % config.save_every == 0:
            save_checkpoint(out / "last", stage.model, progress, settings, machine)
        if report is not None and machine.main:
            report(line)
    stage.model.eval()
    return dict(progress.figures)


def settings_of(
    stage: Stage, config: LoopConfig, about: Mapping[str, Any], machine: Machine
) -> dict[str, Any]:
    """What decides about the result. Two processes are one with twice the accumulation."""
    found = {"stage": stage.name, **asdict(config), **about}
    found["accumulate"] = config.accumulate * machine.processes
    resolved: dict[str, Any] = json.loads(json.dumps(found))
    return resolved


def _validated(stage: Stage) -> dict[str, float]:
    stage.model.eval()
    figures = stage.validate()
    stage.model.train()
    return figures


def _step(
    stage: Stage, optimizer: torch.optim.Optimizer, config: LoopConfig, machine: Machine, step: int
) -> dict[str, float]:
    share = schedule(step, config)
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share
    device = next(stage.model.parameters()).device.type
    totals: dict[str, float] = {}
    for part in range(config.accumulate):
        number = (step * config.accumulate + part) * machine.processes + machine.rank
        batch = stage.batch(number)
        # Chance depends on the batch alone: not on what ran before, nor on how many processes run.
        torch.manual_seed(config.seed * 1_000_003 + number)
        autocast = torch.autocast(device, dtype=torch.bfloat16) if config.bf16 else nullcontext()
        with machine.part(last=part + 1 == config.accumulate):
            with autocast:
                losses = machine.forward(batch)
            if not torch.isfinite(losses["loss"]):
                wrong = f"the loss is {losses['loss'].item()} at step {step}"
                raise _stopped(stage, wrong, number, batch)
            machine.backward(losses["loss"])
        for name, value in losses.items():
            totals[name] = totals.get(name, 0.0) + float(value.detach()) / config.accumulate
    norm = machine.step()
    if not math.isfinite(norm):
        raise _stopped(stage, f"the gradient's norm is {norm} at step {step}", number, batch)
    return {k: round(v, 5) for k, v in machine.mean(totals).items()} | {
        "norm": round(norm, 4),
        "lr": config.lr * share,
    }


def _stopped(stage: Stage, wrong: str, number: int, batch: Any) -> EmpatheiaError:
    names: Sequence[str] = getattr(batch, "names", ())
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    named = f" (examples {', '.join(names[:_SHOWN])}{more})" if names else ""
    return EmpatheiaError(
        f"stage {stage.name}: {wrong}, batch {number}{named}; "
        "look at these examples, or lower --set loop.lr"
    )


def _open_log(out: Path, step: int, machine: Machine) -> Path:
    """Drop log lines that a killed run wrote after its last checkpoint."""
    log = out / "log.jsonl"
    if machine.main:
        kept = []
        if step and log.is_file():
            lines = log.read_text(encoding="utf-8").splitlines()
            kept = [x for x in lines if x.endswith("}") and json.loads(x)["step"] < step]
        write_whole(log, "".join(line + "\n" for line in kept).encode())
    machine.wait()
    return log
