"""The video table: sharpness, likeness to the reference, lips in step, eyes and still lips.

Rows: the system, the reference videos (ceiling), and the system's pictures with another clip's
sound, or beside another clip's reference (floors). SSIM, PSNR and landmark distances are
teacher-forced: they are measured only where the predictions say that they render the reference's
words and person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from empatheia.errors import InputError
from empatheia.evaluation import avsync, syncnet
from empatheia.evaluation.distributions import EVERY, NO_REFERENCE, Distributions
from empatheia.evaluation.face_sharpness import cpbd
from empatheia.evaluation.faults import Faults
from empatheia.evaluation.frechet import Inception
from empatheia.evaluation.landmark_measures import (
    HOW,
    Points,
    blinks,
    distances,
    points_of,
    silent_lip,
)
from empatheia.evaluation.matching import Pair
from empatheia.evaluation.pictures import (
    FPS,
    SIZE,
    SLACK,
    SSIM_SETTINGS,
    Shape,
    psnr,
    shape_of,
    side_by_side,
    ssim,
    unlike,
)
from empatheia.evaluation.resampling import item_score
from empatheia.evaluation.scorecard import Figure, Metric, Row, Table
from empatheia.media.audio import read_audio
from empatheia.media.video import read_video

_FORCED = {"teacher_forced": True, "alignment": "by picture, cut to the shorter", "fps": FPS}
POOL3 = {"network": "Inception 2015-12-05, pool3", "size": SIZE, "every": EVERY}
TEACHER_FORCED = "teacher-forced predictions, from `empatheia predict --teacher-forced`"

METRICS = (
    Metric("cpbd", "CPBD", "up", 3, version=2,
           settings={"size": SIZE, "every": EVERY, "enlarged": "never"}),
    Metric("ssim", "SSIM", "up", 3, settings=SSIM_SETTINGS | _FORCED),
    Metric("psnr", "PSNR", "up", 2, settings={"channels": "RGB", "size": SIZE} | _FORCED),
    Metric("m_lmd", "M-LMD", "down", 2, settings={"points": "36 of the lips, centred"} | _FORCED),
    Metric("f_lmd", "F-LMD", "down", 2, settings={"points": "478"} | _FORCED),
    Metric("fid", "FID", "down", 2, settings=POOL3),
    Metric("kid", "KID x 1000", "down", 2, settings=POOL3),
    Metric("fd_landmark", "FD-landmark", "down", 2,
           settings={"of": "12 movements a picture, over the reference's spread"},
           note="needs no weights and is not FID; ground truth: its one half beside the other"),
    Metric("sync_cf", "Sync_cf (LSE-C, own crop)", "up", 2, settings={"shift": syncnet.SHIFT}),
    Metric("lse_d", "LSE-D (own crop)", "down", 2, settings={"shift": syncnet.SHIFT}),
    Metric("avsync_conf", "AVSync-L conf", "up", 3, settings=avsync.SETTINGS,
           note="a linear model, not SyncNet: not to be compared with Sync_cf"),
    Metric("avsync_r", "AVSync-L r", "up", 3, settings=avsync.SETTINGS),
    Metric("blinks", "Blinks/min", "none", 1, settings={"shut": "0.6 of the median opening"}),
    Metric("silent_lip", "Silent-lip MAD", "down", 4, settings={"silence": "0.3 s, 40 dB under"}),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tools:
    """What is brought from outside: SyncNet's and Inception's weights, AVSync-L's numbers."""

    syncnet: syncnet.SyncNetScorer | None = None
    avsync: avsync.AVSync | None = None
    inception: Inception | None = None


@dataclass(frozen=True, slots=True)
class Clip:
    """A video to look at, the sound to put beside it, and its item."""

    item: str
    video: Path
    sound: Path


