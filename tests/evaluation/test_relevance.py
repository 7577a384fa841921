"""A reply that says the same is nearer than one that says something else."""

from __future__ import annotations

import pytest

from empatheia.evaluation.relevance import SentenceEmbedder, relevance


@pytest.fixture(scope="module")
def embed() -> SentenceEmbedder:
    found = SentenceEmbedder.installed()
    if found is None:
        pytest.skip("all-MiniLM-L6-v2 is not installed")
    return found


def test_order_and_floor(embed: SentenceEmbedder) -> None:
    human = ["I am so sorry about your dog.", "Congratulations on the new job!"]
    near, floor = relevance(embed, ["That is sad, I hope your dog gets well.", "Great job!"], human)
    assert min(near) > max(floor)
    same, _ = relevance(embed, human, human)
    assert same == pytest.approx([100, 100], abs=1e-3)


def test_padding_changes_nothing(embed: SentenceEmbedder) -> None:
    alone = embed(["Oh no."])
    beside = embed(["Oh no.", "What happened then, and how did you find out about all of it?"])
    assert float((alone[0] - beside[0]).abs().max()) < 1e-5
