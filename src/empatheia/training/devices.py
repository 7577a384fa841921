"""Batches on their way to where a model lies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


def moved(value: T, device: torch.device) -> T:
    """``value`` with every tensor in it on ``device``; what holds none is the same object."""
    found: Any = _moved(value, device)
    return found


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if is_dataclass(value) and not isinstance(value, type):
        old = {item.name: getattr(value, item.name) for item in fields(value) if item.init}
        new = {name: _moved(part, device) for name, part in old.items()}
        changed = {name: part for name, part in new.items() if part is not old[name]}
        return replace(value, **changed) if changed else value
    if isinstance(value, Mapping):
        new = {name: _moved(part, device) for name, part in value.items()}
        return new if any(new[name] is not value[name] for name in new) else value
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        parts = [_moved(part, device) for part in value]
        same = all(a is b for a, b in zip(parts, value, strict=True))
        return value if same else type(value)(parts)
    return value


def device_of_process(wanted: str) -> str:
    """``wanted``, or the GPU of this process where ``torchrun`` started one for each."""
    rank = os.environ.get("LOCAL_RANK")
    return f"cuda:{rank}" if rank is not None and wanted.startswith("cuda") else wanted
