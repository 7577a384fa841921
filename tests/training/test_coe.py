"""Stage 1 on tiny weights: fits a batch, moves its own parameters only, LoRA merges away."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from empatheia.data.empathetic import TextExample
from empatheia.reasoner import Reasoner
from empatheia.tiny import tiny_reasoner
from empatheia.training.coe import CoeBatch, CoeConfig, CoeStage, add_lora, merge_lora
from empatheia.training.loop import LoopConfig, run
from empatheia.types import ChainOfEmpathy, Turn

pytest.importorskip("peft")

CHAIN = ChainOfEmpathy("a loss", "sad", "the dog is gone", "comfort", "sad")
LABELS = ChainOfEmpathy("", "proud", "", "", "happy")
EXAMPLES = [
    TextExample("1", (Turn("speaker", "I lost my dog."),), "I am sorry.", "sad", CHAIN),
    TextExample("2", (Turn("speaker", "We won the game!"),), "Great news!", "proud", LABELS),
]


def stage_of(reasoner: Reasoner) -> CoeStage:
    torch.manual_seed(0)  # LoRA starts at random
    config = CoeConfig(batch_size=2, lora_rank=16, lora_alpha=32, lora_dropout=0.0, teacher=0.0)
    add_lora(reasoner.lm.lm, config)
    logits = torch.zeros(2, 32)
    return CoeStage(reasoner, EXAMPLES, EXAMPLES, (logits, logits), config, compiled=False)


def test_fits_one_batch_and_moves_only_what_it_may(tmp_path: Path) -> None:
    reasoner = tiny_reasoner()
    stage = stage_of(reasoner)
    before = {n: p.detach().clone() for n, p in reasoner.named_parameters()}
    first = float(stage.loss(stage.batch(0))["loss"].detach())
    config = LoopConfig(steps=80, lr=0.03, warmup=5, validate_every=1000, bf16=False)
    run(stage, config, tmp_path)
    assert float(stage.loss(stage.batch(0))["loss"].detach()) < first / 2
    moved = {n for n, p in reasoner.named_parameters() if not torch.equal(p, before[n])}
    table = next(n for n in moved if "embed_tokens" in n)
    assert all("lora_" in n or n.startswith("projector.") or n == table for n in moved)
    rows = (reasoner.get_parameter(table) != before[table]).any(1).nonzero().flatten().tolist()
    assert rows
    assert set(rows) <= reasoner.lm.tokenizer.special


def test_merged_is_unmerged() -> None:
    reasoner = tiny_reasoner()
    stage = stage_of(reasoner)
    with torch.no_grad():
        for name, parameter in reasoner.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.1)
    reasoner.eval()
    batch = stage.batch(0)
    with torch.inference_mode():
        before = stage.loss(batch)["loss"]
        merge_lora(reasoner.lm.lm)
        after = stage.loss(batch)["loss"]
    assert torch.allclose(before, after, atol=1e-4)
    assert not any("lora_" in n for n, _ in reasoner.named_parameters())


def test_padding_changes_nothing() -> None:
    reasoner = tiny_reasoner()
    stage = stage_of(reasoner)
    reasoner.eval()
    with torch.inference_mode():
        both = stage._states(stage._collate(stage.rows))[0]
        one = stage._states(stage._collate(stage.rows[:1]))[0]
    length = len(stage.rows[0].prompt) + len(stage.rows[0].target)
    assert torch.allclose(both[0, :length], one[0, :length], atol=1e-5)


def test_the_target_starts_after_the_prompt() -> None:
    stage = stage_of(tiny_reasoner())
    batch = stage._collate(stage.rows)
    for i, row in enumerate(stage.rows):
        assert int(batch.target[i].sum()) == len(row.target)
        assert not batch.target[i, : len(row.prompt)].any()
        assert int(batch.ids[i, batch.label[i]]) in stage.reasoner.lm.tokenizer.labels.emotions


def test_a_small_model_can_train_whole_and_learns_from_the_context_too(tmp_path: Path) -> None:
    reasoner = tiny_reasoner()
    config = CoeConfig(batch_size=2, lora_rank=0, teacher=0.0, context_weight=0.5)
    logits = torch.zeros(2, 32)
    stage = CoeStage(reasoner, EXAMPLES, EXAMPLES, (logits, logits), config, compiled=False)
    before = {n: p.detach().clone() for n, p in reasoner.named_parameters()}
    first = float(stage._context_loss(*_seen(stage)).detach())
    run(stage, LoopConfig(40, 0.01, warmup=5, validate_every=1000, bf16=False), tmp_path)
    assert float(stage._context_loss(*_seen(stage)).detach()) < 0.8 * first
    moved = {n for n, p in reasoner.named_parameters() if not torch.equal(p, before[n])}
    assert {n for n, _ in reasoner.named_parameters() if n.startswith("lm.")} <= moved
    assert not any(n.startswith("encoder.") for n in moved)


def _seen(stage: CoeStage) -> tuple[torch.Tensor, CoeBatch]:
    batch = stage.batch(0)
    return stage._states(batch)[0], batch
