"""The chain is always whole, a batch is its rows, and the cache changes nothing."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.llm.causal import CausalLM
from empatheia.llm.decoding import (
    Sampling,
    decode_chains,
    only,
    prefill,
    read_replies,
    sample_replies,
    score_replies,
)
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


def test_samples_do_not_depend_on_the_batch(reasoner: Reasoner) -> None:
    sampling = Sampling(candidates=2, max_tokens=8)
    requests = [request("I lost my dog.", 3), request(LONG, 4)]
    together = sample_replies(reasoner.lm, reasoner.think(requests).state, sampling, [3, 4])
    alone = sample_replies(reasoner.lm, reasoner.think(requests[:1]).state, sampling, [3])
    assert [c.ids for c in alone[0]] == [c.ids for c in together[0]]


def test_what_begins_alike_is_read_once(
    reasoner: Reasoner, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = reasoner.think([request("I lost my dog.", 3), request(LONG, 4)]).state
    feed, rows = reasoner.lm.feed, list[int]()

    def counted(cache: object, embeddings: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        rows.append(len(embeddings))
        return feed(cache, embeddings, seen)

    monkeypatch.setattr(reasoner.lm, "feed", counted)
    drawn = sample_replies(reasoner.lm, state, Sampling(8, 0.3, max_tokens=6), [3, 4])
    for step, fed in enumerate(rows, 1):
        begun = [{c.ids[:step] for c in row if len(c.ids) >= step} for row in drawn]
        assert sum(map(len, begun)) <= fed <= 16
    assert rows[0] == sum(len({c.ids[0] for c in row}) for row in drawn) < 16


def test_states_of_drawn_replies_are_those_of_given_ones(reasoner: Reasoner) -> None:
    """Summed up while drawing, rows leaving the batch as they end."""
    requests = [request("I lost my dog.", 3), request(LONG, 4)]
    drawn = sample_replies(reasoner.lm, reasoner.think(requests).state, Sampling(2), [3, 4])
    state = only(reasoner.think(requests).state, [0, 0, 1, 1])
    hidden, real = read_replies(reasoner.lm, state, [c.ids for row in drawn for c in row])
    candidates = [c for row in drawn for c in row]
    for candidate, states, own in zip(candidates, hidden, real, strict=True):
        assert torch.allclose(candidate.state, states[own].mean(0), atol=1e-4)


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


def test_cache_is_no_cache(reasoner: Reasoner) -> None:
    lm: CausalLM = reasoner.lm
    ids = torch.tensor([lm.tokenizer.encode(LONG)])
    with torch.inference_mode():
        logp = lm.logits(lm.hidden(lm.embed(ids))).log_softmax(-1)
        start = prefill(lm, lm.embed(ids[:, :3]), torch.ones(1, 3, dtype=torch.bool))
    rest = ids[0, 3:].tolist()
    end = lm.tokenizer.id("<end>")
    expected = -sum(float(logp[0, 2 + i, t]) for i, t in enumerate([*rest, end]))
    assert score_replies(lm, start, [rest])[0] == pytest.approx(expected, rel=1e-4)


def test_scoring_a_reply_leaves_no_trace(reasoner: Reasoner) -> None:
    sampling, requests = Sampling(candidates=2, max_tokens=8), [request("Hi."), request(LONG)]
    thinking = reasoner.think(requests)
    first = reasoner.likelihood(thinking, ["Oh no, that is sad.", "Well done!"])
    assert reasoner.likelihood(thinking, ["Oh no, that is sad.", "Well done!"]) == first
    after = sample_replies(reasoner.lm, thinking.state, sampling, [1, 2])
    fresh = sample_replies(reasoner.lm, reasoner.think(requests).state, sampling, [1, 2])
    assert after == fresh


def test_replies_never_hold_marks_or_three_tokens_twice(reasoner: Reasoner) -> None:
    state = reasoner.think([request(LONG)]).state
    drawn = sample_replies(reasoner.lm, state, Sampling(candidates=6, max_tokens=30), [1])[0]
    for candidate in drawn:
        assert not set(candidate.ids) & reasoner.lm.tokenizer.special
        triples = list(zip(candidate.ids, candidate.ids[1:], candidate.ids[2:], strict=False))
        assert len(triples) == len(set(triples))
        assert len(candidate.ids) >= 3


def test_a_finished_row_waits_without_moving(reasoner: Reasoner) -> None:
    forced = {"event_scenario": "a", "emotion_cause": "b", "goal_to_response": "c"}
    requests = [request("Hi.", **forced), request(LONG)]
    state, _ = decode_chains(reasoner.lm, _prompt(reasoner, requests), [r.forced for r in requests])
    alone, _ = decode_chains(reasoner.lm, _prompt(reasoner, requests[:1]), [forced])
    assert torch.allclose(state.logits[0], alone.logits[0], atol=1e-4)


def _prompt(reasoner: Reasoner, requests: list[Request]):  # type: ignore[no-untyped-def]
    from empatheia.llm.prompt import prompt_ids

    rows = [prompt_ids(reasoner.lm.tokenizer, r.turns, r.profile) for r in requests]
    width = max(map(len, rows))
    ids = torch.tensor([[0] * (width - len(r)) + r for r in rows])
    mask = torch.tensor([[False] * (width - len(r)) + [True] * len(r) for r in rows])
    with torch.inference_mode():
        return prefill(reasoner.lm, reasoner.lm.embed(ids), mask)
