"""Our tensors as files of others have them: normed, prefixed, some twice, an optimizer beside."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from empatheia.face.dreamtalk.network import TalkingFace
from empatheia.speech.styletts2.layout import NEEDED, OPTIONAL
from empatheia.speech.styletts2.network import StyleTTS2


def voice(network: StyleTTS2) -> dict[str, dict[str, Tensor]]:
    """The parts of StyleTTS2's second stage, or of Kokoro, which has fewer."""
    names = {
        "text_encoder": {"convs.0.": "cnn.0.0.", "norms.0.": "cnn.0.1."},
        "predictor": {"duration_proj.": "duration_proj.linear_layer."},
        "decoder": {"asr_res.": "asr_res.0."},
    }
    sampler = {
        "attention.to_out.": "attention.attention.to_out.", "frequencies": "to_time.0.0.weights",
        "to_time.": "to_time.0.1.", "to_features.": "to_features.0.",
        "no_text.": "fixed_embedding.embedding.",
    }  # fmt: skip
    out: dict[str, dict[str, Tensor]] = {m: {} for m in (*NEEDED, *OPTIONAL)}
    for full, value in network.state_dict().items():
        module, _, name = full.partition(".")
        if module == "diffusion":
            for ours, theirs in sampler.items():
                if ours in name and not (ours == "to_time." and "0.0" in name):
                    name = name.replace(ours, theirs)
                    break
            if name.startswith("to_out."):
                name = name.replace("to_out.", "to_out.1.")
                value = value[..., None] if value.ndim == 2 else value
            for twin in ("unet.", "diffusion.net."):
                out[module]["module." + twin + name] = value
            continue
        for ours, theirs in names.get(module, {}).items():
            name = theirs + name.removeprefix(ours) if name.startswith(ours) else name
        name = "module." + name.replace(".down.", ".downsample_res.conv.")
        out[module].update(_unfolded(module, name, value))
    out["bert"]["module.embeddings.position_ids"] = torch.arange(512)[None]
    return {module: state for module, state in out.items() if state}


def _unfolded(module: str, name: str, value: Tensor) -> dict[str, Tensor]:
    base = name.removesuffix("weight")
    plain = any(part in name for part in ("noise_convs", "F0_proj", "N_proj"))
    if base == name or value.ndim < 3 or plain:
        return {name: value}
    if module in ("style_encoder", "predictor_encoder"):
        flat = value.flatten(1)
        u = torch.ones(len(flat))
        v = flat.mT @ u
        v = v / torch.dot(u, flat @ v)  # so that u . W v is 1 and W itself comes out
        return {base + "weight_orig": value, base + "weight_u": u, base + "weight_v": v}
    axes = tuple(range(1, value.ndim))
    g = value.norm(dim=axes, keepdim=True)
    return {base + "weight_g": g, base + "weight_v": value * 0.5}


def face(network: TalkingFace) -> dict[str, Any]:
    """``denoising_network.pth`` of DreamTalk or a checkpoint of StyleTalk."""
    state = network.state_dict()
    if network.config.kind == "dreamtalk":
        made = {f"diff_net.net.{name}": value for name, value in state.items()}
        made |= {"diff_net.var_sched.betas": torch.zeros(1001)}
        made |= {"diff_net.null_style_clip": torch.zeros(1, 256, 64)}
    else:
        made = {}
        for name, value in state.items():
            if ".choose." in name or (".linear1." in name and name.startswith("decoder.")):
                name = name.replace("linear1.", "linear1.dynamic_conv.")
                name = name.replace("choose.0.", "attention.net.0.")
                name = name.replace("choose.1.", "attention.net.2.")
                value = value[..., None, None] if name.endswith("weight") else value
            made[f"module.{name}"] = value
    return {"model_state_dict": made, "optimizer_state_dict": optimizer(), "epoch": 7}


def optimizer() -> dict[str, Any]:
    """The state of one that has made a step."""
    layer = nn.Linear(2, 2)
    made = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    made.step()
    return made.state_dict()
