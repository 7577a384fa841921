"""Runs a step of the builder and kills itself (SIGKILL) at a chosen write or renaming of a file.

``python killed.py COUNT FOLDER STEP ARGUMENTS…`` dies at write COUNT under FOLDER (0: never).
Steps: ``render MANIFEST OUT``, or any command line of ``empatheia``.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def watch(count: int, folder: str) -> None:
    left = [count]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event not in ("open", "os.rename") or not str(arguments[0]).startswith(folder):
            return
        writing = event == "os.rename" or any(c in str(arguments[1]) for c in "wa+")
        if not writing:
            return
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def render(manifest: Path, out: Path) -> None:
    from acting import open_studio

    from empatheia.data import manifest as manifests
    from empatheia.data.builder import render as work
    from empatheia.data.builder.workers import mapper

    played = work.cast(manifests.read(manifest), numeric=False)
    for _ in work.render(played, out, mapper("local", open_studio, out, 1, 0)):
        pass


def main(count: int, folder: str, step: str, *words: str) -> None:
    watch(count, folder)
    if step == "render":
        render(Path(words[0]), Path(words[1]))
        return
    from empatheia.cli.main import run

    sys.exit(run([step, *words]))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
