"""The ablations of the paper's Tables 2 to 5: each variant is trained and measured for itself.

Readings, where the paper leaves them open: w/o all three losses is read as without stage 4; without
L_ccl or L_sac the module learns through the frozen generators (``training.reconstruction``);
without speech and video the ear and the eye are taken away in training and in use; without CoE the
model has no slot for the speaker's emotion, so there is no accuracy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from empatheia.data import manifest
from empatheia.errors import ConfigError, InputError
from empatheia.experiments.comparison import write
from empatheia.experiments.measures import Measured, measure
from empatheia.expression import Expression
from empatheia.files import write_whole
from empatheia.training.loop import Report
from empatheia.training.merg import (
    MergRecipe,
    Note,
    Parts,
    load_reasoner_file,
    read_media,
    rows_of,
    split,
    train_in_a_row,
)
from empatheia.training.merg_data import MergExample, Teachers, merg_examples
from empatheia.training.merg_stage import MergNet, without_chain

FULL = "full"


@dataclass(frozen=True, slots=True)
class Variant:
    """What is taken away. ``backbone`` names another reasoner, "" the given one.

    ``hurts`` are the measures that should suffer; where one does not, the table says so.
    """

    title: str
    chain: bool = True
    senses: bool = True
    synchronizer: bool = True
    disentangler: bool = True
    ccl: bool = True
    sac: bool = True
    joint: bool = True
    backbone: str = ""
    hurts: tuple[str, ...] = ()


_CONTENT, _STYLE = ("speech_content", "video_content"), ("speech_style", "video_style")
VARIANTS: dict[str, Variant] = {
    FULL: Variant("Empatheia"),
    "no-coe": Variant("w/o CoE", chain=False, hurts=("nats",)),
    "no-media": Variant("w/o speech & video input", senses=False, hurts=("emotion",)),
    "no-cs": Variant("w/o CS", synchronizer=False, hurts=_CONTENT),
    "no-sd": Variant("w/o SD", disentangler=False, hurts=_STYLE),
    "no-ccl": Variant("w/o L_ccl", ccl=False, hurts=_CONTENT),
    "no-sac": Variant("w/o L_sac", sac=False, hurts=_STYLE),
    "no-joint": Variant(
        "w/o L_emp + L_ccl + L_sac (no stage 4)", joint=False, hurts=("nats", *_CONTENT, *_STYLE)
    ),
}
Opener = Callable[[Variant, Path | None], Parts]
Tell = Callable[[str, str], Report]  # variant and stage


def with_backbones(names: Sequence[str]) -> dict[str, Variant]:
    """``VARIANTS`` and a full one for each backbone. Raises ConfigError where a name is taken."""
    out = dict(VARIANTS)
    for name in names:
        if name in out:
            raise ConfigError(f"a backbone cannot be called {name!r}: that is a variant's name")
        out[name] = Variant(f"Empatheia ({name})", backbone=name)
    return out


def recipes_of(
    variant: Variant, recipes: Mapping[str, MergRecipe], seed: int
) -> dict[str, MergRecipe]:
    """The stages that this variant trains, with its switches and the seed."""
    return {
        stage: replace(
            recipe,
            loop=replace(recipe.loop, seed=seed),
            stage=replace(recipe.stage, ccl=variant.ccl, sac=variant.sac),
            synchronizer=variant.synchronizer,
            disentangler=variant.disentangler,
            chain=variant.chain,
        )
        for stage, recipe in recipes.items()
        if stage != "joint" or variant.joint
    }


@dataclass(frozen=True, slots=True)
class Ablation:
    """``about`` is what decides about the result besides recipes and data (digests of weights)."""

    data: Path
    out: Path
    opener: Opener
    recipes: Mapping[str, MergRecipe]
    variants: Mapping[str, Variant]
    seeds: Sequence[int]
    about: Mapping[str, Any]
    test_limit: int = 0

    def run(self, tell: Tell | None = None, note: Note | None = None) -> tuple[Path, ...]:
        """Train and measure each variant with each seed; ``ablation.json`` and ``ablation.md``.

        What is done stays in ``out/VARIANT/seed-N``; called again, it goes on there. Raises
        ConfigError, InputError, WeightsError.
        """
        if FULL not in self.variants:
            raise ConfigError("the others are compared with 'full': leave it among the variants")
        examples, which = held_out(self.data, self.test_limit)
        settings = self._settings() | {"test": which, "replies": len(examples)}
        _same_as_before(self.out / "settings.json", settings)
        found: dict[str, list[Measured]] = {}
        for name, variant in self.variants.items():
            for seed in self.seeds:
                folder = self.out / name / f"seed-{seed}"
                done = folder / "measures.json"
                if not done.is_file():
                    if note is not None:
                        note(f"{variant.title}, seed {seed}")
                    self._train(name, seed, folder, tell, note)
                    measured = self._measure(variant, folder, examples, note)
                    write_whole(done, json.dumps(asdict(measured)).encode())
                record = json.loads(done.read_text(encoding="utf-8"))
                kept = Measured(tuple(record["ids"]), record["items"])
                found.setdefault(name, []).append(kept)
        titles = {name: variant.title for name, variant in self.variants.items()}
        hurts = {name: variant.hurts for name, variant in self.variants.items()}
        return write(self.out, settings, titles, FULL, found, hurts)

    def _settings(self) -> dict[str, Any]:
        recipes = {stage: asdict(recipe) for stage, recipe in self.recipes.items()}
        told = {**self.about, "recipes": recipes, "data": read_media(self.data)[1]}
        resolved: dict[str, Any] = json.loads(json.dumps(told))
        return resolved

    def _train(
        self, name: str, seed: int, folder: Path, tell: Tell | None, note: Note | None
    ) -> None:
        variant = self.variants[name]
        train_in_a_row(
            self.data,
            folder,
            lambda expression: self.opener(variant, expression),
            recipes_of(variant, self.recipes, seed),
            True,
            (lambda stage: tell(name, stage)) if tell else None,
            note,
            self.out / "teachers",
        )

    def _measure(
        self, variant: Variant, folder: Path, examples: Sequence[MergExample], note: Note | None
    ) -> Measured:
        """Of the files as they were written, which is what somebody would use."""
        last = folder / ("joint" if variant.joint else "style")
        parts = self.opener(variant, last / "expression.safetensors")
        reasoner = parts.reasoner
        if variant.joint:
            senses = last / "senses.safetensors"
            reasoner = load_reasoner_file(
                last / "reasoner.safetensors", senses if senses.is_file() else None
            )
        parts = replace(parts, reasoner=reasoner)
        teachers = Teachers(parts.speech, parts.face, parts.digest, self.out / "teachers")
        rows = rows_of(parts, examples, teachers, note)
        if not variant.chain:
            rows = [without_chain(row) for row in rows]
        expression = parts.expression or Expression.load(last / "expression.safetensors")
        return measure(MergNet(reasoner, expression), rows, parts.speech, parts.face)


def held_out(data: Path, limit: int = 0) -> tuple[list[MergExample], str]:
    """Replies that no stage trains on: of the split ``test`` where there is one, else of valid."""
    dialogues = list(manifest.read(data / "manifest.jsonl"))
    test = [d for d in dialogues if d.split == "test"]
    found = merg_examples(test or split(dialogues)[1])
    return found[:limit] if limit else found, "test" if test else "valid"


def _same_as_before(path: Path, settings: Mapping[str, Any]) -> None:
    """Begin the folder, or take up one with the same settings. Raises InputError."""
    if path.is_file():
        known = json.loads(path.read_text(encoding="utf-8"))
        changed = sorted(k for k in settings if known.get(k) != settings[k])
        if changed:
            raise InputError(
                f"{path.parent} was begun with other {', '.join(changed)}; choose another --out"
            )
    else:
        write_whole(path, json.dumps(settings, indent=2).encode())
