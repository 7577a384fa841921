"""The block that both modules of the paper's Figure 4 are made of: a transformer VAE on queries.

    z = Enc(FFN(r), q)        (Eq. 1, 3, 5)
    C = Dec(FFN(z), q)        (Eq. 2, 4, 6)

``r`` are states of the language model, ``q`` learned queries. The encoder reads both in one row and
hands out a Gaussian for each query; in training z is drawn from it, at inference z is its mean.
The decoder starts from the same queries with FFN(z), and looks at all of FFN(z).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from empatheia.nn.transformer import (
    DecoderLayer,
    EncoderLayer,
    attention_bias,
    feed_forward,
    sinusoids,
)

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int


QUIET = -5.0  # log variance of z before training


@dataclass(frozen=True, slots=True)
class QueryVAEConfig:
    """``queries`` is the size of the bank: the longest row that can be decoded."""

    source_dim: int
    target_dim: int
    queries: int
    dim: int = 192
    heads: int = 4
    hidden: int = 512
    latent: int = 64
    layers: int = 4
    dropout: float = 0.1


@dataclass(frozen=True, slots=True)
class Decoded:
    """``kl`` is the divergence from the unit Gaussian, nats a real query, one number a row."""

    values: Float[Tensor, "batch query target"]
    kl: Float[Tensor, " batch"]
    mean: Float[Tensor, "batch query latent"]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two rows that a block reads: which places are real, and what is known of them.

    ``known`` is added to the states or queries; ``words`` numbers the words that they belong to.
    ``told`` is what the states say of each query: only the encoder hears it, the decoder has z.
    """

    real: Bool[Tensor, "batch n"]
    known: Float[Tensor, "batch n dim"] | None = None
    words: Int[Tensor, "batch n"] | None = None
    told: Float[Tensor, "batch n dim"] | None = None


class QueryVAE(nn.Module):
    """Four encoder and four decoder layers, unless the config says otherwise."""

    def __init__(self, config: QueryVAEConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        # Rows of the bank that training never reached stay small beside the sinusoids.
        self.bank = nn.Parameter(torch.randn(c.queries, c.dim) * 0.02)
        self.enter = feed_forward(c.source_dim, c.hidden, c.dim, c.dropout)
        sizes = (c.dim, c.heads, c.hidden, c.dropout)
        self.encoder = nn.ModuleList(EncoderLayer(*sizes) for _ in range(c.layers))
        self.decoder = nn.ModuleList(DecoderLayer(*sizes) for _ in range(c.layers))
        spread = nn.Linear(c.dim, 2 * c.latent)
        self.gauss = nn.Sequential(nn.LayerNorm(c.dim), spread)
        self.leave = feed_forward(c.latent, c.hidden, c.dim, c.dropout)
        self.head = nn.Sequential(nn.LayerNorm(c.dim), nn.Linear(c.dim, c.target_dim))
        for module in self.modules():
            if isinstance(module, nn.Linear):  # the states must be heard through all of it
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        # With a spread of 1 from the start z would be drowned in its own noise.
        nn.init.constant_(spread.bias[c.latent :], QUIET)

    def forward(
        self, states: Float[Tensor, "batch n source"], source: Side, queries: Side
    ) -> Decoded:
        """``states`` and what is known of them in, one vector a real query out (0 at padding)."""
        query = self._queries(queries)
        mean, log_var = self._encode(states, source, query, queries)
        z = mean
        if self.training:
            z = mean + torch.randn_like(mean) * (0.5 * log_var).exp()
        values = self._decode(z, query, queries)
        return Decoded(values, self._divergence(mean, log_var, queries.real), mean)

    def _queries(self, side: Side) -> Tensor:
        length = side.real.shape[1]
        if length > self.config.queries:
            raise ValueError(f"{length} places; this bank has {self.config.queries}")
        places = torch.arange(length, device=side.real.device)
        query = self.bank[:length] + sinusoids(places, self.config.dim)
        query = query.expand(side.real.shape[0], -1, -1)
        return query if side.known is None else query + side.known

    def _encode(
        self, states: Tensor, source: Side, query: Tensor, queries: Side
    ) -> tuple[Tensor, Tensor]:
        """The Gaussian at each query: Enc(FFN(r), q)."""
        entered = self.enter(states)
        if source.known is not None:
            entered = entered + source.known
        x = torch.cat([entered, query if queries.told is None else query + queries.told], 1)
        real = torch.cat([source.real, queries.real], 1)
        words = None
        if source.words is not None and queries.words is not None:
            words = torch.cat([source.words, queries.words], 1)
        bias = attention_bias(real, self.config.heads, words, words)
        for layer in self.encoder:
            x = layer(x, bias)
        mean, log_var = self.gauss(x[:, states.shape[1] :]).float().chunk(2, -1)
        return mean, log_var.clamp(-12.0, 4.0)

    def _decode(self, z: Tensor, query: Tensor, queries: Side) -> Tensor:
        """Dec(FFN(z), q)."""
        # Each query has a z of its own and starts with it; the others' are looked up.
        told = self.leave(z)
        places = torch.arange(query.shape[1], device=query.device)
        memory = told + sinusoids(places, self.config.dim)
        bias = attention_bias(queries.real, self.config.heads, queries.words, queries.words)
        x = query + told
        for layer in self.decoder:
            x = layer(x, memory, bias, bias)
        return self.head(x) * queries.real[..., None]

    @staticmethod
    def _divergence(mean: Tensor, log_var: Tensor, real: Tensor) -> Tensor:
        """KL(N(mean, var) || N(0, 1)) summed over the latent, averaged over real queries."""
        each = 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(-1)
        return (each * real).sum(1) / real.sum(1).clamp(min=1)
