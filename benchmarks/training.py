"""How fast each stage trains: ``python benchmarks/training.py --data DATA --media RENDERED``.

``--data`` is the folder of ``train base`` and ``train coe``, ``--media`` one of ``data render``; a
stage whose folder is not given is left out. Every stage runs in a process of its own, with the
shapes, batch size and number format of its recipe, through the training loop itself. Prints a
Markdown table: tokens that the language model reads and samples (windows, replies) a second, by the
median step; the arithmetic of a step (counted by PyTorch, forward and backward) as a share of what
this machine reaches in a plain matrix product of the same number format; the most memory held.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from empatheia.errors import EmpatheiaError
from empatheia.training.loop import LoopConfig, Stage, run

TEXT, MEDIA = ("base", "coe"), ("content", "style", "joint")
SIDE, REPEATS = 1536, 8  # of the matrix product
REPLIES = 64  # of the data that are looked at


@dataclass(frozen=True)
class Bench:
    """A stage ready to train, its numbers, and how many tokens and samples a batch has."""

    stage: Stage
    loop: LoopConfig
    tokens: Callable[[Any], int]
    samples: Callable[[Any], int]


def base(data: Path) -> Bench:
    from empatheia.training.base import BaseStage, ed_documents
    from empatheia.training.recipes import BaseRecipe

    recipe, lm = BaseRecipe(), shipped_reasoner().lm
    documents = ed_documents(data / "empathetic_dialogues" / "valid.jsonl", situations=False)
    stage = BaseStage(lm, documents, documents[:REPLIES], recipe.batch_size)
    return Bench(stage, recipe.loop, lambda b: b[:, 1:].numel(), len)


def coe(data: Path) -> Bench:
    from empatheia.data.empathetic import examples, read_dialogues
    from empatheia.training.coe import CoeStage, add_lora
    from empatheia.training.coe_data import with_chains
    from empatheia.training.recipes import CoeRecipe

    recipe, reasoner = CoeRecipe(), shipped_reasoner()
    found = examples(read_dialogues(data / "empathetic_dialogues" / "valid.jsonl"))[: 8 * REPLIES]
    told = with_chains(found, {}, ["neutral"] * len(found))
    add_lora(reasoner.lm.lm, recipe.stage)
    logits = torch.zeros(len(told), 32)
    sets = (logits, logits[:REPLIES])
    stage = CoeStage(reasoner, told, told[:REPLIES], sets, recipe.stage)
    return Bench(stage, recipe.loop, lambda b: int(b.real.sum()), lambda b: len(b.ids))


def multimodal(name: str, data: Path) -> Bench:
    from empatheia.llm.prompt import prompt_ids
    from empatheia.training import merg
    from empatheia.training.merg_data import Teachers, merg_examples
    from empatheia.training.merg_stage import MergNet, MergRow

    recipe, parts = merg.RECIPES["small"][name](), merg.small_parts(None, None, None)
    found = merg_examples(merg.read_media(data)[0])[:REPLIES]
    with tempfile.TemporaryDirectory() as cache:
        teachers = Teachers(parts.speech, parts.face, parts.digest, Path(cache))
        rows = merg.rows_of(parts, found, teachers, None)
    net = MergNet(parts.reasoner, merg._new_expression(parts, recipe))
    if name == "joint":
        merg.add_lora(net.reasoner.lm.lm, recipe.lora)
    stage = merg.STAGES[name](net, rows, rows[:8], recipe.stage)
    tokenizer = parts.reasoner.lm.tokenizer

    def read(row: MergRow) -> int:
        prompt = prompt_ids(tokenizer, row.request.turns, row.request.profile)
        return len(prompt) + len(row.chain) + len(row.reply) + 33

    return Bench(stage, recipe.loop, lambda b: sum(map(read, b.rows)), lambda b: len(b.rows))


def shipped_reasoner() -> Any:
    from empatheia.presets import load_reasoner

    return load_reasoner("small")[0]


def matmul_rate(bf16: bool) -> float:
    """Operations a second of a square matrix product, the best of some."""
    kind = torch.bfloat16 if bf16 else torch.float32
    a, b = (torch.randn(SIDE, SIDE).to(kind) for _ in range(2))
    best = float("inf")
    for _ in range(REPEATS):
        begun = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - begun)
    return 2 * SIDE**3 / best


def counted(bench: Bench) -> int:
    """Arithmetic of a step: forward and backward of its batches."""
    kind = torch.bfloat16
    with FlopCounterMode(display=False) as counter, torch.autocast("cpu", kind, bench.loop.bf16):
        for part in range(bench.loop.accumulate):
            bench.stage.loss(bench.stage.batch(part))["loss"].backward()
    return int(counter.get_total_flops())


def measured(name: str, data: Path, steps: int) -> dict[str, float]:
    """One row of the table. Compiled stages are counted before they are compiled."""
    makers = {"base": base, "coe": coe}
    bench = makers[name](data) if name in makers else multimodal(name, data)
    loop = replace(bench.loop, steps=steps, save_every=steps, validate_every=steps)
    with tempfile.TemporaryDirectory() as out:
        run(bench.stage, loop, Path(out))
        lines = (Path(out) / "log.jsonl").read_text(encoding="utf-8").splitlines()
    seconds = [json.loads(line)["seconds"] for line in lines]
    batches = [bench.stage.batch(n) for n in range(steps * loop.accumulate)]
    each = statistics.median(seconds[steps // 3 :])  # the first steps compile and fill caches
    torch.compiler.set_stance("force_eager")
    return {
        "tokens": statistics.mean(map(bench.tokens, batches)) * loop.accumulate / each,
        "samples": statistics.mean(map(bench.samples, batches)) * loop.accumulate / each,
        "step": each,
        "share": counted(bench) / each / matmul_rate(loop.bf16),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10,
        "trains": float(sum(p.numel() for g in bench.stage.groups(1.0) for p in g["params"])),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with empathetic_dialogues/")
    parser.add_argument("--media", type=Path, help="folder of `empatheia data render`")
    parser.add_argument("--steps", type=int, default=12, help="of each stage")
    parser.add_argument("--only", nargs="*", choices=(*TEXT, *MEDIA), default=(*TEXT, *MEDIA))
    parser.add_argument("--one", choices=(*TEXT, *MEDIA), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        folder = given.data if given.one in TEXT else given.media
        print(json.dumps(measured(given.one, folder, given.steps)))
        return 0
    if given.steps < 3 or not (given.data or given.media):
        print("error: give --data or --media, and at least 3 --steps", file=sys.stderr)
        return 2
    print(
        f"{os.cpu_count()} cores ({torch.get_num_threads()} threads), torch {torch.__version__}, "
        f"Python {platform.python_version()}; matrix product: "
        f"{matmul_rate(True) / 1e9:.0f} GFLOP/s in bfloat16, "
        f"{matmul_rate(False) / 1e9:.0f} in float32\n"
    )
    print("| stage | trains | step (s) | tokens/s | samples/s | of matmul rate | memory (MiB) |")
    print("|---" * 7 + "|")
    for name in given.only:
        if not (given.data if name in TEXT else given.media):
            continue
        found = subprocess.run(
            [sys.executable, __file__, "--one", name, *sys.argv[1:]],
            stdout=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        if found.returncode:
            return found.returncode
        row = json.loads(found.stdout.splitlines()[-1])
        print(
            f"| {name} | {row['trains'] / 1e6:.1f} M | {row['step']:.2f} | {row['tokens']:.0f} "
            f"| {row['samples']:.1f} | {100 * row['share']:.0f} % | {row['memory']:.0f} |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EmpatheiaError as problem:
        print(f"error: {problem}", file=sys.stderr)
        sys.exit(2)
