"""How long a reply takes: ``python benchmarks/reply.py --data valid.jsonl``.

Measures the whole way that a user goes, on real turns of an ED-format file, and prints a Markdown
table. Cold: a new process, from its start to its first finished reply. Warm: the same system
answering ``-n`` turns one after the other, after one that is not counted. The first sound is the
time until the first spoken sentence exists; the real-time factor is the time of a whole reply
divided by the length of its video; memory is the most that the process ever held.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from empatheia.data.dialogue import parse_dialogue
from empatheia.errors import InputError
from empatheia.types import Dialogue, Done, Reply


def turns_of(data: Path, count: int) -> list[Dialogue]:
    """``count`` contexts that end with the speaker, spread evenly over the file."""
    records = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    contexts = []
    for position in range(count):
        record = dict(records[position * len(records) // count])
        said = record.pop("utterances", None) or record.pop("turns")
        length = (1, 3)[position % 2] if len(said) >= 3 else 1
        contexts.append(parse_dialogue(record | {"turns": said[:length]}, record["conv_id"]))
    return contexts


def answer(system: Any, dialogue: Dialogue, seed: int) -> tuple[Reply, dict[str, float]]:
    """One reply and its seconds: each stage, the first sound, the whole, the video's length."""
    started = time.perf_counter()
    for event in system.stream(dialogue, seed=seed):
        if isinstance(event, Done):
            seconds = dict(event.reply.timings)
            seconds["total"] = time.perf_counter() - started
            return event.reply, seconds
    raise RuntimeError("the system ended without a reply")


def cold(data: Path, size: int) -> float:
    """Seconds from the start of a new process to its first finished reply."""
    command = [sys.executable, __file__, "--data", str(data), "--size", str(size), "--once"]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def peak_memory_mib() -> float | None:
    """The most memory this process ever held, where the system tells it."""
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def quantile(values: Sequence[float], share: float) -> float:
    """Nearest-rank quantile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(rows: list[dict[str, float]], lengths: list[float], cold_seconds: float) -> list[str]:
    """Lines of the Markdown table."""
    lines = ["| what | p50 | p95 |", "|---|---|---|"]
    for name in rows[0]:
        values = [row.get(name, 0.0) for row in rows]
        lines.append(
            f"| {name} (s) | {statistics.median(values):.2f} | {quantile(values, 0.95):.2f} |"
        )
    factors = [row["total"] / length for row, length in zip(rows, lengths, strict=True)]
    lines.append(
        f"| real-time factor | {statistics.median(factors):.2f} | {quantile(factors, 0.95):.2f} |"
    )
    lines.append(
        f"| length of the video (s) | {statistics.median(lengths):.2f} "
        f"| {quantile(lengths, 0.95):.2f} |"
    )
    lines.append(f"| cold start to the first reply (s) | {cold_seconds:.2f} | |")
    memory = peak_memory_mib()
    lines.append(f"| peak memory (MiB) | {memory:.0f} | |" if memory else "| peak memory | ? | |")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="ED-format dialogues (.jsonl)")
    parser.add_argument("-n", type=int, default=20, help="number of turns")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--once", action="store_true", help="one reply and no table")
    given = parser.parse_args()
    try:
        dialogues = turns_of(given.data, 1 if given.once else given.n)
    except (OSError, ValueError, KeyError) as error:
        print(f"error: cannot use {given.data}: {error}", file=sys.stderr)
        return 2
    from empatheia import Empatheia

    cold_seconds = 0.0 if given.once else cold(given.data, given.size)
    system = Empatheia.from_preset("small", size=given.size)
    answer(system, dialogues[0], seed=1)
    if given.once:
        return 0
    rows, lengths = [], []
    for seed, dialogue in enumerate(dialogues):
        reply, seconds = answer(system, dialogue, seed)
        rows.append(seconds)
        lengths.append(reply.phonemes[-1].end if reply.phonemes else 0.0)
    import torch

    print(
        f"{given.data.name}, {len(rows)} turns, {given.size} px, {os.cpu_count()} cores "
        f"({torch.get_num_threads()} threads), torch {torch.__version__}, "
        f"Python {platform.python_version()}\n"
    )
    print("\n".join(table(rows, lengths, cold_seconds)))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as problem:
        print(f"error: {problem}", file=sys.stderr)
        sys.exit(2)
