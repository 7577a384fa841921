"""``empatheia train … --report`` on tiny weights."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from empatheia.cli.main import run
from empatheia.data.labels import AGES, GENDERS, TONES
from empatheia.experiments import stage_report
from empatheia.experiments.stage_report import PROBES, always, probe_table, said_by_others
from empatheia.training.losses import UNKNOWN

pytest.importorskip("peft")
pytest.importorskip("sklearn")
sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
sys.path.insert(0, str(Path(__file__).parent))
import merg
from test_ablation import QUICK, data, tiny  # noqa: F401


@pytest.mark.filterwarnings("ignore::Warning")  # an MLP on two rows complains
def test_all_stages_are_reported(
    data: Path,  # noqa: F811
    tiny: None,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stage_report, "PROBED", 24)
    command = ["train", "all", "--data", str(data), "-o", str(tmp_path), *QUICK, "--report"]
    assert run(command) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    for stage in ("content", "style", "joint"):
        assert f"# {stage}, 1 replies of valid" in said
        found = json.loads((tmp_path / stage / "report.json").read_text())
        assert (found["stage"], found["replies"]) == (stage, 1)
        rows = found["tables"]["forced"]["rows"]
        assert [row["name"] for row in rows] == [
            "system", "states of another reply", "most frequent label",
        ]  # fmt: skip
        assert all(figure["n"] == 1 for figure in rows[0]["figures"].values())
    assert found["tables"]["probes"]["notes"][0].startswith("24 times one of 2 replies")
    plan = found["tables"]["plan"]["rows"]
    assert [row["name"] for row in plan] == ["system", "most frequent label", "always neutral"]
    assert plan[2]["figures"]["plan_feeling"]["value"] == 0.0


def test_floors_count_known_labels() -> None:
    ids = [f"{n}/1" for n in range(5)]
    labels = [3, 3, 1, UNKNOWN, 3]
    assert (always(ids, labels).value, always(ids, labels).n) == (75.0, 4)
    assert always(ids, labels, 1).value == 25.0


@pytest.mark.filterwarnings("ignore::Warning")
def test_probes_find_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An E that spells the age gives it away, an E of noise does not."""
    import numpy as np

    row = merg.rows(merg.net().reasoner, tmp_path)[0]
    sizes = {"age": 4, "gender": 2, "tone": 3, "emotion": 8}
    rows = [
        replace(row, id=f"{n}/1", labels={name: n % size for name, size in sizes.items()})
        for n in range(300)
    ]
    rng = np.random.default_rng(0)
    spelled = np.eye(4)[[n % 4 for n in range(300)]] + rng.normal(0, 0.1, (300, 4))
    sides = {"E": spelled, "P": rng.normal(size=(300, 4))}
    monkeypatch.setattr(stage_report, "factors", lambda net, found: sides)
    table = probe_table(merg.net(), rows)
    found, floor = (table.rows[i].figures for i in (0, 1))
    assert set(found) == {metric.id for metric in PROBES}
    assert found["age_in_E"].value > 90.0
    assert found["gender_in_E"].value > 90.0
    assert found["emotion_in_P"].value < floor["emotion_in_P"].value + 25


def test_the_same_replies_are_asked_of_other_people(tmp_path: Path) -> None:
    rows = merg.rows(merg.net().reasoner, tmp_path)
    others = said_by_others(rows, 200)
    assert others == said_by_others(rows, 200)
    assert [row.id for row in others[:4]] == [row.id for row in rows] * 2
    for row in others:
        who = row.request.profile
        assert (AGES[row.labels["age"]], GENDERS[row.labels["gender"]]) == (who.age, who.gender)
        assert TONES[row.labels["tone"]] == who.tone
    assert {row.labels["age"] for row in others} == set(range(len(AGES)))


def test_factors_keep_the_order_of_the_rows(tmp_path: Path) -> None:
    net = merg.net()
    rows = merg.rows(net.reasoner, tmp_path)
    found, turned = stage_report.factors(net, rows, 1), stage_report.factors(net, rows[::-1], 1)
    for side in ("E", "P"):
        assert found[side].shape[0] == len(rows)
        assert (found[side] == turned[side][::-1]).all()
        assert (found[side][0] != found[side][1]).any()
