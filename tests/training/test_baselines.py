"""Baselines on a handful of dialogues: they learn, repeat, and write the scored layout."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from empatheia.data.empathetic import examples, read_dialogues
from empatheia.data.predictions import read_answers
from empatheia.data.references import Reference, read_references
from empatheia.errors import InputError
from empatheia.training.baselines import BaselineRecipe, situations, tfidf, train_baseline
from empatheia.training.listeners import (
    Listener,
    ListenerConfig,
    ListenerStage,
    Words,
    from_meta,
    meta,
)
from empatheia.training.loop import LoopConfig
from empatheia.types import Turn

SAID = (
    ("sad", "I lost my dear old dog today", "I am so sorry for you"),
    ("afraid", "A strange noise woke me at night", "I am so sorry for you"),
    ("proud", "We won the big game", "That is great news"),
)
NET = ListenerConfig(dim=16, heads=2, hidden=16, experts=2, dropout=0.0, reply=8)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "empathetic_dialogues"
    folder.mkdir(parents=True)
    lines = [
        {"conv_id": str(i), "emotion": emotion, "situation": "",
         "utterances": [{"role": "speaker", "text": a}, {"role": "listener", "text": b}]}
        for i, (emotion, a, b) in enumerate(SAID)
    ]  # fmt: skip
    for split in ("train", "valid"):
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    return tmp_path / "data"


@pytest.mark.parametrize("name", ["majority", "tfidf", "multi-trs", "moel"])
def test_baselines_write_predictions(data: Path, tmp_path: Path, name: str) -> None:
    found = read_references(data / "empathetic_dialogues" / "valid.jsonl")
    loop = LoopConfig(40, 1e-2, warmup=5, bf16=False)
    recipe = BaselineRecipe(loop, NET, batch_size=3, least=1)
    answers = read_answers(train_baseline(name, data, found, tmp_path / name, recipe)).items
    assert [a.id for a in answers] == [r.id for r in found.items]
    assert all(len(a.top5) >= 2 and a.top5[0] == a.emotion for a in answers)
    emotions = [a.emotion for a in answers]
    if name == "majority":
        assert emotions == ["sad"] * 3
        assert {a.reply for a in answers} == {"I am so sorry for you"}
    else:
        assert emotions == ["sad", "afraid", "proud"]
    if name == "tfidf":
        assert answers[2].reply == "That is great news"
    if name == "multi-trs":
        assert answers[0].reply == "i am so sorry for you"


def test_tfidf_learns_from_situations_too(data: Path) -> None:
    dialogues = read_dialogues(data / "empathetic_dialogues" / "train.jsonl")
    told = [replace(d, situation="a thunderstorm" if d.emotion == "afraid" else None)
            for d in dialogues]  # fmt: skip
    asked = Reference("x#1", "x", (Turn("speaker", "That thunderstorm!"),))
    answer = tfidf(examples(told), situations(told), BaselineRecipe(least=1))
    (found,) = answer([asked])
    assert found.emotion == "afraid"
    assert found.reply  # people replied to no situation


def test_unknown_baseline(data: Path, tmp_path: Path) -> None:
    found = read_references(data / "empathetic_dialogues" / "valid.jsonl")
    with pytest.raises(InputError, match="Did you mean 'moel'"):
        train_baseline("moell", data, found, tmp_path / "x")


@pytest.mark.parametrize("kind", ["multi-trs", "moel"])
def test_padding_and_later_words_change_nothing(data: Path, kind: str) -> None:
    rows = examples(read_dialogues(data / "empathetic_dialogues" / "train.jsonl"))
    vocabulary = Words.of(rows, 1)
    torch.manual_seed(0)
    net = Listener(len(vocabulary.terms), replace(NET, kind=kind)).eval()
    stage = ListenerStage(net, vocabulary, rows, rows)
    both, one = stage.collate(rows[:2]), stage.collate(rows[:1])
    for batch in (both, one):
        assert batch.ids.shape[0] == len(batch.emotions)
    states, logits = net.read(both.ids, both.roles)
    alone_logits = net.read(one.ids, one.roles)[1]
    torch.testing.assert_close(logits[:1], alone_logits, atol=1e-5, rtol=1e-4)
    weights = logits.softmax(-1)
    full = net.write(both.said, states, both.ids == 0, weights)
    cut = net.write(both.said[:, :3], states, both.ids == 0, weights)
    torch.testing.assert_close(full[:, :3], cut, atol=1e-5, rtol=1e-4)
    again, words = from_meta(meta(vocabulary, net.config))
    again.load_state_dict(net.state_dict())
    assert words.terms == vocabulary.terms
    assert again.eval().reply(one.ids, one.roles)[0] == net.reply(one.ids, one.roles)[0]
