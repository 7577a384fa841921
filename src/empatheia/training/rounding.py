"""Training with the numbers that a file will keep.

Four bits a weight are too few to round to afterwards. Here every matrix is rounded each time it is
used, and the gradient passes as if it were not (straight-through estimator: Bengio et al. 2013), so
the model learns weights that stand it.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.utils import parametrize

from empatheia import hub


class _Rounded(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight + (hub.rounded4(weight) - weight).detach()


def in_layers(name: str) -> bool:
    """Whether a matrix of this name is one of the language model's layers'."""
    return ".layers." in name and name.endswith("_proj.weight")


def round_in_use(model: nn.Module, chosen: Callable[[str], bool] = in_layers) -> None:
    """From now on ``model`` computes with the rounded values of the ``chosen`` matrices."""
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and chosen(f"{name}.weight"):
            parametrize.register_parametrization(module, "weight", _Rounded())


def keep_rounded(model: nn.Module) -> None:
    """End :func:`round_in_use`: the rounded values become the weights."""
    for module in list(model.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
