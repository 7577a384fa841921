"""``empatheia avatars``: the people the system can be, as a list or as a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from empatheia.errors import InputError


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command("avatars")(avatars)


def avatars(
    sheet: Annotated[Path | None, typer.Option(help="Write a PNG with a portrait of each.")] = None,
    emotions: Annotated[
        bool, typer.Option(help="On the sheet: each of them in every feeling.")
    ] = False,
    size: Annotated[int, typer.Option(help="Pixels of a portrait: 128, 256, 384 or 512.")] = 256,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """The stock avatars, with age, gender and race; any other combination is drawn from a seed."""
    from empatheia.face.avatar.people import stock

    people = stock()
    if sheet is not None:
        _write_sheet(sheet, emotions, size)
    if as_json:
        rows = [
            {
                "id": a.id,
                "name": a.name,
                "age": a.profile.age,
                "gender": a.profile.gender,
                "race": a.profile.race,
            }
            for a in people
        ]
        typer.echo(json.dumps({"avatars": rows, "sheet": str(sheet) if sheet else None}, indent=1))
        return
    for a in people:
        typer.echo(f"{a.id:<8} {a.profile.age:<12} {a.profile.gender:<7} {a.profile.race}")
    if sheet is not None:
        typer.echo(f"wrote {sheet}")


def _write_sheet(path: Path, emotions: bool, size: int) -> None:
    from empatheia.face.avatar.generator import DrawnFace
    from empatheia.face.avatar.sheet import contact_sheet, emotion_sheet, png_bytes

    if path.suffix.lower() != ".png":
        raise InputError(f"{path} is not a PNG name: give a path that ends in .png")
    if not path.parent.is_dir():
        raise InputError(f"no folder {path.parent}: create it first")
    face = DrawnFace.load(size)
    people = face.avatars()
    image = emotion_sheet(face, people) if emotions else contact_sheet(face, people)
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(png_bytes(image))
    temporary.replace(path)
