"""Is the chain causal? One of its fields is forced, and reply, voice and face are looked at again.

Everything is free-running but the forced field: what comes after it in the chain is decoded anew,
the reply is drawn with the same seed, and styles follow from the states behind it. Voice and face
are read as the planned feeling whose usual style (of the same person) is nearest. The control
forces the two labels that the model said by itself, which must change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

import torch

from empatheia.data.labels import EMOTIONS8
from empatheia.data.references import Reference
from empatheia.data.requests import CHAIN_LABELS
from empatheia.errors import InputError
from empatheia.evaluation.resampling import item_score
from empatheia.evaluation.scorecard import Figure, Metric, Row, Table
from empatheia.experiments.measures import nearest_feeling
from empatheia.llm.signals import fork
from empatheia.model import NOTHING_TO_SAY, Empatheia, intensity_of
from empatheia.reasoner import Request
from empatheia.types import ChainOfEmpathy, Profile

CONTROL: Final = "the same labels"
FORCED: Final = ("speaker_emotion", "goal_to_response", "response_emotion")
LEAST: Final = 4  # contexts: each gets the value of another one
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Answered:
    """One reply: its chain, words, and the feelings that its voice and face are nearest to."""

    chain: ChainOfEmpathy
    text: str
    voice: str
    face: str


@dataclass(frozen=True, slots=True)
class Case:
    """A context answered freely, and once for each name of ``CONTROL`` and ``FORCED``."""

    id: str
    free: Answered
    forced: Mapping[str, Answered]

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@torch.inference_mode()
def answer(system: Empatheia, request: Request) -> Answered:
    """Chain, reply and styles as ``--system empatheia`` has them, without sound and pictures."""
    assert system.expression is not None
    reasoner, who, module = system.reasoner, request.profile, system.expression.style
    thinking = reasoner.think([request])
    kept = fork(thinking.state)
    choices = reasoner.write(thinking, system.text.sampling, system.text.ranking)[0]
    text = choices[0].text if choices else NOTHING_TO_SAY
    strength = intensity_of(thinking.thoughts[0])
    style = system.expression.express(reasoner.lm, kept, text, strength).style
    sides = (
        (style.speech, system.speech, module.speech_units),
        (style.video, system.face, module.video_units),
    )
    shown = [
        EMOTIONS8[nearest_feeling(found[0].float(), g, units, who)] for found, g, units in sides
    ]
    return Answered(thinking.thoughts[0].chain, text, *shown)


def intervene(
    system: Empatheia, references: Sequence[Reference], progress: Progress | None = None
) -> list[Case]:
    """Every context five times. The forced value is that of the nearest later context that differs.

    So values are as frequent as the model says them. Raises InputError without content and style
    modules, for fewer than ``LEAST`` contexts, or where all say the same.
    """
    if system.expression is None:
        raise InputError(
            "the chain is followed through --system empatheia, whose weights are missing"
        )
    if len(references) < LEAST:
        raise InputError(f"{len(references)} contexts; at least {LEAST} are needed")
    requests = [Request(r.context, r.listener or Profile()) for r in references]
    total = len(requests) * (len(FORCED) + 2)
    done = 0

    def told(request: Request) -> Answered:
        nonlocal done
        found = answer(system, request)
        done += 1
        if progress is not None:
            progress(done, total)
        return found

    free = [told(request) for request in requests]
    cases = []
    for number, (reference, request) in enumerate(zip(references, requests, strict=True)):
        own = free[number].chain
        wishes = {CONTROL: {name: getattr(own, name) for name in CHAIN_LABELS}}
        wishes |= {name: {name: _another(free, number, name)} for name in FORCED}
        forced = {name: told(replace(request, forced=wish)) for name, wish in wishes.items()}
        cases.append(Case(reference.id, free[number], forced))
    return cases


def _another(free: Sequence[Answered], number: int, name: str) -> str:
    own: str = getattr(free[number].chain, name)
    others = (*free[number + 1 :], *free[:number])
    said = [getattr(other.chain, name) for other in others]
    for value in (*said, *CHAIN_LABELS.get(name, ())):
        if value != own:
            return str(value)
    raise InputError(f"all contexts have the same {name}, {own!r}: give more of them")


CHANGES: Final[Mapping[str, Callable[[Answered, Answered], bool]]] = {
    "plan": lambda a, b: a.chain.response_emotion != b.chain.response_emotion,
    "reply": lambda a, b: a.text != b.text,
    "voice": lambda a, b: a.voice != b.voice,
    "face": lambda a, b: a.face != b.face,
}
FOLLOWS: Final[Mapping[str, Callable[[Answered], bool]]] = {
    "voice_follows": lambda b: b.voice == b.chain.response_emotion,
    "face_follows": lambda b: b.face == b.chain.response_emotion,
}
_ABOUT = {"plan": "response_emotion: what voice and face of `direct` show",
          "voice": "the feeling that S^s is nearest to", "face": "the same of S^v"}  # fmt: skip


def changes_table(cases: Sequence[Case]) -> Table:
    """Share of contexts where an output is another one; and where voice and face show the plan."""
    metrics = [
        Metric(name, f"{name} changes", "none", 1, note=_ABOUT.get(name, "")) for name in CHANGES
    ]
    metrics += [Metric(name, f"{name.split('_')[0]} as planned", "up", 1) for name in FOLLOWS]
    rows = []
    for name in (CONTROL, *FORCED):
        pairs = [(case.free, case.forced[name]) for case in cases]
        found = {key: [100.0 * differ(a, b) for a, b in pairs] for key, differ in CHANGES.items()}
        found |= {key: [100.0 * hit(b) for _, b in pairs] for key, hit in FOLLOWS.items()}
        title = f"forced: {name}" if name in FORCED else name
        rows.append(Row(title, {k: Figure.of(item_score(v)) for k, v in found.items()}))
    title = f"One field of the chain forced, {len(cases)} contexts, %"
    return Table("interventions", title, tuple(metrics), tuple(rows))
