"""A forced field of the chain, on tiny weights and on cases written by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from empatheia.data.labels import EMOTIONS8
from empatheia.data.references import Reference
from empatheia.errors import InputError
from empatheia.experiments.interventions import (
    CONTROL,
    FORCED,
    Answered,
    Case,
    changes_table,
    intervene,
)
from empatheia.llm.decoding import Sampling
from empatheia.llm.ranking import Ranking
from empatheia.model import Empatheia, TextSettings
from empatheia.tiny import tiny_reasoner
from empatheia.types import ChainOfEmpathy, Turn

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
import merg

TOLD = ("I lost my dog.", "We won the game!", "I am scared of the dark.", "It rained.", "He left.")


def system() -> Empatheia:
    """Strong layers, or random weights would plan the same for every context."""
    reasoner = tiny_reasoner()
    with torch.no_grad():
        for name, weight in reasoner.lm.lm.named_parameters():
            if "_proj" in name:
                weight *= 10
    settings = TextSettings(Sampling(candidates=2, max_tokens=8), Ranking())
    expression = merg.expression(True, True)
    return Empatheia(reasoner, *merg.generators(), None, settings, {}, expression, "empatheia")


def references(count: int = len(TOLD)) -> list[Reference]:
    return [Reference(f"{i}#1", str(i), (Turn("speaker", t),)) for i, t in enumerate(TOLD[:count])]


def value(cases: list[Case], row: int, metric: str) -> float | None:
    return changes_table(cases).rows[row].figures[metric].value


def test_its_own_chain_changes_nothing_and_another_feeling_is_the_plan() -> None:
    counted: list[tuple[int, int]] = []
    cases = intervene(system(), references(), lambda done, all_: counted.append((done, all_)))
    assert counted[-1] == (25, 25)
    assert all(value(cases, 0, name) == 0 for name in ("plan", "reply", "voice", "face"))
    for case in cases:
        assert tuple(case.forced) == (CONTROL, *FORCED)
        for name in FORCED:
            assert getattr(case.forced[name].chain, name) != getattr(case.free.chain, name)
        assert {case.free.voice, case.free.face} <= set(EMOTIONS8)
    assert value(cases, 1 + FORCED.index("response_emotion"), "plan") == 100


def answered(feeling: str, text: str, voice: str, face: str) -> Answered:
    return Answered(ChainOfEmpathy("", "sad", "", "", feeling), text, voice, face)


def test_shares_are_counted_by_hand() -> None:
    free = answered("sad", "Oh.", "sad", "sad")
    other = answered("happy", "Oh.", "happy", "sad")
    cases = [
        Case("a#1", free, dict.fromkeys((CONTROL, *FORCED), free)),
        Case("b#1", free, dict.fromkeys((CONTROL, *FORCED), other)),
    ]
    wanted = {"plan": 50, "reply": 0, "voice": 50, "face": 0, "voice_follows": 100,
              "face_follows": 50}  # fmt: skip
    assert {name: value(cases, 1, name) for name in wanted} == wanted


def test_too_few_contexts_and_missing_weights_are_told() -> None:
    with pytest.raises(InputError, match="at least 4"):
        intervene(system(), references(3))
    bare = Empatheia(tiny_reasoner(), *merg.generators(), None, TextSettings(), {})
    with pytest.raises(InputError, match="weights are missing"):
        intervene(bare, references())
