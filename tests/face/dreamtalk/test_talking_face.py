"""DreamTalk, StyleTalk and PIRenderer: published tensors, exact short cuts, refused input."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from empatheia.errors import InputError, WeightsError
from empatheia.face.dreamtalk.generator import TINY_RENDERER
from empatheia.face.dreamtalk.layout import face_tensors, renderer_tensors
from empatheia.face.dreamtalk.network import FaceConfig, TalkingFace, signal_shares
from empatheia.face.pirenderer.network import (
    PIRenderer,
    RendererConfig,
    _enlarged,
    warp,
    windows,
)
from empatheia.nn.convolution import published_order
from empatheia.published import strict

REFERENCE = Path(__file__).parents[4] / "shared" / "reference"
SMALL = FaceConfig(dim=16, heads=2, inner=32, layers=2, heard=12, style_frames=20, phoneme_dim=6)
DIGESTS = {
    "dreamtalk": "81f89dcdf32486ad",
    "styletalk": "cd652cc9079821ed",
    "pirenderer": "4f89b9c84f316bbb",
}


def full_size(name: str) -> nn.Module:
    with torch.device("meta"):
        return PIRenderer() if name == "pirenderer" else TalkingFace(FaceConfig(kind=name))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def face() -> TalkingFace:
    torch.manual_seed(0)
    return TalkingFace(SMALL).eval()


@pytest.mark.parametrize("name", DIGESTS)
def test_full_size_has_the_published_tensors(name: str) -> None:
    state = full_size(name).state_dict()
    lines = sorted(f"{key} {list(value.shape)}" for key, value in state.items())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == DIGESTS[name]


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the manifests are not at hand")
@pytest.mark.parametrize("name", DIGESTS)
def test_full_size_fits_the_manifest(name: str) -> None:
    keys = json.loads((REFERENCE / f"{name}_keys.json").read_text())["keys"]
    prefix = "diff_net." if name == "dreamtalk" else ""
    file = {prefix + key: torch.empty(shape, device="meta") for key, shape in keys.items()}
    if name == "pirenderer":
        state = renderer_tensors({"net_G_ema": file, "opt_G": {}})
    else:
        state = face_tensors({"model_state_dict": file}, FaceConfig(kind=name))  # type: ignore[arg-type]
    strict.check(full_size(name), state, name)


@torch.inference_mode()
def test_frames_do_not_see_each_other(face: TalkingFace) -> None:
    sounds, noise = torch.randn(9, 11, 12), torch.randn(9, 64)
    style = face.encode_style(torch.randn(15, 64))
    content = face.content_encoder(sounds)
    whole = face.animate(content, style, noise)
    parts = [face.animate(content[a:b], style, noise[a:b]) for a, b in ((0, 4), (4, 9))]
    assert torch.allclose(torch.cat(parts), whole, atol=1e-5)
    assert whole.shape == (9, 64)


@torch.inference_mode()
def test_short_cuts_change_nothing(face: TalkingFace) -> None:
    """First and last decoder layers do less than all rows at all frames; so do these, in full."""
    content, style = torch.randn(5, 11, 16), torch.randn(16)
    half = face.decoder.upper_decoder
    start = face.decoder.pos_embed.pos_table + style
    x = start.expand(5, -1, -1)
    for layer in half.layers:
        x = layer.answer(layer.attend(x, x), content, style)  # type: ignore[operator]
    assert torch.allclose(half.norm(x)[:, 5], half(content, start, style), atol=1e-5)


@torch.inference_mode()
def test_guidance_of_one_is_no_guidance(face: TalkingFace) -> None:
    content, noise = torch.randn(3, 11, 16), torch.randn(3, 64)
    style = face.encode_style(torch.randn(15, 64))
    plain = face.animate(content, style, noise)
    assert torch.allclose(
        face.animate(content, style, noise, guidance=1.0 + 1e-6), plain, atol=1e-4
    )
    assert not torch.allclose(face.animate(content, style, noise, guidance=3.0), plain, atol=1e-4)


@torch.inference_mode()
def test_padding_of_a_style_clip_is_not_seen(face: TalkingFace) -> None:
    clip = torch.randn(12, 64)
    padded = torch.cat((clip, torch.full((8, 64), 5.0)))
    mask = torch.arange(20) >= 12
    assert torch.allclose(
        face.style_encoder(padded[None], mask[None])[0], face.encode_style(clip), atol=1e-5
    )


@torch.inference_mode()
def test_styletalk_answers_at_once() -> None:
    torch.manual_seed(0)
    face = TalkingFace(FaceConfig(**{**_values(SMALL), "kind": "styletalk"})).eval()
    content = face.content_encoder(torch.randint(0, 41, (4, 11)))
    one, other = (face.animate(content, torch.randn(16)) for _ in range(2))
    assert one.shape == (4, 64)
    assert not torch.allclose(one, other, atol=1e-4)


def _values(config: FaceConfig) -> dict[str, object]:
    return {name: getattr(config, name) for name in config.__slots__}


def test_the_signal_fades() -> None:
    shares = signal_shares()
    assert shares.shape == (1001,)
    assert shares[0] == 1
    assert (shares.diff() < 0).all()


def test_wrong_input_is_named(face: TalkingFace) -> None:
    with pytest.raises(InputError, match="columns 80 to 143"):
        face.encode_style(torch.zeros(10, 257))
    with pytest.raises(InputError, match="give 10, 20 or 50"):
        face.animate(torch.zeros(2, 11, 16), torch.zeros(16), steps=7)
    with pytest.raises(WeightsError, match="no net_G_ema"):
        renderer_tensors({"something": {}})
    with pytest.raises(WeightsError, match="no tensors"):
        face_tensors({"model_state_dict": {}}, SMALL)


def test_no_flow_moves_nothing_but_the_published_half_pixel() -> None:
    image = torch.rand(1, 3, 32, 32)
    still = warp(image, torch.zeros(1, 2, 8, 8))
    assert still.shape == image.shape
    assert (still[..., 12:20, 12:20] - image[..., 12:20, 12:20]).abs().max() < 0.8
    moved = warp(image, torch.full((1, 2, 8, 8), 2.0))
    assert not torch.allclose(still, moved, atol=1e-2)


def test_windows_repeat_the_ends() -> None:
    motion = torch.arange(5.0)[:, None].expand(5, 73)
    seen = windows(motion)
    assert seen.shape == (5, 73, 27)
    assert seen[0, 0, :14].tolist() == [0.0] * 14
    assert seen[2, 0, 13] == 2
    assert seen[4, 0, 13:].tolist() == [4.0] * 14


@torch.inference_mode()
def test_the_renderer_hears_its_descriptor() -> None:
    torch.manual_seed(0)
    config = RendererConfig(descriptor=8, hidden=4, widest=16, warp_base=4, edit_base=4)
    renderer = PIRenderer(config).eval()
    image, motion = torch.rand(1, 3, 64, 64) * 2 - 1, torch.randn(2, 73, 27)
    one, other = (renderer(image, motion[i : i + 1]) for i in range(2))
    assert one.picture.shape == image.shape
    assert one.flow.shape == (1, 2, 16, 16)
    assert one.picture.abs().max() <= 1
    assert not torch.allclose(one.picture, other.picture, atol=1e-4)


@torch.inference_mode()
def test_a_portrait_begun_once_gives_the_same_pictures() -> None:
    torch.manual_seed(0)
    painter = PIRenderer(TINY_RENDERER).eval().double()
    image, window = torch.rand(1, 3, 64, 64).double(), torch.randn(1, 73, 27).double()
    shared = painter.begin(image)
    kept = [value.clone() for value in (shared.image, shared.warping, shared.editing)]
    whole, begun = painter(image, window), painter(shared, window)
    for value, before in zip((shared.image, shared.warping, shared.editing), kept, strict=True):
        assert torch.equal(value, before)  # for the next picture
    assert torch.equal(whole.picture, begun.picture)
    with published_order():
        plain = painter(image, window)
    assert torch.allclose(plain.picture, whole.picture, atol=1e-10)
    assert torch.allclose(plain.warped, whole.warped, atol=1e-10)


@torch.inference_mode()
def test_doubled_pixels_are_convolved_in_small() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.LeakyReLU(0.1)).double()
    x = torch.randn(2, 3, 6, 9).double()
    doubled = nn.functional.interpolate(x, scale_factor=2)
    assert torch.allclose(_enlarged(model, x), model(doubled), atol=1e-12)
    with published_order():
        assert torch.equal(_enlarged(model, x), model(doubled))
