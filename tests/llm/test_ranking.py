"""What each weight of the choice does."""

from __future__ import annotations

from empatheia.llm.ranking import Ranking


def test_each_weight_pulls_its_way() -> None:
    ranking = Ranking()
    plain = ranking.score(0.5, 0.2, -1.0, stock=False)
    assert ranking.score(0.6, 0.2, -1.0, stock=False) > plain
    assert ranking.score(0.5, 0.3, -1.0, stock=False) > plain
    assert ranking.score(0.5, 0.2, -0.5, stock=False) > plain
    assert ranking.score(0.5, 0.2, -1.0, stock=True) < plain
    assert Ranking(1.0, 0.0, 0.0, 0.0).score(0.5, 0.2, -1.0, stock=True) == 0.5
