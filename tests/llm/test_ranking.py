"""What each weight of the choice does, and which questions were answered before."""

from __future__ import annotations

import pytest

from empatheia.llm.ranking import Ranking, asks_what_was_told


def test_each_weight_pulls_its_way() -> None:
    ranking = Ranking()
    plain = ranking.score("Oh no.", 0.5, 0.2, -1.0, stock=False)
    assert ranking.score("Oh no.", 0.6, 0.2, -1.0, stock=False) > plain
    assert ranking.score("Oh no.", 0.5, 0.3, -1.0, stock=False) > plain
    assert ranking.score("Oh no.", 0.5, 0.2, -0.5, stock=False) > plain
    assert ranking.score("Oh no.", 0.5, 0.2, -1.0, stock=True) < plain
    assert ranking.score("Oh no?", 0.5, 0.2, -1.0, stock=False) < plain
    assert ranking.score("Oh no, no.", 0.5, 0.2, -1.0, stock=False) < plain
    assert ranking.score("Oh no.", 0.5, 0.2, -1.0, told=True) < plain
    alone = Ranking(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert alone.score("Why?", 0.5, 0.2, -1.0, stock=True) == 0.5


@pytest.mark.parametrize(
    ("told", "reply", "known"),
    [
        ("I feel pretty prepared.", "I bet you did. Do you feel prepared?", True),
        ("I was nervous for my first day.", "Did you get nervous?", True),
        ("My basement flooded.", "That is too bad. Was the basement flooded?", True),
        ("My basement flooded.", "Was there much damage?", False),
        ("My basement flooded.", "Oh no! How did the basement flood?", False),
        ("My basement flooded.", "The basement flooded.", False),
        ("My basement flooded.", "Did you?", False),
        ("", "Did it flood?", False),
    ],
)
def test_a_question_may_ask_for_what_was_told(told: str, reply: str, known: bool) -> None:
    assert asks_what_was_told(reply, [told]) is known
