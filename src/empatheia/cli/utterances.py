"""The shipped reader of single utterances, for commands that label data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from empatheia.data.feelings import UtteranceReader


def utterance_reader(preset: str = "small") -> UtteranceReader:
    """Names the feeling of each text. Raises InputError, WeightsError."""
    from empatheia.data.feelings import UtteranceReader
    from empatheia.encoders.feelings import UtteranceFeelings
    from empatheia.presets import load_reasoner

    reasoner, settings = load_reasoner(preset)
    feelings = UtteranceFeelings.load(reasoner.encoder)
    return UtteranceReader(feelings.read, f"utterance@{settings.digest}+{feelings.version}")
