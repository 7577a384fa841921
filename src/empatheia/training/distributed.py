"""One process or several that train as one.

``Alone`` is what a plain command uses. Started by ``torchrun``, the processes find each other
through Accelerate (``Together``: every process has the whole model, gradients are averaged), or,
where the run names a configuration, through DeepSpeed (``Sharded``: ZeRO splits the optimizer's
state and the gradients). Process ``r`` of ``n`` takes every ``n``-th batch, so ``n`` processes do
what one does with ``n`` times the accumulation.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from empatheia.errors import ConfigError, MissingExtraError, WeightsError

if TYPE_CHECKING:
    from torch.optim import Optimizer

_OPTIMIZER = "optimizer.pt"
_SHARDS = "deepspeed"
PATIENCE = timedelta(days=7)  # while the main process hears every recording, the others wait
SHIPPED = {"zero2": Path(__file__).with_name("deepspeed_zero2.json")}


class Machine(Protocol):
    """What the loop asks of whatever it runs on."""

    processes: int
    rank: int

    @property
    def main(self) -> bool:
        """Whether this process writes files."""
        ...

    def forward(self, batch: Any) -> dict[str, Tensor]:
        """The parts of the loss of one batch."""
        ...

    def backward(self, loss: Tensor) -> None:
        """Add to the gradients; ``loss`` is not yet divided by the accumulation."""
        ...

    def part(self, last: bool) -> contextlib.AbstractContextManager[None]:
        """Around one part of a step; gradients meet in the ``last``."""
        ...

    def step(self) -> float:
        """Clip, step, forget the gradients; the norm before clipping. NaN leaves all as it is."""
        ...

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Averages over the processes; the names are the same on each."""
        ...

    def wait(self) -> None:
        """Until every process is here."""
        ...

    def save_optimizer(self, folder: Path) -> None: ...

    def load_optimizer(self, folder: Path) -> None:
        """Raises WeightsError."""
        ...


class Alone:
    """One process."""

    processes, rank = 1, 0

    def __init__(
        self, losses: nn.Module, optimizer: Optimizer, accumulate: int, clip: float
    ) -> None:
        self._losses, self._optimizer = losses, optimizer
        self._accumulate, self._clip = accumulate, clip

    @property
    def main(self) -> bool:
        return self.rank == 0

    def forward(self, batch: Any) -> dict[str, Tensor]:
        found: dict[str, Tensor] = self._losses(batch)
        return found

    def backward(self, loss: Tensor) -> None:
        (loss / self._accumulate).backward()

    @contextlib.contextmanager
    def part(self, last: bool) -> Iterator[None]:
        del last  # there is nobody to meet
        yield

    def step(self) -> float:
        parameters = [p for group in self._optimizer.param_groups for p in group["params"]]
        norm = float(nn.utils.clip_grad_norm_(parameters, self._clip))
        if norm - norm == 0:  # neither NaN nor infinite
            self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return norm

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        return dict(values)

    def wait(self) -> None:
        return

    def save_optimizer(self, folder: Path) -> None:
        if self.main:
            torch.save({"optimizer": self._optimizer.state_dict()}, folder / _OPTIMIZER)

    def load_optimizer(self, folder: Path) -> None:
        try:
            state = torch.load(folder / _OPTIMIZER, weights_only=True)
        except Exception as error:
            raise WeightsError(f"{folder} is not a complete checkpoint: {error}") from error
        try:
            self._optimizer.load_state_dict(state["optimizer"])
        except (ValueError, KeyError) as error:
            raise WeightsError(f"{folder} belongs to another model: {error}") from error


class Together(Alone):
    """Several processes, each with the whole model, through Accelerate."""

    def __init__(
        self, losses: nn.Module, optimizer: Optimizer, accumulate: int, clip: float
    ) -> None:
        from accelerate import Accelerator
        from accelerate.utils import DistributedDataParallelKwargs

        # a batch without sound leaves the ear's projector without a gradient
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        self._accelerator = Accelerator(cpu=on_cpu(losses), kwargs_handlers=[unused])
        self.processes = self._accelerator.num_processes
        self.rank = self._accelerator.process_index
        super().__init__(self._accelerator.prepare_model(losses), optimizer, accumulate, clip)

    @contextlib.contextmanager
    def part(self, last: bool) -> Iterator[None]:
        with contextlib.nullcontext() if last else self._accelerator.no_sync(self._losses):
            yield

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        return averaged(values, self._accelerator.device)

    def wait(self) -> None:
        self._accelerator.wait_for_everyone()


