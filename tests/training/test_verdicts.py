"""What readers' verdicts say of replies is found in the states at them, and is used."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from empatheia import hub
from empatheia.data.empathetic import TextExample
from empatheia.llm.decoding import Sampling
from empatheia.llm.ranking import Ranking
from empatheia.reasoner import Reasoner, Request
from empatheia.tiny import tiny_reasoner
from empatheia.training.taste import learn_taste
from empatheia.training.verdicts import WORTH, read_verdicts
from empatheia.types import Profile, Turn

NOTHING_ELSE = Ranking(0, 0, 0, 0, 0, 0, 0)


@pytest.fixture
def reasoner() -> Reasoner:
    return tiny_reasoner()


def said(name: str, text: str) -> TextExample:
    return TextExample(name, (Turn("speaker", text),), "Oh no!", "sad")


FOUND = [said(f"d{i}", f"I lost my {thing}.") for i, thing in enumerate(("dog", "cat", "job"))]


def test_what_ships_is_whole() -> None:
    verdicts = read_verdicts()
    assert len(verdicts) > 400
    for name, found in verdicts.items():
        assert name.rpartition("#")[2].isdigit()
        replies = [text for worth in WORTH for text in found[worth]]
        assert replies
        assert len(set(replies)) == len(replies)


def test_candidates_are_ranked_as_they_were_judged(
    reasoner: Reasoner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One verdict on each reply to three contexts, and those three are ranked by it."""
    monkeypatch.setattr("empatheia.training.taste.SHRINK", 1e-3)
    good, bad = "I am sorry to hear that.", "That is a great day for us!"
    judged = {"fits": [good], "generic": [], "wrong": [bad]}
    verdicts = {f"{e.dialogue_id}#1": judged for e in FOUND}
    taste = learn_taste(reasoner, FOUND, verdicts, NOTHING_ELSE)
    turned = {k: {**v, "fits": v["wrong"], "wrong": v["fits"]} for k, v in verdicts.items()}
    other_way = learn_taste(reasoner, FOUND, turned, NOTHING_ELSE)
    assert torch.allclose(other_way, -taste, atol=0.02 * float(taste.abs().max()))
    reasoner.set_taste(taste)
    requests = [Request(e.context, Profile(), seed=i) for i, e in enumerate(FOUND)]
    drawn = reasoner.write(reasoner.think(requests), Sampling(max_tokens=8), NOTHING_ELSE)
    reasoner.set_taste(-taste)
    turned_round = reasoner.write(reasoner.think(requests), Sampling(max_tokens=8), NOTHING_ELSE)
    for one, other in zip(drawn, turned_round, strict=True):
        assert [c.score for c in one] == pytest.approx([-c.score for c in other[::-1]], abs=1e-5)


def test_without_verdicts_on_this_data_nothing_is_learned(reasoner: Reasoner) -> None:
    assert len(learn_taste(reasoner, FOUND, {})) == 0


def test_taste_is_kept_in_the_file(reasoner: Reasoner, tmp_path: Path) -> None:
    assert "taste" not in reasoner.state_dict()  # files without it are read as before
    reasoner.set_taste(torch.arange(5.0))
    hub.save(tmp_path / "r.safetensors", reasoner.state_dict(), reasoner.meta())
    weights = hub.load(tmp_path / "r.safetensors")
    other = Reasoner.from_meta(dict(weights.meta))
    other.load_state_dict(dict(weights.tensors))
    assert other.taste.tolist() == [0, 1, 2, 3, 4]
