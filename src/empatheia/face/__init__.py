"""The face: what it hears of the speech, and the people who are drawn.

``from empatheia.face import DrawnFace`` loads torch and OpenCV only then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from empatheia.face.avatar.generator import DrawnFace

__all__ = ["DrawnFace"]


def __getattr__(name: str) -> Any:
    if name == "DrawnFace":
        from empatheia.face.avatar.generator import DrawnFace

        return DrawnFace
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
