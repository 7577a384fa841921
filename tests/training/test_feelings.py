"""``train feelings`` on a tiny encoder, and the reader that uses what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from empatheia import hub
from empatheia.data.labels import AVAMERG_32_TO_7, EMOTIONS8, EMOTIONS32, Feeling
from empatheia.encoders.feelings import NO_FINE, UtteranceFeelings, mean_states
from empatheia.errors import InputError, WeightsError
from empatheia.presets import load_reasoner
from empatheia.tiny import tiny_reasoner
from empatheia.training.feelings import (
    GOEMOTIONS_TO_32,
    FeelingsConfig,
    comments,
    train_feelings,
)
from empatheia.training.text import GOEMOTIONS_TO_8

SAID = {"proud": "I won the big race.", "sad": "My old dog died.", "afraid": "A bear came in."}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feelings")
    (folder / "goemotions").mkdir()
    (folder / "empathetic_dialogues").mkdir()
    for name in ("train", "valid"):
        rows = [
            {
                "conv_id": f"{name}{n}",
                "emotion": label,
                "situation": text,
                "utterances": [
                    {"role": "speaker", "text": text},
                    {"role": "listener", "text": "?"},
                ],
            }
            for n in range(4)
            for label, text in SAID.items()
        ]
        path = folder / "empathetic_dialogues" / f"{name}.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (folder / "goemotions" / "labels.txt").write_text("joy\nremorse\nneutral\n", "utf-8")
    text = "How nice.\t0\tx\nSorry.\t1\ty\nA table.\t2\tz\nBoth.\t0,2\tw\n"
    for name in ("train", "dev"):
        (folder / "goemotions" / f"{name}.tsv").write_text(text, "utf-8")
    return folder


def test_each_comment_keeps_the_key_that_the_encoder_learned_for_it() -> None:
    for name, fine in GOEMOTIONS_TO_32.items():
        assert AVAMERG_32_TO_7[fine] == GOEMOTIONS_TO_8[name]


def test_only_what_means_one_label_is_read(data: Path) -> None:
    assert comments(data / "goemotions" / "train.tsv") == [("How nice.", "joyful")]


def test_what_was_learned_is_read_and_answers_are_consistent(data: Path, tmp_path: Path) -> None:
    encoder = tiny_reasoner().encoder
    figures = train_feelings(data, encoder, tmp_path, FeelingsConfig(strength=100.0))
    assert figures["utterances_n"] == 12
    assert hub.load(tmp_path / "feelings.safetensors").meta["figures"] == figures
    head = UtteranceFeelings.load(encoder, tmp_path / "feelings.safetensors")
    logits = mean_states(encoder, list(SAID.values())) @ head.weight.T + head.bias
    assert [EMOTIONS32[i] for i in logits.argmax(-1)] == list(SAID)
    again = train_feelings(data, encoder, tmp_path / "b", FeelingsConfig(strength=100.0))
    assert again == figures
    made = [hub.load(f / "feelings.safetensors").tensors for f in (tmp_path, tmp_path / "b")]
    assert all(torch.equal(made[0][name], made[1][name]) for name in ("weight", "bias", "probe"))


def test_an_answer_folds_to_its_key_whatever_the_head_says() -> None:
    encoder = tiny_reasoner().encoder
    probe = mean_states(encoder, ["I can see why that would be hard."])[0]
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(32, len(probe), generator=generator)
    head = UtteranceFeelings(encoder, weight, torch.zeros(32), probe)
    texts = [f"{word} and {other}" for word in "abcdef" for other in ("so", "I am", "dogs!")]
    for key, name in enumerate(EMOTIONS8):
        with torch.no_grad():
            encoder.utterance_emotion.bias.zero_()[key] = 1e4
        for told in head.read(texts):
            assert told.emotion8 == name
            assert (told.emotion is None) == (name in NO_FINE)
            assert told.emotion is None or AVAMERG_32_TO_7[told.emotion] == name
    assert head.read([]) == []


def test_one_answer_does_not_depend_on_the_others() -> None:
    encoder = tiny_reasoner().encoder
    texts = ["I am so happy for you today!", "Oh no.", "What did you do then, " * 30]
    alone = torch.cat([mean_states(encoder, [text]) for text in texts])
    torch.testing.assert_close(mean_states(encoder, texts), alone, atol=1e-5, rtol=1e-4)


def test_other_encoders_and_other_files_are_refused(data: Path, tmp_path: Path) -> None:
    encoder = tiny_reasoner().encoder
    train_feelings(data, encoder, tmp_path)
    with torch.no_grad():
        for parameter in encoder.bert.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.5)
    with pytest.raises(WeightsError, match="another text encoder"):
        UtteranceFeelings.load(encoder, tmp_path / "feelings.safetensors")
    hub.save(tmp_path / "x.safetensors", {"weight": torch.zeros(6, 2)}, {"labels": ["a"]})
    with pytest.raises(WeightsError, match="no head of the 32"):
        UtteranceFeelings.load(encoder, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="no folder empathetic_dialogues"):
        train_feelings(tmp_path, encoder, tmp_path)


def test_what_ships_fits_the_shipped_encoder_and_tells_listeners_apart() -> None:
    head = UtteranceFeelings.load(load_reasoner("small")[0].encoder)
    assert head.version == hub.load(hub.shipped("feelings.safetensors")).digest
    assert hub.shipped("feelings.safetensors").stat().st_size < 100_000
    told = head.read(["Oh no, I am so sorry to hear that.", "What kind of dog is it?"])
    assert told[0].emotion8 == "sad"
    assert told[1] == Feeling("neutral")
