"""Two processes of ``torchrun`` learn what one with twice the accumulation learns."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import torch

from empatheia.errors import ConfigError, MissingExtraError
from empatheia.training import distributed

pytest.importorskip("peft")
sys.path.insert(0, str(Path(__file__).parent))
import together

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node")
gloo = pytest.mark.skipif(
    not torch.distributed.is_available() or not torch.distributed.is_gloo_available(),
    reason="this torch has no gloo",
)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One process, two batches a step."""
    folder = tmp_path_factory.mktemp("together")
    together.main(folder, ["accumulate=2"], out="one")
    return folder


def torchrun(folder: Path, processes: int, *settings: str) -> None:
    done = subprocess.run(
        [*TORCHRUN, str(processes), str(Path(together.__file__)), str(folder), *settings],
        capture_output=True, text=True, timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]


def curve(out: Path, name: str = "loss") -> list[float]:
    return [json.loads(line)[name] for line in (out / "log.jsonl").read_text().splitlines()]


@gloo
@pytest.mark.skipif(importlib.util.find_spec("accelerate") is None, reason="needs accelerate")
def test_two_processes_are_one_with_twice_the_accumulation(one: Path) -> None:
    torchrun(one, 2)
    assert len(curve(one / "one")) == together.LOOP.steps
    assert curve(one / "out") == pytest.approx(curve(one / "one"), abs=1e-4)
    assert curve(one / "out", "norm") == pytest.approx(curve(one / "one", "norm"), rel=1e-4)
    settings = [json.loads((one / n / "last" / "run.json").read_text()) for n in ("one", "out")]
    assert settings[0]["config"] == settings[1]["config"]


@gloo
@pytest.mark.skipif(
    importlib.util.find_spec("deepspeed") is None
    or shutil.which("g++") is None
    or shutil.which("ninja") is None,
    reason="needs deepspeed, g++ and ninja",
)
def test_zero2_learns_the_same_and_resumes(one: Path) -> None:
    torchrun(one, 2, "deepspeed=zero2", "--stop")
    assert len(curve(one / "out")) == together.STOP
    torchrun(one, 2, "deepspeed=zero2", "--resume")
    assert curve(one / "out") == pytest.approx(curve(one / "one"), abs=1e-4)
    assert curve(one / "out", "norm") == pytest.approx(curve(one / "one", "norm"), rel=1e-3)


@pytest.mark.skipif(importlib.util.find_spec("accelerate") is None, reason="needs accelerate")
def test_others_wait_as_long_as_the_main_process_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours, where torch's own barriers end after ten minutes."""
    import accelerate

    told = {}

    class State:
        def __init__(self, **given: object) -> None:
            told.update(given)

        main_process_first = staticmethod(contextlib.nullcontext)

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(accelerate, "PartialState", State)
    with distributed.main_first():
        pass
    assert told["timeout"] > timedelta(days=1)


def test_a_missing_package_prints_its_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'empatheia\[train\]'"):
        distributed.started_together()
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    layer = torch.nn.Linear(1, 1)
    with pytest.raises(MissingExtraError, match=r"pip install 'empatheia\[deepspeed\]'"):
        distributed.open_machine(layer, torch.optim.SGD(layer.parameters()), 1, 1.0, "zero2")


def test_a_wrong_deepspeed_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"loop.deepspeed=zero3.*give zero2, or a JSON file"):
        distributed.read_config("zero3")
    broken = tmp_path / "a.json"
    broken.write_text("[1]")
    with pytest.raises(ConfigError, match="a JSON object"):
        distributed.read_config(str(broken))
