"""Replies do not depend on the batch, and the cache changes nothing."""

from __future__ import annotations

import pytest
import torch

from empatheia.llm.causal import CausalLM
from empatheia.llm.decoding import (
    Sampling,
    read_replies,
    sample_replies,
    score_replies,
)
from empatheia.llm.state import only, prefill
from empatheia.reasoner import Reasoner, Request
from empatheia.tiny import tiny_reasoner
from empatheia.types import Profile, Turn

LONG = "We won the game today and I am so proud of all of us, it was a great day!"


@pytest.fixture(scope="module")
def reasoner() -> Reasoner:
    return tiny_reasoner()


def request(text: str, seed: int = 0) -> Request:
    return Request((Turn("speaker", text),), Profile(), {}, seed)


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
