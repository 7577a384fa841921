"""A whole folder of the paper's models at tiny sizes, as ``EMPATHEIA_MODELS`` names one."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import torch
from tests.published.layouts import LANGUAGE_MODELS, clip, hubert, wav2vec2

from empatheia import hub
from empatheia.face.dreamtalk.generator import TINY_RENDERER, TalkingPortrait
from empatheia.face.pirenderer.network import PIRenderer
from empatheia.model import TextSettings
from empatheia.paper.folder import Models
from empatheia.paper.reasoner import open_reasoner
from empatheia.presets import shipped_reasoner
from empatheia.published.styles import StyleMeans
from empatheia.reasoner import Reasoner
from empatheia.speech.styletts2.generator import StyleTTS2Voice
from empatheia.training.coe import CoeConfig, add_lora

# half as wide as the tiny one: a reply is a hundred pictures of 256 x 256
_RENDERER = replace(TINY_RENDERER, widest=4, warp_base=2, edit_base=2, hidden=4)


@cache
def readers() -> tuple[Reasoner, TextSettings]:
    """What reads text, opened once for all tests that put it in: nothing of it changes."""
    return shipped_reasoner()


def build(root: Path, backbone: str = "vicuna", face: str = "dreamtalk") -> Models:
    """Everything but what is trained beside it."""
    torch.manual_seed(0)
    models = Models(root, backbone)
    LANGUAGE_MODELS[backbone](models.llm)
    hubert(models.hubert)
    clip(models.clip)
    wav2vec2(models.wav2vec2)
    voice = StyleTTS2Voice.tiny().network
    with torch.no_grad():  # each symbol lasts one frame: a reply of 3 s, not of 9
        voice.predictor.duration_proj.bias.fill_(-9.0)
    told = {"kind": "styletts2", "config": voice.config.as_dict()}
    hub.save(models.file("voice"), voice.state_dict(), told)
    style = 2 * voice.config.style
    table = StyleMeans.random(style).tensors()
    hub.save(models.file("voice-styles"), table, {"kind": "voice styles"})
    network, _ = TalkingPortrait.tiny(face).networks
    told = {"kind": face, "config": asdict(network.config)}
    hub.save(models.file("face"), network.state_dict(), told)
    table = StyleMeans.random(network.config.dim).tensors()
    hub.save(models.file("face-styles"), table, {"kind": "face styles"})
    told = {"kind": "pirenderer", "config": asdict(_RENDERER)}
    hub.save(models.file("renderer"), PIRenderer(_RENDERER).state_dict(), told)
    return models


def train(models: Models, folder: Path | None = None, seed: int = 0) -> None:
    """What ``train all`` would leave, with random adapters."""
    torch.manual_seed(seed)
    reasoner = open_reasoner(models, readers()[0])
    lora = CoeConfig(lora_rank=2, lora_alpha=4)
    add_lora(reasoner.lm.lm, lora)
    reasoner.adapters = {"lora_rank": 2, "lora_alpha": 4, "lora_dropout": 0.05}
    for name, weight in reasoner.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.02)
    reasoner.keep((folder or models.trained) / "reasoner.safetensors", {})
