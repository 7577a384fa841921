"""The same function here, on all cores, or on a Ray cluster; results come back in order.

``open_studio`` is called once in each worker, so it must be picklable (a function of a module).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from empatheia.cores import on_cores
from empatheia.data.builder.render import Mapper, Rendered, render_dialogue
from empatheia.data.builder.studio import Studio
from empatheia.data.plan import SIDES
from empatheia.errors import ConfigError, MissingExtraError, unknown
from empatheia.types import Dialogue

ENGINES: Final = ("local", "ray")
Opener = Callable[[], Studio]
Work = Callable[[Studio, Dialogue], Rendered]


def mapper(
    engine: str,
    open_studio: Opener,
    out: Path,
    jobs: int,
    seed: int,
    roles: Collection[str] = SIDES,
) -> Mapper:
    """How a set is rendered. Raises ConfigError, MissingExtraError."""
    if engine not in ENGINES:
        raise ConfigError(unknown("--engine", engine, ENGINES))
    work = partial(render_dialogue, out=out.resolve(), seed=seed, roles=roles)
    if engine == "ray":
        return partial(_on_ray, open_studio, work, jobs)
    return partial(_local, open_studio, work, jobs)


def _local(
    open_studio: Opener, work: Work, jobs: int, dialogues: Iterable[Dialogue]
) -> Iterator[Rendered]:
    return on_cores(open_studio, work, dialogues, jobs)


class _RayWorker:
    """Holds a studio on a machine of the cluster; the folder must be a shared one there."""

    def __init__(self, open_studio: Opener, work: Work) -> None:
        self.studio, self.work = open_studio(), work

    def render(self, dialogue: Dialogue) -> Rendered:
        return self.work(self.studio, dialogue)


def _on_ray(
    open_studio: Opener, work: Work, jobs: int, dialogues: Iterable[Dialogue]
) -> Iterator[Rendered]:
    """On the cluster of RAY_ADDRESS, or one that is started here with ``jobs`` processors."""
    try:
        import ray
        from ray.util import ActorPool
    except ImportError as error:
        raise MissingExtraError("ray", "ray") from error
    own = not ray.is_initialized()
    if own:
        there: dict[str, Any] = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": jobs}
        ray.init(log_to_driver=False, include_dashboard=False, **there)
    try:
        remote = ray.remote(num_cpus=1)(_RayWorker)
        workers = [remote.remote(open_studio, work) for _ in range(jobs)]
        yield from ActorPool(workers).map(lambda worker, d: worker.render.remote(d), dialogues)
    finally:
        if own:
            ray.shutdown()
