"""Attention of many rows to one prefix, which is read once for all of them.

Registered with transformers under :data:`SHARING`; in training it is the library's own. Of a row's
keys the first part is its dialogue's (``cache.Shared``): queries of all rows of a dialogue are
multiplied with it together. Queries that share a key (grouped heads) are laid side by side, where
the library copies the key for each. The result is the same sum in another order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from empatheia.llm.cache import Groups, Shared

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

SHARING = "empatheia_sharing"


def sharing_attention(
    module: Any,
    query: Float[Tensor, "row head token dim"],
    key: Tensor | Shared,
    value: Tensor | Shared,
    attention_mask: Bool[Tensor, "row 1 token all"] | None,
    scaling: float,
    **more: Any,
) -> tuple[Float[Tensor, "row token head dim"], None]:
    """The library's interface of an attention function."""
    if isinstance(key, Tensor) and isinstance(value, Tensor):
        if attention_mask is not None and not torch.is_grad_enabled():
            return _side_by_side(query, key, value, attention_mask, scaling), None
        found: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **more
        )
        return found
    assert isinstance(key, Shared)
    assert isinstance(value, Shared)
    rows, heads, tokens, dim = query.shape
    key_heads, groups = key.own.shape[1], key.groups
    asked = (query * scaling).reshape(rows, key_heads, -1, dim)  # heads of one key together
    before = _prefix_product(groups, asked, key.prefix.transpose(-1, -2))
    scores = torch.cat([before, asked @ key.own.transpose(-1, -2)], -1)
    if attention_mask is not None:
        hidden = ~attention_mask.repeat(1, 1, heads // key_heads, 1)
        scores = scores.masked_fill_(hidden, -torch.inf)
    shares = scores.softmax(-1)
    seen = key.prefix.shape[-2]
    told = _prefix_product(groups, shares[..., :seen], value.prefix)
    told = told + shares[..., seen:] @ value.own
    return told.reshape(rows, heads, tokens, dim).transpose(1, 2), None


def _side_by_side(
    query: Float[Tensor, "row head token dim"],
    key: Float[Tensor, "row key_head all dim"],
    value: Float[Tensor, "row key_head all dim"],
    mask: Bool[Tensor, "row 1 token all"],
    scaling: float,
) -> Float[Tensor, "row token head dim"]:
    """Of heads that share a key, the queries as if they were more tokens of one head."""
    rows, heads, tokens, dim = query.shape
    asked = query.reshape(rows, key.shape[1], -1, dim)
    seen = mask.repeat(1, 1, heads // key.shape[1], 1)
    if tokens == 1 and asked.dtype == torch.bfloat16:  # the fused one is slow at a single token
        scores = (key @ (asked * scaling).transpose(-1, -2)).transpose(-1, -2).float()
        told = scores.masked_fill_(~seen, -torch.inf).softmax(-1).to(value.dtype) @ value
    else:
        told = F.scaled_dot_product_attention(asked, key, value, attn_mask=seen, scale=scaling)
    return told.reshape(rows, heads, tokens, dim).transpose(1, 2)


def _prefix_product(groups: Groups, rows: Tensor, prefix: Tensor) -> Tensor:
    """(row, head, token, k) times (prefix, head, k, n), each row with its own prefix."""
    grid = groups.spread(rows).transpose(1, 2)  # (prefix, head, place, token, k)
    product = grid.flatten(2, 3) @ prefix
    return groups.gather(product.unflatten(2, grid.shape[2:4]).transpose(1, 2))


AttentionInterface.register(SHARING, sharing_attention)
AttentionMaskInterface.register(SHARING, sdpa_mask)
