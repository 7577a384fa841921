"""Filling a network with published tensors: all keys and all shapes, or an error naming them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from empatheia.errors import EmpatheiaError, WeightsError

_SHOWN = 12
N = TypeVar("N", bound=nn.Module)


class KeyMismatchError(WeightsError):
    """Tensors that do not fit a network; the message names them, the attributes hold them all."""

    def __init__(
        self,
        what: str,
        missing: tuple[str, ...],
        unexpected: tuple[str, ...],
        misshapen: tuple[str, ...],
        config: str = "",
    ) -> None:
        self.missing, self.unexpected, self.misshapen = missing, unexpected, misshapen
        parts = [
            f"{len(names)} {kind}: {_listed(names)}"
            for kind, names in (
                ("missing", missing),
                ("unexpected", unexpected),
                ("of another shape", misshapen),
            )
            if names
        ]
        super().__init__(
            f"{what} does not fit ({'; '.join(parts)}): is it the file that the table of "
            "'empatheia weights list' names?"
            + (f" And is {config} the configuration of this file, not of another?" * bool(config))
        )


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def network_of(make: Callable[[Mapping[str, Any]], N], numbers: object, what: str) -> N:
    """The network that a file's numbers describe, without memory. Raises WeightsError."""
    if not isinstance(numbers, Mapping):
        raise WeightsError(f"{what} does not say its numbers: convert the published file again")
    try:
        with torch.device("meta"):
            return make(numbers)
    except EmpatheiaError:
        raise
    except Exception as error:  # torch and our layers refuse sizes in many ways
        raise WeightsError(
            f"{what}: its numbers make no network ({error}): give the configuration that was "
            "published beside the weights, or convert them again"
        ) from error


def check(network: nn.Module, state: Mapping[str, Tensor], what: str, config: str = "") -> None:
    """Raise KeyMismatchError unless ``state`` has exactly the keys and shapes of ``network``.

    ``config`` names the file that told the network's numbers, where there is one.
    """
    wanted = network.state_dict()
    missing = tuple(name for name in wanted if name not in state)
    unexpected = tuple(name for name in state if name not in wanted)
    misshapen = tuple(
        f"{name} {list(state[name].shape)} instead of {list(value.shape)}"
        for name, value in wanted.items()
        if name in state and state[name].shape != value.shape
    )
    if missing or unexpected or misshapen:
        raise KeyMismatchError(what, missing, unexpected, misshapen, config)


def load(network: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    """Put ``state`` into ``network``, also one on the meta device. Raises KeyMismatchError."""
    check(network, state, what)
    network.load_state_dict(dict(state), assign=True)
