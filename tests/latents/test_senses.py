"""A missing modality is a learned token; padding and neighbours do not matter."""

from __future__ import annotations

import torch

from empatheia.latents.projector import ProjectorConfig
from empatheia.latents.senses import ModalityProjector, Perceived, joined


def module(drop: float = 0.0) -> ModalityProjector:
    torch.manual_seed(0)
    config = ProjectorConfig(8, 12, queries=2, evidence=8, heads=2, dropout=0.0)
    return ModalityProjector(config, drop)


def heard(time: int) -> Perceived:
    return Perceived(torch.randn(time, 8), torch.randn(8), torch.randn(8).log_softmax(-1))


def test_absent_is_learned_and_never_zero() -> None:
    projector = module().eval()
    out = projector([None, heard(5)], [0, 1])
    assert out.shape == (2, projector.tokens, 12) == (2, 4, 12)
    assert out[0].abs().sum() > 0
    out[0].sum().backward()
    assert projector.projector.absent.grad is not None


def test_a_batch_is_its_rows() -> None:
    projector, rows = module().eval(), [heard(3), None, heard(7)]
    both = projector(rows, [0, 1, 2])
    for i, row in enumerate(rows):
        assert torch.allclose(projector([row], [i])[0], both[i], atol=1e-5)


def test_modality_dropout_works_in_training_only() -> None:
    projector, row = module(drop=1.0), heard(3)
    absent = projector([None], [0])
    assert torch.equal(projector.train()([row], [0]), absent)
    assert not torch.equal(projector.eval()([row], [0]), absent)


def test_rows_are_joined_on_the_right_edge() -> None:
    out, mask = joined([torch.ones(3, 2), torch.ones(1, 2)])
    assert mask.tolist() == [[True] * 3, [False, False, True]]
    assert out[1].tolist() == [[0, 0], [0, 0], [1, 1]]
