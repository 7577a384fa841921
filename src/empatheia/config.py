"""Changing one number of a run: ``--set loop.lr=1e-4`` on nested frozen dataclasses."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from empatheia.errors import ConfigError, unknown

C = TypeVar("C")


def override(config: C, settings: Iterable[str]) -> C:
    """``config`` with each ``a.b=value`` applied. Raises ConfigError with the nearest name.

    A value must have the type of what it replaces: a number for a number, true/false for a switch.
    """
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting!r} is not NAME=VALUE, as in loop.lr=1e-4")
        config = _set(config, path.strip().split("."), value.strip(), setting)
    return config


def _set(config: Any, path: list[str], value: str, setting: str) -> Any:
    names = [item.name for item in fields(config)]
    name, rest = path[0], path[1:]
    if name not in names:
        raise ConfigError(f"--set {setting!r}: {unknown('setting', name, names)}")
    old = getattr(config, name)
    if is_dataclass(old):
        if not rest:
            inside = ", ".join(f"{name}.{item.name}" for item in fields(old))
            raise ConfigError(f"--set {setting!r}: {name} is a group; set one of {inside}")
        return replace(config, **{name: _set(old, rest, value, setting)})
    if rest:
        raise ConfigError(f"--set {setting!r}: {name} is a value and has no {rest[0]!r}")
    return replace(config, **{name: _parse(old, value, setting)})


def _parse(old: Any, value: str, setting: str) -> Any:
    try:
        new = json.loads(value)
    except json.JSONDecodeError:
        new = value
    if isinstance(old, float) and isinstance(new, int) and not isinstance(new, bool):
        new = float(new)
    if isinstance(old, tuple) and isinstance(new, list):
        new = tuple(new)
    if old is not None and type(new) is not type(old):
        raise ConfigError(
            f"--set {setting!r}: expected {type(old).__name__}, as in {json.dumps(old)}"
        )
    return new
