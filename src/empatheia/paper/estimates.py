"""ESTIMATES of memory and time for the paper's sizes: nothing here was measured.

Work is counted: ``FlopCounterMode`` runs each network at its published size on the meta device.
Time is work over a share of what the machine can do, or bytes over the same share of what its
memory can deliver, whichever is longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    GlmConfig,
    GlmForCausalLM,
    HubertConfig,
    HubertModel,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from empatheia.errors import InputError, unknown
from empatheia.expression import Expression, expression_config
from empatheia.face.dreamtalk.network import TalkingFace
from empatheia.face.pirenderer.network import PIRenderer
from empatheia.paper.reasoner import WRITING
from empatheia.speech.styletts2 import config as voices
from empatheia.speech.styletts2.network import StyleTTS2

GB = 1e9
PROMPT, ANSWER, SIGNALS = 256, 110, 32  # tokens of dialogue and features, of chain and reply
SECONDS = 4.0  # of a spoken reply
ROWS = 4  # dialogues of one batch in training
_SOUND = {
    "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
    "intermediate_size": 4096, "conv_bias": True, "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
}  # fmt: skip
_GLM = {
    "hidden_size": 4096, "intermediate_size": 13696, "num_attention_heads": 32,
    "num_key_value_heads": 2, "head_dim": 128, "attention_bias": True,
}  # fmt: skip
_MADE: dict[str, Callable[[], Any]] = {
    "vicuna": lambda: LlamaForCausalLM(LlamaConfig(vocab_size=32000)),
    "flan-t5-xxl": lambda: T5ForConditionalGeneration(
        T5Config(
            vocab_size=32128, d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64,
            feed_forward_proj="gated-gelu", tie_word_embeddings=False,
        )
    ),
    "chatglm3": lambda: GlmForCausalLM(
        GlmConfig(vocab_size=65024, num_hidden_layers=28, pad_token_id=0, **_GLM)
    ),
    "glm4": lambda: GlmForCausalLM(GlmConfig(num_hidden_layers=40, **_GLM)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Machine:
    """Operations and bytes a second, and the share of both that is reached."""

    operations: float
    bandwidth: float
    share: float

    def seconds(self, operations: float, moved: float = 0.0) -> float:
        return max(operations / self.operations, moved / self.bandwidth) / self.share


@dataclass(frozen=True, slots=True)
class Counted:
    """Numbers and work of a network."""

    numbers: int
    operations: float  # of one forward pass, two for each multiply-add


def counted(network: nn.Module, call: Callable[[Any], object]) -> Counted:
    """``call`` is given the network, on the meta device."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        call(network)
    return Counted(sum(p.numel() for p in network.parameters()), float(counter.get_total_flops()))


def language_model(backbone: str, rows: int = 1, prompt: int = PROMPT) -> Counted:
    """One pass over prompts and answers. Raises InputError."""
    if backbone not in _MADE:
        raise InputError(unknown("backbone", backbone, _MADE))
    answer = ANSWER + SIGNALS
    with torch.device("meta"):
        network = _MADE[backbone]()
        ids = torch.zeros(rows, prompt + answer, dtype=torch.long)
    if network.config.is_encoder_decoder:
        told, said = ids[:, :prompt], ids[:, prompt:]

        def both(network: Any) -> object:
            states = network.encoder(
                input_ids=told, attention_mask=_open(rows, prompt, prompt)
            ).last_hidden_state
            written = network.decoder(
                input_ids=said,
                attention_mask=_open(rows, answer, answer),
                encoder_hidden_states=states,
                encoder_attention_mask=_open(rows, answer, prompt),
                use_cache=False,
            ).last_hidden_state
            return network.lm_head(written)

        return counted(network, both)
    whole = _open(rows, prompt + answer, prompt + answer)
    return counted(network, lambda n: n(input_ids=ids, attention_mask=whole, use_cache=False))


def _open(rows: int, queries: int, keys: int) -> torch.Tensor:
    """A ready mask, so that nothing is asked of numbers that are not there."""
    return torch.zeros(rows, 1, queries, keys, device="meta")


def senses() -> tuple[Counted, Counted]:
    """HuBERT on ``SECONDS`` of sound, CLIP on eight pictures."""
    with torch.device("meta"):
        ear = HubertModel(HubertConfig(**_SOUND)).eval()
        eye = CLIPVisionModel(
            CLIPVisionConfig(
                hidden_size=1024, intermediate_size=4096, num_hidden_layers=24,
                num_attention_heads=16, image_size=336, patch_size=14,
            )
        )  # fmt: skip
        sound, pictures = torch.zeros(1, round(SECONDS * 16000)), torch.zeros(8, 3, 336, 336)
    return counted(ear, lambda n: n(sound)), counted(eye, lambda n: n(pixel_values=pictures))


