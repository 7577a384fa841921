"""Every command of ``runs/small.sh`` exists, with the options that it is given."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from empatheia.cli.main import build_app
from empatheia.presets import PRESETS
from empatheia.published.table import find

SMALL = Path(__file__).parents[1] / "runs" / "small.sh"
bash = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def script(*words: str, run: Path = SMALL, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(run), *words],
        capture_output=True, text=True, timeout=120, env={**os.environ, **more},
    )  # fmt: skip


def parsed(words: list[str]) -> str:
    """The command's full name; click refuses what it does not know."""
    command: Any = get_command(build_app())
    context, names = command.make_context("empatheia", list(words)), []
    while hasattr(command, "commands"):
        name, command, words = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        names.append(name)
        context = command.make_context(name, words, parent=context)
    return " ".join(names)


@bash
@pytest.mark.parametrize("quick", ["0", "1"])
def test_every_command_is_real(tmp_path: Path, quick: str) -> None:
    done = script(str(tmp_path / "data"), str(tmp_path / "out"), DRY="1", QUICK=quick)
    assert done.returncode == 0, done.stderr
    lines = [shlex.split(line[2:]) for line in done.stdout.splitlines() if line.startswith("$ ")]
    assert {line[0] for line in lines} == {"empatheia"}
    names = [parsed(line[1:]) for line in lines]
    assert names[:3] == ["train text", "train base", "train coe"]
    assert names[-3:] == ["data render", "train all", "reply"]
    assert {"train voice", "train face-style", "train ear", "train eye", "train senses"} <= {*names}
    assert not (tmp_path / "out").exists()


@bash
def test_what_is_missing_is_said_before_anything_is_done(tmp_path: Path) -> None:
    done = script(str(tmp_path), str(tmp_path / "out"))
    assert done.returncode == 2
    assert f"missing: the folder {tmp_path}/empathetic_dialogues" in done.stderr
    assert not (tmp_path / "out").exists()


@bash
def test_every_command_of_the_results_is_real(tmp_path: Path) -> None:
    """Commands of ``runs/results.sh``; Python modules it starts are not parsed."""
    where = str(tmp_path / "data"), str(tmp_path / "out")
    more = {"MARKS": "python", "RENDERED": str(tmp_path / "rendered")}
    done = script(*where, run=SMALL.with_name("results.sh"), DRY="1", **more)
    assert done.returncode == 0, done.stderr
    lines = [shlex.split(line[2:]) for line in done.stdout.splitlines() if line.startswith("$ ")]
    names = [parsed(line[1:]) for line in lines if line[0] == "empatheia"]
    wanted = {"evaluate text", "evaluate all", "evaluate video", "train baseline", "predict"}
    assert wanted <= {*names}
    assert names[-1] == "report"
    assert not (tmp_path / "out").exists()


@bash
@pytest.mark.parametrize("gpus", ["1", "4"])
def test_every_command_of_the_paper_is_real(tmp_path: Path, gpus: str) -> None:
    more = {"GPUS": gpus, "BACKBONE": "chatglm3", "FACE": "dreamtalk", "DRY": "1"}
    out = tmp_path / "out"
    done = script(str(tmp_path), str(out), run=SMALL.with_name("paper.sh"), **more)
    assert done.returncode == 0, done.stderr
    lines = [shlex.split(line) for line in done.stdout.splitlines()]
    assert {line[0] for line in lines} == {"empatheia", *(["torchrun"] if gpus != "1" else [])}
    names = [parsed(line[line.index("empatheia") + 1 :]) for line in lines]
    assert names[:4] == ["weights get"] * 4
    after = ["predict", "evaluate video", "report"]
    assert names[-7:] == ["train all", *["evaluate all"] * 3, *after]
    for line, name in zip(lines, names, strict=True):
        if name == "weights get":
            find(line[3])
        if name in ("train all", "evaluate all", "predict"):
            assert line[line.index("--preset") + 1] in PRESETS
    assert not out.exists()


@bash
def test_styletalk_is_not_asked_to_hear_recordings(tmp_path: Path) -> None:
    where = str(tmp_path), str(tmp_path / "out")
    done = script(*where, run=SMALL.with_name("paper.sh"), DRY="1", FACE="styletalk")
    assert done.returncode == 0, done.stderr
    assert "--teacher-forced" not in done.stdout
    assert "FACE=dreamtalk" in done.stderr
    assert done.stdout.splitlines()[-1].startswith("empatheia report --scores")


@bash
@pytest.mark.parametrize("name", ["small", "results", "paper"])
def test_without_data_the_usage_is_one_line(name: str) -> None:
    done = script(run=SMALL.with_name(f"{name}.sh"))
    assert done.returncode == 2
    assert done.stderr == f"usage: runs/{name}.sh DATA [OUT]\n"


@bash
def test_what_the_paper_lacks_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "face.safetensors").touch()
    more = {"MODELS": str(models), "VOICE_CLIPS": "clips", "FACE_CLIPS": "", "EMPATHEIA_3DMM": ""}
    done = script(str(tmp_path), str(tmp_path / "out"), run=SMALL.with_name("paper.sh"), **more)
    assert done.returncode == 2
    said = [line.partition("missing: ")[2].partition(":")[0] for line in done.stderr.splitlines()]
    paths = [str(tmp_path / "manifest.jsonl"), str(models / "renderer.pt")]
    assert said == [*paths, "FACE_CLIPS", "EMPATHEIA_3DMM"]
    assert not (tmp_path / "out").exists()
