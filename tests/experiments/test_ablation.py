"""``empatheia ablate`` on tiny weights: the whole command, and what its comparisons say."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path

import pytest
import torch

from empatheia.cli.main import run
from empatheia.data import manifest
from empatheia.experiments import ablation
from empatheia.experiments.ablation import VARIANTS
from empatheia.experiments.comparison import by_dialogue, differences
from empatheia.experiments.measures import METRICS, Measured, measure
from empatheia.expression import Expression
from empatheia.tiny import tiny_reasoner, tiny_senses
from empatheia.training import merg as stages
from empatheia.training.merg import MergRecipe, Parts
from empatheia.training.merg_stage import MergNet

pytest.importorskip("peft")
sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
import merg

QUICK = ["--set", "loop.steps=1", "--set", "loop.bf16=false", "--set", "lora.lora_rank=2"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rendered")
    manifest.write(folder / "manifest.jsonl", merg.dialogues(folder))
    return folder


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped parts are tiny ones; the option --senses still decides about the senses."""
    reasoner, senses = tiny_reasoner(), tiny_senses()

    def parts(given: Path | None, expression: Path | None, heard: Path | None) -> Parts:
        made = copy.deepcopy(reasoner)
        made.senses = copy.deepcopy(senses) if heard else None
        known = Expression.load(expression) if expression else None
        return Parts(made, *merg.generators(), "tiny", known)

    def fresh(parts: Parts, recipe: MergRecipe) -> Expression:
        return merg.expression(recipe.synchronizer, recipe.disentangler)

    monkeypatch.setattr(stages, "small_parts", parts)
    monkeypatch.setattr(stages, "_new_expression", fresh)


def test_one_command_trains_measures_and_compares(
    data: Path,
    tiny: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, heard = tmp_path / "out", tmp_path / "senses.safetensors"
    tiny_senses().save(heard)
    command = ["ablate", "--data", str(data), "-o", str(out), "--senses", str(heard), *QUICK]
    assert run([*command, "--seeds", "1"]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    found = json.loads((out / "ablation.json").read_text())
    rows = {row["name"]: row["figures"] for row in found["tables"]["ablation"]["rows"]}
    assert list(rows) == [variant.title for variant in VARIANTS.values()]
    assert all(f"| {title} " in said for title in rows)
    assert rows["w/o CoE"]["emotion"]["value"] is None
    assert rows["Empatheia"]["emotion"]["value"] in (0.0, 100.0)
    assert rows["w/o SD"]["class_age"]["value"] is None
    assert all(row["nats"]["value"] > 0 for row in rows.values())
    apart = found["differences"]["speech_content"]
    assert [c["a"] for c in apart] == [name for name in VARIANTS if name != "full"]
    assert rows["Empatheia"]["speech_content"]["value"] == pytest.approx(
        rows["w/o CS"]["speech_content"]["value"]
        - next(c["difference"] for c in apart if c["a"] == "no-cs")
    )
    lines = [x for x in said.splitlines() if x.startswith("| C^s off | w/o ")]
    assert {x.split(" | ")[1]: x.endswith("| yes |") for x in lines} == {
        "w/o CoE": False, "w/o speech & video input": False, "w/o CS": True, "w/o SD": False,
        "w/o L_ccl": True, "w/o L_sac": False, "w/o L_emp + L_ccl + L_sac (no stage 4)": True,
    }  # fmt: skip
    assert not (out / "no-joint" / "seed-0" / "joint").exists()
    assert not (out / "no-media" / "seed-0" / "joint" / "senses.safetensors").exists()
    assert (out / "full" / "seed-0" / "joint" / "senses.safetensors").is_file()

    def never(*_: object) -> None:
        raise AssertionError("what is done is not done again")

    monkeypatch.setattr(ablation, "train_in_a_row", never)
    assert run([*command, "--seeds", "1"]) == 0
    assert json.loads((out / "ablation.json").read_text()) == found
    assert run([*command, "--seeds", "1", "--set", "loop.lr=1"]) == 2
    assert "begun with other recipes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "no-cz"], "unknown variant 'no-cz'. Did you mean 'no-cs'?"),
        (["--backbone", "other"], "is not NAME=FILE"),
        (["--backbone", "other=nothing.safetensors"], "no weight file at nothing.safetensors"),
        (["--set", "loop.step=3"], "Did you mean 'steps'?"),
    ],
)
def test_bad_options_are_one_line(
    data: Path, tmp_path: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ablate", "--data", str(data), "-o", str(tmp_path / "out"), *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_measures_know_the_teachers_and_other_replies(tmp_path: Path) -> None:
    """Content that is the teacher's own is 0 off; a foreign reply's states change what is made."""
    net = merg.net()
    rows = merg.rows(net.reasoner, tmp_path)
    voice, face = merg.generators()
    own = measure(net, rows, voice, face)
    assert own.ids == ("00001/1", "00002/1")
    assert set(own.items) == {metric.id for metric in METRICS}
    alone = measure(net, rows[1:], voice, face)
    for name, values in alone.items.items():
        assert values[0] == pytest.approx(own.items[name][1], abs=1e-3)
    foreign = measure(net, rows, voice, face, foreign=True)
    assert foreign.items["nats"] == own.items["nats"]
    assert foreign.items["speech_style"] != own.items["speech_style"]

    class Known(torch.nn.Module):
        """Says what the teachers say."""

        speech_units = net.expression.content.speech_units
        video_units = net.expression.content.video_units

        def speech(self, reply: object, places: object) -> object:
            return type("C", (), {"values": _padded([r.teaching.speech_content for r in rows])})

        def video(self, reply: object, places: object) -> object:
            return type("C", (), {"values": _padded([r.teaching.video_content for r in rows])})

    net.expression.content = Known()  # type: ignore[assignment]
    exact = measure(MergNet(net.reasoner, net.expression), rows, voice, face)
    assert exact.items["speech_content"] == [0.0, 0.0]
    assert exact.items["lips"] == pytest.approx([1.0, 1.0], abs=1e-5)


def _padded(rows: list[torch.Tensor]) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def test_differences_are_paired_by_dialogue() -> None:
    ids = tuple(f"{d}/{t}" for d in range(40) for t in (1, 3))
    base = [float(d) for d in range(40) for _ in (1, 3)]
    full = Measured(ids, {"nats": base})
    worse = Measured(ids, {"nats": [x + 0.1 for x in base]})
    some = Measured(ids, {"nats": [None, None, *base[2:]]})
    means = {n: by_dialogue([m]) for n, m in (("full", full), ("a", worse), ("b", some))}
    found = {c.a: c for c in differences("full", means)["nats"]}
    assert found["a"].difference == pytest.approx(0.1)
    assert found["a"].ci95 == pytest.approx((0.1, 0.1))
    assert found["a"].p_holm < 0.01
    assert (found["b"].n, found["b"].difference) == (39, 0.0)
