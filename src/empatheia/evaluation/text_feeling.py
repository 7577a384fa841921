"""What the words of a reply feel like, to the package's own text encoder."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from empatheia.errors import WeightsError

if TYPE_CHECKING:
    from empatheia.data.feelings import UtteranceReader


@cache
def shipped_reader() -> UtteranceReader | None:
    """Names one of the eight keys for each text; None where the preset has no such head.

    ``source`` of what comes back names the weights.
    """
    from empatheia.presets import utterance_reader

    try:
        return utterance_reader()
    except WeightsError:
        return None