def video_table(
    name: str, pairs: Sequence[Pair], tools: Tools, settings: Mapping[str, Any]
) -> tuple[Table, dict[str, list[str]]]:
    """Table and faults of one system. Raises InputError where it has no video at all."""
    faults = Faults()
    ours, truth = [], []
    for reference, answer in pairs:
        if answer.video is None or not answer.video.is_file():
            faults.add("no video", reference.id)
        else:
            ours.append(Clip(reference.id, answer.video, answer.video))
        if reference.video is not None and reference.video.is_file():
            truth.append(Clip(reference.id, reference.video, reference.video))
    if not ours:
        raise InputError(
            f"none of {len(pairs)} predictions has a video that is there: "
            "`empatheia predict --media` makes them, 'video' in a line names one"
        )
    weights = str(settings.get("weights", "none"))
    own = _looks(ours, faults, weights) | _lips(ours, tools, faults)
    both = [
        (r.id, a.video, r.video)
        for r, a in pairs
        if a.video and r.video and a.video.is_file() and r.video.is_file()
    ]
    forced = bool(settings.get("teacher_forced"))
    own |= _likeness(both, forced, faults, weights)
    spread = Distributions(tools.inception, faults, partial(_points, faults=faults))
    own |= spread.beside(ours, truth)
    mark = str(settings.get("mark", ""))
    rows = [Row(name, own, mark)]
    if truth:
        theirs = Faults()
        real = _looks(truth, theirs) | {"ssim": Figure(1.0, len(truth))}
        real |= spread.beside(truth[::2], truth[1::2]) | _lips(truth, tools, theirs)
        rows.append(Row("Ground truth", real, "ceiling"))
        faults.of("reference", theirs)
    moved = _moved(ours)
    if moved:  # what is wrong with these clips was told above
        rows.append(Row(f"{name}, other sound", _lips(moved, tools, Faults()), "floor"))
    if forced and len(both) > 1:
        away = [*both[1:], both[0]]
        mixed = [(item, ours, a[2]) for (item, ours, _), a in zip(both, away, strict=True)]
        # that they differ in length is no fault of the predictions
        beside = _likeness(mixed, forced, Faults(), weights)
        rows.append(Row(f"{name}, other reference", beside, "floor"))
    return Table("video", "Talking face", METRICS, tuple(rows)), dict(faults.found)


def _moved(clips: Sequence[Clip]) -> list[Clip]:
    """Every clip's pictures with the sound of the next one."""
    if len(clips) < 2:
        return []
    return [
        Clip(a.item, a.video, b.sound) for a, b in zip(clips, [*clips[1:], clips[0]], strict=True)
    ]


def _figure(values: Sequence[float], needs: str, weights: str = "none") -> Figure:
    kept = [v for v in values if np.isfinite(v)]
    return Figure.of(item_score(kept), weights) if kept else Figure.missing(needs)


def _looks(clips: Sequence[Clip], faults: Faults, weights: str = "none") -> dict[str, Figure]:
    sharp, rates, still = [], [], []
    for clip in clips:
        shape = faults.measure("pictures", clip.item, partial(shape_of, clip.video))
        if shape is not None:
            _odd(shape, clip.item, faults)
            sharp.append(_sharpness(clip, shape, faults))
        points = _points(clip, faults)
        if points is None:
            continue
        rates.append(blinks(points).per_minute)
        lips = faults.measure("silent lips", clip.item, partial(silent_lip, points, clip.sound))
        still.append(float("nan") if lips is None else lips)
        faults.unsaid("no face found", clip.item, rates[-1])
        faults.unsaid("no silence with a face", clip.item, still[-1])
    return {
        "cpbd": _figure(sharp, f"videos of at least {SIZE} x {SIZE} with edges", weights),
        "blinks": _figure(rates, HOW, weights),
        "silent_lip": _figure(still, f"{HOW}, and silences of 0.3 s", weights),
    }


def _points(clip: Clip, faults: Faults) -> Points | None:
    """Landmarks of a clip, or None with a fault."""
    points: Points | None = faults.measure("landmarks", clip.item, partial(points_of, clip.video))
    if points is None and not clip.video.with_suffix(".npz").is_file():
        faults.add("no landmarks", clip.item)
    return points


def _odd(shape: Shape, item: str, faults: Faults) -> None:
    """What is measured all the same, but should be known of a video."""
    if min(shape.width, shape.height) < SIZE:
        faults.add(f"smaller than {SIZE} x {SIZE}", item)
    if abs(shape.rate - FPS) > 0.01:
        faults.add(f"other rate than {FPS:g} pictures a second", f"{item}: {shape.rate:g}")
    if shape.promised - shape.frames > SLACK:
        faults.add("cut off", f"{item}: {shape.frames} of {shape.promised} pictures are there")


