"""Published language models: opened whole, our marks beside theirs, cache = no cache."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tests.published.layouts import LANGUAGE_MODELS, chatglm3, llama

from empatheia.errors import WeightsError
from empatheia.llm.chains import decode_chains
from empatheia.llm.decoding import Sampling, sample_replies
from empatheia.llm.prompt import prompt_ids, target_ids
from empatheia.llm.published import PublishedLM, open_lm
from empatheia.llm.signals import SignalConfig, SignalTokens, collect, fork
from empatheia.llm.state import prefill
from empatheia.llm.tokenizer import REPLY
from empatheia.types import ChainOfEmpathy, Profile, Turn

TURNS = (Turn("speaker", "I lost my dog and I feel so sad about it."),)


@pytest.fixture(scope="module", params=LANGUAGE_MODELS)
def lm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PublishedLM:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("lm") / request.param
    return open_lm(LANGUAGE_MODELS[request.param](folder), torch.float32)


def test_text_goes_there_and_back(lm: PublishedLM) -> None:
    tokenizer = lm.tokenizer
    for text in ("I lost my dog.", "What happened? Why?", "so sad about it"):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert max(ids) < tokenizer.borrowed
    marks = [i for i in tokenizer.special if i >= tokenizer.borrowed]
    assert sorted(marks) == list(range(tokenizer.borrowed, len(tokenizer)))
    assert not set(tokenizer.encode("</s> <reply> <s> [gMASK] hi")) & tokenizer.special


def test_marks_begin_as_the_words_they_are_written_with(lm: PublishedLM) -> None:
    tokenizer = lm.tokenizer
    sad = tokenizer.id("<emotion:sad>")
    table = lm.lm.get_input_embeddings().weight
    wanted = table[tokenizer.encode("sad")].mean(0)
    assert torch.allclose(lm.embed(torch.tensor([[sad]]))[0, 0], wanted, atol=1e-6)
    assert torch.equal(lm.embed(torch.tensor([[5]]))[0, 0], table[5])
    assert lm.logits(torch.zeros(1, table.shape[1])).shape == (1, len(tokenizer))


@torch.inference_mode()
def test_reading_with_a_cache_is_reading_without(lm: PublishedLM) -> None:
    tokenizer = lm.tokenizer
    chain = ChainOfEmpathy("a loss", "sad", "the dog", "comfort", "sad")
    prompt = lm.embed(torch.tensor([prompt_ids(tokenizer, TURNS, Profile())]))
    target = torch.tensor([target_ids(tokenizer, chain, "Oh no.")])
    real = torch.ones(prompt.shape[:2], dtype=torch.bool)
    whole = lm.read(prompt, real, lm.embed(target), torch.ones_like(target, dtype=torch.bool))
    state = prefill(lm, prompt, real)
    logits = [state.logits]
    for i in range(target.shape[1]):
        state.mask = torch.cat([state.mask, torch.ones(1, 1, dtype=torch.bool)], 1)
        hidden = lm.feed(state.cache, lm.embed(target[:, i : i + 1]), state.mask)
        logits.append(lm.logits(hidden[:, -1]))
    assert torch.allclose(torch.stack(logits, 1), lm.logits(whole), atol=1e-4)


@torch.inference_mode()
def test_chain_reply_and_signals_come_out(lm: PublishedLM) -> None:
    tokenizer = lm.tokenizer
    prompt = lm.embed(torch.tensor([prompt_ids(tokenizer, TURNS, Profile())]))
    state = prefill(lm, prompt, torch.ones(prompt.shape[:2], dtype=torch.bool))
    state, chains = decode_chains(lm, state, [{}])
    assert chains[0].emotions.sum() == pytest.approx(1, abs=1e-4)
    kept = fork(state)
    drawn = sample_replies(lm, state, Sampling(3, top_k=20, max_tokens=8), [0])[0]
    assert len(drawn) == 3
    assert not {i for c in drawn for i in c.ids} & tokenizer.special
    table = SignalTokens(SignalConfig(prompt.shape[-1]))
    signals = collect(lm, table, kept, [list(drawn[0].ids)])
    assert signals.speech.shape == signals.video.shape == (1, 16, prompt.shape[-1])


def test_bfloat16_and_pickles_in_parts(tmp_path: Path) -> None:
    lm = open_lm(llama(tmp_path / "v", bins=True))
    assert {p.dtype for p in lm.lm.parameters()} == {torch.bfloat16}
    assert not any(p.requires_grad for p in lm.lm.parameters())
    assert lm.added.rows_in.dtype == torch.float32
    assert lm.tokenizer.opening == (1,)
    assert lm.tokenizer.id(REPLY) >= 320


def test_faults_of_a_folder_are_named(tmp_path: Path) -> None:
    folder = llama(tmp_path / "v", bins=True)
    (folder / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(WeightsError, match="lacks pytorch_model-00002"):
        open_lm(folder)
    pointer = folder / "pytorch_model-00002-of-00002.bin"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(WeightsError, match="LFS pointer"):
        open_lm(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "lama"}))
    with pytest.raises(WeightsError, match="Did you mean 'llama'"):
        open_lm(folder)
    with pytest.raises(WeightsError, match=r"no config\.json"):
        open_lm(tmp_path / "nothing")
    chat = chatglm3(tmp_path / "c")
    state = torch.load(chat / "pytorch_model.bin", weights_only=True)
    state.pop("transformer.encoder.layers.1.mlp.dense_4h_to_h.weight")
    torch.save(state, chat / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"1 missing: model\.layers\.1\.mlp\.down_proj"):
        open_lm(chat)


def test_auto_lays_chatglm_somewhere_too(tmp_path: Path) -> None:
    """By accelerate's map; the answers stay what they were."""
    folder = chatglm3(tmp_path / "c")
    spread, plain = (open_lm(folder, torch.float32, device) for device in ("auto", "cpu"))
    there = 0 if torch.cuda.is_available() else "cpu"
    assert set(spread.lm.hf_device_map.values()) == {there}
    embeddings = torch.randn(1, 5, plain.config.dim)
    with torch.inference_mode():
        assert torch.allclose(spread.hidden(embeddings), plain.hidden(embeddings), atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", LANGUAGE_MODELS)
def test_on_a_gpu_every_weight_is_there(kind: str, tmp_path: Path) -> None:
    folder = LANGUAGE_MODELS[kind](tmp_path / kind)
    for device in ("auto", "cuda"):
        lm = open_lm(folder, torch.float32, device).lm
        tensors = [*lm.parameters(), *lm.buffers()]
        assert {t.device.type for t in tensors} == {"cuda"}
