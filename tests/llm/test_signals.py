"""Signals from the cache are those of a whole pass; both kinds of language model agree on it."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.llm.chains import decode_chains
from empatheia.llm.decoding import Sampling, sample_replies, score_replies
from empatheia.llm.interface import LanguageModel
from empatheia.llm.seq2seq import Seq2SeqConfig, Seq2SeqLM
from empatheia.llm.signals import SignalConfig, SignalTokens, collect, fork, token_words
from empatheia.llm.state import prefill
from empatheia.tiny import tiny_reasoner

REPLIES = ("I am sorry to hear that.", "Well done!")


@pytest.fixture(scope="module", params=["causal", "seq2seq"])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    causal = tiny_reasoner().lm
    if request.param == "causal":
        return causal
    torch.manual_seed(0)
    config = Seq2SeqConfig(dim=16, layers=2, heads=2, head_dim=8, hidden=32)
    return Seq2SeqLM(config, causal.tokenizer).eval()


def prompts(model: LanguageModel) -> tuple[torch.Tensor, torch.Tensor]:
    """Two prompts, padded on the left."""
    rows = [model.tokenizer.encode(t) for t in ("My dog ran away.", "We won the game today!")]
    width = max(map(len, rows))
    ids = torch.tensor([[0] * (width - len(r)) + r for r in rows])
    mask = torch.tensor([[False] * (width - len(r)) + [True] * len(r) for r in rows])
    return model.embed(ids), mask


def table() -> SignalTokens:
    torch.manual_seed(1)
    return SignalTokens(SignalConfig(16))


def test_cache_is_no_cache(model: LanguageModel) -> None:
    signals, (embedded, mask) = table(), prompts(model)
    ids = [model.tokenizer.encode(text) for text in REPLIES]
    with torch.inference_mode():
        state = prefill(model, embedded, mask)
        found = collect(model, signals, state, ids)
        again = collect(model, signals, state, ids)  # the state was left as it was
        tail = signals.tail(model, ids)
        whole = model.read(embedded, mask, tail.embeddings, tail.mask)
        wanted = signals.split(whole[:, 1:], tail.lengths)
    for name in ("text", "speech", "video"):
        assert torch.allclose(getattr(found, name), getattr(wanted, name), atol=1e-5)
        assert torch.equal(getattr(found, name), getattr(again, name))
    assert found.speech.shape == found.video.shape == (2, 16, 16)
    assert found.real.sum(1).tolist() == [len(row) for row in ids]


def test_a_batch_of_signals_is_its_rows(model: LanguageModel) -> None:
    signals, (embedded, mask) = table(), prompts(model)
    ids = [model.tokenizer.encode(text) for text in REPLIES]
    with torch.inference_mode():
        both = collect(model, signals, prefill(model, embedded, mask), ids)
        own = mask[0]
        state = prefill(model, embedded[:1, own], mask[:1, own])
        one = collect(model, signals, state, ids[:1])
    assert torch.allclose(both.speech[0], one.speech[0], atol=1e-5)
    assert torch.allclose(both.video[0], one.video[0], atol=1e-5)
    assert torch.allclose(both.text[0, : len(ids[0])], one.text[0], atol=1e-5)


def test_a_fork_is_untouched_by_sampling(model: LanguageModel) -> None:
    signals, (embedded, mask) = table(), prompts(model)
    ids = [model.tokenizer.encode(text) for text in REPLIES]
    with torch.inference_mode():
        state = prefill(model, embedded, mask)
        before = collect(model, signals, state, ids)
        kept = fork(state)
    sample_replies(model, state, Sampling(candidates=2, max_tokens=4), [0, 1])
    assert torch.equal(collect(model, signals, kept, ids).speech, before.speech)


def test_one_dialogue_is_decoded_by_either_kind(model: LanguageModel) -> None:
    embedded, mask = prompts(model)
    with torch.inference_mode():
        state = prefill(model, embedded[:1], mask[:1])
    state, chains = decode_chains(model, state, [{"event_scenario": "a loss"}])
    assert chains[0].fields["event_scenario"] == "a loss"
    assert chains[0].fields["speaker_emotion"] in EMOTIONS32
    assert chains[0].fields["response_emotion"] in EMOTIONS8
    first = score_replies(model, state, [model.tokenizer.encode(REPLIES[0])])
    assert score_replies(model, state, [model.tokenizer.encode(REPLIES[0])]) == first
    drawn = sample_replies(model, state, Sampling(candidates=3, max_tokens=6), [1])[0]
    assert len(drawn) == 3


def test_seq2seq_is_built_again_from_its_meta() -> None:
    torch.manual_seed(0)
    config = Seq2SeqConfig(dim=16, layers=1, heads=2, head_dim=8, hidden=32)
    first = Seq2SeqLM(config, tiny_reasoner().lm.tokenizer).eval()
    second = Seq2SeqLM.from_meta(first.meta()).eval()
    second.load_state_dict(first.state_dict())
    embedded, mask = prompts(first)
    assert torch.equal(
        first.read(embedded, mask, embedded, mask), second.read(embedded, mask, embedded, mask)
    )


def test_tokens_know_their_words() -> None:
    tokenizer = tiny_reasoner().lm.tokenizer
    text = "I'm so sorry, that's awful."
    ids = tokenizer.encode(text)
    words = token_words(tokenizer, ids)
    assert words[0] == 0
    assert words[-1] == len(text.split()) - 1
    assert all(b - a in (0, 1) for a, b in pairwise(words))
    for number, word in enumerate(text.split()):
        spelled = tokenizer.decode([i for i, w in zip(ids, words, strict=True) if w == number])
        assert spelled == word
