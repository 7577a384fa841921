"""Published files fit the networks key by key; the tensors of the real ones are known by a digest.

The digests are of "name shape" lines after renaming and folding, from the manifests of the
published files; where the manifests are at hand they are compared themselves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.published import checkpoints
from torch import Tensor

from empatheia.errors import ConfigError, WeightsError
from empatheia.published import strict
from empatheia.speech.styletts2.config import (
    StyleTTS2Config,
    kokoro,
    libritts,
    ljspeech,
    tiny,
)
from empatheia.speech.styletts2.layout import config_of, tensors_of
from empatheia.speech.styletts2.network import StyleTTS2

REFERENCE = Path(__file__).parents[4] / "shared" / "reference"
CONFIGS = {"libritts": libritts(), "ljspeech": ljspeech(), "kokoro": kokoro()}
DIGESTS = json.loads(Path(__file__).with_name("digests.json").read_text())


def on_meta(config: StyleTTS2Config) -> StyleTTS2:
    with torch.device("meta"):
        return StyleTTS2(config)


def digest(state: Mapping[str, Tensor]) -> str:
    lines = sorted(f"{name} {list(value.shape)}" for name, value in state.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", CONFIGS)
def test_full_size_has_the_published_tensors(name: str) -> None:
    assert digest(on_meta(CONFIGS[name]).state_dict()) == DIGESTS[name]


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the manifests are not at hand")
@pytest.mark.parametrize("name", CONFIGS)
def test_full_size_fits_the_manifest(name: str) -> None:
    if name == "kokoro":
        read = json.loads((REFERENCE / "kokoro_keys.json").read_text())
        keys = read["published_layout_inferred"]["modules"]
    else:
        read = json.loads((REFERENCE / "styletts2_keys.json").read_text())
        kind = {"libritts": "libritts_hifigan", "ljspeech": "ljspeech_istftnet"}[name]
        keys = {m: v["keys"] for m, v in read[kind]["modules"].items()}
    modules = {
        m: {k: torch.empty(s, device="meta") for k, s in tensors.items()}
        for m, tensors in keys.items()
    }
    strict.check(on_meta(CONFIGS[name]), tensors_of(modules, CONFIGS[name]), name)


def test_a_file_in_the_published_layout_comes_back(networks: dict[str, StyleTTS2]) -> None:
    network = networks["hifigan"]
    modules = checkpoints.voice(network)
    modules["mpd"] = {"anything": torch.zeros(1)}
    again = on_meta(network.config)
    strict.load(again, tensors_of(modules, network.config), "a synthetic file")
    state = again.state_dict()
    for name, value in network.state_dict().items():
        assert torch.allclose(state[name], value, atol=1e-6), name
    ids, style = torch.arange(6), torch.zeros(16)
    noise = torch.zeros(1, 4 * 6 * 300, 9)
    frames = torch.full_like(ids, 2)
    with torch.inference_mode():
        a = network.synthesize(ids, style, frames=frames, noise=noise).wave
        b = again.eval().synthesize(ids, style, frames=frames, noise=noise).wave
    assert torch.allclose(a, b, atol=5e-3)  # the pitch adds up over the phase


def test_a_missing_part_and_a_missing_key_are_named(networks: dict[str, StyleTTS2]) -> None:
    network = networks["hifigan"]
    modules = checkpoints.voice(network)
    del modules["decoder"]["module.F0_conv.bias"]
    with pytest.raises(strict.KeyMismatchError, match=r"decoder\.F0_conv\.bias"):
        strict.check(network, tensors_of(modules, network.config), "a file")
    del modules["predictor"]
    with pytest.raises(WeightsError, match="has no predictor"):
        tensors_of(modules, network.config)


def test_configs_of_both_families_are_read() -> None:
    params = {
        "multispeaker": True, "dim_in": 64, "hidden_dim": 512, "n_layer": 3, "n_mels": 80,
        "n_token": 178, "max_dur": 50, "style_dim": 128,
        "decoder": {
            "type": "hifigan", "resblock_kernel_sizes": [3, 7, 11], "upsample_rates": [10, 5, 3, 2],
            "upsample_initial_channel": 512, "resblock_dilation_sizes": [[1, 3, 5]] * 3,
            "upsample_kernel_sizes": [20, 10, 6, 4],
        },
        "diffusion": {
            "transformer": {"num_layers": 3, "num_heads": 8, "head_features": 64, "multiplier": 2},
            "dist": {"sigma_data": 0.19926648961191362},
        },
    }  # fmt: skip
    read = config_of({"model_params": params})
    assert read == libritts(0.19926648961191362)
    assert StyleTTS2Config.from_dict(json.loads(json.dumps(read.as_dict()))) == read
    with pytest.raises(ConfigError, match="model_params"):
        config_of({"something": 1})
    with pytest.raises(ConfigError, match="no colour"):
        StyleTTS2Config.from_dict({"colour": 1})


def test_a_network_without_encoders_says_so() -> None:
    network = StyleTTS2(replace(tiny("istftnet"), style_encoders=False, diffusion=None))
    with pytest.raises(Exception, match="no style encoder"):
        network.hear(torch.zeros(1, 80, 70))
