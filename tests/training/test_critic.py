"""The critic on tiny weights: learns to choose, moves only its own, comes back from its file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from empatheia.data.empathetic import TextExample
from empatheia.encoders.critic import Critic, CriticConfig
from empatheia.errors import InputError, WeightsError
from empatheia.tiny import tiny_reasoner
from empatheia.training.critic import (
    Choices,
    CriticStage,
    CriticStageConfig,
    choices,
    draw,
    low_rank_of,
    train_critic,
)
from empatheia.training.loop import LoopConfig, run
from empatheia.types import Turn

pytest.importorskip("peft")

SAD = TextExample("1", (Turn("speaker", "I lost my dog."),), "I am so sorry.", "sad")
GLAD = TextExample("2", (Turn("speaker", "We won the game!"),), "Great news, well done!", "proud")
CHOICES = [
    Choices(SAD, ("I am so sorry.", "Great news, well done!", "What is a dog?")),
    Choices(GLAD, ("Great news, well done!", "I am so sorry.")),
]
CONFIG = CriticStageConfig(batch_size=2, dropout=0.0, model=CriticConfig(rank=2, hidden=8))


def critic_of(seed: int = 0) -> Critic:
    torch.manual_seed(seed)
    return Critic(tiny_reasoner().encoder, CONFIG.model)


def trained(folder: Path, steps: int = 40) -> Critic:
    critic = critic_of()
    stage = CriticStage(critic, CHOICES, CHOICES, CONFIG)
    run(stage, LoopConfig(steps, 0.03, warmup=2, validate_every=1000, bf16=False), folder)
    return critic


def scores_of(critic: Critic) -> list[float]:
    return critic.scores([(c.example.context, text) for c in CHOICES for text in c.replies])


def test_learns_who_said_what_and_leaves_the_encoder_alone(tmp_path: Path) -> None:
    critic = trained(tmp_path)
    a = scores_of(critic)
    assert a[0] > max(a[1:3])
    assert a[3] > a[4]
    fresh = tiny_reasoner().encoder.state_dict()
    after = critic.encoder[0].state_dict()
    assert all(torch.equal(value, after[name]) for name, value in fresh.items())


def test_a_saved_critic_is_the_trained_one(tmp_path: Path) -> None:
    critic = trained(tmp_path)
    path = tmp_path / "critic.safetensors"
    critic.save(path, low_rank_of(critic))
    again = Critic.load(path, tiny_reasoner().encoder)
    assert scores_of(again) == pytest.approx(scores_of(critic), abs=0.05)
    assert scores_of(again) != pytest.approx(scores_of(critic_of()), abs=0.05)


def test_padding_and_company_change_nothing() -> None:
    critic = critic_of().eval()
    together = scores_of(critic)
    alone = [critic.scores([(c.example.context, t)])[0] for c in CHOICES for t in c.replies]
    assert together == pytest.approx(alone, abs=1e-5)


def test_a_long_dialogue_never_loses_the_reply() -> None:
    critic = critic_of()
    talk = [Turn(("speaker", "listener")[i % 2], "word " * 80) for i in range(5)]
    ids, roles, start = critic.pieces(talk, "So sad!")
    want = critic.encoder[0].pieces_of_response("So sad!")[0][1:]
    assert ids[start:] == want
    assert len(ids) == len(roles) <= critic.encoder[0].config.max_pieces


def test_a_file_of_another_encoder_is_refused(tmp_path: Path) -> None:
    critic = critic_of()
    path = tmp_path / "critic.safetensors"
    factors = {"encoder.layer.7.output.dense.weight": (torch.ones(2, 16), torch.ones(2, 16))}
    critic.save(path, factors)
    with pytest.raises(WeightsError, match="does not fit the text encoder"):
        Critic.load(path, tiny_reasoner().encoder)


def test_choices_hold_the_right_reply_first_and_never_again() -> None:
    twin = replace(GLAD, dialogue_id="3", response="Oh wow, how nice!")
    found = choices([GLAD], [["great news, well done", "Nice one, buddy."]], [SAD, GLAD, twin])
    assert len(found) == 1
    assert found[0].replies[0] == GLAD.response
    assert "Nice one, buddy." in found[0].replies
    assert "great news, well done" not in found[0].replies


def test_drawing_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    reasoner = tiny_reasoner()
    path = tmp_path / "drawn.jsonl"
    whole = draw(reasoner, [SAD, GLAD], CONFIG, path)
    assert [json.loads(line) for line in path.read_text().splitlines()] == whole
    path.write_text(path.read_text().splitlines()[0] + "\n")  # half of the only part
    assert draw(reasoner, [SAD, GLAD], CONFIG, path) == whole


def test_missing_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no empathetic_dialogues/train\.jsonl"):
        train_critic(tmp_path, tiny_reasoner(), tmp_path / "out", LoopConfig(1, 0.1))
