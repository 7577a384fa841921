"""Checkpoints: everything that a run needs to go on as if it had never stopped.

A checkpoint is a folder: ``model.safetensors``, the optimizer's state, and ``run.json`` with the
resolved configuration, the version of the code, the seed and the digest of the data. It is written
beside its place and swapped in whole, so that a process killed at any moment leaves either the old
one or the new one, never a mixture.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from empatheia import __version__
from empatheia.errors import WeightsError
from empatheia.files import cannot_write
from empatheia.training.distributed import Machine


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands: steps done, the best validation value so far, the last figures."""

    step: int = 0
    best: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


def save_checkpoint(
    folder: Path,
    model: nn.Module,
    progress: Progress,
    settings: Mapping[str, Any],
    machine: Machine,
) -> None:
    """Write model, optimizer and resolved settings; the folder appears whole. All processes call.

    Raises InputError where the folder cannot be written.
    """
    new = folder.with_name(folder.name + ".new")
    try:
        if machine.main:
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir(parents=True)
            save_file(_contiguous(model), new / "model.safetensors")
        machine.wait()
        machine.save_optimizer(new)
        machine.wait()
        if machine.main:
            record = {
                "step": progress.step,
                "best": progress.best,
                "valid": dict(progress.figures),
                "version": __version__,
                "torch": str(torch.__version__),
                "config": settings,
            }
            (new / "run.json").write_text(json.dumps(record, indent=2), encoding="utf-8")
            _swap(new, folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    except (SafetensorError, RuntimeError) as error:  # how their writers tell a full disk
        raise cannot_write(folder, OSError(str(error))) from error
    machine.wait()


def _swap(new: Path, folder: Path) -> None:
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.replace(old)
    new.replace(folder)
    shutil.rmtree(old, ignore_errors=True)


def recover(folder: Path) -> bool:
    """Finish a swap that a killed process began; whether there is a checkpoint then.

    ``old`` exists only once ``new`` is whole, so where ``folder`` is gone ``new`` takes its place.
    """
    old, new = (folder.with_name(folder.name + end) for end in (".old", ".new"))
    if not folder.exists() and old.exists():
        (new if (new / "run.json").is_file() else old).replace(folder)
    return (folder / "run.json").is_file()


def load_checkpoint(
    folder: Path, model: nn.Module, settings: Mapping[str, Any], machine: Machine
) -> Progress:
    """Restore what :func:`save_checkpoint` wrote. Raises WeightsError where it does not fit."""
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "model.safetensors")
        progress = Progress(record["step"], record["best"], record.get("valid", {}))
        known = _flat(record["config"])
    except Exception as error:
        raise WeightsError(f"{folder} is not a complete checkpoint: {error}") from error
    wanted = _flat(settings)
    changed = sorted(k for k in wanted if known.get(k, wanted[k]) != wanted[k])
    if changed:
        raise WeightsError(
            f"{folder} was written with another {', '.join(changed)}; "
            "resume with the same settings and data, or choose another --out"
        )
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f"{folder} belongs to another model: {error}") from error
    machine.load_optimizer(folder)
    return progress


def _flat(settings: Mapping[str, Any], under: str = "") -> dict[str, Any]:
    """``{"a": {"b": 1}}`` -> ``{"a.b": 1}``, so that a message can name the very setting."""
    out: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            out |= _flat(value, f"{under}{name}.")
        else:
            out[under + name] = value
    return out


def _contiguous(model: nn.Module) -> dict[str, torch.Tensor]:
    """State dict without shared memory, as safetensors requires."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
