"""The block of both modules: rows do not feel padding nor neighbours, z is the mean at rest."""

from __future__ import annotations

import pytest
import torch

from empatheia.nn.query_vae import QueryVAE, QueryVAEConfig, Side
from empatheia.nn.transformer import attention_bias, slopes

CONFIG = QueryVAEConfig(6, 5, queries=20, dim=16, heads=2, hidden=24, latent=4, layers=2)


def block() -> QueryVAE:
    torch.manual_seed(0)
    return QueryVAE(CONFIG).eval()


def side(*lengths: int, words: bool = True) -> Side:
    width = max(lengths)
    real = torch.arange(width) < torch.tensor(lengths)[:, None]
    numbers = (torch.arange(width) // 2).expand(len(lengths), -1) * real
    return Side(real, None, numbers if words else None)


def test_padding_changes_nothing_and_a_batch_is_its_rows() -> None:
    vae, states = block(), torch.randn(2, 7, 6)
    both = vae(states, side(7, 4), side(9, 6))
    one = vae(states[1:, :4], side(4), side(6))
    assert both.values.shape == (2, 9, 5)
    assert torch.allclose(both.values[1, :6], one.values[0], atol=1e-5)
    assert torch.allclose(both.kl[1], one.kl[0], atol=1e-5)
    assert not both.values[1, 6:].any()


def test_what_padding_holds_does_not_matter() -> None:
    vae, states = block(), torch.randn(1, 7, 6)
    real = Side(torch.arange(7)[None] < 4)
    first = vae(states, real, side(5, words=False))
    states[:, 4:] = 1e4
    assert torch.equal(first.values, vae(states, real, side(5, words=False)).values)


def test_z_is_the_mean_at_rest_and_drawn_in_training() -> None:
    vae, states = block(), torch.randn(1, 3, 6)
    assert torch.equal(vae(states, side(3), side(4)).values, vae(states, side(3), side(4)).values)
    vae.train()
    first, second = (vae(states, side(3), side(4)).values for _ in range(2))
    assert not torch.equal(first, second)


def test_divergence_is_that_of_torch() -> None:
    mean, log_var = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    real = torch.tensor([[True, True, True], [True, False, False]])
    unit = torch.distributions.Normal(0.0, 1.0)
    each = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (0.5 * log_var).exp()), unit
    ).sum(-1)
    wanted = torch.stack([each[0].mean(), each[1, 0]])
    assert torch.allclose(QueryVAE._divergence(mean, log_var, real), wanted, atol=1e-5)


def test_both_encoder_and_decoder_read_the_queries() -> None:
    vae, states = block(), torch.randn(1, 3, 6)
    out = vae(states, side(3), side(4))
    (grad,) = torch.autograd.grad(out.mean.sum(), vae.bank, retain_graph=True)
    assert grad[:4].abs().sum() > 0
    assert not grad[4:].any()
    (grad,) = torch.autograd.grad(
        out.values[0, 0].sum(), states.requires_grad_(), allow_unused=True
    )
    assert grad is None  # made without a graph to the states


def test_a_row_longer_than_the_bank_is_refused() -> None:
    with pytest.raises(ValueError, match="21 places"):
        block()(torch.randn(1, 3, 6), side(3), side(21))


def test_near_words_weigh_more() -> None:
    words = torch.tensor([[0, 1, 5]])
    bias = attention_bias(torch.tensor([[True, True, True]]), 3, words, words)
    assert slopes(3).tolist() == [4.0, 1.0, 0.0]
    assert bias[0, 0, 0].tolist() == [0.0, -4.0, -20.0]
    assert not bias[0, 2].any()
