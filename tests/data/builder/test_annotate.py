"""Labels from a real HTTP server on this machine, friendly and not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("httpx2")

from empatheia.cli.main import run
from empatheia.data import manifest
from empatheia.data.builder import annotate as work
from empatheia.data.builder.cache import AnswerCache
from empatheia.data.builder.endpoint import AnswerError, Endpoint, EndpointError, Settings
from empatheia.data.validate import validate
from empatheia.errors import ConfigError, InputError
from empatheia.types import Dialogue, Profile, Turn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from chat_server import Server, serving  # noqa: E402

DIALOGUES = [
    Dialogue("1", (Turn("speaker", "My dog ran away."), Turn("listener", "Oh no."))),
    Dialogue("2", ()),
    Dialogue("3", (Turn("speaker", "I won."), Turn("listener", "Great!")), emotion="proud"),
    Dialogue("4", (Turn("speaker", "It rains."),), listener=Profile("elderly")),
]
QUESTIONS = 5


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[AnswerCache]:
    made = AnswerCache(tmp_path / "c.sqlite", "m")
    yield made
    made.close()


def endpoint(server: Server, **values: object) -> Endpoint:
    quick = {"attempts": 3, "pause": 0.001, "timeout": 5.0, **values}
    return Endpoint(Settings(server.url, "m", **quick))  # type: ignore[arg-type]


def annotated(server: Server, cache: AnswerCache, **values: object) -> list[work.Annotated]:
    asks = endpoint(server, **values)
    try:
        return list(work.annotate(DIALOGUES, cache, asks, 2))
    finally:
        asks.close()


def test_everything_is_labelled_and_says_by_whom(tmp_path: Path, cache: AnswerCache) -> None:
    with serving() as server:
        done = [item.dialogue for item in annotated(server, cache)]
    manifest.write(tmp_path / "m.jsonl", done)
    verdict = validate(tmp_path / "m.jsonl")
    assert dict(verdict.counts) == {"V3": 1}
    assert [d.id for d in done] == ["1", "2", "3", "4"]
    first, _, third, fourth = done
    assert first.topic
    assert first.emotion
    assert first.turns[1].chain is not None
    assert dict(first.label_sources)["topic"] == "m@labels-2"
    for turn in first.turns:
        assert turn.emotion or turn.emotion8 == "neutral"
        assert turn.emotion_source
    assert dict(first.label_sources)["chain_of_empathy"] == "m@chain-1"
    assert third.emotion == "proud"
    assert "emotion" not in dict(third.label_sources)
    assert fourth.listener == Profile("elderly")
    assert fourth.speaker is not None


def test_nothing_is_asked_twice(cache: AnswerCache) -> None:
    with serving() as server:
        before = work.estimate(DIALOGUES, cache)
        first = annotated(server, cache)
        assert (before.questions, server.requests) == (QUESTIONS, QUESTIONS)
        assert annotated(server, cache) == first
        assert server.requests == QUESTIONS
    assert before.cost(1.0, 2.0) > 0
    assert before.seconds(1, 60) == pytest.approx(15)
    assert cache.tokens_in == 100 * QUESTIONS


@pytest.mark.parametrize(
    "trouble", [429, 500, 503, 400, "nonsense", '{"topic": 1}', "```json\n```"]
)
def test_trouble_that_passes(cache: AnswerCache, trouble: object) -> None:
    def mood(number: int, body: dict[str, object]) -> object:
        old = trouble == 400  # a server that knows no response_format
        return trouble if ("response_format" in body if old else number in (1, 3)) else None

    with serving(mood) as server:
        assert not any(item.fault for item in annotated(server, cache))
        assert server.requests >= QUESTIONS + 1


def test_a_slow_answer_is_asked_for_again(cache: AnswerCache) -> None:
    with serving(lambda number, body: 0.5 if number == 1 else None) as server:
        assert not any(item.fault for item in annotated(server, cache, timeout=0.2))


def test_one_dialogue_that_fails_leaves_the_others(cache: AnswerCache) -> None:
    def mood(number: int, body: dict[str, object]) -> object:
        return "no" if "I won." in str(body["messages"]) else None

    with serving(mood) as server:
        done = annotated(server, cache)
    assert [item.fault is None for item in done] == [True, True, False, True]
    assert done[2].dialogue == DIALOGUES[2]
    assert "no usable answer after 3" in done[2].fault.message  # type: ignore[union-attr]


def test_an_endpoint_that_refuses_or_is_gone_stops_the_run(cache: AnswerCache) -> None:
    with serving(lambda number, body: 401) as server, pytest.raises(EndpointError, match="401"):
        annotated(server, cache)
    asks = Endpoint(Settings("http://127.0.0.1:9/v1", "m", attempts=1, timeout=1))
    with pytest.raises(EndpointError, match="nobody listens"):
        list(work.annotate(DIALOGUES, cache, asks, 1))
    asks.close()
    many = [Dialogue(str(i), DIALOGUES[0].turns) for i in range(40)]
    with serving(lambda number, body: 500) as server:
        asks = endpoint(server, attempts=1)
        with pytest.raises(EndpointError, match="in a row"):
            list(work.annotate(many, cache, asks, 1))
        asks.close()
    with pytest.raises(ConfigError, match="no address"):
        Endpoint(Settings("localhost:8000", "m"))


def test_rate_and_concurrency_are_kept(cache: AnswerCache) -> None:
    import time

    with serving(lambda number, body: 0.02) as server:
        started = time.monotonic()
        annotated(server, cache, per_minute=60 / 0.05, concurrency=1)
        assert time.monotonic() - started >= 0.05 * (QUESTIONS - 1)
        assert server.most_at_once == 1


def test_questions_of_another_model_or_prompt_are_others() -> None:
    question = work.labels_question(DIALOGUES[0])
    assert question.key("a") != question.key("b")
    assert question.key("a") != work.chain_question(DIALOGUES[0], 1).key("a")


def test_a_file_that_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no database, but long enough to be looked at" * 9)
    with pytest.raises(InputError, match="no cache"):
        AnswerCache(tmp_path / "x", "m")


def test_an_answer_that_never_fits(cache: AnswerCache) -> None:
    with serving(lambda number, body: "[]") as server:
        asks = endpoint(server)
        with pytest.raises(AnswerError, match="no object"):
            cache.answer(work.labels_question(DIALOGUES[0]), asks)
        asks.close()


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_killed_and_called_again_gives_the_same_bytes(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    manifest.write(source, DIALOGUES)

    def start(server: Server, out: Path) -> subprocess.Popen[bytes]:
        words = [source, "-o", out / "m.jsonl", "--url", server.url, "--model", "m"]
        code = "from empatheia.cli.main import main; main()"
        command = [sys.executable, "-W", "ignore", "-c", code, "data", "annotate", *words]
        return subprocess.Popen(
            [*map(str, command), "--concurrency", "1"],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def call(server: Server, out: Path) -> None:
        words = [source, "-o", out / "m.jsonl", "--url", server.url, "--model", "m"]
        assert run(["data", "annotate", *map(str, words), "--concurrency", "1"]) == 0

    with serving() as server:
        call(server, tmp_path / "whole")
    running: list[subprocess.Popen[bytes]] = []

    def mood(number: int, body: dict[str, object]) -> object:
        if number == 4:
            running[0].send_signal(signal.SIGKILL)
            return 1.0
        return None

    with serving(mood) as server:
        running.append(start(server, tmp_path / "cut"))
        assert running[0].wait(60) == -signal.SIGKILL
        assert not (tmp_path / "cut" / "m.jsonl").exists()
        server.mood = lambda number, body: None
        call(server, tmp_path / "cut")
        assert server.requests in (QUESTIONS + 1, QUESTIONS + 2)
    whole, cut = tmp_path / "whole" / "m.jsonl", tmp_path / "cut" / "m.jsonl"
    assert cut.read_bytes() == whole.read_bytes()
