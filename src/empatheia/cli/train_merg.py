"""``empatheia train content|style|joint|all``: the multimodal stages, on a rendered folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from empatheia.training.loop import Report
    from empatheia.training.merg import MergRecipe, Parts

DataOption = Annotated[Path, typer.Option(help="Folder of `empatheia data render`.")]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder for log and weights.")]
PresetOption = Annotated[str, typer.Option(help="Whose recipe: small.")]
ReasonerOption = Annotated[
    Path | None, typer.Option(help="reasoner.safetensors of `train coe`; the shipped one else.")
]
ExpressionOption = Annotated[
    Path | None, typer.Option(help="expression.safetensors of the stage before; a new one else.")
]
SensesOption = Annotated[Path | None, typer.Option(help="senses.safetensors: ear and eye.")]
TextsOption = Annotated[
    Path | None,
    typer.Option(help="A manifest: stage 2 learns how words are said from its replies, too."),
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=C", help="Change a number of the recipe.")
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on where a run was stopped.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="CPU threads; all by default.")]
ReportOption = Annotated[
    bool, typer.Option("--report", help="Measure the result on held-out replies: report.md, .json.")
]
_HELP = {
    "content": "Stage 2: the synchronizer follows the content teachers (L_ccl, Eq. 9).",
    "style": "Stage 3: the disentangler follows the style teachers (L_sac, Eq. 10-12).",
    "joint": "Stage 4: everything together (Eq. 13).",
}


def register(app: typer.Typer) -> None:
    """Add the commands to the ``train`` group."""
    for stage, text in _HELP.items():
        app.command(stage, help=text)(_command(stage))
    app.command("all")(all_stages)


def _command(stage: str) -> Callable[..., None]:
    def command(
        data: DataOption,
        out: OutOption,
        preset: PresetOption = "small",
        reasoner: ReasonerOption = None,
        expression: ExpressionOption = None,
        senses: SensesOption = None,
        texts: TextsOption = None,
        set_: SetOption = None,
        resume: ResumeOption = False,
        threads: ThreadsOption = None,
        report: ReportOption = False,
    ) -> None:
        recipe = recipes_of_preset(preset, [stage], set_, out, threads)[stage]
        from empatheia.training.merg import read_media, train_merg

        read_media(data)  # a folder without media is said before weights are opened
        _check_texts(texts)
        parts = _open(preset, reasoner, expression, senses, recipe)
        tell = report_lines(stage, recipe)
        figures = train_merg(stage, data, out, parts, recipe, None, resume, tell, _note, texts)
        _show(stage, figures)
        if report:
            _measure(stage, data, out, _open(preset, reasoner, None, senses, recipe))
        typer.echo(str(out / "expression.safetensors"))

    return command


def _measure(stage: str, data: Path, out: Path, parts: Parts, cache: Path | None = None) -> None:
    """Print and keep what the stage in ``out`` reaches on replies that it was not trained on."""
    from empatheia.experiments.stage_report import OF_STAGE, report

    if stage not in OF_STAGE:
        typer.echo(f"no report of {stage}: see `empatheia evaluate text --weights`", err=True)
        return
    written = report(stage, data, out, parts, cache or out / "teachers", _note)
    typer.echo(written[1].read_text(encoding="utf-8"))


def all_stages(
    data: DataOption,
    out: OutOption,
    preset: PresetOption = "small",
    reasoner: ReasonerOption = None,
    senses: SensesOption = None,
    text_data: Annotated[
        Path | None, typer.Option(help="Folder with empatheia train coe's data: does stage 1 too.")
    ] = None,
    texts: TextsOption = None,
    text: Annotated[Path | None, typer.Option(help="text.safetensors, for stage 1.")] = None,
    base: Annotated[Path | None, typer.Option(help="base.safetensors, for stage 1.")] = None,
    set_: SetOption = None,
    resume: ResumeOption = False,
    threads: ThreadsOption = None,
    report: ReportOption = False,
) -> None:
    """Stages 1 to 4 in a row; stage 1 only with --text-data.

    --set applies to stages 2 to 4 (loop.steps=200), or to one of them (joint.loop.steps=200).
    """
    from empatheia.errors import InputError
    from empatheia.training.merg import RECIPES, read_media, train_in_a_row

    recipes = recipes_of_preset(preset, list(RECIPES.get(preset, _HELP)), set_, out, threads)

    read_media(data)
    _check_texts(texts)
    if text_data is not None:
        if text is None or base is None:
            raise InputError("--text-data trains stage 1: give --text and --base too")
        reasoner = _coe(text_data, text, base, out / "coe", preset, resume)

    def opener(expression: Path | None) -> Parts:
        known = out / "coe" / "reasoner.safetensors"  # where stage 1 is one of the row
        start = known if "coe" in recipes and expression is not None else reasoner
        return _open(preset, start, expression, senses, next(iter(recipes.values())))

    figures = train_in_a_row(
        data,
        out,
        opener,
        recipes,
        resume,
        lambda s: report_lines(s, recipes[s]),
        _note,
        texts=texts,
    )
    for stage, found in figures.items():
        _show(stage, found)
    for stage in recipes if report else ():
        _measure(stage, data, out / stage, opener(None), out / "teachers")
    typer.echo(str(out / "joint" / "expression.safetensors"))


def _check_texts(texts: Path | None) -> None:
    """Raises InputError where there is nothing to read aloud, before weights are opened."""
    from empatheia.data import manifest
    from empatheia.training.merg_data import said

    if texts is not None:
        said(manifest.read(texts), 1)


def _open(
    preset: str,
    reasoner: Path | None,
    expression: Path | None,
    senses: Path | None,
    recipe: MergRecipe,
) -> Parts:
    """What a stage of this preset starts from."""
    from empatheia.errors import InputError
    from empatheia.presets import BACKBONES
    from empatheia.training.merg import paper_parts, small_parts

    if preset not in BACKBONES:
        return small_parts(reasoner, expression, senses)
    if senses is not None:
        raise InputError("--senses: the paper's ear and eye are its models; leave it out")
    return paper_parts(BACKBONES[preset], reasoner, expression, recipe.lora)


def _coe(data: Path, text: Path, base: Path, out: Path, preset: str, resume: bool) -> Path:
    from empatheia.training.coe import train_coe
    from empatheia.training.recipes import RECIPES, CoeRecipe

    written = out / "reasoner.safetensors"
    if not (resume and written.is_file()):
        recipe = RECIPES[preset]["coe"]()
        assert isinstance(recipe, CoeRecipe)
        _show("coe", train_coe(data, text, base, out, recipe.loop, recipe.stage, resume))
    return written


def recipes_of_preset(
    preset: str,
    stages: Sequence[str],
    settings: Sequence[str] | None,
    out: Path,
    threads: int | None,
) -> dict[str, MergRecipe]:
    """Recipes with their changes; checks what can be checked before work begins.

    A setting is for every stage, or, with a stage's name in front, for that one alone.
    """
    from empatheia.config import override
    from empatheia.errors import InputError, unknown
    from empatheia.files import check_writable
    from empatheia.training.merg import RECIPES

    if preset not in RECIPES:
        raise InputError(unknown("preset", preset, RECIPES))
    recipes = {name: RECIPES[preset][name]() for name in stages}
    for setting in settings or ():
        stage, _, rest = setting.partition(".")
        alone = stage in recipes
        for name in [stage] if alone else stages:
            recipes[name] = override(recipes[name], [rest if alone else setting])
    check_writable(out)
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    return recipes


def report_lines(stage: str, recipe: MergRecipe) -> Report:
    """A line on standard error every fifty steps, with losses and the time that is left."""
    import time
    from collections.abc import Mapping
    from typing import Any

    begun: list[tuple[float, int]] = []

    def report(line: Mapping[str, Any]) -> None:
        step, now = int(line["step"]), time.monotonic()
        if not begun:
            begun.append((now, step))
        if step % 50 and "valid_loss" not in line and step + 1 != recipe.loop.steps:
            return
        pace = (now - begun[0][0]) / max(step - begun[0][1], 1)
        left = round(pace * (recipe.loop.steps - step - 1) / 60)
        valid = f", valid {line['valid_loss']:.4f}" if "valid_loss" in line else ""
        typer.echo(
            f"{stage} {step + 1}/{recipe.loop.steps}: loss {line['loss']:.4f}{valid}, "
            f"{left} min left",
            err=True,
        )

    return report


def _note(line: str) -> None:
    typer.echo(line, err=True)


def _show(stage: str, figures: dict[str, float]) -> None:
    for name, value in figures.items():
        typer.echo(f"{stage} {name:20} {value:.4f}")
