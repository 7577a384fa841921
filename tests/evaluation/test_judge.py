"""The judge, against a local server that speaks OpenAI's chat completions."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from empatheia.data.builder.endpoint import Endpoint, Settings
from empatheia.data.predictions import Answer
from empatheia.data.references import Reference
from empatheia.errors import InputError
from empatheia.evaluation.judge import RUBRICS, judge, judge_table, read_judgements
from empatheia.types import Turn

PAIRS = [
    (Reference(f"{n}#1", n, (Turn("speaker", "My cat died."),), "I am sorry."), Answer(n, reply))
    for n, reply in (("a", "Good reply."), ("b", "Bad reply."))
]
Mood = Callable[[str], str]  # question -> content


@contextmanager
def serving(mood: Mood) -> Iterator[tuple[Endpoint, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            question = body["messages"][-1]["content"]
            asked.append(question)
            told = {"choices": [{"message": {"content": mood(question)}}]}
            data = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    endpoint = Endpoint(Settings(url, "m", concurrency=2, attempts=2, pause=0.001, timeout=10))
    try:
        yield endpoint, asked
    finally:
        endpoint.close()
        server.shutdown()
        server.server_close()


def ratings(a: int, b: int, better: str) -> str:
    rows = {"A": dict.fromkeys(RUBRICS, a), "B": dict.fromkeys(RUBRICS, b)}
    return json.dumps({**rows, "better": dict.fromkeys(RUBRICS, better)})


def fair(question: str) -> str:
    """Likes the good reply more than the human one, and that more than the bad one."""
    first = question.partition("Reply A: ")[2]
    values = [5 if "Good" in part else 1 if "Bad" in part else 3 for part in first.split("Reply B")]
    return ratings(values[0], values[1], "A" if values[0] > values[1] else "B")


def test_fair_judge(tmp_path: Path) -> None:
    with serving(fair) as (endpoint, asked):
        found = judge(endpoint, PAIRS, tmp_path)
        assert len(asked) == 4
        assert not any("system" in question.lower() for question in asked)  # nobody is named
        assert judge(endpoint, PAIRS, tmp_path) == found  # all answers are kept
        assert len(asked) == 4
    table, faults = judge_table("ours", found)
    ours, human = table.rows[0].figures, table.rows[1].figures
    assert ours["empathy"].value == 3.0  # (5 + 1) / 2
    assert human["empathy"].value == 3.0
    assert ours["win_empathy"].value == 50.0
    assert faults == {}
    kept = read_judgements(tmp_path / "judgements.jsonl")
    assert {j.model for j in kept} == {"m"}
    assert all(json.loads(j.raw) == j.value for j in kept)  # the answer as it came


def test_other_replies_are_judged_anew(tmp_path: Path) -> None:
    """Verdicts are on words, not on ids: a second system in the same folder is asked about."""
    swapped = [
        (r, Answer(a.id, b.reply)) for (r, a), (_, b) in zip(PAIRS, PAIRS[::-1], strict=True)
    ]
    with serving(fair) as (endpoint, asked):
        first = judge(endpoint, PAIRS, tmp_path)
        second = judge(endpoint, swapped, tmp_path)
        assert len(asked) == 8
        assert judge(endpoint, PAIRS, tmp_path) == first  # kept, though others came after
        assert len(asked) == 8
    ours = [[j.rating("system", "empathy") for j in found] for found in (first, second)]
    assert ours == [[5, 5, 1, 1], [1, 1, 5, 5]]


def test_judge_that_likes_the_first_one_says_nothing(tmp_path: Path) -> None:
    with serving(lambda _: ratings(4, 2, "A")) as (endpoint, _):
        table, faults = judge_table("ours", judge(endpoint, PAIRS, tmp_path))
    assert table.rows[0].figures["win_fluency"].value == 50.0
    assert faults["preference changed with the order"] == ["a#1", "b#1"]


def test_unusable_answers_are_counted(tmp_path: Path) -> None:
    def half(question: str) -> str:
        return "I would rather not." if "Bad" in question else fair(question)

    with serving(half) as (endpoint, _):
        found = judge(endpoint, PAIRS, tmp_path / "half")
        table, faults = judge_table("ours", found)
        assert faults["judge gave no usable answer"] == ["b#1"]
        assert table.rows[0].figures["empathy"].n == 1
        kept = [j for j in read_judgements(tmp_path / "half" / "judgements.jsonl") if j.error]
        assert [(j.id, j.raw) for j in kept] == [("b#1", "I would rather not.")] * 2
    with serving(lambda _: "no") as (endpoint, _):
        nothing = judge(endpoint, PAIRS, tmp_path / "none")
    with pytest.raises(InputError, match="no usable answer"):
        judge_table("ours", nothing)
