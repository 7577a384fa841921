"""All measurements of the drawn face in one table of plain numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from empatheia.evaluation.face_clips import SHIFT, Clip, read_clips
from empatheia.evaluation.face_measures import emotion_accuracy, features, presence, sync, track
from empatheia.evaluation.face_sharpness import cpbd
from empatheia.face.avatar.feeling import EMOTIONS
from empatheia.media.audio import read_audio
from empatheia.media.video import read_video
from empatheia.types import Speech, TimedPhoneme

EASED = 12  # pictures until a feeling is there


def report(folder: Path, mead: Path | None) -> dict[str, Any]:
    """Every measurement that the files in ``folder`` allow."""
    clips = read_clips(folder)
    feeling = [c for c in clips if c.kind == "feeling"]
    out: dict[str, Any] = {}
    found = presence(folder, feeling)
    out["one_face"] = {"share": found.share, "pictures": found.pictures, "worst": found.worst}
    for kind, centre in (("lips", 0), ("shifted", SHIFT)):
        some = [c for c in clips if c.kind == kind]
        if some:
            s = sync(folder, some, centre)
            out[f"sync_{kind}"] = {
                "clips": len(some), "within_1_of": centre, "share": s.within(centre),
                "median_lag": float(np.median(s.lags)), "lags": list(s.lags),
                "mean_correlation": float(np.mean(s.correlations)),
            }  # fmt: skip
    out["emotion"] = _emotions(folder, feeling, mead)
    out["cpbd"] = _sharpness(folder, feeling)
    return out


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
        emotion = next(e for e in EMOTIONS if f"_{e}_" in path.stem)
        with np.load(path) as data:
            out.append((features(data["points"][::3]), emotion))
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


def hearing_on_recordings(folder: Path, clips: int) -> dict[str, float]:
    """Mouth opening in silence, in quiet and in loud voiced sound of recordings without times."""
    from empatheia.face import DrawnFace
    from empatheia.face.avatar.articulation import articulate
    from empatheia.face.avatar.controls import INDEX

    face = DrawnFace.load(128)
    paths = sorted([*folder.glob("03-01-*.flac"), *folder.glob("03-01-*.wav")])
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, min(clips, len(paths))).astype(int)]
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
