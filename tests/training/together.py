"""The joint stage on tiny weights, by as many processes as ``torchrun`` starts.

``torchrun --nproc-per-node 2 together.py FOLDER [accumulate=2 ...] [--stop] [--resume]`` trains
into FOLDER/out; with ``--stop`` every process ends in the middle, without a word.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
import merg

from empatheia.config import override
from empatheia.training.coe import CoeConfig, add_lora
from empatheia.training.distributed import main_first
from empatheia.training.joint import JointStage
from empatheia.training.loop import LoopConfig, run
from empatheia.training.merg_stage import MergConfig

LOOP = LoopConfig(steps=8, lr=0.005, warmup=2, validate_every=4, save_every=4, bf16=False)
STOP = 6  # steps of two processes
LORA = CoeConfig(lora_rank=4, lora_alpha=4, lora_dropout=0.0)


def stage(data: Path) -> JointStage:
    net = merg.net(senses=True)
    senses = net.reasoner.senses
    assert senses is not None
    senses.speech.drop = senses.video.drop = 0.0
    rows = merg.rows(net.reasoner, data)
    torch.manual_seed(0)
    add_lora(net.reasoner.lm.lm, LORA)
    return JointStage(net, rows, rows, MergConfig(batch_size=1))


def main(folder: Path, settings: list[str], out: str = "out", flags: Sequence[str] = ()) -> None:
    torch.set_num_threads(1)
    with main_first():
        made = stage(folder / "data")
    if "--stop" in flags:
        batch = made.batch
        made.batch = lambda n: batch(n) if n < 2 * STOP else os._exit(0)  # type: ignore[method-assign]
    run(made, override(LOOP, settings), folder / out, "--resume" in flags)


if __name__ == "__main__":
    words = sys.argv[2:]
    plain = [word for word in words if not word.startswith("--")]
    main(Path(sys.argv[1]), plain, flags=words)
