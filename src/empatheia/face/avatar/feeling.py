"""How feelings look: the face of each of the eight emotions at full strength, and how it moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from empatheia.errors import InputError, unknown
from empatheia.face.avatar.controls import neutral

EMOTIONS = ("happy", "sad", "angry", "fear", "surprised", "disgusted", "contempt", "neutral")
TONES = ("emphatic", "mild", "gentle")

FACE = (
    "smile_left",
    "smile_right",
    "sneer",
    "stretch",
    "press",
    "jaw",
    "teeth",
    "lower_teeth",
    "round",
    "inner_left",
    "inner_right",
    "outer_left",
    "outer_right",
    "frown",
    "droop",
    "widen",
    "squint",
    "gaze_y",
    "cheek",
    "wrinkle",
    "yaw",
    "pitch",
    "roll",
    "lean",
)
MANNER = ("vigour", "blinking", "reach")  # size of movements, blinks, mouth opening; 0 is usual
EXPRESSION = FACE + MANNER
Expression = NDArray[np.float32]  # (len(EXPRESSION),)
PLACE = {name: i for i, name in enumerate(EXPRESSION)}

_FULL: dict[str, dict[str, float]] = {
    "neutral": {"smile": 0.36, "cheek": 0.2, "squint": 0.06},
    "happy": {
        "smile": 0.95,
        "cheek": 0.92,
        "squint": 0.45,
        "inner": 0.18,
        "outer": 0.28,
        "teeth": 1.0,
        "jaw": 0.18,
        "stretch": 0.12,
        "pitch": -0.10,
        "roll": 0.22,
        "vigour": 0.3,
        "reach": 0.15,
    },
    "sad": {
        "smile": -0.72,
        "inner": 0.95,
        "outer": -0.50,
        "frown": 0.22,
        "widen": -0.40,
        "droop": 0.10,
        "gaze_y": 0.34,
        "pitch": 0.50,
        "roll": 0.40,
        "lean": -0.15,
        "vigour": -0.5,
        "blinking": 0.2,
        "reach": -0.25,
    },
    "angry": {
        "smile": -0.38,
        "frown": 1.0,
        "inner": -0.72,
        "outer": 0.22,
        "squint": 0.48,
        "widen": 0.20,
        "press": 0.34,
        "stretch": 0.18,
        "teeth": 0.35,
        "lower_teeth": 0.45,
        "sneer": 0.20,
        "wrinkle": 0.25,
        "pitch": 0.34,
        "lean": 0.15,
        "vigour": 0.5,
        "blinking": -0.4,
        "reach": 0.1,
    },
    "fear": {
        "smile": -0.30,
        "stretch": 0.90,
        "inner": 1.0,
        "outer": 0.40,
        "frown": 0.60,
        "widen": 0.80,
        "jaw": 0.14,
        "teeth": 0.70,
        "lower_teeth": 0.4,
        "pitch": -0.18,
        "lean": -0.30,
        "yaw": 0.15,
        "vigour": 0.2,
        "blinking": 0.6,
    },
    "surprised": {
        "smile": 0.05,
        "inner": 1.0,
        "outer": 1.0,
        "widen": 1.0,
        "jaw": 0.85,
        "round": 0.36,
        "pitch": -0.32,
        "lean": -0.1,
        "vigour": 0.1,
        "blinking": -0.3,
        "reach": 0.2,
    },
    "disgusted": {
        "smile_left": -0.52,
        "smile_right": -0.16,
        "wrinkle": 1.0,
        "sneer": 1.0,
        "frown": 0.50,
        "inner": -0.50,
        "outer_left": -0.25,
        "outer_right": 0.05,
        "squint": 0.88,
        "widen": -0.50,
        "droop": 0.08,
        "cheek": 0.75,
        "teeth": 0.35,
        "pitch": -0.22,
        "roll": -0.35,
        "yaw": 0.35,
        "vigour": -0.1,
    },
    "contempt": {
        "smile_left": -0.18,
        "smile_right": 0.72,
        "cheek": 0.15,
        "outer_right": 0.75,
        "inner_right": 0.25,
        "inner_left": -0.25,
        "outer_left": -0.15,
        "widen": -0.48,
        "squint": 0.28,
        "droop": 0.06,
        "pitch": -0.42,
        "roll": 0.25,
        "yaw": -0.30,
        "vigour": -0.3,
        "reach": -0.1,
    },
}
_TONE = {"emphatic": (0.45, 0.14), "mild": (0.0, 0.0), "gentle": (-0.35, -0.10)}  # vigour, reach


def _vector(values: dict[str, float]) -> Expression:
    out = np.zeros(len(EXPRESSION), np.float32)
    for name, value in values.items():
        for full in (name,) if name in PLACE else (f"{name}_left", f"{name}_right"):
            out[PLACE[full]] = value
    return out


def expression(emotion: str, intensity: float, tone: str = "mild") -> Expression:
    """The face of ``emotion`` at ``intensity`` in [0, 1], between neutral and full strength."""
    if emotion not in EMOTIONS:
        raise InputError(unknown("emotion", emotion, EMOTIONS))
    if tone not in TONES:
        raise InputError(unknown("tone", tone, TONES))
    if not 0.0 <= intensity <= 1.0:
        raise InputError(f"intensity is {intensity}: give a number from 0 to 1")
    rest, full = _vector(_FULL["neutral"]), _vector(_FULL[emotion])
    out = rest + (full - rest) * np.float32(intensity)
    vigour, reach = _TONE[tone]
    out[PLACE["vigour"]] += vigour
    out[PLACE["reach"]] += reach
    return out


def face_controls(face: Expression) -> NDArray[np.float32]:
    """The part of an expression that is controls of one picture."""
    from empatheia.face.avatar.controls import INDEX

    out = np.zeros_like(neutral())
    for name in FACE:
        if name == "droop":
            out[INDEX["blink_left"]] = out[INDEX["blink_right"]] = face[PLACE[name]]
        else:
            out[INDEX[name]] = face[PLACE[name]]
    return out
