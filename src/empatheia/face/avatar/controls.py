"""The strings a face hangs on: one number each, the same at every picture size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float32]  # (frames, len(CONTROLS))

MOUTH = (
    "jaw",  # 0 closed, 1 wide open
    "wide",  # -1 narrow, 1 spread
    "round",  # 0 flat, 1 pursed
    "press",  # 1: lips shut tight
    "tuck",  # 1: lower lip under the upper teeth
    "teeth",  # upper teeth in sight
    "lower_teeth",
    "tongue",  # 1: tip at the teeth
    "smile_left",  # -1 corner down, 1 corner up
    "smile_right",
    "sneer",  # upper lip lifted
    "stretch",  # corners pulled back
)
BROWS = ("inner_left", "inner_right", "outer_left", "outer_right", "frown")
EYES = ("blink_left", "blink_right", "widen", "squint", "gaze_x", "gaze_y")
SKIN = ("cheek", "wrinkle")  # cheeks raised, nose wrinkled
HEAD = ("yaw", "pitch", "roll", "lean", "breath")  # yaw 1 is about 15 degrees

CONTROLS = MOUTH + BROWS + EYES + SKIN + HEAD
INDEX = {name: i for i, name in enumerate(CONTROLS)}
LOWER = np.array(
    [
        -1.0
        if n in ("wide", "widen", "gaze_x", "gaze_y", "yaw", "pitch", "roll", "lean", "breath")
        or n.startswith(("smile", "inner", "outer"))
        else 0.0
        for n in CONTROLS
    ],
    np.float32,
)


def neutral() -> NDArray[np.float32]:
    """A calm, friendly face at rest."""
    return pose(smile_left=0.36, smile_right=0.36, cheek=0.2, squint=0.06)


def pose(**values: float) -> NDArray[np.float32]:
    """One frame of controls; those not named are zero."""
    out = np.zeros(len(CONTROLS), np.float32)
    for name, value in values.items():
        out[INDEX[name]] = value
    return out


def bounded(curve: Curve) -> Curve:
    """Every control within what the drawing understands."""
    return np.clip(curve, LOWER, 1.0).astype(np.float32)
