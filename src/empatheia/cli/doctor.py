"""``empatheia doctor``: what this machine can run, what is missing and how to get it."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

import typer

CORE = ("av", "cv2", "numpy", "pyworld", "safetensors", "scipy", "tokenizers", "transformers")
REASONER = "reasoner.safetensors"
INSTALL = "pip install --force-reinstall empatheia, or make install"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; ``remedy`` says how to mend what is not ``ok``."""

    name: str
    ok: bool
    value: str
    remedy: str = ""
    needed: bool = True


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(doctor)


def doctor() -> None:
    """Show what this machine can run. Exit code 1 where something needed is missing."""
    from rich.markup import escape

    from empatheia.cli import show

    console = show.output()
    broken = False
    for finding in findings():
        broken = broken or (finding.needed and not finding.ok)
        mark = "[green]ok[/green]" if finding.ok else "[red]NO[/red]" if finding.needed else "--"
        line = f"{finding.name:14} {escape(finding.value)}"
        remedy = "" if finding.ok or not finding.remedy else f"  → {escape(finding.remedy)}"
        console.print(f"{mark}  {line}{remedy}")
    if broken:
        console.print("\nSomething that a reply needs is missing: see the lines marked NO.")
        raise typer.Exit(1)
    console.print('\nReady: empatheia reply "I lost my keys today."')


def findings() -> Iterator[Finding]:
    """All checks, each guarded: a check that fails is a finding, never a traceback."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _machine, _packages, _torch, _codecs, _weights, _extras,
    )  # fmt: skip
    for check in checks:
        try:
            yield from check()
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            yield Finding(check.__name__.strip("_"), False, text, INSTALL)


def _machine() -> Iterator[Finding]:
    new = sys.version_info >= (3, 11)
    yield Finding("Python", new, f"{platform.python_version()} on {platform.platform()}")
    yield Finding("cores", True, str(cores()))
    memory = memory_gib()
    if memory is not None:
        yield Finding("memory", memory >= 2, f"{memory:.1f} GiB", "a reply needs about 1.5 GiB")
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield Finding("free disk", free > 0.1, f"{free:.1f} GiB here", "free some space", needed=False)


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_gib() -> float | None:
    """Physical memory, where the system tells it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
        return None


def _packages() -> Iterator[Finding]:
    missing = [name for name in CORE if importlib.util.find_spec(name) is None]
    value = f"{len(CORE) - len(missing)} of {len(CORE)}"
    named = f"{value}; missing: {', '.join(missing)}" if missing else value
    yield Finding("packages", not missing, named, INSTALL)


def _torch() -> Iterator[Finding]:
    if importlib.util.find_spec("torch") is None:
        yield Finding("PyTorch", False, "not installed", INSTALL)
        return
    import torch

    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"
    threads = torch.get_num_threads()
    yield Finding("PyTorch", True, f"{torch.__version__}, {device}, {threads} threads")


def _codecs() -> Iterator[Finding]:
    import av
    from av.codec import Codec

    for label, name in (("H.264 encoder", "libx264"), ("AAC encoder", "aac")):
        try:
            Codec(name, "w")
        except Exception:
            yield Finding(label, False, f"not in PyAV {av.__version__}", "pip install -U 'av>=14'")
        else:
            yield Finding(label, True, f"{name}, PyAV {av.__version__}")


def _weights() -> Iterator[Finding]:
    """Every weight file that a reply of the small preset needs, read whole."""
    from empatheia import hub
    from empatheia.errors import WeightsError
    from empatheia.face.avatar import generator as face
    from empatheia.presets import EXPRESSION, SENSES
    from empatheia.speech import lexicon
    from empatheia.speech.world import generator as voice

    files = (voice.FILE, lexicon.FILE, face.STYLE_FILE, face.HEARING_FILE)
    for name in (REASONER, EXPRESSION, SENSES, *files):
        try:
            path = hub.shipped(name)
            size = path.stat().st_size / 1e6
            yield Finding("weights", True, f"{name} {size:.1f} MB {hub.load(path).digest}")
        except WeightsError as error:
            missing = "not there" if "not in this" in str(error) else "damaged"
            yield Finding("weights", False, f"{name} is {missing}", INSTALL)


def _extras() -> Iterator[Finding]:
    """Each optional group of packages, with the line that installs it."""
    try:
        wanted = requires("empatheia") or []
        groups = metadata("empatheia").get_all("Provides-Extra") or []
    except PackageNotFoundError:
        return
    for extra in groups:
        ends = (f"extra == '{extra}'", f'extra == "{extra}"')
        names = [_bare_name(line) for line in wanted if line.endswith(ends)]
        missing = [name for name in names if not _has(name)]
        value = f"missing: {', '.join(missing)}" if missing else "installed"
        line = f"pip install 'empatheia[{extra}]'"
        yield Finding(f"extra {extra}", not missing, value, line, needed=False)


def _bare_name(requirement: str) -> str:
    for index, character in enumerate(requirement):
        if not (character.isalnum() or character in "-_."):
            return requirement[:index]
    return requirement


def _has(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
