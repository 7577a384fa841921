"""The numbers with which the shipped ``small()`` weights were trained, a recipe a stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from empatheia.llm.causal import CausalConfig
from empatheia.training.coe import CoeConfig
from empatheia.training.loop import LoopConfig
from empatheia.training.text import TextStageConfig


@dataclass(frozen=True, slots=True)
class TextRecipe:
    """The text encoder: 1.6 epochs of responses."""

    loop: LoopConfig = field(default_factory=lambda: LoopConfig(2000, 8e-5, warmup=150))
    stage: TextStageConfig = field(default_factory=TextStageConfig)


@dataclass(frozen=True, slots=True)
class BaseRecipe:
    """Stage 0: 2.4 epochs of two million tokens."""

    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(1200, 1.5e-3, warmup=60, weight_decay=0.1)
    )
    model: CausalConfig = field(default_factory=CausalConfig)
    vocabulary: int = 8192
    batch_size: int = 16
    warm_start: bool = True


@dataclass(frozen=True, slots=True)
class CoeRecipe:
    """Stage 1: 0.6 epochs of responses, annotated ones three times as often."""

    loop: LoopConfig = field(default_factory=lambda: LoopConfig(1000, 1e-3, warmup=60))
    stage: CoeConfig = field(default_factory=lambda: CoeConfig(lora_rank=128, lora_alpha=128))


Recipe = TextRecipe | BaseRecipe | CoeRecipe
RECIPES: dict[str, dict[str, type[Recipe]]] = {
    "small": {"text": TextRecipe, "base": BaseRecipe, "coe": CoeRecipe}
}
