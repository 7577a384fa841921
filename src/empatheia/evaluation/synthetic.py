"""Whether a recording says of itself that a machine made it, and how such references are named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

IN_SIGNAL: Final = "label in the signal"  # heard or seen media were rendered from the gold label
RENDERED: Final = "rendered"  # in the mark of such a row


def is_synthetic(path: Path) -> bool:
    """By the file's own tags, as our renderer writes them; False where it cannot be opened."""
    import av

    try:
        with av.open(str(path)) as file:
            return "synthetic" in " ".join(map(str, file.metadata.values())).lower()
    except (av.FFmpegError, OSError):
        return False


def reference_name(paths: Sequence[Path]) -> tuple[str, str]:
    """Name and mark of the references' row: rendered ones are no people and never named so."""
    made = sum(map(is_synthetic, paths))
    if not made:
        return "Ground truth", "ceiling"
    some = RENDERED if made == len(paths) else f"{made} of {len(paths)} {RENDERED}"
    return "Rendered reference", f"ceiling, {some}"
