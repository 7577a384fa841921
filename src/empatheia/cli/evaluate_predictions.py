"""What ``evaluate text | speech | video | consistency | all`` share: whose replies, on what."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from empatheia.data.references import ReferenceSet
    from empatheia.evaluation.matching import Matched
    from empatheia.evaluation.scorecard import Scorecard, Table
    from empatheia.evaluation.text_table import Embed

DataOption = Annotated[Path, typer.Option(help="Dialogues: ED, AvaMERG or a manifest; or folder.")]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder for the scores.")]
PredictionsOption = Annotated[
    Path | None, typer.Option(help="Score these: a folder of `empatheia predict`, or one like it.")
]
GivenOption = Annotated[Path, typer.Option(help="Folder of predictions.")]
PresetOption = Annotated[str, typer.Option(help="Whose replies.")]
OwnPresetOption = Annotated[
    str | None, typer.Option("--preset", help="Without --predictions: whose replies (small).")
]
OwnSystemOption = Annotated[
    str | None, typer.Option("--system", help="direct (usual), pipeline or empatheia.")
]
SystemOption = Annotated[str, typer.Option(help="direct, pipeline or empatheia.")]
WeightsOption = Annotated[Path | None, typer.Option(help="Folder of `train joint`.")]
LimitOption = Annotated[
    int | None, typer.Option(min=1, help="Only N replies, evenly spread over the data.")
]
GreedyOption = Annotated[bool, typer.Option("--greedy", help="One greedy reply, no choice.")]
ChainsOption = Annotated[
    Path | None, typer.Option(help="Chain annotations to compare with, one JSON record a line.")
]
TrainOption = Annotated[
    Path | None, typer.Option(help="ED-format file: count replies found in it word for word.")
]
RavdessOption = Annotated[Path | None, typer.Option(help="RAVDESS speech, to hear emotions by.")]
SyncnetOption = Annotated[Path | None, typer.Option(help="syncnet_v2.model.")]
InceptionOption = Annotated[Path | None, typer.Option(help="inception-2015-12-05.pt, for FID.")]
AvsyncOption = Annotated[
    Path | None, typer.Option(help="Numbers of `evaluate avsync-fit`, not the shipped.")
]
MeadOption = Annotated[Path | None, typer.Option(help="Folder of landmarks of MEAD clips.")]
KINDS = ("text", "speech", "video", "consistency")


@dataclass(frozen=True, slots=True)
class Source:
    """Ready predictions, or a system that makes them now beside the scores."""

    data: Path
    predictions: Path | None
    preset: str | None = None
    system: str | None = None
    weights: Path | None = None
    limit: int | None = None
    greedy: bool = False

    def check(self) -> None:
        """Raises ConfigError where ready predictions are to be made another way."""
        from empatheia.errors import ConfigError

        given = [n for n in ("preset", "system", "weights", "greedy") if getattr(self, n)]
        if self.predictions is not None and given:
            told = ", ".join(f"--{name}" for name in given)
            raise ConfigError(f"{told} says how replies are made, --predictions are: give one")


def make_predictions(found: ReferenceSet, source: Source, out: Path, media: bool) -> Path:
    """Replies of a system to ``out``, with a bar; a run that was stopped goes on."""
    from empatheia.errors import InputError, unknown
    from empatheia.evaluation.generate import SYSTEMS, predict_media, predict_text

    preset, system, weights = source.preset or "small", source.system or SYSTEMS[0], source.weights
    if system not in SYSTEMS:
        raise InputError(unknown("system", system, SYSTEMS))
    with counting("replies", len(found.items)) as progress:
        if media:
            return predict_media(found, out, preset, progress, system=system, weights=weights)
        return predict_text(found, out, preset, source.greedy, progress, weights, system)


@contextmanager
def counting(title: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error; what it gives is called with how many are done, of how many."""
    from rich.progress import Progress

    from empatheia.cli import show

    with Progress(console=show.progress_console(), transient=True) as bar:
        task = bar.add_task(title, total=total)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield progress


def score(kinds: tuple[str, ...], source: Source, out: Path, **tools: Path | None) -> None:
    """Tables of the given kinds; writes scores.json, .md, .tex and the figures.

    A kind that cannot be measured is told and left out where there are others.
    """
    from empatheia.data.predictions import read_answers
    from empatheia.data.references import read_references
    from empatheia.errors import InputError
    from empatheia.evaluation.generate import marked, other_people
    from empatheia.evaluation.matching import match
    from empatheia.evaluation.scorecard import Scorecard
    from empatheia.evaluation.text_table import named
    from empatheia.files import check_writable

    source.check()
    check_writable(out)
    measure = {kind: _MEASURES[kind](tools) for kind in kinds}
    found = read_references(source.data, source.limit, tools.get("chains"))
    given = source.predictions
    if given is None:
        given = make_predictions(found, source, out, kinds != ("text",))
    answers = read_answers(given)
    matched = match(found.items, answers.items, found.ids)
    name = str(answers.settings.get("system", given.stem if given.is_file() else given.name))
    settings = marked(answers.settings, found.items)
    checks = matched.checks() | found.checks()
    if settings.get("teacher_forced"):
        checks |= other_people(matched.pairs)
    tables: list[Table] = []
    for kind in kinds:
        try:
            table, faults = measure[kind](name, matched, settings)
            silent = {k: v for k, v in matched.faults.items() if k == "empty replies"}
            _check_said(kind, table, (silent if kind == "text" else {}) | faults)
        except InputError as error:
            if len(kinds) == 1:
                raise
            checks[f"no {kind} table"] = [str(error)]
            continue
        tables.append(table)
        checks |= {f"{kind}: {fault}": items for fault, items in faults.items() if items}
    head = {
        "data": found.record(),
        "predictions": {"sha256": answers.digest, "settings": dict(answers.settings)},
    }
    for table in tables:
        head |= named(table) if table.id == "text" else {}
    show_card(Scorecard(head, checks, tuple(tables)), out)
    _draw(tables, matched, out)


