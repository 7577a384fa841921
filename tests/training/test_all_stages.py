"""All four stages on tiny weights, from a rendered folder to files to a reply."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from empatheia import hub, model
from empatheia.data import manifest
from empatheia.data.empathetic import TextExample
from empatheia.errors import InputError, WeightsError
from empatheia.expression import Expression
from empatheia.llm.decoding import Sampling
from empatheia.model import Empatheia, TextSettings
from empatheia.presets import load_expression, load_folder, load_senses
from empatheia.tiny import tiny_expression, tiny_reasoner, tiny_senses
from empatheia.training.coe import CoeConfig, CoeStage, add_lora, merge_lora
from empatheia.training.loop import LoopConfig, run
from empatheia.training.merg import (
    MergRecipe,
    Parts,
    load_reasoner_file,
    read_media,
    split,
    train_in_a_row,
    train_merg,
)
from empatheia.training.merg_stage import MergConfig
from empatheia.types import Dialogue, Turn

pytest.importorskip("peft")
sys.path.insert(0, str(Path(__file__).parent))
import merg

LOOP = LoopConfig(steps=2, lr=1e-3, warmup=1, validate_every=2, save_every=1, bf16=False)
LORA = CoeConfig(batch_size=2, lora_rank=4, lora_alpha=4, lora_dropout=0.0)


def test_four_stages_and_a_reply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "NOTHING_TO_SAY", "I'm here.")
    data, out = tmp_path / "data", tmp_path / "out"
    manifest.write(data / "manifest.jsonl", merg.dialogues(data))
    reasoner = tiny_reasoner()
    add_lora(reasoner.lm.lm, LORA)
    said = TextExample("1", (Turn("speaker", "My dog died."),), "I'm here.", "sad", merg.CHAIN)
    logits = torch.zeros(1, 32)
    run(
        CoeStage(reasoner, [said], [said], (logits, logits), LORA, compiled=False),
        LOOP,
        out / "coe",
    )
    merge_lora(reasoner.lm.lm)
    voice, face = merg.generators()
    opened: list[Path | None] = []

    def opener(expression: Path | None) -> Parts:
        opened.append(expression)
        reasoner.senses = tiny_senses()
        found = Expression.load(expression) if expression else merg.expression()
        return Parts(reasoner, voice, face, "tiny", found)

    recipe = MergRecipe(LOOP, MergConfig(batch_size=1), LORA)
    recipes = dict.fromkeys(("content", "style", "joint"), recipe)
    figures = train_in_a_row(data, out, opener, recipes)
    assert list(figures) == ["content", "style", "joint"]
    assert opened == [None, *(out / s / "expression.safetensors" for s in ("content", "style"))]
    lines = (out / "joint" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [0, 1]
    assert train_in_a_row(data, out, opener, recipes, resume=True) == {}

    trained, settings = load_folder(out / "joint")
    trained.senses = load_senses(out / "joint" / "senses.safetensors", trained)
    assert settings.digest != "none"
    again = load_reasoner_file(out / "joint" / "reasoner.safetensors")
    assert torch.equal(again.lm.embed(torch.tensor([[3]])), trained.lm.embed(torch.tensor([[3]])))
    expression = load_expression(out / "joint" / "expression.safetensors", trained, voice, face)
    text = TextSettings(Sampling(candidates=2, max_tokens=4))
    system = Empatheia(trained, voice, face, None, text, {}, expression, "empatheia")
    reply = system.reply(Dialogue("d", (Turn("speaker", "My dog died."),)))
    assert reply.wav
    assert reply.mp4
    with pytest.raises(WeightsError, match="does not fit"):
        Expression.load(out / "joint" / "reasoner.safetensors")


def test_modules_of_another_preset_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    manifest.write(data / "manifest.jsonl", merg.dialogues(data))
    other = tiny_expression((8, 8), (8, 8))
    parts = Parts(tiny_reasoner(), *merg.generators(), "tiny", other)
    with pytest.raises(WeightsError, match="belong to another preset"):
        train_merg("content", data, out, parts, MergRecipe(LOOP))
    assert not out.exists()


def test_a_folder_without_a_manifest_is_told_how_to_render(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="empatheia data render"):
        read_media(tmp_path)


def test_valid_is_the_datas_own_or_a_twentieth() -> None:
    some = [Dialogue(str(i), (), split="train") for i in range(200)]
    train, valid = split(some)
    assert len(train) + len(valid) == 200
    assert 2 <= len(valid) <= 25
    named = [replace(d, split=("train", "valid", "test")[i % 3]) for i, d in enumerate(some)]
    train, valid = split(named)
    assert {d.split for d in train} == {"train"}
    assert {d.split for d in valid} == {"valid"}
    assert [len(part) for part in split(some[:1])] == [0, 1]


def test_a_resting_four_bit_model_stays_what_it_was(tmp_path: Path) -> None:
    """``adapt=False``: the reasoner of ``joint`` is the one it began with, number by number."""
    data, out = tmp_path / "data", tmp_path / "out"
    manifest.write(data / "manifest.jsonl", merg.dialogues(data))
    voice, face = merg.generators()
    reasoner = tiny_reasoner()
    before = {n: t for n, t in reasoner.state_dict().items() if n.endswith("down_proj.weight")}
    assert before
    names = frozenset(before)
    start = tmp_path / "start.safetensors"
    hub.save(start, reasoner.state_dict(), reasoner.meta(), int8=True, int4=names.__contains__)
    assert hub.int4_names(start) == names
    parts = Parts(load_reasoner_file(start), voice, face, "tiny", merg.expression(), int4=names)
    recipe = MergRecipe(LOOP, MergConfig(batch_size=1), LORA, adapt=False)
    train_merg("joint", data, out, parts, recipe)
    again = load_reasoner_file(out / "reasoner.safetensors")
    assert hub.int4_names(out / "reasoner.safetensors") == names
    for name, value in load_reasoner_file(start).state_dict().items():
        assert torch.allclose(again.state_dict()[name], value, atol=1e-6), name
    signals = Expression.load(out / "expression.safetensors").signals.table
    assert not torch.equal(signals, merg.expression().signals.table)
