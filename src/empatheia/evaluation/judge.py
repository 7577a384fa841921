"""A language model as judge, by the rubrics that people are given: never the only evidence.

Each pair of replies (the system's and the human's) is judged twice, in both orders; a preference
that changes with the order is a tie, and how often that happens is told. Raw answers are kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from empatheia.data.builder.endpoint import Answer as Told
from empatheia.data.builder.endpoint import AnswerError, Endpoint, Messages
from empatheia.data.schema import Schema, closed, one_of
from empatheia.errors import InputError
from empatheia.evaluation.matching import Pair
from empatheia.evaluation.resampling import item_score
from empatheia.evaluation.scorecard import Figure, Metric, Row, Table
from empatheia.files import write_whole

RUBRICS: Final = {
    "empathy": "Does the reply show that the speaker's feeling is understood, and care about it?",
    "coherence": "Does the reply fit what was said before, without contradicting it?",
    "informativity": "Does the reply say something of its own about this situation?",
    "fluency": "Is the reply written in natural, correct English?",
}
SHORT: Final = {"empathy": "Emp", "coherence": "Coh", "informativity": "Inf", "fluency": "Flu"}
SCALE: Final = "1 not at all, 2 a little, 3 partly, 4 mostly, 5 fully"
PROMPT: Final = "pairwise-1"
ORDERS: Final = ("system first", "human first")
FILE: Final = "judgements.jsonl"
WINNERS: Final = ("A", "B", "tie")
Progress = Callable[[int, int], None]


def schema() -> Schema:
    """What a judge must answer: five-step ratings of both replies and the better one, each."""
    step: Schema = {"type": "integer", "enum": [1, 2, 3, 4, 5]}
    ratings = closed(dict.fromkeys(RUBRICS, step), list(RUBRICS))
    better = closed({name: one_of(WINNERS) for name in RUBRICS}, list(RUBRICS))
    return closed({"A": ratings, "B": ratings, "better": better}, ["A", "B", "better"])


def messages(pair: Pair, order: str) -> Messages:
    """The question about one pair; who is A follows from ``order``. Neither is named."""
    reference, answer = pair
    replies = [answer.reply, reference.response or ""]
    first, second = replies if order == ORDERS[0] else replies[::-1]
    asked = "\n".join(f"- {name}: {question}" for name, question in RUBRICS.items())
    system = (
        "You rate two replies to the same conversation. Rate each reply on its own, then say for "
        f"each question which is better, or tie. Length alone is no merit. Scale: {SCALE}.\n"
        f"{asked}\nAnswer with JSON only: "
        '{"A": {"empathy": 1-5, "coherence": 1-5, "informativity": 1-5, "fluency": 1-5}, '
        '"B": {the same}, "better": {"empathy": "A" or "B" or "tie", ...}}.'
    )
    talk = "\n".join(f"{turn.role}: {turn.text}" for turn in reference.context)
    user = f"Conversation:\n{talk}\n\nReply A: {first}\n\nReply B: {second}"
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One answer. ``value`` is None where the judge gave no usable one; ``raw`` is as it came.

    ``asked`` is the digest of the question: an answer about other words is another.
    """

    id: str
    order: str
    model: str
    prompt: str
    value: Mapping[str, Any] | None
    error: str = ""
    raw: str = ""
    asked: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.id, self.order, self.asked

    def rating(self, who: str, name: str) -> float:
        """Of ``system`` or ``human``; NaN without an answer."""
        if self.value is None:
            return float("nan")
        return float(self.value[self._letter(who)][name])

    def winner(self, name: str) -> str:
        """``system``, ``human`` or ``tie``."""
        assert self.value is not None
        letter = self.value["better"][name]
        if letter == "tie":
            return "tie"
        return "system" if letter == self._letter("system") else "human"

    def _letter(self, who: str) -> str:
        return "A" if (who == "system") == (self.order == ORDERS[0]) else "B"


