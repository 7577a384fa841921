"""Hair: locks of strands between two guides, or coils; a layer behind the head, one before.

Guides run from root to tip, as offsets from the middle of the face.
"""

# ruff: noqa: RUF005  (points + (x, y) is arithmetic here)

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from empatheia.face.avatar.canvas import (
    Canvas,
    Colour,
    Mask,
    Points,
    between,
    dome,
    lit,
    mix,
    resampled,
    spline,
)  # fmt: skip

Guide = list[tuple[float, float]]
_STEPS = 45
_WAVES = 15.0  # radians of a wave over the length of a lock


@dataclass(frozen=True, slots=True)
class Lock:
    """Strands between two guides; ``shine`` is where along them light is caught (0 to 1)."""

    a: Guide
    b: Guide
    shine: float = 0.32
    wave: float = 0.0
    bright: float = 1.0


@dataclass(frozen=True, slots=True)
class Coil:
    """A soft mass of small curls inside a closed outline."""

    outline: Guide
    curl: float = 2.6
    bright: float = 1.0
    fuzz: float = 1.0


@dataclass(frozen=True, slots=True)
class Style:
    back: tuple[Lock | Coil, ...]
    front: tuple[Lock | Coil, ...]


def flip(lock: Lock) -> Lock:
    """The same lock on the other side."""
    other = lambda guide: [(-x, y) for x, y in guide]  # noqa: E731
    return Lock(other(lock.b), other(lock.a), lock.shine, lock.wave, lock.bright * 0.93)


def paint_hair(canvas: Canvas, parts: tuple[Lock | Coil, ...], colour: Colour, seed: int) -> Canvas:
    """Paints ``parts`` from back to front."""
    rng = np.random.default_rng(seed)
    for part in parts:
        if isinstance(part, Lock):
            _lock(canvas, part, colour, rng)
        else:
            _coil(canvas, part, colour, rng)
    return canvas


def _ramp(colour: Colour, tone: Mask) -> np.ndarray:
    """Tone around 1 to colours from deep shade to shine."""
    light = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]
    shade: Colour = (colour[0] * 0.42, colour[1] * 0.38, colour[2] * 0.42)
    bright = mix(colour, (1.0, 0.88, 0.74), 0.30 if light > 0.16 else 0.24)
    stops = np.array([0.25, 1.0, 1.9])
    xs = np.linspace(0.0, 2.2, 440)
    table = np.stack(
        [np.interp(xs, stops, [c[i] for c in (shade, colour, bright)]) for i in range(3)], 1
    )
    return table.astype(np.float32)[(tone * 200).astype(np.int32).clip(0, 439)]


def _shadowed(canvas: Canvas, mask: Mask, strength: float = 0.5) -> None:
    """What is already painted gets darker where a new part begins."""
    canvas.multiply(canvas.soft(mask, 1.6), (0.42, 0.38, 0.40), strength)


def _flowing(guide: Guide) -> Points:
    """A guide as an even curve without kinks; its ends stay."""
    curve = resampled(spline(np.asarray(guide, float) + (128, 0)), _STEPS)
    for _ in range(10):
        curve[1:-1] += ((curve[2:] + curve[:-2]) / 2 - curve[1:-1]) * 0.7
    return curve


def _tip(a: Points, b: Points) -> Points:
    """Where strands end: a round edge from the end of ``a`` to the end of ``b``."""
    across, ahead = b[-1] - a[-1], (a[-1] - a[-3]) + (b[-1] - b[-3])
    bulge = 0.16 * np.hypot(*across) * ahead / max(float(np.hypot(*ahead)), 1e-6)
    share = np.linspace(0, 1, 9)[1:-1, None]
    return np.asarray(a[-1] + across * share + bulge * np.sin(np.pi * share))


