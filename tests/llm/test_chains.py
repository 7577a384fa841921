"""The chain is always whole, as it was forced, and its own whatever stands beside it."""

from __future__ import annotations

import copy
from dataclasses import asdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.llm.chains import decode_chains
from empatheia.llm.decoding import Sampling, sample_replies
from empatheia.llm.state import State, prefill
from empatheia.reasoner import Reasoner, Request
from empatheia.tiny import tiny_reasoner
from empatheia.types import Profile, Turn

LONG = "We won the game today and I am so proud of all of us, it was a great day!"


@pytest.fixture(scope="module")
def reasoner() -> Reasoner:
    return tiny_reasoner()


def request(text: str, seed: int = 0, **forced: str) -> Request:
    return Request((Turn("speaker", text),), Profile(), forced, seed)


def test_every_field_is_there_and_labels_are_labels(reasoner: Reasoner) -> None:
    thought = reasoner.think([request("I lost my dog.")]).thoughts[0]
    assert thought.chain.speaker_emotion in EMOTIONS32
    assert thought.chain.response_emotion in EMOTIONS8
    assert set(thought.emotions) == set(EMOTIONS32)
    assert sum(thought.emotions.values()) == pytest.approx(1, abs=1e-5)
    assert sum(thought.feels.values()) == pytest.approx(1, abs=1e-5)
    assert thought.chain.speaker_emotion == max(thought.emotions, key=thought.emotions.__getitem__)


def test_a_row_does_not_feel_its_neighbours(reasoner: Reasoner) -> None:
    requests = [request("I lost my dog.", 3), request(LONG, 4), request("Hi.", 5)]
    together = reasoner.think(requests)
    for row, one in enumerate(requests):
        alone = reasoner.think([one])
        assert alone.thoughts[0].chain == together.thoughts[row].chain
        assert torch.allclose(alone.state.logits[0], together.state.logits[row], atol=1e-4)


@given(
    emotion=st.sampled_from(EMOTIONS32),
    feel=st.sampled_from(EMOTIONS8),
    goal=st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=8),
)
@settings(max_examples=10, deadline=None)
def test_forced_fields_stand_as_given(emotion: str, feel: str, goal: str) -> None:
    reasoner = tiny_reasoner()
    forced = {"speaker_emotion": emotion, "response_emotion": feel, "goal_to_response": goal}
    chain = reasoner.think([request("I lost my dog.", **forced)]).thoughts[0].chain
    assert asdict(chain) | forced == asdict(chain)


def test_forcing_what_was_decoded_changes_nothing(reasoner: Reasoner) -> None:
    free = reasoner.think([request("I lost my dog.")])
    label = free.thoughts[0].chain.speaker_emotion
    forced = reasoner.think([request("I lost my dog.", speaker_emotion=label)])
    assert forced.thoughts[0] == free.thoughts[0]
    assert torch.allclose(forced.state.logits, free.state.logits, atol=1e-5)


def test_a_finished_row_waits_without_moving(reasoner: Reasoner) -> None:
    forced = {"event_scenario": "a", "emotion_cause": "b", "goal_to_response": "c"}
    requests = [request("Hi.", **forced), request(LONG)]
    state, _ = decode_chains(reasoner.lm, _prompt(reasoner, requests), [r.forced for r in requests])
    alone, _ = decode_chains(reasoner.lm, _prompt(reasoner, requests[:1]), [forced])
    assert torch.allclose(state.logits[0], alone.logits[0], atol=1e-4)


def test_chains_that_are_whole_leave_the_batch_and_come_back(
    reasoner: Reasoner, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = {"event_scenario": "a", "emotion_cause": "b", "goal_to_response": "c"}
    requests = [request(LONG), request("Hi.", 3, **short), request("I am sad.", 4, **short)]
    forced = [r.forced for r in requests]
    feed, rows = reasoner.lm.feed, list[int]()

    def counted(cache: object, embeddings: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        rows.append(len(embeddings))
        return feed(cache, embeddings, seen)

    prompt = _prompt(reasoner, requests)
    monkeypatch.setattr(reasoner.lm, "feed", counted)
    state, chains = decode_chains(reasoner.lm, prompt, forced)
    assert (rows[0], rows[-1]) == (3, 1)
    monkeypatch.undo()
    drawn = sample_replies(reasoner.lm, copy.deepcopy(state), Sampling(2, max_tokens=8), [0, 3, 4])
    for row, one in enumerate(requests):
        own, (chain,) = decode_chains(reasoner.lm, _prompt(reasoner, [one]), [one.forced])
        assert chain.fields == chains[row].fields
        assert torch.allclose(own.logits[0], state.logits[row], atol=1e-4)
        alone = sample_replies(reasoner.lm, own, Sampling(2, max_tokens=8), [one.seed])
        assert [c.ids for c in alone[0]] == [c.ids for c in drawn[row]]


def _prompt(reasoner: Reasoner, requests: list[Request]) -> State:
    from empatheia.llm.prompt import prompt_ids

    rows = [prompt_ids(reasoner.lm.tokenizer, r.turns, r.profile) for r in requests]
    width = max(map(len, rows))
    ids = torch.tensor([[0] * (width - len(r)) + r for r in rows])
    mask = torch.tensor([[False] * (width - len(r)) + [True] * len(r) for r in rows])
    with torch.inference_mode():
        return prefill(reasoner.lm, reasoner.lm.embed(ids), mask)
