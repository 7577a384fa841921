"""Weight files give back what was saved."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from empatheia import hub
from empatheia.errors import WeightsError


@pytest.mark.parametrize("int8", [False, True])
def test_a_tied_tensor_is_stored_once(tmp_path: Path, int8: bool) -> None:
    table = torch.randn(64, 128)
    tensors = {"a": table, "b": table, "turned": table.T, "same_values": table.clone()}
    hub.save(tmp_path / "w.safetensors", tensors, {"x": 1}, int8=int8)
    size = (tmp_path / "w.safetensors").stat().st_size
    assert size < 3.3 * table.numel() * (1 if int8 else 4) + 2000
    found = hub.load(tmp_path / "w.safetensors")
    assert found.meta == {"x": 1}
    assert set(found.tensors) == set(tensors)
    for name, value in tensors.items():
        off = (found.tensors[name] - value).abs().max()
        assert off <= (float(table.abs().max()) / 127 if int8 else 0)


def test_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    hub.save(path, {"a": torch.ones(10)}, {})
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(WeightsError, match="not a complete"):
        hub.load(path)
