"""Numbers of our networks on formula-made weights, kept so that a later change is seen.

Made anew (after a change that is meant) by: python tests/face/dreamtalk/test_golden.py
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from empatheia.face.dreamtalk.generator import TINY_RENDERER
from empatheia.face.dreamtalk.network import FaceConfig, TalkingFace
from empatheia.face.pirenderer.network import PIRenderer

GOLDEN = Path(__file__).with_name("golden.json")


def wave(*shape: int, step: float = 0.37) -> Tensor:
    return torch.sin(torch.arange(math.prod(shape), dtype=torch.float64) * step).float().view(shape)


@torch.no_grad()
def filled(network: nn.Module) -> nn.Module:
    """The same weights on every machine and with every version of torch."""
    for number, weight in enumerate(network.parameters()):
        size = 0.5 if weight.ndim < 2 else 1.5 / math.sqrt(weight[0].numel())
        weight.copy_(size * wave(*weight.shape, step=0.7 + 0.013 * number))
    return network.eval()


@torch.inference_mode()
def outputs(kind: str) -> dict[str, Tensor]:
    if kind == "pirenderer":
        painter = filled(PIRenderer(TINY_RENDERER))
        made = painter(wave(1, 3, 64, 64, step=0.01), wave(1, 73, 27))
        return {"flow": made.flow[0, :, 3, :6], "picture": made.picture[0, :, 30, 20:28]}
    config = FaceConfig(kind, 16, 2, 32, 2, heard=12, style_frames=20, phoneme_dim=6)  # type: ignore[arg-type]
    face = filled(TalkingFace(config))
    assert isinstance(face, TalkingFace)
    sounds = wave(3, 11, 12) if kind == "dreamtalk" else torch.arange(33).view(3, 11)
    content, style = face.content_encoder(sounds), face.encode_style(wave(9, 64))
    return {
        "content": content[1, 5],
        "style": style,
        "expression": face.animate(content, style, wave(3, 64, step=1.7), guidance=2.0)[1, :16],
    }


@pytest.mark.parametrize("kind", ["dreamtalk", "styletalk", "pirenderer"])
def test_numbers_are_what_they_were(kind: str) -> None:
    kept = json.loads(GOLDEN.read_text())[kind]
    for name, value in outputs(kind).items():
        wanted = torch.tensor(kept[name])
        assert wanted.std() > 0.005
        assert torch.allclose(value.flatten(), wanted, atol=2e-4), name


if __name__ == "__main__":
    kinds = ("dreamtalk", "styletalk", "pirenderer")
    found = {k: {n: [round(x, 5) for x in v.flatten().tolist()] for n, v in outputs(k).items()}
             for k in kinds}  # fmt: skip
    lines = [f' "{k}": {json.dumps(v)}' for k, v in found.items()]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
