"""Stages 2 to 4 from files to files: ``content``, ``style``, ``joint``, and all four in a row."""

from __future__ import annotations

import gc
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from empatheia import __version__, hub
from empatheia.data import manifest
from empatheia.data.labels import AGES, GENDERS, TONES
from empatheia.errors import InputError, TooLittleSpeechError
from empatheia.expression import Expression, expression_config
from empatheia.files import digest_of
from empatheia.llm.tokenizer import FEEL
from empatheia.paper.reasoner import PublishedReasoner
from empatheia.presets import BACKBONES as PAPERS
from empatheia.presets import load_reasoner_at
from empatheia.protocols import FaceGenerator, SpeechGenerator
from empatheia.reasoner import Reasoner
from empatheia.senses import Senses
from empatheia.training.coe import CoeConfig, add_lora, merge_lora
from empatheia.training.content import ContentStage
from empatheia.training.devices import device_of_process
from empatheia.training.distributed import is_main, main_first
from empatheia.training.joint import EmpStage, JointStage
from empatheia.training.loop import LoopConfig, Report, run
from empatheia.training.merg_data import (
    HOW_TO_RENDER,
    MergExample,
    Teachers,
    merg_examples,
    said,
)
from empatheia.training.merg_stage import (
    MergConfig,
    MergNet,
    MergRow,
    MergStage,
    row_aloud,
    row_of,
    without_chain,
)
from empatheia.training.perceptions import Perceptions
from empatheia.training.reconstruction import Reconstruction
from empatheia.training.style import StyleStage
from empatheia.types import Dialogue

STAGES: dict[str, type[MergStage]] = {
    "coe": EmpStage,
    "content": ContentStage,
    "style": StyleStage,
    "joint": JointStage,
}
HELD_OUT = 20  # one dialogue in so many, where the data names no valid split
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class MergRecipe:
    """``synchronizer``, ``disentangler``, ``chain``: False in ablations w/o CS, w/o SD, w/o CoE.

    ``intensity``: whether the plan tells the disentangler how strongly the feeling is shown (where
    the data says so).
    ``limit`` is how many replies are learned from (0: all), ``texts`` how many more stage 2 reads
    aloud. ``lora`` is for ``joint`` alone; with ``adapt`` False the language model rests there too,
    and what is said stays word for word what it was.
    """

    loop: LoopConfig
    stage: MergConfig = field(default_factory=MergConfig)
    lora: CoeConfig = field(default_factory=lambda: CoeConfig(lora_rank=64, lora_alpha=64))
    synchronizer: bool = True
    disentangler: bool = True
    chain: bool = True
    intensity: bool = True
    limit: int = 0
    texts: int = 5000
    adapt: bool = True


