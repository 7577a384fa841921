"""Coefficients of a video by a program of somebody else.

Seeing 3DMM coefficients needs the Basel Face Model, which everybody licenses for themselves. So a
command is named that reads a video and writes a ``.mat`` file (``coeff``, ``transform_params``).
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch import Tensor

from empatheia.errors import ConfigError, MediaError
from empatheia.face.dreamtalk.coefficients import read_coefficients
from empatheia.media.video import encode_mp4
from empatheia.types import Speech, Video

Extraction = Callable[[Video], Tensor]  # -> (frames, 64) expression
VARIABLE = "EMPATHEIA_3DMM"
SECONDS = 600


def by_command(video: Video) -> Tensor:
    """Run the command that ``EMPATHEIA_3DMM`` names, as in ``extract {video} {mat}``.

    Raises ConfigError where none is named, MediaError where it fails.
    """
    wanted = os.environ.get(VARIABLE, "")
    if "{video}" not in wanted or "{mat}" not in wanted:
        raise ConfigError(
            f"face coefficients of a video come from a program of your own: set {VARIABLE}="
            "'PROGRAM {video} {mat}', where {mat} is the .mat file it writes (docs/paper.md)"
        )
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "video.mp4", Path(folder) / "face.mat"
        silence = Speech(
            np.zeros(round(len(video.frames) / video.fps * 16_000), np.float32), 16_000
        )
        source.write_bytes(encode_mp4(video.frames, round(video.fps), silence))
        places = {"{video}": str(source), "{mat}": str(target)}
        words = shlex.split(wanted)
        for name, path in places.items():
            words = [word.replace(name, path) for word in words]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MediaError(f"{VARIABLE}: {words[0]} could not be run: {error}") from error
        if done.returncode or not target.is_file():
            said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
            raise MediaError(
                f"{VARIABLE}: {words[0]} ended with {done.returncode} and wrote "
                f"{'a' if target.is_file() else 'no'} file: {said[-1][:200]}"
            )
        return read_coefficients(target).expression
