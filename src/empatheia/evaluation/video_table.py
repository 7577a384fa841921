"""The video table: sharpness, likeness to the reference, lips in step, eyes and still lips.

Rows: the system, the reference videos (ceiling), and the system's pictures with another clip's
sound, or beside another clip's reference (floors). SSIM, PSNR and landmark distances are
teacher-forced: they are measured only where the predictions say that they render the reference's
words and person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from empatheia.errors import InputError
from empatheia.evaluation import avsync, syncnet
from empatheia.evaluation.distributions import EVERY, NO_REFERENCE, Distributions
from empatheia.evaluation.face_sharpness import cpbd
from empatheia.evaluation.faults import Faults
from empatheia.evaluation.figures import Measured, detailed, mean_figure
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
    CUT,
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
from empatheia.evaluation.scorecard import Figure, Metric, Row, Table
from empatheia.evaluation.synthetic import RENDERED, reference_name
from empatheia.media.audio import read_audio
from empatheia.media.video import read_video

_FORCED = {"teacher_forced": True, "alignment": "by picture, cut to the shorter", "fps": FPS}
_POINTS = {"landmarks": "FaceMesh, in NAME.npz", "cut": CUT} | _FORCED
POOL3 = {"network": "Inception 2015-12-05, pool3", "size": SIZE, "cut": CUT, "every": EVERY}
_SHIFTED = {"shift": syncnet.SHIFT, "cut": CUT}
MOST_PSNR = 100.0  # dB, of equal pictures
TWO_CLIPS = "two clips and more"
LIPS = {
    "sync_cf": syncnet.NEEDS, "lse_d": syncnet.NEEDS, "sync_offset": syncnet.NEEDS,
    "avsync_conf": avsync.NEEDS, "avsync_r": avsync.NEEDS, "avsync_distance": avsync.NEEDS,
    "avsync_offset": avsync.NEEDS, "avsync_p": avsync.NEEDS,
}  # fmt: skip
DISTANCES = ("fid", "kid", "fd_landmark")
OF_REFERENCES = ("cpbd", "ssim", *DISTANCES, "blinks", "silent_lip", *LIPS)
LIKENESS = ("ssim", "psnr", "m_lmd", "f_lmd")
TEACHER_FORCED = "teacher-forced predictions, from `empatheia predict --teacher-forced`"

METRICS = (
    Metric("cpbd", "CPBD", "up", 3, version=3,
           settings={"size": SIZE, "cut": CUT, "every": EVERY, "enlarged": "never"}),
    Metric("ssim", "SSIM", "up", 3, version=2, settings=SSIM_SETTINGS | _FORCED),
    Metric("psnr", "PSNR", "up", 2, version=2,
           settings={"channels": "RGB", "size": SIZE, "cut": CUT, "at most": MOST_PSNR} | _FORCED),
    Metric("m_lmd", "M-LMD", "down", 2, version=2,
           settings={"points": "36 of the lips, centred"} | _POINTS),
    Metric("f_lmd", "F-LMD", "down", 2, version=2, settings={"points": "478"} | _POINTS),
    Metric("fid", "FID", "down", 2, version=2, settings=POOL3),
    Metric("kid", "KID x 1000", "down", 2, version=2, settings=POOL3),
    Metric("fd_landmark", "FD-landmark", "down", 2,
           settings={"of": "12 movements a picture, over the reference's spread"},
           note="needs no weights and is not FID; ground truth: its one half beside the other"),
    Metric("sync_cf", "Sync_cf (LSE-C, own crop)", "up", 2, version=2, settings=_SHIFTED),
    Metric("lse_d", "LSE-D (own crop)", "down", 2, version=2, settings=_SHIFTED),
    Metric("sync_offset", "SyncNet offset (own crop)", "down", 1, version=2, settings=_SHIFTED,
           note="mean pictures, either way, that the sound is best moved by"),
    Metric("avsync_conf", "AVSync-L conf", "up", 3, version=2, settings=avsync.SETTINGS,
           note="a linear model, not SyncNet: not to be compared with Sync_cf"),
    Metric("avsync_r", "AVSync-L r", "up", 3, version=2, settings=avsync.SETTINGS),
    Metric("avsync_distance", "AVSync-L distance", "down", 3, settings=avsync.SETTINGS),
    Metric("avsync_offset", "AVSync-L offset", "down", 1, settings=avsync.SETTINGS,
           note="mean pictures, either way, that the sound is best moved by"),
    Metric("avsync_p", "AVSync-L p", "down", 3, settings=avsync.SETTINGS,
           note="share of circular shifts of a clip's own sound that fit as well; by chance 0.5"),
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
    own = _looks(ours, faults) | _lips(ours, tools, faults)
    both = [
        (r.id, a.video, r.video)
        for r, a in pairs
        if a.video and r.video and a.video.is_file() and r.video.is_file()
    ]
    forced = bool(settings.get("teacher_forced"))
    own |= _likeness(both, forced, faults)
    spread = Distributions(tools.inception, faults, partial(_points, faults=faults))
    own |= spread.beside(ours, truth)
    mark = str(settings.get("mark", ""))
    rows = [Row(name, own, mark), _truth(truth, tools, spread, faults)]
    # what is wrong with these clips was told above
    moved = _lips(_moved(ours), tools, Faults()) if len(ours) > 1 else _none(LIPS, TWO_CLIPS)
    rows.append(Row(f"{name}, other sound", moved, "floor"))
    if forced and both:
        away = [*both[1:], both[0]]
        mixed = [(item, ours, a[2]) for (item, ours, _), a in zip(both, away, strict=True)]
        # that they differ in length is no fault of the predictions
        beside = _likeness(mixed, forced, Faults()) if mixed[1:] else _none(LIKENESS, TWO_CLIPS)
        rows.append(Row(f"{name}, other reference", beside, "floor"))
    metrics = tuple(
        replace(m, settings=tools.avsync.settings()) if tools.avsync and "avsync" in m.id else m
        for m in METRICS
    )
    notes = [_counted(row) for row in rows if _counted(row)]
    if RENDERED in rows[1].mark:
        notes.append("SSIM, PSNR, M-LMD, F-LMD: against rendered references, not against people")
    return Table("video", "Talking face", metrics, tuple(rows), tuple(notes)), dict(faults.found)


def _truth(truth: Sequence[Clip], tools: Tools, spread: Distributions, faults: Faults) -> Row:
    """The references' own row, also where there are none."""
    row, mark = reference_name([clip.video for clip in truth])
    if not truth:
        return Row(row, _none(OF_REFERENCES, NO_REFERENCE), mark)
    theirs = Faults()
    real = _looks(truth, theirs) | {"ssim": Figure(1.0, len(truth))}
    real |= spread.beside(truth[::2], truth[1::2]) if truth[1:] else _none(DISTANCES, TWO_CLIPS)
    real |= _lips(truth, tools, theirs)
    faults.of("reference", theirs)
    return Row(row, real, mark)


