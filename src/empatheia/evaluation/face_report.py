"""All measurements of the drawn face in one table of plain numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from empatheia.errors import InputError
from empatheia.evaluation.face_clips import SHIFT, Clip, read_clips
from empatheia.evaluation.face_files import summary
from empatheia.evaluation.face_measures import (
    closures,
    heard,
    presence,
    sync,
    track,
)
from empatheia.evaluation.face_sharpness import cpbd
from empatheia.evaluation.seeing import emotion_accuracy, features
from empatheia.face.avatar.feeling import EMOTIONS
from empatheia.media.audio import read_audio
from empatheia.media.video import read_video
from empatheia.types import Profile, Speech, TimedPhoneme, Video

EASED = 12  # pictures until a feeling is there


def report(folder: Path, mead: Path | None, videos: Path | None = None) -> dict[str, Any]:
    """Every measurement that the files in ``folder`` allow.

    ``mead``: landmarks of MEAD clips; ``videos``: the clips themselves, for the style network.
    Raises InputError where a clip or its landmarks are missing.
    """
    clips = read_clips(folder)
    _check_files(folder, clips)
    kinds = {kind: [c for c in clips if c.kind == kind] for kind in ("feeling", "lips", "heard")}
    out: dict[str, Any] = {"one_face": _faces(folder, clips)}
    for kind, centre in (("lips", 0), ("shifted", SHIFT)):
        some = [c for c in clips if c.kind == kind]
        if some:
            out[f"sync_{kind}"] = _sync(folder, some, centre)
    if kinds["lips"]:
        out["bilabials"] = closures(folder, kinds["lips"])
    if kinds["heard"]:
        out["heard"] = heard(folder, kinds["heard"])
    out["files"] = summary([folder / c.file for c in clips if c.kind != "shifted"])
    out["emotion"] = _emotions(folder, kinds["feeling"], mead)
    out["style"] = seen_styles(folder, kinds["feeling"], videos)
    out["cpbd"] = _sharpness(folder, kinds["feeling"])
    return out


def _check_files(folder: Path, clips: list[Clip]) -> None:
    for clip in clips:
        needed = [clip.file]
        if clip.kind != "shifted":  # its pictures are those of the clip that it was made from
            needed.append(Path(clip.file).stem + ".npz")
        for name in needed:
            if not (folder / name).is_file():
                raise InputError(
                    f"no {name} in {folder}: write clips with `empatheia evaluate face-clips`, "
                    "then landmarks with `python -m empatheia.evaluation.face_landmarks`"
                )


def _faces(folder: Path, clips: list[Clip]) -> dict[str, Any]:
    every = presence(folder, [c for c in clips if c.kind != "shifted"])
    found = presence(folder, [c for c in clips if c.kind == "feeling"])
    return {
        "share": found.share, "pictures": found.pictures, "worst_clip": found.worst,
        "share_of_all_clips": every.share, "pictures_of_all_clips": every.pictures,
    }  # fmt: skip


def _sync(folder: Path, clips: list[Clip], centre: int) -> dict[str, Any]:
    found = sync(folder, clips, centre)
    return {
        "clips": len(clips), "within_1_of": centre, "share": found.within(centre),
        "lag_of_all_together": found.together, "median_lag": float(np.median(found.lags)),
        "mean_correlation": float(np.mean(found.correlations)),
        "others": {
            c.file: [c.avatar, c.emotion, lag]
            for c, lag in zip(clips, found.lags, strict=True) if abs(lag - centre) > 1
        },
    }  # fmt: skip


def seen_styles(folder: Path, clips: list[Clip], videos: Path | None) -> dict[str, Any]:
    """What the style network sees in decoded pictures: the nearest emotion, and how like it is."""
    from empatheia.face import DrawnFace

    face = DrawnFace.load(128)
    pages = np.stack([face.expression(face.style_for(e, 1.0, Profile())) for e in EMOTIONS])
    right, alike = [], []
    for clip in clips:
        frames = read_video(folder / clip.file).frames[EASED:]
        seen = face.expression(face.encode_style(Video(frames, 25)))
        right.append(nearest(pages, seen) == clip.emotion)
        alike.append(float(np.corrcoef(seen, pages[EMOTIONS.index(clip.emotion)])[0, 1]))
    out: dict[str, Any] = {
        "clips": len(clips),
        "nearest_is_right": float(np.mean(right)),
        "mean_correlation": float(np.mean(alike)),
    }
    if videos is not None:
        named = [
            nearest(pages, face.expression(face.encode_style(read_video(path)))) in path.stem
            for path in sorted(videos.glob("*.mp4"))
        ]
        out["real_clips"], out["real_nearest_is_right"] = len(named), float(np.mean(named))
    return out


def nearest(pages: np.ndarray, seen: np.ndarray) -> str:
    """The emotion whose face is nearest to ``seen``."""
    return EMOTIONS[int(np.argmin(((pages - seen) ** 2).sum(1)))]


def _emotions(folder: Path, clips: list[Clip], mead: Path | None) -> dict[str, Any]:
    people = sorted({c.avatar for c in clips})
    halves = set(people[::2]), set(people[1::2])
    rows = [(c, _shape(folder, c)) for c in clips]
    scores, confusion = [], np.zeros((8, 8), np.int64)
    real = _mead(mead) if mead is not None else []
    mixed = []
    for known, new in (halves, halves[::-1]):
        train = [(f, c.emotion) for c, f in rows if c.avatar in known]
        test = [(f, c.emotion) for c, f in rows if c.avatar in new]
        score, table = emotion_accuracy(train, test)
        scores.append(score)
        confusion += table
        if real:
            mixed.append(emotion_accuracy(train + real, test)[0])
    out: dict[str, Any] = {
        "renders_alone": float(np.mean(scores)),
        "clips": len(rows),
        "chance": 1 / len(EMOTIONS),
        "confusion": {
            e: dict(zip(EMOTIONS, map(int, row), strict=True))
            for e, row in zip(EMOTIONS, confusion, strict=True)
        },
    }
    if real:
        out["with_mead"] = float(np.mean(mixed))
        out["mead_only"] = emotion_accuracy(real, [(f, c.emotion) for c, f in rows])[0]
    return out


def _shape(folder: Path, clip: Clip) -> np.ndarray:
    data = track(folder, clip)
    return features(data["points"][data["index"] >= EASED])


def _mead(folder: Path) -> list[tuple[np.ndarray, str]]:
    out = []
    for path in sorted(folder.glob("*.npz")):
        emotion = next((e for e in EMOTIONS if f"_{e}_" in path.stem), None)
        if emotion is None:
            continue
        with np.load(path) as data:
            out.append((features(data["points"][::3]), emotion))
    if not out:
        raise InputError(f"no landmarks of MEAD clips in {folder}: NAME_front_EMOTION_....npz")
    return out


def _sharpness(folder: Path, clips: list[Clip]) -> dict[str, float]:
    values = []
    for clip in clips[::4]:
        frames = read_video(folder / clip.file).frames
        values += [cpbd(frames[i]) for i in (len(frames) // 3, 2 * len(frames) // 3)]
    return {
        "mean": float(np.nanmean(values)),
        "pictures": len(values),
        "lowest": float(np.nanmin(values)),
    }


def speech_like(seconds: float) -> Speech:
    """Noise with phoneme times, for measuring speed."""
    rng = np.random.default_rng(0)
    sounds = ("HH", "AH0", "L", "OW1", "M", "AA1", "P", "IY1", "S", "T", "UW1", "F")
    count = int(seconds / 0.09)
    phonemes = tuple(
        TimedPhoneme(sounds[i % 12], 0.09 * i, 0.09 * (i + 1), i // 4) for i in range(count)
    )
    audio = (0.1 * rng.normal(size=round(seconds * 16_000))).clip(-1, 1).astype(np.float32)
    return Speech(audio, 16_000, phonemes)


def spread_recordings(folder: Path, count: int) -> list[Path]:
    """``count`` RAVDESS recordings spread over emotions, statements and actors."""
    paths = sorted([*folder.glob("03-01-*.flac"), *folder.glob("03-01-*.wav")])
    if not paths:
        raise InputError(f"no 03-01-*.flac or .wav in {folder}: give the folder of RAVDESS speech")
    places = np.linspace(0, len(paths) - 1, min(count, len(paths))).round().astype(int)
    return [paths[i] for i in places]


def hearing_on_recordings(folder: Path, clips: int) -> dict[str, float]:
    """Mouth opening in silence, in quiet and in loud voiced sound of recordings without times."""
    from empatheia.face import DrawnFace
    from empatheia.face.avatar.articulation import articulate
    from empatheia.face.avatar.controls import INDEX

    face = DrawnFace.load(128)
    chosen = spread_recordings(folder, clips)
    silent, loud, correlations = [], [], []
    for path in chosen:
        speech = read_audio(path, 16_000)
        edge = np.zeros(4800, np.float32)
        speech = Speech(np.concatenate([edge, speech.audio, edge]), 16_000)
        jaw = articulate(face.encode_content(speech).numpy())[:, INDEX["jaw"]]
        hops = np.array_split(speech.audio, len(jaw))
        level = np.array([20 * np.log10(np.sqrt(np.mean(h**2)) + 1e-6) for h in hops])
        top = np.percentile(level, 95)
        silent.append(float((jaw[level < top - 40] < 0.12).mean()))
        loud.append(float((jaw[level > top - 4] > 0.2).mean()))
        correlations.append(float(np.corrcoef(jaw, np.clip(level, top - 40, top))[0, 1]))
    return {
        "clips": len(chosen),
        "closed_in_silence": float(np.nanmean(silent)),
        "open_on_loud_voice": float(np.nanmean(loud)),
        "correlation_with_loudness": float(np.nanmean(correlations)),
    }