def _lock(canvas: Canvas, lock: Lock, colour: Colour, rng: np.random.Generator) -> None:
    a, b = (_flowing(guide) for guide in (lock.a, lock.b))
    t = np.linspace(0, 1, _STEPS)
    swing = lock.wave * np.clip((t - 0.18) / 0.35, 0, 1)
    if lock.wave:  # both edges swing, the outer one a little later, as loose waves do
        a, b = (
            curve + np.stack([swing * np.sin(t * _WAVES + late), np.zeros(_STEPS)], 1)
            for curve, late in ((a, -0.5), (b, 0.5))
        )
    mask = canvas.fill(np.vstack([a, _tip(a, b), b[::-1]]))
    _shadowed(canvas, mask, 0.45)
    span = float(np.hypot(*(b - a).T).mean())
    body = lit(
        dome(mask, max(4.0, min(span * 0.6, 22.0)), canvas.scale, 1.6) * np.float32(0.75),
        canvas.scale,
    )
    strands = np.full(mask.shape, 128, np.uint8)
    count = int(np.clip(span * 2.6, 16, 110))
    band = 52 * np.exp(-(((t - lock.shine) / 0.13) ** 2)) + 22 * np.exp(
        -(((t - lock.shine - 0.36) / 0.10) ** 2)
    )
    if lock.wave:  # light on each crest, shade in each trough
        band = 0.6 * band + 26 * np.abs(swing / lock.wave) * np.cos(t * _WAVES)
    band -= 26 * np.clip(1 - t / 0.14, 0, 1) + 16 * np.clip((t - 0.75) / 0.25, 0, 1)
    width = max(1, round(canvas.scale * 0.62))
    for share in rng.permutation((np.arange(count) + 0.5) / count):
        curve = between(a, b, float(np.clip(share + rng.normal(0, 0.012), 0, 1)))
        level = 128 + 20 * rng.normal() + band * rng.uniform(0.55, 1.25)
        level = np.clip(level, 20, 250)
        points = canvas.fixed(curve + rng.normal(0, 0.25, 2))
        for i in range(0, _STEPS - 1, 2):
            cv2.line(
                strands,
                points[i],
                points[i + 2],
                int(level[i]),
                width,
                cv2.LINE_AA,
                4,
            )
    texture = cv2.GaussianBlur(strands, (0, 0), 0.28 * canvas.scale).astype(np.float32) / 128
    tone = texture * (0.52 + 0.62 * np.clip(body, 0, 1)) * np.float32(lock.bright)
    canvas.paint(mask, _ramp(colour, tone))


def _coil(canvas: Canvas, coil: Coil, colour: Colour, rng: np.random.Generator) -> None:
    edge = spline(np.asarray(coil.outline, float) + (128, 0), closed=True)
    edge = resampled(np.vstack([edge, edge[:1]]), 140)[:-1]
    angles = np.linspace(0, 2 * np.pi, 12)[:-1]
    blobs = [edge]
    for place in edge[rng.random(len(edge)) < 0.8]:
        r = coil.curl * rng.uniform(0.2, 1.0) * coil.fuzz
        place = place + rng.normal(0, 0.3 * coil.curl * coil.fuzz, 2)
        if r > 0.2:
            blobs.append(place + r * np.stack([np.cos(angles), np.sin(angles)], 1))
    mask = canvas.fills(blobs, 0.25 + 0.15 * coil.fuzz)
    _shadowed(canvas, mask, 0.4)
    body = lit(dome(mask, 26.0, canvas.scale, 3.0) * np.float32(0.8), canvas.scale)
    low, high = edge.min(0), edge.max(0)
    strands = np.full(mask.shape, 118, np.uint8)
    count = int(np.prod(high - low) / coil.curl**2 * 1.1)
    width = max(1, round(canvas.scale * 0.55))
    for centre, size, start in zip(
        rng.uniform(low, high, (count, 2)),
        rng.uniform(0.5, 1.1, count),
        rng.uniform(0, 360, count),
        strict=True,
    ):
        axes = np.round(np.array([size, size * 0.8]) * coil.curl * canvas.scale * 16).astype(int)
        middle = canvas.fixed(centre)
        cv2.ellipse(
            strands,
            middle,
            axes,
            start,
            0,
            210,
            int(np.clip(128 + 34 * rng.normal(), 40, 235)),
            width,
            cv2.LINE_AA,
            4,
        )
    texture = cv2.GaussianBlur(strands, (0, 0), 0.3 * canvas.scale).astype(np.float32) / 122
    canvas.paint(
        mask, _ramp(colour, texture * (0.45 + 0.72 * np.clip(body, 0, 1)) * np.float32(coil.bright))
    )
