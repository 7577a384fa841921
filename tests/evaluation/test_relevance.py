"""A reply that says the same is nearer than one that says something else."""

from __future__ import annotations

import pytest

from empatheia.evaluation.relevance import SentenceEmbedder


@pytest.fixture(scope="module")
def embed() -> SentenceEmbedder:
    found = SentenceEmbedder.installed()
    if found is None:
        pytest.skip("all-MiniLM-L6-v2 is not installed")
    return found


def test_order_and_floor(embed: SentenceEmbedder) -> None:
    human = embed(["I am so sorry about your dog.", "Congratulations on the new job!"])
    replies = embed(["That is sad, I hope your dog gets well.", "Great job!"])
    near, floor = (replies * human).sum(-1), (replies * human.flip(0)).sum(-1)
    assert near.min() > floor.max()
    assert (human * human).sum(-1).tolist() == pytest.approx([1, 1], abs=1e-5)


def test_published_similarities(embed: SentenceEmbedder) -> None:
    """The example of Sentence Transformers' quickstart for this model."""
    said = embed(["The weather is lovely today.", "It's so sunny outside!",
                  "He drove to the stadium."])  # fmt: skip
    found = (said @ said.T).flatten().tolist()
    wanted = [1.0, 0.6660, 0.1046, 0.6660, 1.0, 0.1411, 0.1046, 0.1411, 1.0]
    assert found == pytest.approx(wanted, abs=1e-4)


def test_padding_changes_nothing(embed: SentenceEmbedder) -> None:
    alone = embed(["Oh no."])
    beside = embed(["Oh no.", "What happened then, and how did you find out about all of it?"])
    assert float((alone[0] - beside[0]).abs().max()) < 1e-5
