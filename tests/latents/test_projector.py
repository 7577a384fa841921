from __future__ import annotations

import torch

from empatheia.latents.projector import ProjectorConfig, QueryProjector


def test_padding_changes_nothing_and_tokens_are_counted() -> None:
    torch.manual_seed(0)
    projector = QueryProjector(ProjectorConfig(8, 12, queries=3, evidence=5, heads=2)).eval()
    states, pooled, evidence = torch.randn(2, 6, 8), torch.randn(2, 8), torch.randn(2, 5)
    mask = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    out = projector(states, mask, pooled, evidence)
    assert out.shape == (2, projector.tokens, 12) == (2, 5, 12)
    short = projector(states[1:, :4], mask[1:, :4], pooled[1:], evidence[1:])
    assert torch.allclose(out[1:], short, atol=1e-6)
