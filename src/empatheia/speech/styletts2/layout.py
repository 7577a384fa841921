"""Published StyleTTS2 and Kokoro files -> the tensors of :class:`StyleTTS2`.

A file is a dictionary of modules, each a dictionary of tensors, beside things that inference does
not need: networks for training, the optimizer. Names start with ``module.`` where the training ran
on several GPUs, norms are not folded, and the sampler's tensors are there twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from empatheia.errors import ConfigError, WeightsError
from empatheia.published.folding import fold
from empatheia.speech.styletts2.config import (
    BertConfig,
    DecoderConfig,
    DiffusionConfig,
    StyleTTS2Config,
    kokoro,
)

NEEDED = ("text_encoder", "bert", "bert_encoder", "predictor", "decoder")
OPTIONAL = ("style_encoder", "predictor_encoder", "diffusion")
TRAINING_ONLY = ("text_aligner", "pitch_extractor", "mpd", "msd", "wd")

_RENAMES = {
    "text_encoder": ((r"^cnn\.(\d+)\.0\.", r"convs.\1."), (r"^cnn\.(\d+)\.1\.", r"norms.\1.")),
    "style_encoder": ((r"\.downsample_res\.conv\.", r".down."),),
    "predictor_encoder": ((r"\.downsample_res\.conv\.", r".down."),),
    "predictor": ((r"^duration_proj\.linear_layer\.", "duration_proj."),),
    "decoder": ((r"^asr_res\.0\.", "asr_res."),),
    "diffusion": (
        (r"\.attention\.attention\.to_out\.", ".attention.to_out."),
        (r"^to_out\.1\.", "to_out."),
        (r"^to_time\.0\.0\.weights$", "frequencies"),
        (r"^to_time\.0\.1\.", "to_time."),
        (r"^to_features\.0\.", "to_features."),
        (r"^fixed_embedding\.embedding\.", "no_text."),
    ),
}


def tensors_of(
    modules: Mapping[str, Mapping[str, Tensor]], config: StyleTTS2Config
) -> dict[str, Tensor]:
    """The file's modules under our names. Raises WeightsError where a whole module is missing."""
    wanted = list(NEEDED)
    wanted += ["style_encoder", "predictor_encoder"] if config.style_encoders else []
    wanted += ["diffusion"] if config.diffusion else []
    if absent := [name for name in wanted if name not in modules]:
        raise WeightsError(
            f"the file has no {', '.join(absent)} among its parts ({', '.join(modules) or 'none'}):"
            " give a checkpoint of the second training stage"
        )
    out: dict[str, Tensor] = {}
    for module in wanted:
        for name, value in _renamed(module, modules[module]).items():
            out[f"{module}.{name}"] = value
    return out


def _renamed(module: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    plain = {name.removeprefix("module."): value for name, value in state.items()}
    plain.pop("embeddings.position_ids", None)  # a counter that older files kept
    if module == "diffusion":
        twins = {k.removeprefix("diffusion.net."): v for k, v in plain.items() if ".net." in k[:15]}
        plain = {k.removeprefix("unet."): v for k, v in plain.items() if k.startswith("unet.")}
        plain = plain or twins
    out: dict[str, Tensor] = {}
    for name, value in fold(plain).items():
        for pattern, replacement in _RENAMES.get(module, ()):
            name = re.sub(pattern, replacement, name)
        pointwise = module == "diffusion" and name == "to_out.weight" and value.ndim == 3
        out[name] = value[..., 0] if pointwise else value  # a convolution of width 1
    return out


def style_of_pack(pack: object, dim: int) -> Tensor:
    """A Kokoro voice pack (lengths, 1, dim), a row for each number of phonemes -> its mean (dim,).

    Raises WeightsError where it is something else.
    """
    if not isinstance(pack, Tensor) or pack.ndim != 3 or pack.shape[1:] != (1, dim):
        found = tuple(pack.shape) if isinstance(pack, Tensor) else type(pack).__name__
        raise WeightsError(
            f"holds {found}, not styles of (lengths, 1, {dim}): give a voice pack of Kokoro "
            "(voices/*.pt)"
        )
    return pack.float().mean((0, 1))


def config_of(values: Mapping[str, Any]) -> StyleTTS2Config:
    """The numbers of a published config.yml (StyleTTS2) or config.json (Kokoro), already parsed.

    Raises ConfigError naming what is missing.
    """
    try:
        if "istftnet" in values:
            return _kokoro(values)
        return _styletts2(values["model_params"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        fault = f"has no {error}" if isinstance(error, KeyError) else f"cannot be used ({error})"
        raise ConfigError(
            f"the configuration {fault}: give the config.yml (StyleTTS2) or config.json (Kokoro) "
            "that was published beside the weights"
        ) from error


def _kokoro(values: Mapping[str, Any]) -> StyleTTS2Config:
    import dataclasses

    numbers = values["istftnet"]
    return dataclasses.replace(
        kokoro({str(k): int(v) for k, v in values["vocab"].items()}),
        tokens=values["n_token"], hidden=values["hidden_dim"], style=values["style_dim"],
        layers=values["n_layer"], kernel=values["text_encoder_kernel_size"],
        max_duration=values["max_dur"], mels=values["n_mels"], bert=_bert(values["plbert"]),
        decoder=_decoder({"type": "istftnet", **numbers}, "torch"),
    )  # fmt: skip


def _styletts2(params: Mapping[str, Any]) -> StyleTTS2Config:
    sampler = params["diffusion"]
    shape = sampler["transformer"]
    hifigan = params["decoder"]["type"] == "hifigan"
    many = bool(params["multispeaker"])
    return StyleTTS2Config(
        tokens=params["n_token"], hidden=params["hidden_dim"], style=params["style_dim"],
        layers=params["n_layer"], max_duration=params["max_dur"], mels=params["n_mels"],
        encoder_width=params["dim_in"],
        diffusion=DiffusionConfig(
            shape["num_layers"], shape["num_heads"], shape["head_features"], shape["multiplier"],
            many, float(sampler["dist"]["sigma_data"]),
        ),
        decoder=_decoder(params["decoder"], "scipy"),
        shift=hifigan, tail=0 if many else 5, cut=50 if hifigan else 0,
    )  # fmt: skip


def _decoder(values: Mapping[str, Any], window: str) -> DecoderConfig:
    kind = values["type"]
    if kind not in ("hifigan", "istftnet"):
        raise ConfigError(f"decoder type {kind!r} is unknown. Allowed: hifigan, istftnet.")
    dilations = values["resblock_dilation_sizes"]
    if any(row != dilations[0] for row in dilations):
        raise ConfigError(f"resblock_dilation_sizes {dilations} differ: no published weights do")
    return DecoderConfig(
        kind=kind, rates=tuple(values["upsample_rates"]),
        kernels=tuple(values["upsample_kernel_sizes"]),
        residual_kernels=tuple(values["resblock_kernel_sizes"]), dilations=tuple(dilations[0]),
        channels=values["upsample_initial_channel"], n_fft=values.get("gen_istft_n_fft", 20),
        hop=values.get("gen_istft_hop_size", 5), window="torch" if window == "torch" else "scipy",
    )  # fmt: skip


def _bert(values: Mapping[str, Any]) -> BertConfig:
    return BertConfig(
        hidden=values["hidden_size"], heads=values["num_attention_heads"],
        inner=values["intermediate_size"], layers=values["num_hidden_layers"],
        positions=values["max_position_embeddings"],
    )  # fmt: skip
