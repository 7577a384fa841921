"""The shipped reader of single utterances, for commands that label data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from empatheia.data.feelings import UtteranceReader

BATCH = 64
LONGEST = 64  # word pieces that are read of one utterance


def utterance_reader(preset: str = "small") -> UtteranceReader:
    """Names one of the eight keys for each text. Raises InputError, WeightsError."""
    import torch

    from empatheia.data.feelings import UtteranceReader
    from empatheia.data.labels import EMOTIONS8
    from empatheia.presets import load_reasoner

    reasoner, settings = load_reasoner(preset)
    encoder = reasoner.encoder

    @torch.inference_mode()
    def read(texts: Sequence[str]) -> list[str]:
        rows = [encoder.pieces_of_response(text) for text in texts]
        rows = [(ids[:LONGEST], roles[:LONGEST]) for ids, roles in rows]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
        answers = [""] * len(rows)
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            pooled = encoder(encoder.collate([rows[i] for i in chosen])).pooled
            best = encoder.utterance_emotion(pooled).argmax(-1).tolist()
            for i, key in zip(chosen, best, strict=True):
                answers[i] = EMOTIONS8[key]
        return answers

    return UtteranceReader(read, f"utterance_emotion@{settings.digest}")