class _Reached(nn.Module):
    """The same losses, with a gradient for every parameter: zero where a batch does not reach it.

    ZeRO's processes wait for each other's gradients in a fixed order, and none may be left out.
    """

    def __init__(self, losses: nn.Module) -> None:
        super().__init__()
        self.losses = losses

    def forward(self, batch: Any) -> dict[str, Tensor]:
        parts: dict[str, Tensor] = self.losses(batch)
        nothing = sum(p.sum() for p in self.parameters() if p.requires_grad) * 0.0
        return parts | {"loss": parts["loss"] + nothing}


class Sharded:
    """DeepSpeed's engine: it clips, accumulates and splits the optimizer's state by itself."""

    def __init__(
        self,
        losses: nn.Module,
        optimizer: Optimizer,
        accumulate: int,
        clip: float,
        config: Mapping[str, Any],
    ) -> None:
        try:
            import deepspeed
        except ImportError as error:
            raise MissingExtraError("deepspeed", "deepspeed") from error
        filled = {**config, "gradient_accumulation_steps": accumulate, "gradient_clipping": clip}
        self._engine, self._optimizer, *_ = deepspeed.initialize(
            model=_Reached(losses), optimizer=optimizer, config=filled
        )
        self.processes = torch.distributed.get_world_size()
        self.rank = torch.distributed.get_rank()

    @property
    def main(self) -> bool:
        return self.rank == 0

    def forward(self, batch: Any) -> dict[str, Tensor]:
        found: dict[str, Tensor] = self._engine(batch)
        return found

    def backward(self, loss: Tensor) -> None:
        self._engine.backward(loss)

    @contextlib.contextmanager
    def part(self, last: bool) -> Iterator[None]:
        del last  # the engine counts the parts itself
        yield
        self._engine.step()

    def step(self) -> float:
        return float(self._engine.get_global_grad_norm())

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        return averaged(values, self._engine.device)

    def wait(self) -> None:
        torch.distributed.barrier()

    def save_optimizer(self, folder: Path) -> None:
        self._engine.save_checkpoint(
            str(folder / _SHARDS), tag="state", save_latest=False, exclude_frozen_parameters=True
        )

    def load_optimizer(self, folder: Path) -> None:
        try:
            found, _ = self._engine.load_checkpoint(
                str(folder / _SHARDS), tag="state", load_module_strict=False
            )
        except Exception as error:
            raise WeightsError(f"{folder} is not a complete checkpoint: {error}") from error
        if found is None:
            raise WeightsError(f"{folder} was not written with DeepSpeed; choose another --out")


def open_machine(
    losses: nn.Module, optimizer: Optimizer, accumulate: int, clip: float, deepspeed: str = ""
) -> Machine:
    """What this process was started as. ``deepspeed``: "", a name of ``SHIPPED`` or a JSON file.

    Raises ConfigError, MissingExtraError.
    """
    if deepspeed:
        return Sharded(losses, optimizer, accumulate, clip, read_config(deepspeed))
    if started_together():
        return Together(losses, optimizer, accumulate, clip)
    return Alone(losses, optimizer, accumulate, clip)


def read_config(name: str) -> dict[str, Any]:
    """A DeepSpeed configuration by name or path. Raises ConfigError."""
    path = SHIPPED.get(name, Path(name))
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"loop.deepspeed={name}: {error}; give {' or '.join(SHIPPED)}, or a JSON file"
        ) from error
    if not isinstance(config, dict):
        raise ConfigError(f"loop.deepspeed={name}: a JSON object is expected, see {SHIPPED}")
    return config


def started_together() -> bool:
    """Whether ``torchrun`` (or another launcher) started several of us. MissingExtraError."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return False
    try:
        import accelerate  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("accelerate", "train") from error
    return True


def is_main() -> bool:
    """Whether this process is the one that writes results and talks."""
    return int(os.environ.get("RANK", "0")) == 0


@contextlib.contextmanager
def main_first() -> Iterator[None]:
    """The main process goes through the block before the others: it makes what they then read."""
    if not started_together():
        yield
        return
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)
    with state.main_process_first():
        yield


def on_cpu(module: nn.Module) -> bool:
    return next(module.parameters()).device.type == "cpu"


def averaged(values: Mapping[str, float], device: torch.device) -> dict[str, float]:
    total = torch.tensor(list(values.values()), dtype=torch.float64, device=device)
    torch.distributed.all_reduce(total)
    total /= torch.distributed.get_world_size()
    return dict(zip(values, total.tolist(), strict=True))
