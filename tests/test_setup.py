"""The bootstrap: readable by old interpreters, quick when repeated, clear when something lacks."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "setup.py"


@pytest.fixture
def setup(tmp_path: Path) -> ModuleType:
    """The script as it lies in another, empty clone."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    spec = importlib.util.spec_from_file_location("setup_script", tmp_path / "scripts/setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fake_installation(setup: ModuleType, extras: list[str]) -> None:
    setup.venv_python().parent.mkdir(parents=True)
    setup.venv_python().write_text("")
    stamp = {"fingerprint": setup.fingerprint("cpu"), "extras": extras}
    setup.STAMP.write_text(json.dumps(stamp))


def test_old_interpreters_can_read_it() -> None:
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_it_needs_the_standard_library_only() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_repeating_installs_nothing(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "run", lambda *_: pytest.fail("something was run"))
    fake_installation(setup, ["", "test"])
    setup.install("cpu", "")
    setup.install("cpu", "test")


def test_changes_are_noticed(setup: ModuleType) -> None:
    assert not setup.installed("cpu", "")
    fake_installation(setup, [""])
    assert setup.installed("cpu", "")
    assert not setup.installed("cpu", "test")
    assert not setup.installed("https://example.org/simple", "")
    (setup.ROOT / "pyproject.toml").write_text("[project]\n")
    assert not setup.installed("cpu", "")
    setup.STAMP.write_text("{")
    assert not setup.installed("cpu", "")


def test_torch_is_capped_as_in_pyproject(setup: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert setup.torch_requirement() in project["dependencies"]
    assert "<" in setup.torch_requirement()


def test_the_choice_of_torch(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(setup, "pip_would_bring_cuda", lambda: True)
    monkeypatch.setattr(setup, "reachable", lambda url: True)
    assert setup.torch_options("cpu") == ["--extra-index-url", setup.CPU_INDEX]
    assert setup.torch_options("https://x.org") == ["--extra-index-url", "https://x.org"]
    assert "GB" not in capsys.readouterr().err
    monkeypatch.setattr(setup, "reachable", lambda url: False)
    assert setup.torch_options("cpu") == []
    assert "3 GB" in capsys.readouterr().err
    monkeypatch.setattr(sys, "platform", "darwin")
    assert setup.torch_options("cpu") == []


def test_a_failing_step_is_one_line(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "works", lambda *_: False)
    assert setup.main(["demo"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("setup: error: this Python has no venv module")
    assert not setup.STAMP.exists()


def test_words_are_passed_on(setup: ModuleType) -> None:
    assert setup.parse(["test", "tests/cli", "-x"])[1:] == ("test", ["tests/cli", "-x"])
    assert setup.parse(["--torch", "pip", "demo", "--", "--seed", "3"]) == (
        "pip", "demo", ["--seed", "3"],
    )  # fmt: skip
    line = setup.command_line("demo", ["-o", "there"])
    assert line.count("-o") == 1


@pytest.mark.skipif(os.name == "nt" or shutil.which("make") is None, reason="needs make")
def test_make_knows_the_commands() -> None:
    for name in ("demo", "test", "check", "install"):
        done = subprocess.run(["make", "-n", name], cwd=ROOT, capture_output=True, text=True)
        assert f"scripts/setup.py {name}" in done.stdout