def _check_said(kind: str, table: Table, faults: Mapping[str, list[str]]) -> None:
    """Raises InputError where no figure of the system itself could be had."""
    from empatheia.errors import InputError

    if all(figure.value is None for figure in table.rows[0].figures.values()):
        told = [f"{len(ids)} {fault}, as {ids[0]}" for fault, ids in faults.items() if ids]
        told += [figure.needs for figure in table.rows[0].figures.values() if figure.needs]
        raise InputError(f"nothing can be said of {kind}: {told[0]}")


Measured = tuple["Table", dict[str, list[str]]]
Measure = Callable[[str, "Matched", Mapping[str, Any]], Measured]
Tools = Mapping[str, "Path | None"]


def _text(tools: Tools) -> Measure:
    from empatheia.data.empathetic import examples, read_dialogues
    from empatheia.data.tidy import normal_form
    from empatheia.evaluation.text_table import text_table

    train = tools.get("train")
    known = examples(read_dialogues(train)) if train is not None else []
    replies = frozenset(normal_form(e.response) for e in known)

    def measure(name: str, matched: Matched, settings: Mapping[str, Any]) -> Measured:
        told = str(settings.get("weights", "none")), str(settings.get("mark", ""))
        return text_table(name, matched.pairs, embedder(), *told, train=replies), {}

    return measure


def _speech(tools: Tools) -> Measure:
    from empatheia.evaluation.speech_table import speech_table

    return lambda name, matched, settings: speech_table(
        name, matched.pairs, settings, tools.get("ravdess")
    )


def _video(tools: Tools) -> Measure:
    from empatheia import hub
    from empatheia.evaluation import avsync, video_table
    from empatheia.evaluation.frechet import Inception
    from empatheia.evaluation.syncnet import SyncNetScorer

    syncnet, inception = tools.get("syncnet"), tools.get("inception")
    brought = video_table.Tools(
        SyncNetScorer(syncnet) if syncnet is not None else None,
        avsync.load(tools.get("avsync") or hub.shipped(avsync.SHIPPED)),
        Inception(inception) if inception is not None else None,
    )
    return lambda name, matched, settings: video_table.video_table(
        name, matched.pairs, brought, settings
    )


def _consistency(tools: Tools) -> Measure:
    from empatheia.evaluation.consistency import consistency_table

    return lambda name, matched, settings: consistency_table(
        name, matched.pairs, settings, tools.get("ravdess"), tools.get("mead")
    )


_MEASURES = {"text": _text, "speech": _speech, "video": _video, "consistency": _consistency}


def _draw(tables: Sequence[Table], matched: Matched, out: Path) -> None:
    """A figure beside each table that has something to show."""
    from empatheia.evaluation.media_figures import media_figure
    from empatheia.evaluation.report import by_emotion, confusions, countable
    from empatheia.files import write_whole

    known = countable(matched.pairs)
    labels = {"text": ("accuracy.svg", by_emotion), "consistency": ("confusion.svg", confusions)}
    for table in tables:
        name, drawn = f"{table.id}.svg", media_figure(table)
        if table.id in labels and known:
            name, draw = labels[table.id]
            drawn = draw(known)
        if drawn is not None:
            write_whole(out / name, drawn.encode())
            typer.echo(str(out / name))


def show_card(card: Scorecard, out: Path) -> None:
    """Writes the card and prints its tables, faults first."""
    from empatheia.evaluation.scorecard import plain, write_scorecard

    paths = write_scorecard(out, card)
    for kind, ids in card.checks.items():
        typer.echo(f"note: {len(ids)} {kind}: {', '.join(map(str, ids[:5]))}", err=True)
    for table in card.tables:
        typer.echo(plain(table) + "\n")
    for path in paths:
        typer.echo(str(path))


def embedder() -> Embed | None:
    """The independent sentence encoder, None where it is not installed."""
    try:
        found = importlib.import_module("empatheia.evaluation.relevance")
    except ImportError:
        return None
    ruler: Embed | None = found.SentenceEmbedder.installed()
    return ruler
