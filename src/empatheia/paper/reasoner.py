"""The reasoner of the paper: a published language model, HuBERT and CLIP, and what we train there.

The language model reads the text itself: the text readers that ship give it no tokens. They still
rank the replies, screen them, and tell a text's feeling to the ``pipeline`` system.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import CLIPVisionModel, HubertModel

from empatheia import hub
from empatheia.encoders.speech import SpeechEncoder
from empatheia.encoders.video import VideoEncoder
from empatheia.errors import WeightsError
from empatheia.latents.projector import ProjectorConfig
from empatheia.latents.senses import joined
from empatheia.llm.decoding import Sampling
from empatheia.llm.published import PublishedLM, open_lm
from empatheia.paper.folder import BACKBONES, Models
from empatheia.published.folders import open_folder, settings
from empatheia.reasoner import Prompt, Reasoner, Request
from empatheia.senses import Reading, Senses, SensesConfig

KIND = "published reasoner"
WRITING = Sampling(candidates=8)  # how replies are drawn
_BORROWED = ("lm.lm.", "senses.ear.hubert.", "senses.eye.clip.")
_READERS = ("encoder.", "ngrams.")
_LORA = "lora_"
_EAR = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "conv_dim",
    "conv_kernel", "conv_stride", "conv_bias", "feat_extract_norm", "do_stable_layer_norm",
    "num_conv_pos_embeddings", "num_conv_pos_embedding_groups", "layer_norm_eps",
)  # fmt: skip
_EYE = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "image_size",
    "patch_size", "hidden_act", "layer_norm_eps",
)  # fmt: skip


class NoTokens(nn.Module):
    """In the place of a projector: no tokens at all."""

    def __init__(self, source_dim: int, target_dim: int) -> None:
        super().__init__()
        self.config = ProjectorConfig(source_dim, target_dim, queries=0)

    def forward(self, states: Tensor, *_: Tensor) -> Tensor:
        """(batch, 0, target_dim)."""
        return states.new_zeros(len(states), 0, self.config.target_dim)


class PublishedReasoner(Reasoner):
    """See the module's docstring. ``backbone`` is one of ``BACKBONES``.

    ``state_dict`` holds what is trained here (adapters, marks, projectors, heads) and nothing that
    was published, so checkpoints stay small.
    """

    light: ClassVar[bool] = False

    def __init__(
        self, readers: Reasoner, lm: Any, senses: Senses | None, backbone: str = "vicuna"
    ) -> None:
        none: Any = NoTokens(readers.encoder.config.dim, lm.config.dim)
        super().__init__(readers.encoder, readers.ngrams, none, lm, len(readers.stock))
        self.common_context.copy_(readers.common_context)
        self.stock.copy_(readers.stock)
        self.senses, self.backbone = senses, backbone
        self.adapters: Mapping[str, Any] = {}
        self.register_state_dict_post_hook(_leave_out)
        self.register_load_state_dict_post_hook(_excuse)

    def prompt(
        self,
        requests: Sequence[Request],
        readings: Sequence[Sequence[Reading]] | None = None,
        ngram_logits: Tensor | None = None,
        bare: bool = False,
    ) -> Prompt:
        """As of every reasoner, behind the marks with which the published model opens."""
        made = super().prompt(requests, readings, ngram_logits, bare)
        opening = self.lm.tokenizer.opening
        if not opening:
            return made
        front = self.lm.embed(torch.tensor([opening], device=made.embedded.device))[0]
        rows = [
            torch.cat([front, row[real]])
            for row, real in zip(made.embedded, made.mask, strict=True)
        ]
        embedded, mask = joined(rows)
        return replace(made, embedded=embedded, mask=mask)

    def save_memory(self) -> None:
        """In training, compute the language model's states twice rather than keep them."""
        self.lm.lm.gradient_checkpointing_enable({"use_reentrant": False})

    def keep(self, path: Path, told: Mapping[str, Any]) -> None:
        """Write what is ours; the published weights stay where they are."""
        senses = asdict(self.senses.config) if self.senses is not None else None
        meta = {"kind": KIND, "backbone": self.backbone, "senses": senses}
        hub.save(path, self.state_dict(), {**told, **meta, "adapters": dict(self.adapters)})

    def take(self, path: Path, merge: bool) -> str:
        """Read what :meth:`keep` wrote; its digest. Raises WeightsError.

        ``merge`` adds the adapters to the weights; else the network must have adapters already.
        """
        found = hub.load(path)
        check_kind(path, found.meta, self.backbone)
        tensors = dict(found.tensors)
        if merge:
            low = {n: tensors.pop(n) for n in list(tensors) if _LORA in n}
            merge_adapters(self.lm.lm, low, found.meta["adapters"])
        else:
            self.adapters = found.meta["adapters"]
        try:
            self.load_state_dict(tensors)
        except RuntimeError as error:
            raise WeightsError(f"{path} does not fit this system: {error}") from error
        return found.digest


