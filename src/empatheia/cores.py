"""The same function on all cores: items are spread over processes, results come back in order."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

State = TypeVar("State")
Item = TypeVar("Item")
Result = TypeVar("Result")
_state: Any = None


def on_cores(
    open_state: Callable[[], State],
    work: Callable[[State, Item], Result],
    items: Iterable[Item],
    jobs: int,
) -> Iterator[Result]:
    """``work(state, item)`` of each item on ``jobs`` processes; one job is done here, as asked for.

    ``open_state`` is called once in each process. Both functions must be picklable (functions of a
    module). Raises what they raise.
    """
    if jobs == 1:
        state = open_state()
        yield from (work(state, item) for item in items)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, _start, (open_state,)) as pool:
        yield from pool.imap(partial(_one, work), items)


def _start(open_state: Callable[[], Any]) -> None:
    """In a new worker: one thread each, the parent's Ctrl-C is the parent's."""
    global _state
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"
    torch = sys.modules.get("torch")
    if torch is not None:  # it was there before the environment was set
        torch.set_num_threads(1)
    _state = open_state()


def _one(work: Callable[[Any, Item], Result], item: Item) -> Result:
    return work(_state, item)
