"""Coefficient files: the right columns, and one line where they are not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from empatheia.errors import MediaError
from empatheia.face.dreamtalk.coefficients import read_coefficients


def test_expression_and_pose_come_from_their_columns(tmp_path: Path) -> None:
    coeff = np.tile(np.arange(257, dtype=np.float32), (7, 1))
    crop = np.tile(np.arange(5, dtype=np.float32), (7, 1))
    savemat(tmp_path / "a.mat", {"coeff": coeff, "transform_params": crop})
    read = read_coefficients(tmp_path / "a.mat")
    assert read.expression.shape == (7, 64)
    assert read.expression[0, [0, 63]].tolist() == [80, 143]
    assert read.pose[3].tolist() == [224, 225, 226, 254, 255, 256, 2, 3, 4]


def test_faults_are_named(tmp_path: Path) -> None:
    savemat(tmp_path / "none.mat", {"other": np.zeros(3)})
    crop = np.zeros((4, 5))
    savemat(tmp_path / "short.mat", {"coeff": np.zeros((4, 70)), "transform_params": crop})
    bad = np.full((4, 257), np.nan)
    savemat(tmp_path / "nan.mat", {"coeff": bad, "transform_params": crop})
    (tmp_path / "text.mat").write_text("hello")
    for name, message in (
        ("none", "holds other"), ("short", r"\(frames, 257\)"), ("nan", "NaN"),
        ("text", "no readable"), ("absent", "no file at"),
    ):  # fmt: skip
        with pytest.raises(MediaError, match=message):
            read_coefficients(tmp_path / f"{name}.mat")
