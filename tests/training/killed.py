"""Runs that are killed with SIGKILL again and again: ``python killed.py FOLDER``.

A process of its own with one thread, because it forks: each run is a child, which the parent kills
(``at_each_step``) or which kills itself just before the n-th thing that it does to a file
(``at_each_write``). Prints one JSON line a check.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
import merg
from lines import LineStage

from empatheia.data.empathetic import TextExample
from empatheia.tiny import tiny_reasoner
from empatheia.training.base import BaseStage
from empatheia.training.coe import CoeConfig, CoeStage, add_lora
from empatheia.training.content import ContentStage
from empatheia.training.joint import JointStage
from empatheia.training.loop import LoopConfig, Stage, run
from empatheia.training.merg_stage import MergConfig
from empatheia.training.style import StyleStage
from empatheia.types import Turn

LOOP = LoopConfig(steps=5, lr=0.01, warmup=2, validate_every=3, save_every=2, bf16=False)
LORA = CoeConfig(batch_size=2, lora_rank=4, lora_alpha=4, lora_dropout=0.1)


def stages(folder: Path) -> Iterator[Stage]:
    """Stages 0 to 4 before their first step; dropout and the VAE's z count."""
    rows = merg.rows(merg.net(senses=True).reasoner, folder)
    documents = [[("<speaker>", f"I lost {n} dogs."), ("<listener>", "Oh no.")] for n in range(40)]
    yield BaseStage(tiny_reasoner().lm, documents, documents[:9], 2, 16, compiled=False)
    said = TextExample("1", (Turn("speaker", "My dog died."),), "I'm here.", "sad", merg.CHAIN)
    other = TextExample("2", (Turn("speaker", "We won!"),), "Well done!", "proud", merg.CHAIN)
    reasoner, logits = tiny_reasoner(), torch.zeros(2, 32)
    add_lora(reasoner.lm.lm, LORA)
    yield CoeStage(reasoner, [said, other], [said], (logits, logits[:1]), LORA, compiled=False)
    for kind in (ContentStage, StyleStage, JointStage):
        net = merg.net(senses=True)
        if kind is JointStage:
            add_lora(net.reasoner.lm.lm, LORA)
        yield kind(net, rows, rows, MergConfig(batch_size=1))


def child(work: Callable[[], object]) -> int:
    """Do ``work`` in a child process; returns its id."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def ended(pid: int) -> int:
    """Exit code of a child, -9 where it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def state(out: Path) -> dict[str, bytes]:
    return {n: (out / "last" / n).read_bytes() for n in ("model.safetensors", "optimizer.pt")}


def steps(out: Path) -> list[str]:
    log = out / "log.jsonl"
    text = log.read_text() if log.is_file() else ""
    return text.splitlines()


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in steps(out)]


def at_each_step(stage: Stage, folder: Path) -> dict[str, object]:
    """Killed as soon as step 0, 1, ... is in the log, and gone on with each time."""
    whole, cut = folder / stage.name / "whole", folder / stage.name / "cut"
    assert ended(child(lambda: run(stage, LOOP, whole))) == 0
    killed = 0
    for step in range(LOOP.steps):
        pid = child(lambda: run(stage, LOOP, cut, resume=True))
        while len(steps(cut)) <= step:
            time.sleep(0.002)
        os.kill(pid, signal.SIGKILL)
        killed += ended(pid) == -signal.SIGKILL
    assert ended(child(lambda: run(stage, LOOP, cut, resume=True))) == 0
    return {"stage": stage.name, "killed": killed, "same": same(whole, cut)}


def at_each_write(folder: Path) -> dict[str, object]:
    """A small run killed before the first, second, ... change that it makes to a file."""
    stage = LineStage()
    config = replace(LOOP, save_every=1, validate_every=2)
    whole = folder / "line" / "whole"
    assert ended(child(lambda: run(stage, config, whole))) == 0

    def counted(limit: int, cut: Path) -> None:
        left = [limit]

        def hook(event: str, given: tuple[object, ...]) -> None:
            writes = event == "open" and isinstance(given[1], str) and given[1][:1] in "wa"
            if writes or event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir"):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        run(stage, config, cut)

    for limit in range(1000):
        cut = folder / "line" / str(limit)
        code = ended(child(lambda: counted(limit, cut)))  # noqa: B023
        if code == 0:
            return {"stage": "line", "killed": limit, "same": True}
        assert code == -signal.SIGKILL
        assert ended(child(lambda: run(stage, config, cut, resume=True))) == 0  # noqa: B023
        if not same(whole, cut):
            return {"stage": "line", "killed": limit, "same": False}
    raise AssertionError("the run never ends")


def same(one: Path, other: Path) -> bool:
    return state(one) == state(other) and losses(one) == losses(other)


if __name__ == "__main__":
    torch.set_num_threads(1)
    given = Path(sys.argv[1])
    for made in stages(given / "data"):
        print(json.dumps(at_each_step(made, given)), flush=True)
    print(json.dumps(at_each_write(given)), flush=True)