def judge(
    endpoint: Endpoint, pairs: Sequence[Pair], out: Path, progress: Progress | None = None
) -> list[Judgement]:
    """Both orders of every pair; what ``out/judgements.jsonl`` holds already is not asked again.

    A question is the same where id, order and every word of it are: other replies are asked about
    anew, and the verdicts on earlier ones stay in the file.

    Raises EndpointError where the endpoint is gone; answers so far are kept.
    """
    usable = [(r, a) for r, a in pairs if r.response and a.reply]
    if not usable:
        raise InputError("no pair with a reply and a human reply: nothing to judge")
    model, path = endpoint.settings.model, out / FILE
    known = {j.key: j for j in read_judgements(path) if j.value is not None}
    if any((j.model, j.prompt) != (model, PROMPT) for j in known.values()):
        raise InputError(f"{path} is by another judge or prompt; choose another -o/--out folder")
    wanted = {(p[0].id, o, digest(messages(p, o))): (p, o) for p in usable for o in ORDERS}
    todo = [key for key in wanted if key not in known]
    form = schema()

    def ask(key: tuple[str, str, str]) -> Judgement:
        identity, order, asked = key
        try:
            told: Told = endpoint.ask(messages(*wanted[key]), form, "judgement")
        except AnswerError as error:
            return Judgement(identity, order, model, PROMPT, None, str(error), error.raw, asked)
        return Judgement(identity, order, model, PROMPT, told.value, raw=told.raw, asked=asked)

    with ThreadPoolExecutor(endpoint.settings.concurrency) as pool:
        try:
            for number, found in enumerate(pool.map(ask, todo), 1):
                known[found.key] = found
                if progress is not None:
                    progress(number, len(todo))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            if known:
                _write(path, known.values())
    return [known[key] for key in wanted]


def digest(asked: Messages) -> str:
    """Which words a judge was asked about."""
    told = json.dumps(list(asked), ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _write(path: Path, found: Any) -> None:
    names = Judgement.__dataclass_fields__
    rows = [json.dumps({n: getattr(j, n) for n in names}, ensure_ascii=False) for j in found]
    write_whole(path, "".join(row + "\n" for row in rows).encode())


def read_judgements(path: Path) -> list[Judgement]:
    """Answers that are kept; none where there is no file."""
    if not path.is_file():
        return []
    return [Judgement(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def judge_table(name: str, judged: Sequence[Judgement]) -> tuple[Table, dict[str, list[str]]]:
    """Mean ratings of both, and wins of the system over the human reply, ties counted half.

    A preference counts where both orders agree, else as a tie. Failed answers are named.
    """
    model = judged[0].model if judged else ""
    settings = {"judge": model, "prompt": PROMPT, "orders": 2}
    metrics = [Metric(n, f"{SHORT[n]} (judge)", "up", 2, settings=settings) for n in RUBRICS]
    metrics += [
        Metric(f"win_{n}", f"{SHORT[n]} wins %", "up", 1, settings=settings) for n in RUBRICS
    ]
    by_id: dict[str, list[Judgement]] = {}
    for item in judged:
        by_id.setdefault(item.id, []).append(item)
    whole = {i: both for i, both in by_id.items() if all(j.value for j in both) and len(both) == 2}
    faults = {"judge gave no usable answer": [i for i in by_id if i not in whole]}
    if not whole:
        raise InputError(f"the judge {model} gave no usable answer to {len(by_id)} pairs")
    swayed = set()
    rows: dict[str, dict[str, Figure]] = {"system": {}, "human": {}}
    for rubric in RUBRICS:
        for who, figures in rows.items():
            means = [sum(j.rating(who, rubric) for j in both) / 2 for both in whole.values()]
            figures[rubric] = Figure.of(item_score(means), model)
        wins = []
        for identity, (one, two) in whole.items():
            first, second = one.winner(rubric), two.winner(rubric)
            if first != second:
                swayed.add(identity)
            agreed = first if first == second else "tie"
            wins.append({"system": 100.0, "human": 0.0, "tie": 50.0}[agreed])
        rows["system"][f"win_{rubric}"] = Figure.of(item_score(wins), model)
    faults["preference changed with the order"] = sorted(swayed)
    table = Table(
        "judge",
        "Judged by a language model",
        tuple(metrics),
        (
            Row(name, rows["system"], "judge, not people"),
            Row("Human replies", rows["human"], "judge"),
        ),
        (f"{len(swayed)} of {len(whole)} pairs changed a preference with the order.",),
    )
    return table, {k: v for k, v in faults.items() if v}
