"""How long a set of the paper's size takes: 33,048 dialogues, 152,021 utterances.

    python benchmarks/data.py [--times 1] [--out FOLDER]

Makes such a set (no media), runs ``data import``, ``validate`` and ``stats`` on it, each in a
process of its own, and prints wall seconds, processor seconds and the most memory of each.
``--times 2`` makes it twice as large: time doubles, memory stays.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from empatheia.data.labels import AGES, EMOTIONS32, GENDERS, TIMBRE_TO_TONE

DIALOGUES, UTTERANCES = 33_048, 152_021
SPLITS = {"train": 24_696, "valid": 4_373, "test": 3_979}
WORDS_A_TURN = 14.68
WORDS = (
    "i was my the a to and it of in so that for you on with at me is have but had be this just "
    "really when they she he we dog house work friend school mother car night day week feel felt "
    "happy lost won found told asked never always again still about after before because wonderful"
)
VOCABULARY = WORDS.split()


def text(rng: random.Random) -> str:
    count = max(2, round(rng.gauss(WORDS_A_TURN, 6)))
    return " ".join(rng.choices(VOCABULARY, k=count)).capitalize() + "."


def person(rng: random.Random) -> dict[str, object]:
    number = rng.randrange(65)
    own = random.Random(number)
    return {
        "age": own.choice(AGES),
        "gender": own.choice(GENDERS),
        "timbre": own.choice(list(TIMBRE_TO_TONE)),
        "ID": number,
    }


def conversation(identity: int, turns: int, rng: random.Random) -> dict[str, object]:
    said = [text(rng) for _ in range(turns)]
    emotion = rng.choice(EMOTIONS32)
    chain = {
        "speaker_emotion": emotion,
        "event_scenario": "something happened",
        "emotion_cause": "it mattered to them",
        "goal_to_response": "to comfort",
    }
    samples = []
    for number in range((turns + 1) // 2):
        history = [
            {"index": i, "role": "listener" if i % 2 else "speaker", "utterance": said[i]}
            for i in range(2 * number + 1)
        ]
        sample: dict[str, object] = {
            "turn_id": str(number),
            "context": said[0],
            "dialogue_history": history,
        }
        if 2 * number + 1 < turns:
            sample |= {"response": said[2 * number + 1], "chain_of_empathy": chain}
        samples.append(sample)
    return {
        "conversation_id": f"{identity:05d}",
        "speaker_profile": person(rng),
        "listener_profile": person(rng),
        "topic": f"Topic {rng.randrange(10)}",
        "turns": samples,
    }


def generate(folder: Path, times: int) -> None:
    """The released layout, a file a split, exactly the paper's counts (times ``times``)."""
    rng = random.Random(0)
    lengths = [4] * DIALOGUES
    for place in rng.sample(range(DIALOGUES), UTTERANCES - 4 * DIALOGUES):
        lengths[place] += 1
    identity = 0
    for split, count in SPLITS.items():
        with (folder / f"{split}.json").open("w", encoding="utf-8") as handle:
            for place in range(count * times):
                item = conversation(identity + 1, lengths[identity % DIALOGUES], rng)
                handle.write(("[\n" if place == 0 else ",\n") + json.dumps(item))
                identity += 1
            handle.write("\n]\n")


def measured(name: str, *words: object) -> None:
    """Run one command; print its time and memory."""
    started = time.perf_counter()
    call = [sys.executable, "-m", "empatheia", "data", *map(str, words)]
    child = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    spent = usage.ru_utime + usage.ru_stime
    megabytes = usage.ru_maxrss / 1024
    print(
        f"{name:10} {wall:7.1f} s wall {spent:7.1f} s processor {megabytes:7.0f} MB "
        f"(exit code {child.returncode})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=1, help="how many times the paper's size")
    parser.add_argument("--out", type=Path, help="where to work (a temporary folder)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.out) as name:
        folder = Path(name)
        generate(folder, chosen.times)
        size = sum(file.stat().st_size for file in folder.glob("*.json")) / 1e6
        print(f"{DIALOGUES * chosen.times:,} dialogues, {UTTERANCES * chosen.times:,} utterances, "
              f"{size:.0f} MB")  # fmt: skip
        made = folder / "all.jsonl"
        measured("import", "import", "avamerg", folder, "-o", made, "--no-listener-emotions")
        measured("validate", "validate", made)
        measured("stats", "stats", made, "-o", folder / "stats")


if __name__ == "__main__":
    main()