ADAPTED = ("coe", "joint")  # stages with LoRA beside the language model
# The paper names LoRA, bf16 and accumulation, and no numbers: these are ours (docs/paper.md).
PAPER: dict[str, Callable[[], MergRecipe]] = {
    "coe": lambda: MergRecipe(LoopConfig(1500, 2e-4, accumulate=8), MergConfig(4, teacher=0.0)),
    "content": lambda: MergRecipe(LoopConfig(6000, 1e-3, warmup=300), MergConfig(16, teacher=0.0)),
    "style": lambda: MergRecipe(LoopConfig(2000, 1e-3, warmup=100), MergConfig(16, teacher=0.0)),
    "joint": lambda: MergRecipe(LoopConfig(1000, 1e-4, accumulate=8), MergConfig(4, teacher=0.0)),
}
RECIPES: dict[str, dict[str, Callable[[], MergRecipe]]] = {
    "small": {
        "content": lambda: MergRecipe(LoopConfig(1500, 1.5e-3, warmup=50), MergConfig(16)),
        "style": lambda: MergRecipe(
            LoopConfig(600, 1.5e-3, warmup=50), MergConfig(16, signals=False)
        ),
        "joint": lambda: MergRecipe(LoopConfig(200, 2e-4, warmup=10), MergConfig(8), adapt=False),
    }
} | dict.fromkeys(PAPERS, PAPER)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a stage starts from. ``digest`` names the weights of both generators."""

    reasoner: Reasoner
    speech: SpeechGenerator
    face: FaceGenerator
    digest: str
    expression: Expression | None = None
    device: str = "cpu"
    int4: frozenset[str] = frozenset()  # matrices of the reasoner that its file keeps in four bits


def load_reasoner_file(path: Path, senses: Path | None = None) -> Reasoner:
    """A reasoner of ``train coe`` or ``train joint``, and its senses. Raises WeightsError."""
    reasoner, _ = load_reasoner_at(path)
    if senses is not None:
        reasoner.senses = Senses.load(senses)
        reasoner.senses.fits(reasoner.lm.config.dim)
    return reasoner


def small_parts(reasoner: Path | None, expression: Path | None, senses: Path | None) -> Parts:
    """The shipped generators, and what is shipped where no file is given."""
    from empatheia.face.avatar.generator import DrawnFace
    from empatheia.speech.world.generator import WorldVoice

    path = reasoner or hub.shipped("reasoner.safetensors")
    opened = load_reasoner_file(path, senses)
    voice, face = WorldVoice.load(), DrawnFace.load(size=128)
    known = Expression.load(expression) if expression is not None else None
    digest = f"{voice.digest}-{face.version}"
    return Parts(opened, voice, face, digest, known, int4=hub.int4_names(path))


def paper_parts(
    backbone: str, reasoner: Path | None, expression: Path | None, lora: CoeConfig
) -> Parts:
    """The published models, and around them what earlier stages trained. Raises WeightsError.

    All of them on the device of this process; what they need there is said before they are loaded.
    """
    from empatheia.paper import system
    from empatheia.paper.folder import Models
    from empatheia.paper.needs import training_plan
    from empatheia.paper.reasoner import open_reasoner
    from empatheia.presets import shipped_reasoner

    models = Models.here(backbone)
    models.need([*models.language(), *models.generators()])
    device = device_of_process(system.one_device())
    gc.collect()  # the stage before
    for line in training_plan(models, device, lora.lora_rank):
        system.say_aside(line)
    opened = open_reasoner(models, shipped_reasoner()[0], device)
    adapt(opened, lora)
    if reasoner is not None:
        opened.take(reasoner, merge=False)
    opened.save_memory()
    voice, face = system.open_voice(models, device), system.open_face(models, device)
    known = Expression.load(expression) if expression is not None else None
    return Parts(opened, voice, face, f"{voice.digest}-{face.digest}", known, device)


def adapt(reasoner: Reasoner, lora: CoeConfig) -> None:
    """LoRA beside the language model, unless it is there already."""
    network = reasoner.lm.lm
    if any("lora_" in name for name, _ in network.named_parameters()):
        return
    if hasattr(network, "peft_config"):  # left behind by an adapter that was merged away
        del network.peft_config
    add_lora(network, lora)
    if isinstance(reasoner, PublishedReasoner):
        reasoner.adapters = {
            "lora_rank": lora.lora_rank,
            "lora_alpha": lora.lora_alpha,
            "lora_dropout": lora.lora_dropout,
        }
        for name, parameter in network.named_parameters():
            if "lora_" in name:  # what trains is full precision whatever it stands beside
                parameter.data = parameter.data.float()


def read_media(data: Path) -> tuple[list[Dialogue], str]:
    """Dialogues of ``data/manifest.jsonl`` and the digest of it. Raises InputError."""
    path = data / "manifest.jsonl"
    if not path.is_file():
        raise InputError(f"no manifest.jsonl in {data}: {HOW_TO_RENDER}")
    return list(manifest.read(path)), digest_of(path)


def split(dialogues: Iterable[Dialogue]) -> tuple[list[Dialogue], list[Dialogue]]:
    """Train and valid; unless the data names both one dialogue in twenty is held out.

    Test is left.
    """
    found = [d for d in dialogues if d.split != "test"]
    held = [d.split == "valid" for d in found]
    if not any(held) or all(held):
        held = [zlib.crc32(d.id.encode()) % HELD_OUT == 0 for d in found]
        if not any(held) or all(held):
            held = [i == 0 for i in range(len(found))]
    pairs = list(zip(found, held, strict=True))
    return [d for d, out in pairs if not out], [d for d, out in pairs if out]


def train_merg(
    stage: str,
    data: Path,
    out: Path,
    parts: Parts,
    recipe: MergRecipe,
    cache: Path | None = None,
    resume: bool = False,
    report: Report | None = None,
    note: Note | None = None,
    texts: Path | None = None,
) -> dict[str, float]:
    """Train one stage on the rendered folder ``data``.

    ``content`` also on replies of ``texts``, a manifest, which the voice reads aloud. Writes
    ``out/expression.safetensors``; ``joint`` also ``reasoner.safetensors`` (LoRA merged) and, where
    there are senses, ``senses.safetensors``. What the teachers say and what the senses perceive is
    kept in ``cache``.
    """
    if parts.expression is not None:
        parts.expression.fits(*_widths(parts))
    torch.manual_seed(recipe.loop.seed)
    dialogues, digest = read_media(data)
    sets = [merg_examples(found) for found in split(dialogues)]
    sets = [found[: recipe.limit] if recipe.limit else found for found in sets]
    teachers = Teachers(parts.speech, parts.face, parts.digest, cache or out / "teachers")
    with main_first():
        rows = [rows_of(parts, found, teachers, note) for found in sets]
        if stage == "content" and texts is not None:
            rows[0] = [*rows[0], *_rows_aloud(parts, texts, recipe, teachers, note)]
    if not recipe.chain:
        rows = [[without_chain(row) for row in found] for found in rows]
    known = any(not math.isnan(row.intensity) for row in rows[0])
    begun = parts.expression or _new_expression(
        parts, replace(recipe, intensity=recipe.intensity and known)
    )
    net = MergNet(parts.reasoner, begun)
    if stage in ADAPTED and recipe.adapt:
        adapt(net.reasoner, recipe.lora)
    net.to(parts.device)
    through = None
    if not (recipe.stage.ccl and recipe.stage.sac):
        through = Reconstruction(parts.speech, parts.face)
    run_of = STAGES[stage](net, rows[0], rows[1], recipe.stage, recipe.loop.seed, through)
    about = {
        "recipe": {name: value for name, value in asdict(recipe).items() if name != "loop"},
        "data": digest,
        **({"texts": digest_of(texts)} if texts is not None else {}),
        "replies": [len(found) for found in rows],
    }
    figures = run(run_of, recipe.loop, out, resume, report, about)
    told = {"stage": stage, "valid": figures, "version": __version__, **about}
    with main_first():  # the others go on when the files are there
        if is_main():
            _save(stage, net, out, told | {"recipe": asdict(recipe)}, parts.int4)
    return figures


def rows_of(
    parts: Parts, found: Sequence[MergExample], teachers: Teachers, note: Note | None
) -> list[MergRow]:
    """Replies with what the teachers say of them, and the senses of what came before.

    One in which too little is said is left out, and noted. Raises InputError where none is left.
    """
    senses = parts.reasoner.senses
    perceptions = Perceptions(senses, teachers.cache) if senses is not None else None
    out: list[MergRow] = []
    lost = ""
    for number, example in enumerate(found, 1):
        try:
            taught = teachers.teach(example)
        except TooLittleSpeechError as error:
            lost = str(error)
            if note is not None:
                note(f"left out: {lost}")
            continue
        readings = perceptions.readings(example.turns) if perceptions is not None else ()
        out.append(row_of(parts.reasoner, example, taught, parts.face.fps, readings))
        if note is not None and number % 100 == 0:
            note(f"teachers: {number} of {len(found)}")
    if lost and not out:
        raise InputError(f"all {len(found)} replies were left out, the last for this: {lost}")
    return out


def _rows_aloud(
    parts: Parts, texts: Path, recipe: MergRecipe, teachers: Teachers, note: Note | None
) -> list[MergRow]:
    out = []
    for given in said(manifest.read(texts), recipe.texts):
        out.append(row_aloud(parts.reasoner, given, teachers.aloud(given), parts.face.fps))
        if note is not None and len(out) % 500 == 0:
            note(f"read aloud: {len(out)} of {recipe.texts}")
    return out


def _new_expression(parts: Parts, recipe: MergRecipe) -> Expression:
    """Signal tokens begin near tokens that the model knows.

    Behind the mark of a feeling it says the planned one again, and a word that stands in the prompt
    already is seen as such: so these are the mark and the words of which profiles consist.
    """
    config = expression_config(
        *_widths(parts), recipe.synchronizer, recipe.disentangler, recipe.intensity
    )
    made = Expression(config)
    lm, table = parts.reasoner.lm, made.signals.table
    ids = [lm.tokenizer.id(FEEL)]
    for label in (*AGES, *GENDERS, *TONES):
        pieces = lm.tokenizer.encode(label)
        ids += dict.fromkeys((pieces[0], pieces[-1]))
    with torch.no_grad():
        known = lm.embed(torch.tensor([ids]))[0].to(table)
        for part in table.split([made.signals.config.speech, made.signals.config.video]):
            part += known[torch.arange(len(part)) % len(known)]
    return made


def _widths(parts: Parts) -> tuple[int, tuple[int, int], tuple[int, int]]:
    """Of the language model, and (content, style) of both generators."""
    speech, face = parts.speech, parts.face
    dim = int(parts.reasoner.lm.config.dim)
    return dim, (speech.content_dim, speech.style_dim), (face.content_dim, face.style_dim)


def _save(
    stage: str, net: MergNet, out: Path, told: Mapping[str, Any], int4: frozenset[str]
) -> None:
    reasoner = net.reasoner
    published = isinstance(reasoner, PublishedReasoner)
    net.expression.save(out / "expression.safetensors", told, int8=not published)
    if stage not in ADAPTED:
        return
    if isinstance(reasoner, PublishedReasoner):
        reasoner.keep(out / "reasoner.safetensors", told)
        return
    if told["recipe"]["adapt"]:
        merge_lora(reasoner.lm.lm)
    senses, reasoner.senses = reasoner.senses, None
    meta = reasoner.meta() | dict(told)
    path = out / "reasoner.safetensors"
    hub.save(path, reasoner.state_dict(), meta, int8=True, int4=int4.__contains__)
    if senses is not None:
        senses.save(out / "senses.safetensors")
        reasoner.senses = senses


def train_in_a_row(
    data: Path,
    out: Path,
    opener: Callable[[Path | None], Parts],
    recipes: dict[str, MergRecipe],
    resume: bool = False,
    report: Callable[[str], Report] | None = None,
    note: Note | None = None,
    cache: Path | None = None,
    texts: Path | None = None,
) -> dict[str, dict[str, float]]:
    """Content, style and joint, each from what the one before it wrote into ``out/STAGE``.

    ``opener`` gives the parts around an expression file. With ``resume`` a stage whose result is
    there is not trained again. The teachers' words are kept in ``cache``, else in ``out/teachers``.
    """
    figures: dict[str, dict[str, float]] = {}
    before: Path | None = None
    for stage, recipe in recipes.items():
        written = out / stage / "expression.safetensors"
        if not (resume and written.is_file()):
            figures[stage] = train_merg(
                stage,
                data,
                out / stage,
                opener(before),
                recipe,
                cache or out / "teachers",
                resume,
                report(stage) if report else None,
                note,
                texts,
            )
        before = written
    return figures