def generators() -> dict[str, Counted]:
    """Voice and face for ``SECONDS`` of reply."""
    frames, pictures = round(SECONDS * 40), round(SECONDS * 25)
    with torch.device("meta"):
        voice, face, painter = StyleTTS2(voices.libritts()), TalkingFace(), PIRenderer()
        content, curve = torch.zeros(1, 512, frames), torch.zeros(1, 2 * frames)
        noise = torch.zeros(1, frames * 600, 9)
        style = torch.zeros(1, 128)
        heard, start = torch.zeros(pictures, 11, 256), torch.zeros(pictures, 64)
        image, window = torch.zeros(1, 3, 256, 256), torch.zeros(1, 73, 27)
    said = counted(voice, lambda n: n.decoder(content, curve, curve, style, noise))
    step = counted(face, lambda n: n.predict(heard, start, 1, heard[0, 0]))
    drawn = counted(painter, lambda n: n(image, window))
    return {
        "StyleTTS2 (LibriTTS)": said,
        "DreamTalk, 10 steps": Counted(step.numbers, 10 * step.operations),
        "PIRenderer": Counted(drawn.numbers, pictures * drawn.operations),
    }


def expression_numbers(dim: int) -> int:
    with torch.device("meta"):
        made = Expression(expression_config(dim, (512, 256), (2816, 256)))
    return sum(p.numel() for p in made.parameters())


def lora_numbers(network: Any, rank: int) -> int:
    """Of adapters beside every linear layer of the blocks."""
    return sum(
        rank * (m.in_features + m.out_features)
        for name, m in network.named_modules()
        if isinstance(m, nn.Linear) and "lm_head" not in name
    )


def training_bytes(backbone: str, rank: int = 64, rows: int = ROWS) -> dict[str, float]:
    """What the largest stage (``joint``) keeps: LoRA, states kept a block at a time."""
    with torch.device("meta"):
        network = _MADE[backbone]()
    config = network.config
    dim = int(getattr(config, "hidden_size", None) or config.d_model)
    layers = int(getattr(config, "num_hidden_layers", None) or config.num_layers)
    layers *= 2 if config.is_encoder_decoder else 1
    wide = int(getattr(config, "intermediate_size", None) or config.d_ff)
    tokens = rows * (PROMPT + ANSWER + SIGNALS)
    trained = lora_numbers(network, rank) + expression_numbers(dim)
    numbers = sum(p.numel() for p in network.parameters())
    return {
        "language model, bfloat16": 2.0 * numbers,
        "what trains, with gradients and AdamW": 16.0 * trained,
        "states between blocks": 2.0 * layers * tokens * dim,
        "one block computed again": 2.0 * tokens * (8 * dim + 3 * wide),
        "logits, three times in float32": 12.0 * rows * (ANSWER + SIGNALS) * config.vocab_size,
        "ear, eye, voice, face": 4.0 * (315.4e6 + 303.5e6 + 315.4e6 + 135.8e6 + 34.4e6),
    }


def estimates(backbone: str, machine: Machine) -> list[str]:
    """A table in lines of Markdown. Raises InputError."""
    one = language_model(backbone)
    batch = language_model(backbone, ROWS)
    step = machine.seconds(3 * 8 * batch.operations)  # forth, forth again, back; 8 batches
    weights = 2.0 * one.numbers
    decode = ANSWER * machine.seconds(2 * WRITING.candidates * one.numbers, weights)
    prefill = machine.seconds(language_model(backbone, 1).operations)
    lines = [
        f"ESTIMATES, counted and not measured: {backbone}, {machine.operations / 1e12:.0f} TFLOP/s "
        f"and {machine.bandwidth / 1e9:.0f} GB/s of which {machine.share:.0%} are reached",
        "",
        f"| a reply of {SECONDS:.0f} s | numbers | work, GFLOP | seconds |",
        "|---|---|---|---|",
        _row("prompt, chain and signals, read", one, prefill),
        f"| chain and {WRITING.candidates} candidates, written | | | {decode:.2f} |",
    ]
    for name, found in zip(
        ("HuBERT-large", "CLIP ViT-L/14@336, 8 pictures"), senses(), strict=True
    ):
        lines.append(_row(name, found, machine.seconds(2 * found.operations)))  # float32
    for name, found in generators().items():
        lines.append(_row(name, found, machine.seconds(2 * found.operations)))
    needed = training_bytes(backbone)
    lines += ["", "| training, memory | GB |", "|---|---|"]
    lines += [f"| {name} | {value / GB:.1f} |" for name, value in needed.items()]
    lines += [
        f"| **together** | **{sum(needed.values()) / GB:.1f}** |",
        "",
        f"| training, a step of {8 * ROWS} dialogues | seconds |",
        "|---|---|",
        f"| `coe`, `joint` (forth twice, back once) | {step:.1f} |",
        f"| `content`, `style` (the language model forth only, 16 dialogues) | "
        f"{machine.seconds(4 * batch.operations):.1f} |",
    ]
    return lines


def _row(name: str, found: Counted, seconds: float) -> str:
    return (
        f"| {name} | {found.numbers / 1e6:,.0f} M | {found.operations / 1e9:,.0f} | {seconds:.3f} |"
    )
