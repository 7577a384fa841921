"""``evaluate care`` counts prefixes and replies, names places and never quotes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from empatheia.cli.evaluate_care import register
from empatheia.errors import InputError
from empatheia.evaluation.care import Rate, read_lines

DIALOGUE = {
    "conv_id": "a1",
    "utterances": [
        {"role": "speaker", "text": "I lost my job."},
        {"role": "listener", "text": "You are an idiot."},
        {"role": "speaker", "text": "I want to kill myself."},
        {"role": "listener", "text": "I am sorry."},
        {"role": "speaker", "text": "Thanks."},
    ],
}


def app() -> typer.Typer:
    group = typer.Typer()
    register(group)

    @group.callback()
    def evaluate() -> None:
        """Keeps ``care`` a named command."""

    return group


def test_counts_and_places(tmp_path: Path) -> None:
    data = tmp_path / "d.jsonl"
    data.write_text(json.dumps(DIALOGUE) + "\n", encoding="utf-8")
    result = CliRunner().invoke(
        app(), ["care", "--data", str(data), "--rules-only", "-o", str(tmp_path / "o")]
    )
    assert result.exit_code == 0
    report = json.loads((tmp_path / "o" / "care.json").read_text(encoding="utf-8"))
    assert (report["prefixes"]["alarms"], report["prefixes"]["n"]) == (2, 3)
    assert (report["replies"]["alarms"], report["replies"]["n"]) == (1, 2)
    assert report["alarms"][0] == {"dialogue": "a1", "turn": 2, "category": "suicide"}
    assert "kill" not in result.output
    assert not list((tmp_path / "o").glob("*.partial"))


def test_a_broken_file_names_its_line(tmp_path: Path) -> None:
    data = tmp_path / "d.jsonl"
    data.write_text('{"a": 1}\n{"a"\n', encoding="utf-8")
    with pytest.raises(InputError, match=":2"):
        list(read_lines(data))


def test_an_empty_rate_is_zero() -> None:
    assert Rate(0, 0).percent == 0.0
