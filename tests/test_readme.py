"""What the README shows works as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks("console") for line in block.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder with the examples beside it, as in a clone."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def execute(command: str | list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    scripts = Path(sys.executable).parent
    path = os.pathsep.join([str(scripts), os.environ.get("PATH", "")])
    return subprocess.run(
        command,
        shell=isinstance(command, str),
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )


def test_there_is_something_to_run() -> None:
    assert len(COMMANDS) >= 8
    assert len(blocks("python")) == 1


@pytest.mark.skipif(os.name == "nt", reason="the lines are for a POSIX shell")
@pytest.mark.parametrize("command", COMMANDS)
def test_command(command: str, folder: Path) -> None:
    done = execute(command, folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_python(folder: Path) -> None:
    done = execute([sys.executable, "-c", blocks("python")[0]], folder)
    assert done.returncode == 0, done.stderr
    assert "→" in done.stdout
    assert {p.name for p in (folder / "out").iterdir()} == {"reply.json", "reply.wav", "reply.mp4"}


@pytest.mark.parametrize(
    "name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "MODEL_CARD.md"]
)
def test_links_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert target.startswith("https://") or (ROOT / target).exists(), target
