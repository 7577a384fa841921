"""``empatheia data features``: what the frozen teachers say of each gold reply, kept on disk."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from empatheia.cli.data_options import ManifestArgument

if TYPE_CHECKING:
    from empatheia.data.features import Teachers

OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder of the cache.")]
JobsOption = Annotated[int | None, typer.Option(min=1, help="Processes (all cores).")]
SplitOption = Annotated[str | None, typer.Option(help="Only this split.")]


def register(app: typer.Typer) -> None:
    app.command()(features)


def open_teachers(preset: str = "small") -> Teachers:
    """Voice and face of a preset as the teachers of stages 2 to 4."""
    import torch

    from empatheia.data.features import Teachers
    from empatheia.errors import InputError, unknown
    from empatheia.face.avatar.generator import DrawnFace
    from empatheia.speech.world.generator import WorldVoice

    if preset != "small":
        raise InputError(unknown("preset", preset, ("small",)))
    torch.set_num_threads(1)
    return Teachers(WorldVoice.load(), DrawnFace.load())


def features(
    manifest: ManifestArgument,
    out: OutOption,
    jobs: JobsOption = None,
    split: SplitOption = None,
) -> None:
    """Content and style of every gold reply by the frozen voice and face, on all cores, once."""
    from rich.progress import Progress

    from empatheia import hub
    from empatheia.cli import show
    from empatheia.data import features as work
    from empatheia.data.dataset import ReplyDataset
    from empatheia.files import check_writable

    check_writable(out)
    data = ReplyDataset(manifest, need_media=True, split=split)
    names = ("voice-world", "face-style", "face-hearing")
    digest = "-".join(hub.load(hub.shipped(f"{name}.safetensors")).digest for name in names)
    shards = -(-len(data) // work.SHARD)
    with Progress(console=show.progress_console(), transient=True) as bar:
        task = bar.add_task("shards", total=shards)
        cache = work.extract(
            data,
            manifest,
            out,
            digest,
            partial(open_teachers, "small"),
            jobs or os.cpu_count() or 1,
            lambda _: bar.advance(task),
        )
    typer.echo(f"{out}: features of {len(cache)} replies in {shards} shards")
