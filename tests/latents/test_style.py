"""Speech follows r^s and video r^v; style is linear in E and P; classifiers read the fused ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from empatheia.latents.style import CLASSES, PooledStyle, StyleConfig, StyleDisentangler

CONFIG = StyleConfig(6, 5, 4, factor=8, dim=16, heads=2, hidden=24, latent=4, layers=1, queries=2)


def module() -> StyleDisentangler:
    torch.manual_seed(0)
    return StyleDisentangler(CONFIG).eval()


def test_shapes_and_classes() -> None:
    style = module()(torch.randn(3, 16, 6), torch.randn(3, 16, 6))
    assert style.speech.shape == (3, 5)
    assert style.video.shape == (3, 4)
    assert {n: x.shape[1] for n, x in style.logits.items()} == {
        "emotion": 8, "age": 4, "gender": 2, "tone": 3,
    }  # fmt: skip
    assert set(style.logits) == set(CLASSES)
    assert style.kl.shape == (3,)


def test_each_modality_has_a_source_of_its_own() -> None:
    net = module()
    heard, seen = (
        torch.randn(1, 16, 6, requires_grad=True),
        torch.randn(1, 16, 6, requires_grad=True),
    )
    style = net(heard, seen)
    to_heard, to_seen = torch.autograd.grad(
        style.speech.sum(), (heard, seen), retain_graph=True, allow_unused=True
    )
    assert to_heard.abs().sum() > 0
    assert to_seen is None
    both = torch.autograd.grad(style.logits["age"].sum(), (heard, seen))
    assert all(grad.abs().sum() > 0 for grad in both)


def test_the_emotion_classifier_never_reads_the_profile() -> None:
    net = module()
    style = net(torch.randn(1, 16, 6), torch.randn(1, 16, 6))
    blocks = [p for n, p in net.named_parameters() if n.startswith("blocks.profile_")]
    grads = torch.autograd.grad(style.logits["emotion"].sum(), blocks, allow_unused=True)
    assert all(grad is None for grad in grads)


def test_style_is_linear_in_both_sides() -> None:
    net = module()
    e, p = torch.randn(1, 8), torch.randn(1, 8)
    layer = net.speech_layer
    with torch.no_grad():
        whole = layer(torch.cat([e, p], -1)) - layer.bias
        parts = layer(torch.cat([e, 0 * p], -1)) + layer(torch.cat([0 * e, p], -1)) - 2 * layer.bias
    assert torch.allclose(whole, parts, atol=1e-6)


@pytest.mark.parametrize("kind", [StyleDisentangler, PooledStyle])
def test_a_batch_is_its_rows(kind: type[StyleDisentangler]) -> None:
    torch.manual_seed(0)
    net = kind(CONFIG).eval()
    heard, seen = torch.randn(2, 16, 6), torch.randn(2, 16, 6)
    both, one = net(heard, seen), net(heard[1:], seen[1:])
    assert torch.allclose(both.speech[1], one.speech[0], atol=1e-5)
    assert torch.allclose(both.video[1], one.video[0], atol=1e-5)


@pytest.mark.parametrize("kind", [StyleDisentangler, PooledStyle])
def test_intensity_is_heard_where_it_is_told(kind: type[StyleDisentangler]) -> None:
    torch.manual_seed(0)
    net = kind(replace(CONFIG, intensity=True)).eval()
    heard, seen = torch.randn(1, 16, 6), torch.randn(1, 16, 6)
    strengths = [torch.tensor([x]) for x in (0.4, 1.0, torch.nan)]
    faint, full, unknown = [net(heard, seen, x) for x in strengths]
    for other in (full, unknown):
        assert (faint.speech - other.speech).abs().max() > 1e-4
        assert (faint.video - other.video).abs().max() > 1e-4
    if isinstance(net, StyleDisentangler):  # who speaks does not depend on how much is felt
        assert torch.equal(faint.profile, full.profile)
    assert torch.equal(unknown.speech, net(heard, seen).speech)
    untold = kind(CONFIG).eval()
    assert torch.equal(*[untold(heard, seen, x).video for x in strengths[:2]])
