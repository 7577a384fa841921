"""Landmarks of decoded mp4 files by mediapipe 0.10.21: a tool to measure with, no part of it.

Runs in an environment of its own (mediapipe wants numpy 1), with the package's source on the path:
``PYTHONPATH=src python -m empatheia.evaluation.face_landmarks FOLDER [--every 3]``.
Writes ``NAME.npz`` beside each video: ``faces`` (frames,) found, ``points`` (frames, 478, 2) in
pixels (NaN where none), ``index`` (frames,) the picture's number, ``size`` of the picture.
A video that has landmarks already, no older than itself, is left out.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

import numpy as np

from empatheia.files import write_whole
from empatheia.media.video import read_video


def landmarks(path: Path, every: int, mesh: object) -> dict[str, np.ndarray]:
    """Faces and points of every ``every``-th picture of one file."""
    video = read_video(path)
    index = np.arange(0, len(video.frames), every)
    height, width = video.frames.shape[1:3]
    points = np.full((len(index), 478, 2), np.nan, np.float32)
    faces = np.zeros(len(index), np.int64)
    for row, i in enumerate(index):
        found = mesh.process(np.ascontiguousarray(video.frames[i])).multi_face_landmarks or []  # type: ignore[attr-defined]
        faces[row] = len(found)
        if found:
            points[row] = [(p.x * width, p.y * height) for p in found[0].landmark]
    return {"faces": faces, "points": points, "index": index, "size": np.array([height, width])}


def main() -> None:
    import mediapipe

    parser = argparse.ArgumentParser(description="landmarks of the mp4 files of a folder")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--match", default="*.mp4")
    options = parser.parse_args()
    out = options.out or options.folder
    out.mkdir(parents=True, exist_ok=True)
    mesh = mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=True, max_num_faces=2, refine_landmarks=True, min_detection_confidence=0.5
    )
    for path in sorted(options.folder.glob(options.match)):
        target = out / (path.stem + ".npz")
        if not target.is_file() or target.stat().st_mtime < path.stat().st_mtime:
            found: dict[str, Any] = landmarks(path, options.every, mesh)
            held = io.BytesIO()
            np.savez(held, **found)
            write_whole(target, held.getvalue())


if __name__ == "__main__":
    main()
