"""The numbers with which the shipped ``small()`` weights were trained, a recipe a stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from empatheia.llm.causal import CausalConfig
from empatheia.training.coe import CoeConfig
from empatheia.training.loop import LoopConfig
from empatheia.training.preference import PreferConfig
from empatheia.training.pretrained import StartConfig
from empatheia.training.text import TextStageConfig


@dataclass(frozen=True, slots=True)
class TextRecipe:
    """The text encoder: 1.6 epochs of responses."""

    loop: LoopConfig = field(default_factory=lambda: LoopConfig(2000, 8e-5, warmup=150))
    stage: TextStageConfig = field(default_factory=TextStageConfig)


@dataclass(frozen=True, slots=True)
class BaseRecipe:
    """Stage 0: half a million tokens, enough to heal fourteen layers of SmolLM2-135M."""

    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            240, 6e-4, warmup=20, weight_decay=0.05, validate_every=120
        )
    )
    model: CausalConfig = field(default_factory=CausalConfig)
    start: StartConfig = field(default_factory=StartConfig)
    vocabulary: int = 8192
    batch_size: int = 8


@dataclass(frozen=True, slots=True)
class CoeRecipe:
    """Stage 1: the whole model, 1.2 epochs of responses, in the four bits that its file keeps."""

    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(1760, 5e-4, warmup=30, validate_every=300)
    )
    stage: CoeConfig = field(
        default_factory=lambda: CoeConfig(
            lora_rank=0, context_weight=0.4, int4=True, annotated_copies=2, valid_share=12
        )
    )


@dataclass(frozen=True, slots=True)
class PreferRecipe:
    """Stage 1b: half of the verdicts on train."""

    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            150, 1e-3, warmup=20, weight_decay=0.0, validate_every=75, save_every=75
        )
    )
    stage: PreferConfig = field(default_factory=PreferConfig)


Recipe = TextRecipe | BaseRecipe | CoeRecipe | PreferRecipe
RECIPES: dict[str, dict[str, type[Recipe]]] = {
    "small": {"text": TextRecipe, "base": BaseRecipe, "coe": CoeRecipe, "prefer": PreferRecipe}
}
