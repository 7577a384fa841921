"""Reads a reply after the dialogue it is given in, and says how like a person's it is.

The fit of ``TextEncoder.match`` compares two vectors that never saw each other, so it cannot tell
that a reply asks what was just said or takes one person for another. The critic reads both in one
pass. It is the text encoder itself, each of its matrices moved by a low-rank product that was
trained to tell what a person answered from what the language model would have (sample and rank
with a learned score: Adiwardana et al. 2020; low-rank adaptation: Hu et al. 2021).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from empatheia import hub
from empatheia.encoders.text import Pieces, TextEncoder
from empatheia.errors import WeightsError
from empatheia.types import Turn

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

LOW, HIGH = ".low", ".high"  # of a matrix's name: (rank, inputs) and (rank, outputs)


@dataclass(frozen=True, slots=True)
class CriticConfig:
    rank: int = 6
    hidden: int = 32


class Critic(nn.Module):
    """Scores of replies; only their differences within one dialogue mean something."""

    def __init__(self, encoder: TextEncoder, config: CriticConfig) -> None:
        """``encoder`` is read and never changed; its word table is shared, not copied."""
        super().__init__()
        self.config = config
        self._half = False
        self.encoder = (encoder,)  # in a tuple: not a part of this module
        shared = encoder.bert.embeddings
        self.bert = copy.deepcopy(encoder.bert, {id(shared): shared})
        self.head = nn.Sequential(
            nn.Linear(2 * encoder.config.dim, config.hidden), nn.GELU(), nn.Linear(config.hidden, 1)
        )

    def halve(self) -> None:
        """Compute in bfloat16 from now on; for large batches."""
        self._half = True

    def pieces(self, turns: Sequence[Turn], reply: str) -> tuple[list[int], list[int], int]:
        """Ids and roles of the dialogue with ``reply`` as its end, and where the reply starts."""
        encoder = self.encoder[0]
        answer = Turn("listener", reply)
        ids, roles = encoder.pieces_of_history([*turns, answer])
        length = len(encoder.pieces_of_response(reply)[0]) - 1
        return ids, roles, max(1, len(ids) - length)

    def collate(
        self, rows: Sequence[tuple[list[int], list[int], int]]
    ) -> tuple[Pieces, Bool[Tensor, "row piece"]]:
        """Padded pieces, and which of them are the reply's."""
        pieces = self.encoder[0].collate([(ids, roles) for ids, roles, _ in rows])
        starts = torch.tensor([start for _, _, start in rows])
        place = torch.arange(pieces.ids.shape[1])
        return pieces, pieces.mask & (place >= starts[:, None])

    def forward(self, pieces: Pieces, answer: Bool[Tensor, "row piece"]) -> Float[Tensor, " row"]:
        """A score a row, from the mean state of the whole and that of the reply."""
        states = self.bert(
            input_ids=pieces.ids,
            token_type_ids=pieces.roles,
            attention_mask=pieces.mask.long(),
        ).last_hidden_state.float()
        means = [
            (states * part.unsqueeze(-1)).sum(1) / part.sum(1, keepdim=True)
            for part in (pieces.mask.float(), answer.float())
        ]
        return self.head(torch.cat(means, -1)).squeeze(-1)

    @torch.inference_mode()
    def scores(self, pairs: Sequence[tuple[Sequence[Turn], str]], batch: int = 64) -> list[float]:
        """The score of each (dialogue, reply)."""
        rows = [self.pieces(turns, reply) for turns, reply in pairs]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
        out = [0.0] * len(rows)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._half):
            for start in range(0, len(order), batch):
                part = order[start : start + batch]
                found = self(*self.collate([rows[i] for i in part]))
                for i, value in zip(part, found.tolist(), strict=True):
                    out[i] = value
        return out

    def save(
        self, path: Path, low_rank: Mapping[str, tuple[Tensor, Tensor]], **about: object
    ) -> None:
        """Write the head and, by the name of the matrix, its two factors."""
        factors = {f"{name}{LOW}": low for name, (low, _) in low_rank.items()}
        factors |= {f"{name}{HIGH}": high for name, (_, high) in low_rank.items()}
        head = {f"head.{name}": value for name, value in self.head.state_dict().items()}
        hub.save(path, factors | head, {"config": asdict(self.config), **about}, int8=True)

    @classmethod
    def load(cls, path: Path, encoder: TextEncoder) -> Critic:
        """The critic of ``path`` over ``encoder``. Raises WeightsError where they do not fit."""
        weights = hub.load(path)
        try:
            critic = cls(encoder, CriticConfig(**weights.meta["config"]))
            head = {n[5:]: t for n, t in weights.tensors.items() if n.startswith("head.")}
            critic.head.load_state_dict(head)
            with torch.no_grad():
                for name, low in weights.tensors.items():
                    if name.endswith(LOW):
                        matrix = name.removesuffix(LOW)
                        high = weights.tensors[matrix + HIGH]
                        critic.bert.get_parameter(matrix).add_(high.T @ low)
        except (AttributeError, KeyError, RuntimeError, TypeError) as error:
            raise WeightsError(f"{path} does not fit the text encoder: {error}") from error
        return critic.eval()
