"""All four stages beside tiny published models, by the command; what they left is evaluated."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from tests.published.models import build, readers
from tests.training.merg import generators, say
from typer.testing import CliRunner

from empatheia import hub, presets
from empatheia.cli.main import build_app
from empatheia.data import manifest
from empatheia.data.builder.render import render_dialogue
from empatheia.data.builder.studio import Studio
from empatheia.expression import ExpressionConfig
from empatheia.face.dreamtalk.extraction import VARIABLE as EXTRACTION
from empatheia.paper.folder import VARIABLE
from empatheia.tiny import tiny_expression
from empatheia.training import merg
from empatheia.training.devices import device_of_process, moved
from empatheia.training.merg_stage import MergConfig
from empatheia.types import Dialogue, Profile, Turn

SEE = """
import sys, numpy as np, scipy.io
from empatheia.media.video import read_video
frames = read_video(sys.argv[1]).frames.astype(float)
coeff = np.zeros((len(frames), 257))
coeff[:, 80:144] = frames.mean((1, 3))[:, :64] / 255
scipy.io.savemat(sys.argv[2], {"coeff": coeff, "transform_params": np.zeros((len(frames), 5))})
"""


def rendered(folder: Path) -> list[Dialogue]:
    """Two dialogues whose replies last longer than the style encoder needs."""
    studio = Studio(say, generators()[1], "tiny")
    people = {"speaker_id": "1", "listener_id": "2"}
    found = []
    for number, (asked, emotion, feel) in enumerate((("My dog died.", "sad", "sad"),
                                                     ("We won!", "proud", "happy"))):  # fmt: skip
        turns = (
            Turn("speaker", asked, emotion=emotion, emotion8=feel),
            Turn("listener", "I am here, please tell me more about it all.", emotion8=feel),
        )
        split = ("train", "valid")[number]
        dialogue = Dialogue(f"0000{number}", turns, emotion=emotion, speaker=Profile(),
                            listener=Profile(), split=split, **people)  # fmt: skip
        found.append(render_dialogue(studio, dialogue, folder).dialogue)
    return found


def small(_: int, speech: tuple[int, int], face: tuple[int, int], *parts: bool) -> ExpressionConfig:
    """Not twelve million numbers beside a language model of 16 dimensions."""
    return tiny_expression(speech, face, *parts[:2]).config


def test_stages_in_a_row_and_their_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "shipped_reasoner", readers)
    monkeypatch.setattr(merg, "expression_config", small)
    models = build(tmp_path / "models")
    data = tmp_path / "data"
    manifest.write(data / "manifest.jsonl", rendered(data))
    (tmp_path / "see.py").write_text(SEE)
    monkeypatch.setenv(EXTRACTION, f"{sys.executable} {tmp_path / 'see.py'} {{video}} {{mat}}")
    monkeypatch.setenv(VARIABLE, str(models.root))
    monkeypatch.setenv("EMPATHEIA_DEVICE", "cpu")
    out = tmp_path / "out"
    told = ["train", "all", "--preset", "paper", "--data", str(data), "-o", str(out)]
    for setting in ("loop.steps=2", "loop.accumulate=1", "loop.warmup=1", "lora.lora_rank=2"):
        told += ["--set", setting]
    done = CliRunner().invoke(build_app(), told)
    assert done.exit_code == 0, (done.output, done.exception)
    kept = [hub.load(out / s / "reasoner.safetensors").tensors for s in ("coe", "joint")]
    low = next(n for n in kept[0] if "lora_B" in n)
    for name in (low, "lm.added.rows_out"):
        assert not torch.equal(kept[0][name], kept[1][name])
    heard = [n for n in kept[0] if n.startswith("senses.speech.")]
    assert any(not torch.equal(kept[0][n], kept[1][n]) for n in heard)
    assert kept[0][low].abs().sum() > 0
    scores = tmp_path / "scores"
    told = ["--data", str(data), "--limit", "1", "--preset", "paper", "--system", "empatheia"]
    told += ["--weights", str(out / "joint"), "-o", str(scores)]
    # the first makes the reply, the others find it there
    for kind in ("all", "speech", "video", "consistency"):
        done = CliRunner().invoke(build_app(), ["evaluate", kind, *told])
        assert done.exit_code == 0, (kind, done.output, done.exception)
        found = json.loads((scores / "scores.json").read_text())
        tables = ("text", "speech", "video", "consistency") if kind == "all" else (kind,)
        assert set(tables) == set(found["tables"])
        assert found["predictions"]["settings"]["system"] == "paper empatheia joint"
    assert len(list((scores / "media").glob("*.mp4"))) == 1


def test_batches_move_whole_and_only_where_they_must(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = {"a": (torch.ones(2), "x"), "b": [MergConfig()]}
    there = moved(inside, torch.device("meta"))
    assert there["a"][0].device.type == "meta"
    assert there["a"][1] == "x"
    assert there["b"][0] is inside["b"][0]
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert device_of_process("cuda") == "cuda:3"
    assert device_of_process("cpu") == "cpu"
