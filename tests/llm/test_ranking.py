"""What each weight of the choice does."""

from __future__ import annotations

from empatheia.llm.ranking import Ranking


def test_each_weight_pulls_its_way() -> None:
    ranking = Ranking()
    plain = ranking.score("Oh no.", 0.5, 0.2, -1.0, stock=False)
    assert ranking.score("Oh no.", 0.6, 0.2, -1.0, stock=False) > plain
    assert ranking.score("Oh no.", 0.5, 0.3, -1.0, stock=False) > plain
    assert ranking.score("Oh no.", 0.5, 0.2, -0.5, stock=False) > plain
    assert ranking.score("Oh no.", 0.5, 0.2, -1.0, stock=True) < plain
    assert ranking.score("Oh no?", 0.5, 0.2, -1.0, stock=False) < plain
    assert ranking.score("Oh no, no.", 0.5, 0.2, -1.0, stock=False) < plain
    alone = Ranking(1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert alone.score("Why?", 0.5, 0.2, -1.0, stock=True) == 0.5
