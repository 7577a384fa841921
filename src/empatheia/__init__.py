"""Empatheia: understands what somebody feels and why, and answers in text, voice and face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from empatheia.model import Empatheia
    from empatheia.types import (
        ChainOfEmpathy,
        Dialogue,
        Profile,
        Reply,
        Turn,
    )

__all__ = ["ChainOfEmpathy", "Dialogue", "Empatheia", "Profile", "Reply", "Turn", "__version__"]


def __getattr__(name: str) -> Any:
    """Import on first use, so that ``import empatheia`` does no work."""
    if name == "Empatheia":
        from empatheia.presets import Empatheia

        return Empatheia
    if name in __all__:
        from empatheia import types

        return getattr(types, name)
    raise AttributeError(f"module 'empatheia' has no attribute {name!r}")
