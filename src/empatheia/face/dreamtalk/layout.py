"""Published DreamTalk, StyleTalk and PIRenderer files -> the tensors of our networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from empatheia.errors import WeightsError
from empatheia.face.dreamtalk.network import FaceConfig
from empatheia.published.pickles import tensors_in

_SCHEDULE = ("var_sched.", "null_style_clip", "null_pad_mask")  # made anew, not learned


def face_tensors(checkpoint: Mapping[str, Any], config: FaceConfig) -> dict[str, Tensor]:
    """Tensors of ``denoising_network.pth`` or of a StyleTalk checkpoint, under our names."""
    state = tensors_in(checkpoint.get("model_state_dict", checkpoint), config.kind)
    out: dict[str, Tensor] = {}
    for name, value in state.items():
        name = name.removeprefix("module.").removeprefix("diff_net.")
        if name.startswith(_SCHEDULE):
            continue
        name = name.removeprefix("net.")
        name = name.replace("dynamic_conv.attention.net.0.", "choose.0.")
        name = name.replace("dynamic_conv.attention.net.2.", "choose.1.")
        name = name.replace("dynamic_conv.", "")
        mixed = ".linear1." in name and value.ndim >= 4
        out[name] = value[..., 0, 0] if mixed else value  # convolutions of width 1
    if not out:
        raise WeightsError(f"the file has no tensors of a {config.kind} network")
    return out


def renderer_tensors(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """The averaged generator of a PIRenderer checkpoint. Raises WeightsError where it has none."""
    for name in ("net_G_ema", "net_G"):
        if name in checkpoint:
            state = tensors_in(checkpoint[name], name)
            return {k.removeprefix("module."): v for k, v in state.items()}
    raise WeightsError(
        f"the file has no net_G_ema among its parts ({', '.join(map(str, checkpoint)) or 'none'}): "
        "give the checkpoint of PIRenderer"
    )
