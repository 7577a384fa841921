"""Content and expression to control curves: speech, feeling and the small movements of life.

Everything is a function of time and seed, never of the picture's size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from empatheia.face.avatar.articulation import articulate
from empatheia.face.avatar.controls import INDEX, Curve, bounded, neutral
from empatheia.face.avatar.feeling import PLACE, Expression, face_controls
from empatheia.face.visemes import CHANNELS, Content

Signal = NDArray[np.float64]  # (frames,)

ONSET, FIRST = 0.55, 0.35  # seconds until the feeling is all there; its share in the first picture
OFFSET, LAST = 0.7, 0.82  # the same for its end
BLINKS = 15.0  # a minute at ease


def move(content: Content, face: Expression, seed: int, fps: int) -> Curve:
    """Controls of every picture, (frames, controls)."""
    frames = len(content)
    time = np.arange(frames) / fps
    rng = np.random.default_rng([seed, 2718])
    vigour = float(np.clip(1 + face[PLACE["vigour"]], 0.3, 2.0))
    spoken = articulate(content)
    spoken[:, INDEX["jaw"]] *= float(np.clip(1 + face[PLACE["reach"]], 0.6, 1.35))
    share = _presence(content, time) * (1 + 0.07 * _drift(time, rng, 0.5))
    felt = neutral() + (face_controls(face) - neutral()) * share[:, None].astype(np.float32)
    out = _joined(spoken, felt)
    _life(out, content, time, vigour, float(face[PLACE["blinking"]]), rng)
    return bounded(out)


def _presence(content: Content, time: Signal) -> Signal:
    """How much of the feeling shows: eased in at the start, eased down after the last word."""
    rise = FIRST + (1 - FIRST) * _ease(time / ONSET)
    speaking = np.nonzero(content[:, 0] < 0.5)[0]
    if len(speaking) == 0:
        return rise
    end = time[speaking[-1]] + 0.15
    return rise * (1 - (1 - LAST) * _ease((time - end) / OFFSET))


def _ease(t: Signal) -> Signal:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def _joined(spoken: Curve, felt: Curve) -> Curve:
    """Speech and feeling in one mouth: sounds that need the lips keep them."""
    out = spoken + felt
    i = INDEX
    shut = np.clip(spoken[:, i["press"]] * 1.2, 0, 1)
    rounded = np.clip(spoken[:, i["round"]], 0, 1)
    tucked = np.clip(spoken[:, i["tuck"]], 0, 1)
    for name in ("smile_left", "smile_right", "stretch"):
        out[:, i[name]] = felt[:, i[name]] * (1 - 0.45 * rounded)
    for name in ("jaw", "teeth", "lower_teeth"):
        out[:, i[name]] = spoken[:, i[name]] + felt[:, i[name]] * (1 - 0.55 * spoken[:, i["jaw"]])
        out[:, i[name]] *= 1 - shut
    out[:, i["round"]] = np.maximum(
        rounded, felt[:, i["round"]] * (1 - 0.5 * np.clip(spoken[:, i["wide"]], 0, 1))
    )
    out[:, i["sneer"]] = felt[:, i["sneer"]] * (1 - shut) * (1 - 0.5 * tucked)
    talking = np.clip(spoken[:, i["jaw"]] * 4, 0, 1)
    out[:, i["press"]] = np.maximum(spoken[:, i["press"]], felt[:, i["press"]] * (1 - talking))
    return out


def _drift(time: Signal, rng: np.random.Generator, speed: float) -> Signal:
    """Smooth noise of about unit size."""
    total = np.zeros_like(time)
    for rate in (0.31, 0.73, 1.27):
        total += np.sin(2 * np.pi * rate * speed * time + rng.uniform(0, 2 * np.pi)) / (0.6 + rate)
    return total / 1.3


def _life(
    out: Curve,
    content: Content,
    time: Signal,
    vigour: float,
    blinking: float,
    rng: np.random.Generator,
) -> None:
    i = INDEX
    out[:, i["yaw"]] += 0.15 * vigour * _drift(time, rng, 0.55)
    out[:, i["pitch"]] += 0.10 * vigour * _drift(time, rng, 0.6)
    out[:, i["roll"]] += 0.13 * vigour * _drift(time, rng, 0.45)
    out[:, i["lean"]] += 0.12 * vigour * _drift(time, rng, 0.35)
    phase = 2 * np.pi * (0.24 * time + rng.uniform())
    out[:, i["breath"]] += np.sin(phase + 0.35 * np.sin(phase))
    stress = content[:, CHANNELS.index("stress")].astype(np.float64)
    kernel = np.array([0.05, 0.2, 0.5, 0.85, 1.0, 0.85, 0.55, 0.25, 0.08])
    nod = np.convolve(stress, kernel / kernel.sum(), mode="full")[3 : 3 + len(stress)]
    out[:, i["pitch"]] += 0.62 * vigour * (nod - 0.5 * nod.mean())
    beat = np.convolve(stress, np.ones(7) / 7, mode="full")[3 : 3 + len(stress)] * 0.20 * vigour
    for name in ("inner_left", "inner_right", "outer_left", "outer_right"):
        out[:, i[name]] += beat + 0.05 * _drift(time, rng, 0.8)
    blink = _blinks(time, BLINKS * (1 + 0.6 * blinking), rng)
    for name in ("blink_left", "blink_right"):
        out[:, i[name]] += (1 - out[:, i[name]]) * blink
    gaze = _gaze(time, rng)
    out[:, i["gaze_x"]] += gaze[:, 0] - 0.25 * out[:, i["yaw"]]
    out[:, i["gaze_y"]] += gaze[:, 1] - 0.20 * out[:, i["pitch"]]
    for side in ("left", "right"):
        out[:, i[f"outer_{side}"]] -= 0.12 * blink


def _blinks(time: Signal, rate: float, rng: np.random.Generator) -> Signal:
    """Lid closure: 80 ms down, a moment shut, 170 ms up; gaps vary as people's do."""
    out = np.zeros_like(time)
    at = rng.uniform(0.5, 2.4)
    while at < (time[-1] if len(time) else 0.0) + 0.2:
        since = time - at
        out = np.maximum(
            out,
            np.where(since < 0.03, _ease((since + 0.08) / 0.08), 1 - _ease((since - 0.04) / 0.17)),
        )
        at += max(0.9, rng.lognormal(np.log(60 / rate) - 0.125, 0.5))
    return out


def _gaze(time: Signal, rng: np.random.Generator) -> NDArray[np.float64]:
    """Small jumps around the listener's eyes; now and then a short look aside."""
    out = np.zeros((len(time), 2))
    at, place = 0.0, np.zeros(2)
    while at < (time[-1] if len(time) else 0.0) + 0.1:
        out[time >= at] = place
        aside = rng.random() < 0.12
        place = rng.normal(0, 1, 2) * ((0.30, 0.10) if aside else (0.07, 0.05))
        at += rng.uniform(0.35, 0.7) if aside else rng.uniform(0.6, 1.9)
    return out