def _none(names: Iterable[str], needs: str) -> dict[str, Figure]:
    return {name: Figure.missing(needs) for name in names}


def _counted(row: Row) -> str:
    """On how many pictures a row's figures stand."""
    told = {name: getattr(figure, "detail", {}) for name, figure in row.figures.items()}
    said = [f"{name.upper()} on {d['pictures']} pictures" for name, d in told.items() if d]
    return f"{row.name}: {', '.join(said)}" if said else ""


def _moved(clips: Sequence[Clip]) -> list[Clip]:
    """Every clip's pictures with the sound of the next one."""
    return [
        Clip(a.item, a.video, b.sound) for a, b in zip(clips, [*clips[1:], clips[0]], strict=True)
    ]


def _looks(clips: Sequence[Clip], faults: Faults) -> dict[str, Figure]:
    sharp: list[tuple[str, float]] = []
    rates: list[tuple[str, float]] = []
    still: list[tuple[str, float]] = []
    pictures = 0
    for clip in clips:
        shape = faults.measure("pictures", clip.item, partial(shape_of, clip.video))
        if shape is not None:
            _odd(shape, clip.item, faults)
            value, seen = _sharpness(clip, shape, faults)
            sharp.append((clip.item, value))
            pictures += seen
        points = _points(clip, faults)
        if points is None:
            continue
        rates.append((clip.item, blinks(points).per_minute))
        lips = faults.measure("silent lips", clip.item, partial(silent_lip, points, clip.sound))
        still.append((clip.item, float("nan") if lips is None else lips))
        faults.unsaid("no face found", *rates[-1])
        faults.unsaid("no silence with a face", *still[-1])
    edges = mean_figure(sharp, f"videos of at least {SIZE} x {SIZE} with edges")
    return {
        "cpbd": detailed(edges, pictures=pictures) if edges.n else edges,
        "blinks": mean_figure(rates, HOW),
        "silent_lip": mean_figure(still, f"{HOW}, and silences of 0.3 s"),
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


def _sharpness(clip: Clip, shape: Shape, faults: Faults) -> tuple[float, int]:
    """Of a clip, and of how many pictures; small ones are not enlarged for it.

    NaN where there is nothing to measure.
    """
    if min(shape.width, shape.height) < SIZE:
        return float("nan"), 0
    decode = partial(read_video, clip.video, size=SIZE, crop=True)
    video = faults.measure("CPBD", clip.item, decode)
    if video is None:
        return float("nan"), 0
    found = [v for v in map(cpbd, video.frames[::EVERY]) if np.isfinite(v)]
    sharp = float(np.mean(found)) if found else float("nan")
    faults.unsaid("no edges in any picture", clip.item, sharp)
    return sharp, len(found)


def _likeness(
    both: Sequence[tuple[str, Path, Path]], forced: bool, faults: Faults
) -> dict[str, Figure]:
    """Of (item, our video, the reference's)."""
    if not both:
        return _none(LIKENESS, NO_REFERENCE)
    if not forced:
        for item, *videos in both:
            _unlike(item, videos, faults)
        return _none(LIKENESS, TEACHER_FORCED)
    rows: dict[str, list[tuple[str, float]]] = {name: [] for name in LIKENESS}
    pictures = 0
    for item, ours, theirs in both:
        clips = faults.measure("likeness", item, lambda a=ours, b=theirs: side_by_side(a, b))  # type: ignore[misc]
        if clips is None:
            continue
        for note in clips.notes:
            kind = f"{note.partition(':')[0]} than the reference" if ":" in note else "enlarged"
            faults.add(kind, f"{item}: {note}")
        frames = list(zip(clips.ours, clips.theirs, strict=True))
        pictures += len(frames)
        rows["ssim"].append((item, float(np.mean([ssim(a, b) for a, b in frames]))))
        near = np.mean([min(psnr(a, b), MOST_PSNR) for a, b in frames])
        rows["psnr"].append((item, float(near)))
        points = [_points(Clip(item, video, video), faults) for video in (ours, theirs)]
        if points[0] is not None and points[1] is not None:
            found = distances(points[0], points[1])
            rows["m_lmd"].append((item, found.mouth))
            rows["f_lmd"].append((item, found.face))
            faults.unsaid("no face in both at once", item, found.face)
    figures = {name: mean_figure(values, HOW) for name, values in rows.items()}
    whole = [name for name in ("ssim", "psnr") if figures[name].n]
    return figures | {name: detailed(figures[name], pictures=pictures) for name in whole}


def _unlike(item: str, videos: Sequence[Path], faults: Faults) -> None:
    """Of a free reply only the length may differ from the reference's."""
    shapes = [faults.measure("pictures", item, partial(shape_of, video)) for video in videos]
    if None not in shapes:
        for note in unlike(*shapes):
            faults.add(f"{note.partition(':')[0]} than the reference", f"{item}: {note}")


def _lips(clips: Sequence[Clip], tools: Tools, faults: Faults) -> dict[str, Figure]:
    figures = {name: Figure.missing(needs) for name, needs in LIPS.items()}
    if tools.syncnet is not None:
        scores = [
            (clip.item, score)
            for clip in clips
            if (score := _watched(clip, "SyncNet", faults, partial(_syncnet, clip, tools.syncnet)))
        ]
        seen: dict[str, Measured] = {
            "sync_cf": [(item, s.confidence) for item, s in scores],
            "lse_d": [(item, s.distance) for item, s in scores],
            "sync_offset": [(item, abs(s.offset)) for item, s in scores],
        }
        figures |= {name: mean_figure(v, HOW, tools.syncnet.digest) for name, v in seen.items()}
    if tools.avsync is not None:
        lags = [
            (clip.item, lag)
            for clip in clips
            if (lag := _watched(clip, "AVSync-L", faults, partial(_avsync, clip, tools.avsync)))
        ]
        seen = {
            "avsync_conf": [(item, lag.confidence) for item, lag in lags],
            "avsync_r": [(item, lag.sync_r) for item, lag in lags],
            "avsync_distance": [(item, lag.distance) for item, lag in lags],
            "avsync_offset": [(item, abs(lag.offset)) for item, lag in lags],
            "avsync_p": [(item, lag.p) for item, lag in lags],
        }
        figures |= {name: mean_figure(v, HOW, tools.avsync.digest) for name, v in seen.items()}
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
    frames = read_video(clip.video, FPS, SIZE, crop=True).frames
    return scorer(syncnet.crop_faces(frames, points), read_audio(clip.sound))
