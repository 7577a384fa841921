"""A whole file in each published layout through the command: what comes out is what went in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.published import checkpoints
from torch import nn

from empatheia import hub
from empatheia.cli.main import run
from empatheia.face.dreamtalk import network as faces
from empatheia.face.dreamtalk.generator import TINY_RENDERER
from empatheia.face.dreamtalk.network import FaceConfig, TalkingFace
from empatheia.face.pirenderer import network as renderers
from empatheia.face.pirenderer.network import PIRenderer
from empatheia.speech.styletts2 import layout
from empatheia.speech.styletts2.config import BertConfig, DecoderConfig, StyleTTS2Config, tiny
from empatheia.speech.styletts2.network import StyleTTS2

Made = tuple[nn.Module, Any, dict[str, Any] | None]
BERT = BertConfig(16, 2, 32, 2)
VOCABULARY = {"a": 43, "$": 0}


def numbers(config: StyleTTS2Config) -> dict[str, Any]:
    decoder = config.decoder
    return {
        "dim_in": config.encoder_width, "hidden_dim": config.hidden, "n_layer": config.layers,
        "n_mels": config.mels, "n_token": config.tokens, "max_dur": config.max_duration,
        "style_dim": config.style,
        "decoder": {
            "type": decoder.kind, "upsample_rates": list(decoder.rates),
            "upsample_kernel_sizes": list(decoder.kernels),
            "resblock_kernel_sizes": list(decoder.residual_kernels),
            "resblock_dilation_sizes": [list(decoder.dilations)] * 3,
            "upsample_initial_channel": decoder.channels, "gen_istft_n_fft": decoder.n_fft,
            "gen_istft_hop_size": decoder.hop,
        },
    }  # fmt: skip


def styletts2(monkeypatch: pytest.MonkeyPatch, many: bool) -> Made:
    """LibriTTS (many speakers, hifigan) or LJSpeech (one, istftnet)."""
    config = tiny("hifigan" if many else "istftnet")
    assert config.diffusion is not None
    sampler = replace(config.diffusion, by_style=many)
    config = replace(config, bert=BERT, diffusion=sampler)
    narrow = {"width": 16, "content_channels": 4}  # fixed in published code
    monkeypatch.setattr(layout, "DecoderConfig", partial(DecoderConfig, **narrow))
    monkeypatch.setattr(layout, "StyleTTS2Config", partial(StyleTTS2Config, bert=BERT))
    network = StyleTTS2(config)
    transformer = {
        "num_layers": sampler.layers, "num_heads": sampler.heads,
        "head_features": sampler.head_dim, "multiplier": sampler.multiplier,
    }  # fmt: skip
    told = numbers(config) | {
        "multispeaker": many,
        "diffusion": {"transformer": transformer, "dist": {"sigma_data": 0.25}},
    }
    beside = {"mpd": {"module.x": torch.ones(2)}, "text_aligner": {"module.y": torch.ones(2)}}
    file = {
        "net": checkpoints.voice(network) | beside, "optimizer": checkpoints.optimizer(),
        "iters": 3, "val_loss": 0.5, "epoch": 20,
    }  # fmt: skip
    return network, file, {"model_params": told}


def kokoro(monkeypatch: pytest.MonkeyPatch) -> Made:
    config = replace(
        tiny("istftnet"), bert=BERT, style_encoders=False, diffusion=None, end_token=True,
        vocabulary=VOCABULARY,
    )  # fmt: skip
    narrow = {"width": 16, "content_channels": 4}
    monkeypatch.setattr(layout, "DecoderConfig", partial(DecoderConfig, **narrow))
    network = StyleTTS2(config)
    told = numbers(config)
    bert = {
        "hidden_size": BERT.hidden, "num_attention_heads": BERT.heads,
        "intermediate_size": BERT.inner, "num_hidden_layers": BERT.layers,
        "max_position_embeddings": BERT.positions,
    }  # fmt: skip
    told |= {"istftnet": told.pop("decoder"), "plbert": bert, "vocab": VOCABULARY}
    told |= {"text_encoder_kernel_size": config.kernel}
    return network, checkpoints.voice(network), told


def talking(monkeypatch: pytest.MonkeyPatch, kind: str) -> Made:
    small = {"dim": 16, "heads": 2, "inner": 32, "layers": 2, "heard": 12, "phoneme_dim": 6}
    monkeypatch.setattr(faces, "FaceConfig", partial(FaceConfig, **small))
    network = TalkingFace(faces.FaceConfig(kind=kind))  # type: ignore[arg-type]
    return network, checkpoints.face(network), None


def pirenderer(monkeypatch: pytest.MonkeyPatch) -> Made:
    monkeypatch.setattr(renderers, "RendererConfig", lambda **_: TINY_RENDERER)
    network = PIRenderer(TINY_RENDERER)
    other = {name: value + 1 for name, value in network.state_dict().items()}
    averaged = {f"module.{name}": value for name, value in network.state_dict().items()}
    return network, {"net_G_ema": averaged, "net_G": other, "opt_G": checkpoints.optimizer()}, None


FILES: dict[str, tuple[str, Callable[[pytest.MonkeyPatch], Made]]] = {
    "libritts": ("styletts2", lambda m: styletts2(m, True)),
    "ljspeech": ("styletts2", lambda m: styletts2(m, False)),
    "kokoro": ("kokoro", kokoro),
    "dreamtalk": ("dreamtalk", lambda m: talking(m, "dreamtalk")),
    "styletalk": ("styletalk", lambda m: talking(m, "styletalk")),
    "pirenderer": ("pirenderer", pirenderer),
}


@pytest.mark.parametrize("name", FILES)
def test_what_went_in_comes_out(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kind, make = FILES[name]
    torch.manual_seed(0)
    network, file, config = make(monkeypatch)
    torch.save(file, tmp_path / "file.pth")
    (tmp_path / "config.json").write_text(json.dumps(config))
    out = tmp_path / "out.safetensors"
    told = ["weights", "convert", kind, str(tmp_path / "file.pth"), "-o", str(out)]
    told += ["--config", str(tmp_path / "config.json")] if config else []
    assert run(told) == 0, capsys.readouterr().err
    assert run(["weights", "verify", str(out)]) == 0, capsys.readouterr().err
    found = hub.load(out).tensors
    state = network.state_dict()
    assert found.keys() == state.keys()
    for key, value in state.items():
        assert torch.allclose(found[key], value, atol=1e-6), key
