"""Checkpoints are read without running them; whatever is strange is refused by name."""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from empatheia.errors import WeightsError
from empatheia.published import pickles
from empatheia.published.download import download


def test_a_training_checkpoint_is_read(tmp_path: Path) -> None:
    network = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    state = {
        "net": {"part": network.state_dict(), "half": torch.ones(3, dtype=torch.float16)},
        "shared": network.weight.data.T[1:],
        "parameter": network.bias,
        "optimizer": optimizer.state_dict(),
        "epoch": 20,
        "empty": torch.empty(0),
    }
    torch.save(state, tmp_path / "a.pth")
    read = pickles.read(tmp_path / "a.pth")
    assert isinstance(read["net"]["part"], OrderedDict)
    assert torch.equal(read["net"]["part"]["weight"], network.weight)
    assert torch.equal(read["shared"], network.weight.T[1:])
    assert torch.equal(read["parameter"], network.bias)
    assert read["net"]["half"].dtype == torch.float16
    assert (read["epoch"], read["empty"].numel()) == (20, 0)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("touch /tmp/should-never-exist",)


class Sly:
    def __reduce__(self) -> tuple[object, tuple[object, str]]:
        return getattr, ("text", "upper")


def test_foreign_names_are_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"net": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError, match=r"wants to run (posix|nt)\.system"):
        pickles.read(tmp_path / "evil.pth")
    assert not Path("/tmp/should-never-exist").exists()


def test_names_of_training_states_become_shells(tmp_path: Path) -> None:
    torch.save({"scheduler": Sly(), "x": torch.ones(1)}, tmp_path / "sly.pth")
    read = pickles.read(tmp_path / "sly.pth")
    assert isinstance(read["scheduler"], pickles.Shell)
    with pytest.raises(WeightsError, match="other things than tensors: scheduler"):
        pickles.tensors_in(read, "the file")


def test_damaged_files_are_named(tmp_path: Path) -> None:
    whole = tmp_path / "whole.pth"
    torch.save({"x": torch.arange(1000.0)}, whole)
    (tmp_path / "short.pth").write_bytes(whole.read_bytes()[:2000])
    (tmp_path / "lfs.pth").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (tmp_path / "old.pth").write_bytes(pickle.dumps({"x": 1}))
    with zipfile.ZipFile(tmp_path / "zip.pth", "w") as archive:
        archive.writestr("readme.txt", "hello")
    for name, message in (
        ("short", "cut short"), ("lfs", "git lfs pull"), ("old", "no PyTorch checkpoint"),
        ("zip", r"without data\.pkl"), ("absent", "cannot be read"),
    ):  # fmt: skip
        with pytest.raises(WeightsError, match=message):
            pickles.read(tmp_path / f"{name}.pth")


def test_a_file_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"abc")
    assert "already there" in download("http://127.0.0.1:9/a.bin", target)
    with pytest.raises(WeightsError, match="SHA-256"):
        download("http://127.0.0.1:9/a.bin", target, "0" * 64)
    with pytest.raises(WeightsError, match="could not be fetched"):
        download("http://127.0.0.1:9/b.bin", tmp_path / "b.bin")
