"""A stopped run resumes to the same weights; only the stage's parameters move; faults are named."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from empatheia import __version__
from empatheia.config import override
from empatheia.errors import ConfigError, EmpatheiaError, InputError, WeightsError
from empatheia.training.loop import LoopConfig, run, schedule

sys.path.insert(0, str(Path(__file__).parent))
from lines import LineStage

CONFIG = LoopConfig(steps=9, lr=0.05, warmup=2, validate_every=4, save_every=3, bf16=False)


def test_a_stopped_run_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    whole = LineStage()
    figures = run(whole, CONFIG, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(LineStage(fail_at=5), CONFIG, tmp_path / "cut")
    resumed = LineStage()
    assert run(resumed, CONFIG, tmp_path / "cut", resume=True) == figures
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, other)
    logs = [
        [json.loads(x) for x in (tmp_path / n / "log.jsonl").read_text().splitlines()]
        for n in ("whole", "cut")
    ]
    assert [x["step"] for x in logs[1]] == list(range(9))
    assert [x["loss"] for x in logs[0]] == [x["loss"] for x in logs[1]]
    assert run(LineStage(), CONFIG, tmp_path / "cut", resume=True) == figures  # nothing left to do


def test_accumulation_is_the_mean_of_its_batches(tmp_path: Path) -> None:
    """No dropout: four batches a step, or the same four as one."""
    stage = LineStage()
    stage.model.drop.p = 0.0  # type: ignore[union-attr,assignment]
    run(stage, replace(CONFIG, accumulate=4, steps=1), tmp_path / "parts")
    other = LineStage()
    other.loss = lambda _: {  # type: ignore[method-assign]
        "loss": torch.stack([stage_loss(other, n) for n in range(4)]).mean()
    }
    run(other, replace(CONFIG, steps=1), tmp_path / "once")
    lines = [
        json.loads((tmp_path / n / "log.jsonl").read_text().splitlines()[0])
        for n in ("parts", "once")
    ]
    assert lines[0]["loss"] == lines[1]["loss"]
    assert lines[0]["norm"] == lines[1]["norm"]
    assert torch.equal(stage.model.weight, other.model.weight)  # type: ignore[arg-type]


def stage_loss(stage: LineStage, number: int) -> Tensor:
    return ((stage.batch(number) * stage.model.weight).sum() - 1) ** 2  # type: ignore[operator]


def test_gradients_are_clipped(tmp_path: Path) -> None:
    stage = LineStage()
    given: list[float] = []
    step = torch.optim.AdamW.step

    def noted(self: torch.optim.AdamW, *rest: Any) -> Any:
        given.append(float(stage.model.weight.grad.norm()))  # type: ignore[union-attr,operator]
        return step(self, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", noted)
        run(stage, replace(CONFIG, clip=0.5), tmp_path)
    norms = [json.loads(x)["norm"] for x in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert max(norms) > 0.5
    for before, after in zip(norms, given, strict=True):
        assert after == pytest.approx(min(before, 0.5), abs=1e-3)


def test_rate_warms_up_and_falls_as_a_cosine() -> None:
    config = replace(CONFIG, steps=110, warmup=10)
    rates = [schedule(step, config) for step in range(111)]
    assert rates[:10] == pytest.approx([(n + 1) / 10 for n in range(10)])
    assert rates[10] == 1.0
    assert rates[60] == pytest.approx(0.5)
    assert rates[110] == pytest.approx(0.0, abs=1e-9)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_frozen_parameters_stay(tmp_path: Path) -> None:
    stage = LineStage()
    run(stage, CONFIG, tmp_path)
    assert torch.equal(stage.model.frozen, torch.ones(2))  # type: ignore[arg-type]
    assert not torch.equal(stage.model.weight, torch.zeros(3))  # type: ignore[arg-type]


def test_best_and_last_say_what_made_them(tmp_path: Path) -> None:
    about = {"data": "1f2e", "recipe": {"batch_size": 4}}
    found = iter([3.0, 1.0, 2.0])
    stage = LineStage()
    stage.validate = lambda: {"error": next(found)}  # type: ignore[method-assign]
    run(stage, CONFIG, tmp_path, about=about)
    best, last = (json.loads((tmp_path / n / "run.json").read_text()) for n in ("best", "last"))
    assert (best["step"], best["valid"]) == (8, {"error": 1.0})
    assert (last["step"], last["best"], last["valid"]) == (9, 1.0, {"error": 2.0})
    assert last["version"] == __version__
    assert last["config"]["seed"] == 0
    assert last["config"]["data"] == "1f2e"
    assert last["config"]["recipe"] == {"batch_size": 4}
    assert (tmp_path / "best" / "model.safetensors").is_file()
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["best", "last", "log.jsonl"]


@pytest.mark.parametrize(
    ("changes", "about", "named"),
    [
        ({"lr": 0.1}, {"data": "1"}, "another lr;"),
        ({}, {"data": "2"}, "another data;"),
        ({}, {"recipe": {"stage": {"ccl": False}}}, r"another recipe\.stage\.ccl;"),
    ],
)
def test_resume_with_other_settings_is_refused(
    tmp_path: Path, changes: dict[str, Any], about: dict[str, Any], named: str
) -> None:
    run(LineStage(), CONFIG, tmp_path, about={"data": "1", "recipe": {"stage": {"ccl": True}}})
    with pytest.raises(WeightsError, match=named):
        run(LineStage(), replace(CONFIG, **changes), tmp_path, resume=True, about=about)


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "run.json"])
def test_a_truncated_checkpoint_is_named(tmp_path: Path, name: str) -> None:
    run(LineStage(), CONFIG, tmp_path)
    whole = (tmp_path / "last" / name).read_bytes()
    (tmp_path / "last" / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="last is not a complete checkpoint"):
        run(LineStage(), CONFIG, tmp_path, resume=True)


def test_a_checkpoint_with_missing_keys_is_named(tmp_path: Path) -> None:
    run(LineStage(), CONFIG, tmp_path)
    other = LineStage()
    other.model.more = torch.nn.Linear(1, 1)
    with pytest.raises(WeightsError, match=r"(?s)belongs to another model.*more\.weight"):
        run(other, CONFIG, tmp_path, resume=True)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "last.new").mkdir()
    (tmp_path / "last").write_text("a file")
    with pytest.raises(InputError, match="cannot write to"):
        run(LineStage(), replace(CONFIG, steps=1), tmp_path / "last")


@pytest.mark.parametrize("wrong", ["loss", "gradient"])
def test_a_number_that_is_none_stops_the_run_and_names_the_examples(
    tmp_path: Path, wrong: str
) -> None:
    stage = LineStage()
    model, batch = stage.model, stage.batch

    def loss(given: SimpleNamespace) -> dict[str, Tensor]:
        value = model.weight.sum()  # type: ignore[operator,union-attr]
        if wrong == "gradient":  # the root of 0 has none, and 0 x infinity is no number
            return {"loss": (value * 0).sqrt() + 0 * given.numbers.sum()}
        return {"loss": value * float("nan")}

    def named(step: int) -> SimpleNamespace:
        return SimpleNamespace(names=[f"d{step}/{n}" for n in range(10)], numbers=batch(step))

    stage.loss, stage.batch = loss, named  # type: ignore[method-assign,assignment]
    with pytest.raises(EmpatheiaError, match=r"step 0, batch 0 \(examples d0/0, .* and 2 more\)"):
        run(stage, CONFIG, tmp_path)
    assert torch.equal(model.weight, torch.zeros(3))  # type: ignore[arg-type]
    assert not (tmp_path / "last").exists()


@pytest.mark.parametrize(
    "setting",
    ["steps=0", "save_every=0", "validate_every=-1", "accumulate=0", "lr=0", "lr=NaN", "clip=-1",
     "warmup=-1"],
)  # fmt: skip
def test_numbers_that_make_no_run_are_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match=f"{setting.split('=')[0]} is"):
        override(CONFIG, [setting])
