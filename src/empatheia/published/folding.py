"""Weight norm and spectral norm, folded into the plain weights that inference needs.

Weight norm keeps a direction ``v`` and a length ``g`` for each output row, W = g v / |v|; spectral
norm keeps W and the vectors ``u``, ``v`` of its largest singular value, W / (u . W v). Both give
the same weight at every call in evaluation, so it is computed once.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_WEIGHT_NORM = (
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
)
_SPECTRAL = ("weight_orig", "weight_u", "weight_v")


def fold(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors with ``weight`` in place of what a norm kept. Order is preserved."""
    out: dict[str, Tensor] = {}
    for name, value in state.items():
        prefix, _, last = name.rpartition(".")
        dot = f"{prefix}." if prefix else ""
        if last == "weight_orig":
            u, v = state.get(dot + _SPECTRAL[1]), state.get(dot + _SPECTRAL[2])
            if u is not None and v is not None:
                out[f"{dot}weight"] = spectral_weight(value, u, v)
                continue
        if _belongs_to_spectral(last, dot, state):
            continue
        if (pair := _pair(name, state)) is not None:
            base, g, v = pair
            out.setdefault(f"{base}weight", weight_norm_weight(g, v))
            continue
        out[name] = value
    return out


def weight_norm_weight(g: Tensor, v: Tensor) -> Tensor:
    """g v / |v|, the length taken over all axes but the first."""
    if v.device.type == "meta":
        return torch.empty_like(v)
    return torch._weight_norm(v, g, 0)


def spectral_weight(weight: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """W / (u . W v) with W as a matrix of its first axis by all others."""
    if weight.device.type == "meta":
        return torch.empty_like(weight)
    flat = weight.reshape(weight.shape[0], -1)
    return weight / torch.dot(u, torch.mv(flat, v))


def _belongs_to_spectral(last: str, dot: str, state: Mapping[str, Tensor]) -> bool:
    return last in ("weight_u", "weight_v") and f"{dot}weight_orig" in state


def _pair(name: str, state: Mapping[str, Tensor]) -> tuple[str, Tensor, Tensor] | None:
    """Prefix, g and v where ``name`` is one of the two halves of a weight norm."""
    for g, v in _WEIGHT_NORM:
        for half in (g, v):
            base = name.removesuffix(half)
            if base != name and (not base or base.endswith(".")):
                first, second = state.get(base + g), state.get(base + v)
                if first is not None and second is not None:
                    return base, first, second
    return None