def _sharpness(clip: Clip, shape: Shape, faults: Faults) -> float:
    """NaN where there is nothing to measure; small pictures are not enlarged for it."""
    if min(shape.width, shape.height) < SIZE:
        return float("nan")
    video = faults.measure("CPBD", clip.item, partial(read_video, clip.video, size=SIZE))
    if video is None:
        return float("nan")
    found = [v for v in map(cpbd, video.frames[::EVERY]) if np.isfinite(v)]
    sharp = float(np.mean(found)) if found else float("nan")
    faults.unsaid("no edges in any picture", clip.item, sharp)
    return sharp


def _likeness(
    both: Sequence[tuple[str, Path, Path]], forced: bool, faults: Faults, weights: str
) -> dict[str, Figure]:
    """Of (item, our video, the reference's)."""
    names = ("ssim", "psnr", "m_lmd", "f_lmd")
    if not both:
        return {name: Figure.missing(NO_REFERENCE) for name in names}
    if not forced:
        for item, *videos in both:
            _unlike(item, videos, faults)
        return {name: Figure.missing(TEACHER_FORCED) for name in names}
    rows: dict[str, list[float]] = {name: [] for name in names}
    for item, ours, theirs in both:
        clips = faults.measure("likeness", item, lambda a=ours, b=theirs: side_by_side(a, b))  # type: ignore[misc]
        if clips is None:
            continue
        for note in clips.notes:
            kind = f"{note.partition(':')[0]} than the reference" if ":" in note else "enlarged"
            faults.add(kind, f"{item}: {note}")
        frames = list(zip(clips.ours, clips.theirs, strict=True))
        rows["ssim"].append(float(np.mean([ssim(a, b) for a, b in frames])))
        rows["psnr"].append(float(np.mean([min(psnr(a, b), 100.0) for a, b in frames])))
        points = [_points(Clip(item, video, video), faults) for video in (ours, theirs)]
        if points[0] is not None and points[1] is not None:
            found = distances(points[0], points[1])
            rows["m_lmd"].append(found.mouth)
            rows["f_lmd"].append(found.face)
            faults.unsaid("no face in both at once", item, found.face)
    return {name: _figure(values, HOW, weights) for name, values in rows.items()}


def _unlike(item: str, videos: Sequence[Path], faults: Faults) -> None:
    """Of a free reply only the length may differ from the reference's."""
    shapes = [faults.measure("pictures", item, partial(shape_of, video)) for video in videos]
    if None not in shapes:
        for note in unlike(*shapes):
            faults.add(f"{note.partition(':')[0]} than the reference", f"{item}: {note}")


def _lips(clips: Sequence[Clip], tools: Tools, faults: Faults) -> dict[str, Figure]:
    missing = {
        "sync_cf": syncnet.NEEDS, "lse_d": syncnet.NEEDS,
        "avsync_conf": avsync.NEEDS, "avsync_r": avsync.NEEDS,
    }  # fmt: skip
    figures = {name: Figure.missing(needs) for name, needs in missing.items()}
    if tools.syncnet is not None:
        scores = [
            score
            for clip in clips
            if (score := _watched(clip, "SyncNet", faults, partial(_syncnet, clip, tools.syncnet)))
        ]
        digest = tools.syncnet.digest
        confidence, distance = syncnet.mean_score(scores)
        figures["sync_cf"] = _figure(confidence, HOW, digest)
        figures["lse_d"] = _figure(distance, HOW, digest)
    if tools.avsync is not None:
        lags = [
            lag
            for clip in clips
            if (lag := _watched(clip, "AVSync-L", faults, partial(_avsync, clip, tools.avsync)))
        ]
        digest = tools.avsync.digest
        figures["avsync_conf"] = _figure([lag.confidence for lag in lags], HOW, digest)
        figures["avsync_r"] = _figure([lag.sync_r for lag in lags], HOW, digest)
    return figures


def _watched(clip: Clip, kind: str, faults: Faults, work: Callable[[Points], Any]) -> Any:
    """``work`` on a clip's landmarks, or None with a fault."""
    points = _points(clip, faults)
    if points is None:
        return None
    return faults.measure(kind, clip.item, partial(work, points))


def _avsync(clip: Clip, model: avsync.AVSync, points: Points) -> avsync.LagScore:
    seen = avsync.mouth(points)
    return avsync.score(model, avsync.sound(read_audio(clip.sound), len(seen)), seen)


def _syncnet(clip: Clip, scorer: syncnet.SyncNetScorer, points: Points) -> syncnet.SyncScore:
    frames = read_video(clip.video, FPS, SIZE).frames
    return scorer(syncnet.crop_faces(frames, points), read_audio(clip.sound))
