"""``empatheia evaluate senses``: what the system perceives where the words say nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the ``evaluate`` group."""
    app.command()(senses)


def senses(
    data: Annotated[Path, typer.Option(help="Folder with meld/dev_sent_emo.csv.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the scores and clips.")],
    ravdess: Annotated[
        Path | None, typer.Option(help="RAVDESS speech: actors 17 to 20 are asked.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="senses.safetensors; the shipped one else.")
    ] = None,
    reasoner_file: Annotated[
        Path | None, typer.Option("--reasoner", help="reasoner.safetensors; the shipped one else.")
    ] = None,
    clips: Annotated[int, typer.Option(min=14, help="Recordings that are rendered.")] = 140,
    pairs: Annotated[int, typer.Option(min=0, help="Texts with opposite recordings.")] = 100,
) -> None:
    """Emotion of the speaker from voice and face, at the language model's slot."""
    import json
    from dataclasses import asdict

    from empatheia import hub
    from empatheia.cli.studio import open_studio
    from empatheia.data.held_out import neutral_texts
    from empatheia.evaluation import senses as measured
    from empatheia.evaluation.scorecard import Scorecard, plain, write_scorecard
    from empatheia.files import make_folder
    from empatheia.presets import SENSES, load_reasoner, load_reasoner_at, load_senses

    texts = neutral_texts(data / "meld" / "dev_sent_emo.csv")[64:]  # the first ones are for valid
    if reasoner_file is None:
        reasoner, settings = load_reasoner("small")
    else:
        reasoner, settings = load_reasoner_at(reasoner_file)
    reasoner.senses = load_senses(weights or hub.shipped(SENSES), reasoner)
    folder = out / "clips"
    make_folder(folder)

    def note(line: str) -> None:
        typer.echo(line, err=True)

    studio = open_studio("small", 256)
    made = {"rendered": measured.record(studio, texts, folder, clips, note)}
    if ravdess is not None:
        made["RAVDESS 17-20"] = measured.acted(ravdess)
    sets = {name: measured.perceived(reasoner, files) for name, files in made.items()}
    tables = [measured.table(reasoner, sets, note)]
    if pairs:
        found = measured.pairs(reasoner, sets["rendered"], pairs)
        tables.append(measured.pairs_table(found))
        told = [asdict(pair) for pair in found]
        (out / "pairs.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    head = {
        "data": str(data),
        "senses": reasoner.senses.digest,
        "reasoner": settings.digest,
        "studio": studio.version,
    }
    write_scorecard(out, Scorecard(head, {}, tuple(tables)))
    for one in tables:
        typer.echo(plain(one))
