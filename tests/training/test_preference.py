"""Replies judged together are read as they are alone, and the better ones become likelier."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from empatheia import hub
from empatheia.data.empathetic import TextExample
from empatheia.errors import InputError, WeightsError
from empatheia.files import digest_of
from empatheia.llm.decoding import score_replies
from empatheia.llm.factors import add_factors, taken_out
from empatheia.presets import load_reasoner
from empatheia.reasoner import Reasoner, Request
from empatheia.tiny import tiny_reasoner
from empatheia.training import preference
from empatheia.training.coe import CoeConfig, add_lora
from empatheia.training.coe_data import drawn_profile
from empatheia.training.judged import JudgedRow, batch_of, judged_rows, likelihoods, states
from empatheia.training.loop import LoopConfig, run
from empatheia.training.preference import PreferConfig, PreferStage, train_prefer
from empatheia.types import Turn

JUDGED = {"fits": ["Oh no, I am sorry."], "generic": ["I see."], "wrong": ["What a day!"]}
FOUND = [
    TextExample("d0", (Turn("speaker", "I lost my dog."),), "", "sad"),
    TextExample("d1", (Turn("speaker", "My cat ran away from us today."),), "", "sad"),
]


@pytest.fixture
def reasoner() -> Reasoner:
    return tiny_reasoner()


def rows_of(reasoner: Reasoner) -> list[JudgedRow]:
    return judged_rows(reasoner, FOUND, {e.name: JUDGED for e in FOUND})


def data_of(folder: Path) -> Path:
    """``FOUND`` as --data holds it, in both splits."""
    answer = {"role": "listener", "text": "Oh no!"}
    lines = [
        {
            "conv_id": e.dialogue_id,
            "emotion": e.emotion,
            "utterances": [*({"role": t.role, "text": t.text} for t in e.context), answer],
        }
        for e in FOUND
    ]
    inside = folder / "empathetic_dialogues"
    inside.mkdir()
    for split in ("train", "valid"):
        (inside / f"{split}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def file_of(reasoner: Reasoner, path: Path) -> Path:
    hub.save(path, reasoner.state_dict(), reasoner.meta())
    return path


@torch.no_grad()
def test_side_by_side_is_one_by_one(reasoner: Reasoner) -> None:
    rows = rows_of(reasoner)
    batch = batch_of(rows, [0, 1], reasoner)
    said = likelihoods(reasoner, batch, states(reasoner, batch)).view(2, 3)
    thinking = reasoner.think([Request(e.context, drawn_profile(e.dialogue_id)) for e in FOUND])
    for place in range(3):
        replies = [row.replies[place] for row in rows]
        alone = score_replies(reasoner.lm, thinking.state, replies)
        assert (-said[:, place]).tolist() == pytest.approx(alone, rel=2e-3)  # prompts: bfloat16


def test_what_fits_becomes_likelier_and_the_chain_stays(reasoner: Reasoner, tmp_path: Path) -> None:
    rows = rows_of(reasoner)
    before = {n: p.clone() for n, p in reasoner.lm.lm.named_parameters()}
    add_lora(reasoner.lm.lm, CoeConfig(lora_rank=2, lora_alpha=4, lora_dropout=0.0))
    stage = PreferStage(reasoner, rows, rows, PreferConfig(batch_size=2))
    begun = stage.validate()
    assert begun["pairs"] == pytest.approx(0.6931, abs=1e-3)  # log 2: nothing moved yet
    assert begun["moved"] == pytest.approx(0, abs=1e-4)
    loop = LoopConfig(30, 2e-2, warmup=1, weight_decay=0.0, validate_every=30, bf16=False)
    learned = run(stage, loop, tmp_path / "run")
    assert learned["right"] == 1
    assert learned["pairs"] < 0.5
    assert learned["labels"] < 0.1
    factors = taken_out(reasoner.lm.lm)
    for name, parameter in reasoner.lm.lm.named_parameters():
        assert torch.equal(parameter, before[name]), f"{name} moved"
    add_factors(reasoner.lm.lm, factors)
    assert PreferStage(reasoner, rows, rows, PreferConfig()).validate()["moved"] == 0


def test_each_reasoner_has_chains_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two reasoners train in one folder: the second says what it would say anywhere."""
    monkeypatch.setattr(preference, "read_verdicts", lambda: {e.name: JUDGED for e in FOUND})
    data, loop = data_of(tmp_path), LoopConfig(1, 1e-3, bf16=False)
    one, other = (file_of(tiny_reasoner(n), tmp_path / f"{n}.safetensors") for n in (0, 1))
    for path, out in ((one, "both"), (other, "both"), (other, "alone")):
        train_prefer(data, path, tmp_path / out, loop)
    first, second = (f"chains-{digest_of(path)}.json" for path in (one, other))
    told = json.loads((tmp_path / "both" / second).read_text())
    assert told == json.loads((tmp_path / "alone" / second).read_text())
    assert told != json.loads((tmp_path / "both" / first).read_text())


@pytest.mark.parametrize("judged", [None, {"fits": ["Oh no."], "generic": [], "wrong": []}])
def test_data_that_nobody_judged_is_refused(
    reasoner: Reasoner,
    judged: dict[str, list[str]] | None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    verdicts = {e.name: judged for e in FOUND if judged}
    monkeypatch.setattr(preference, "read_verdicts", lambda: verdicts)
    path = file_of(reasoner, tmp_path / "reasoner.safetensors")
    with pytest.raises(InputError, match=r"train\.jsonl: for none of its 2 responses") as told:
        train_prefer(data_of(tmp_path), path, tmp_path / "out", LoopConfig(1, 1e-3))
    assert "--data must hold" in str(told.value)
    assert "\n" not in str(told.value)


def test_factors_of_all_layers_are_added(reasoner: Reasoner) -> None:
    matrices = [layer.self_attn.o_proj.weight for layer in reasoner.lm.lm.model.layers]
    plain = [m.detach().clone() for m in matrices]
    ones = torch.ones(2 * 3, 16)  # two layers, rank three
    ones[3:] *= 2
    kind = "self_attn.o_proj"
    add_factors(reasoner.lm.lm, {f"{kind}.down": ones, f"{kind}.up": ones / 2})
    assert torch.allclose(matrices[0], plain[0] + 1.5)
    assert torch.allclose(matrices[1], plain[1] + 6)


def test_the_steady_preset_is_small_with_factors_that_belong_to_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    steady, settings = load_reasoner("small-steady")
    small, plain = load_reasoner("small")
    assert settings.digest.startswith(plain.digest + "+")
    kinds = [
        name
        for name, p in steady.named_parameters()
        if not torch.equal(p, small.get_parameter(name))
    ]
    assert kinds
    assert all(".layers." in name and name.endswith("_proj.weight") for name in kinds)
    hub.save(tmp_path / "steady.safetensors", {}, {"reasoner": "another"})
    shipped = hub.shipped
    monkeypatch.setattr(
        hub, "shipped", lambda n: tmp_path / n if n.startswith("steady") else shipped(n)
    )
    with pytest.raises(WeightsError, match="belongs to reasoner another"):
        load_reasoner("small-steady")