def _borrowed(name: str) -> bool:
    return name.startswith(_READERS) or (name.startswith(_BORROWED) and _LORA not in name)


def _leave_out(_module: nn.Module, state: dict[str, Any], prefix: str, _: Any) -> None:
    for name in [n for n in state if n.startswith(prefix) and _borrowed(n.removeprefix(prefix))]:
        del state[name]


def _excuse(_module: nn.Module, keys: Any) -> None:
    found = [n for n in keys.missing_keys if not _borrowed(n.rpartition("reasoner.")[2])]
    keys.missing_keys[:] = found


def check_kind(path: Path, meta: Mapping[str, Any], backbone: str) -> None:
    """Raise WeightsError unless trained beside this backbone."""
    if meta.get("kind") != KIND:
        raise WeightsError(f"{path} was trained for another preset: use --preset small with it")
    if meta.get("backbone") != backbone:
        raise WeightsError(
            f"{path} was trained beside {meta.get('backbone')!r}, not {backbone!r}: use "
            f"--preset {preset_of(str(meta.get('backbone')))}"
        )


def preset_of(backbone: str) -> str:
    """The name of the preset with this language model."""
    return "paper" if backbone == BACKBONES[0] else f"paper-{backbone}"


@torch.no_grad()
def merge_adapters(
    network: nn.Module, low: Mapping[str, Tensor], adapters: Mapping[str, Any]
) -> None:
    """W + alpha / rank B A for every layer that has an adapter."""
    scale = float(adapters["lora_alpha"]) / float(adapters["lora_rank"])
    layers = dict(network.named_modules())
    for name, a in low.items():
        if ".lora_A." not in name:
            continue
        layer: Any = layers[name.partition(".lora_A.")[0].removeprefix("lm.lm.")]
        b = low[name.replace(".lora_A.", ".lora_B.")]
        weight = layer.weight
        change = scale * (b.float() @ a.float()).to(weight.device)
        weight.copy_((weight.float() + change).to(weight.dtype))


def open_senses(models: Models, dim: int, config: SensesConfig | None = None) -> Senses:
    """HuBERT and CLIP from their folders, heads and projectors new. Raises WeightsError.

    The projectors train in ``coe`` and ``joint``, the heads for feelings nowhere.
    """
    told = settings(models.hubert)
    ear = SpeechEncoder({name: told[name] for name in _EAR if name in told})
    ear.hubert = open_folder(models.hubert, HubertModel, dtype=torch.float32)
    ear.hubert.config.update({"layerdrop": 0.0, "apply_spec_augment": False})
    ear.hubert.requires_grad_(False)
    told = settings(models.clip)
    told = told.get("vision_config", told)
    eye = VideoEncoder({name: told[name] for name in _EYE if name in told})
    eye.clip = open_folder(models.clip, CLIPVisionModel, dtype=torch.float32)
    eye.clip.requires_grad_(False)
    return Senses(ear, eye, config or SensesConfig(dim, told=False))


def open_reasoner(
    models: Models, readers: Reasoner, device: str = "cpu", dtype: torch.dtype = torch.bfloat16
) -> PublishedReasoner:
    """Language model, ear and eye, nothing of them trained by us yet. Raises WeightsError."""
    models.need(models.language())
    lm: PublishedLM = open_lm(models.llm, dtype, device)
    senses = open_senses(models, lm.config.dim)
    return PublishedReasoner(readers, lm, senses, models.backbone).eval()
