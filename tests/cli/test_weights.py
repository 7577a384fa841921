"""``empatheia weights``: what it lists, converts, verifies and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from empatheia.cli.main import run
from empatheia.face.pirenderer.network import PIRenderer


def test_the_list_says_where_and_on_what_terms(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights", "list"]) == 0
    shown = capsys.readouterr().out
    for word in ("styletts2-libritts", "pirenderer", "CC BY-NC 4.0", "commercial use: no"):
        assert word in shown


def test_a_checkpoint_is_converted_and_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"net_G_ema": PIRenderer().state_dict(), "net_G": {}}, tmp_path / "face.pt")
    out = tmp_path / "face.safetensors"
    assert run(["weights", "convert", "pirenderer", str(tmp_path / "face.pt"), "-o", str(out)]) == 0
    assert run(["weights", "verify", str(out)]) == 0
    assert "pirenderer, 304 tensors, complete" in capsys.readouterr().out
    (tmp_path / "cut.safetensors").write_bytes(out.read_bytes()[:-100])
    assert run(["weights", "verify", str(tmp_path / "cut.safetensors")]) == 2


def test_faults_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"net_G_ema": {"a": torch.ones(1)}}, tmp_path / "wrong.pt")
    wrong, out = str(tmp_path / "wrong.pt"), str(tmp_path / "o.safetensors")
    for arguments, message in (
        (["get", "dreamtalk"], "no direct address"),
        (["get", "nothing"], "unknown weights"),
        (["convert", "pirenderer", wrong, "-o", out], "304 missing"),
        (["convert", "styletts2", wrong, "-o", out], "give --config"),
        (["convert", "other", wrong, "-o", out], "unknown kind"),
        (["verify", wrong], "not a complete safetensors file"),
    ):
        assert run(["weights", *arguments]) == 2
        shown = capsys.readouterr().err
        assert message in shown
        assert shown.count("\n") == 1
    assert not Path(out).exists()
