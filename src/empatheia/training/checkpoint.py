"""Checkpoints: everything that a run needs to go on as if it had never stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from empatheia.errors import WeightsError


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands: steps done and the best validation value so far."""

    step: int
    best: float | None


def save_checkpoint(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    config: dict[str, Any],
) -> None:
    """Write model, optimizer, random state and resolved config; the folder appears whole."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(_contiguous(model), folder / "model.safetensors.part")
    state = {"optimizer": optimizer.state_dict(), "rng": torch.get_rng_state()}
    torch.save(state, folder / "optimizer.pt.part")
    record = {"step": progress.step, "best": progress.best, "config": config}
    (folder / "run.json.part").write_text(json.dumps(record, indent=2), encoding="utf-8")
    for name in ("model.safetensors", "optimizer.pt", "run.json"):
        (folder / f"{name}.part").replace(folder / name)


def load_checkpoint(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, config: dict[str, Any]
) -> Progress:
    """Restore what :func:`save_checkpoint` wrote. Raises WeightsError where it does not fit."""
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "model.safetensors")
        state = torch.load(folder / "optimizer.pt", weights_only=True)
    except Exception as error:
        raise WeightsError(f"{folder} is not a complete checkpoint: {error}") from error
    changed = sorted(k for k in config if record["config"].get(k) != config[k])
    if changed:
        raise WeightsError(
            f"{folder} was written with another {', '.join(changed)}; "
            "resume with the same settings or choose another --out"
        )
    try:
        model.load_state_dict(tensors)
        optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, ValueError) as error:
        raise WeightsError(f"{folder} belongs to another model: {error}") from error
    torch.set_rng_state(state["rng"])
    return Progress(record["step"], record["best"])


def _contiguous(model: nn.Module) -> dict[str, torch.Tensor]:
    """State dict without shared memory, as safetensors requires."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
