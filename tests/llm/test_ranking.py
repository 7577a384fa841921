"""What each weight of the choice does, and which questions were answered before."""

from __future__ import annotations

import pytest

from empatheia.llm.ranking import Ranking, asks_in_vain


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
    assert ranking.score("Oh no.", 0.5, 0.2, -1.0, taste=0.1) > plain
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
    assert asks_in_vain(reply, [told], []) is known


@pytest.mark.parametrize(
    ("asked", "reply", "again"),
    [
        ("Oh no! Where did they go?", "Oh, where did they go?", True),
        ("Did you kill the snake?", "Did you kill it?", True),
        ("How long did you guys stay?", "Cool! Where did you guys go?", False),
        ("They went away.", "Where did they go?", False),
        ("Where did they go?", "I hope they go there again.", False),
    ],
)
def test_a_question_may_have_been_asked_before(asked: str, reply: str, again: bool) -> None:
    assert asks_in_vain(reply, [], [asked]) is again
