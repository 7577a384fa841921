"""Presets: functions that build the parts of a system, and the door that opens one by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from empatheia import __version__, hub, model
from empatheia.errors import InputError, WeightsError, unknown
from empatheia.expression import Expression
from empatheia.llm.factors import add_factors
from empatheia.model import TextSettings
from empatheia.reasoner import Reasoner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from empatheia.care.screen import CareRules
    from empatheia.data.feelings import UtteranceReader
    from empatheia.encoders.text import TextEncoder
    from empatheia.protocols import FaceGenerator, SpeechGenerator
    from empatheia.senses import Senses

EXPRESSION = "expression.safetensors"  # content and style modules, where they are trained
STEADY = "small-steady"
SENSES = "senses.safetensors"  # ear, eye and their projectors


def load_reasoner(preset: str) -> tuple[Reasoner, TextSettings]:
    """Only the part that understands and writes. Raises InputError, WeightsError."""
    if preset not in REASONERS:
        raise InputError(unknown("preset", preset, REASONERS))
    return REASONERS[preset]()


def shipped_reasoner() -> tuple[Reasoner, TextSettings]:
    """The reasoner of :func:`small`. Raises WeightsError."""
    return load_reasoner_at(hub.shipped("reasoner.safetensors"))


def steady_reasoner() -> tuple[Reasoner, TextSettings]:
    """The reasoner of :func:`small` with what ``train prefer`` learned. Raises WeightsError."""
    reasoner, settings = shipped_reasoner()
    found = hub.load(hub.shipped("steady.safetensors"))
    if found.meta.get("reasoner") != settings.digest:
        raise WeightsError(
            f"steady.safetensors belongs to reasoner {found.meta.get('reasoner')}, this one is "
            f"{settings.digest}: train it again (empatheia train prefer), or use --preset small"
        )
    add_factors(reasoner.lm.lm, found.tensors)
    return reasoner, replace(settings, digest=f"{settings.digest}+{found.digest}")


def care_screen(encoder: TextEncoder, country: str | None = None) -> CareRules:
    """Rules and the learned second look over ``encoder``. Raises ConfigError, WeightsError."""
    from empatheia.care.screen import CareRules
    from empatheia.care.semantic import SemanticScore

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = encoder.meanings(texts).numpy()
        return vectors

    return CareRules(country, second_look=SemanticScore.load(embed).category)


def utterance_reader(preset: str = "small") -> UtteranceReader:
    """Names the feeling of single utterances. Raises InputError, WeightsError."""
    from empatheia.data.feelings import UtteranceReader
    from empatheia.encoders.feelings import UtteranceFeelings

    reasoner, settings = load_reasoner(preset)
    feelings = UtteranceFeelings.load(reasoner.encoder)
    return UtteranceReader(feelings.read, f"utterance@{settings.digest}+{feelings.version}")


def load_expression(
    path: Path, reasoner: Reasoner, speech: SpeechGenerator, face: FaceGenerator
) -> Expression:
    """Content and style modules that fit these parts. Raises WeightsError."""
    expression = Expression.load(path)
    widths = [(part.content_dim, part.style_dim) for part in (speech, face)]
    expression.fits(reasoner.lm.config.dim, widths[0], widths[1])
    return expression


def load_senses(path: Path, reasoner: Reasoner) -> Senses:
    """Ear, eye and projectors that fit this reasoner. Raises WeightsError."""
    from empatheia.senses import Senses

    senses = Senses.load(path)
    senses.fits(reasoner.lm.config.dim)
    return senses


def load_folder(folder: Path) -> tuple[Reasoner, TextSettings]:
    """The reasoner that ``train joint`` wrote. Raises WeightsError."""
    backbone = hub.about(folder / "reasoner.safetensors").get("backbone")
    if backbone is not None:
        return paper_reasoner(str(backbone), folder)
    return load_reasoner_at(folder / "reasoner.safetensors")


def load_reasoner_at(path: Path) -> tuple[Reasoner, TextSettings]:
    """The reasoner of a file of ``train coe`` or ``train joint``. Raises WeightsError."""
    weights = hub.load(path)
    try:
        reasoner = Reasoner.from_meta(weights.meta)
        reasoner.load_state_dict(dict(weights.tensors))
    except (RuntimeError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} does not fit this version: {error}") from error
    return reasoner.eval(), TextSettings(digest=weights.digest)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a system is put together of; ``folder`` may hold content and style modules."""

    reasoner: Reasoner
    settings: TextSettings
    speech: SpeechGenerator
    face: FaceGenerator
    folder: Path
    versions: Mapping[str, str]


def small(size: int, weights: Path | None, steady: bool = False) -> Parts:
    """What ships in the package: runs offline on two CPU cores.

    ``weights`` is a folder of ``train joint`` to use instead of what ships. ``steady`` writes with
    fewer wrong replies and less variety (docs/replies.md). Raises InputError, WeightsError.
    """
    if steady and weights is not None:
        raise InputError(f"preset {STEADY} takes no --weights: it goes with those that ship")
    from empatheia.face.avatar.generator import DrawnFace
    from empatheia.speech.world.generator import WorldVoice

    if steady:
        reasoner, settings = steady_reasoner()
    else:
        reasoner, settings = load_folder(weights) if weights else shipped_reasoner()
    folder = weights or Path(str(files("empatheia").joinpath("weights")))
    if (folder / SENSES).is_file():
        reasoner.senses = load_senses(folder / SENSES, reasoner)
    versions = {"preset": STEADY if steady else "small"}
    versions |= {"senses": reasoner.senses.digest} if reasoner.senses else {}
    voice, face = WorldVoice.load(), DrawnFace.load(size=size)
    return Parts(reasoner, settings, voice, face, folder, versions)


def paper_reasoner(backbone: str, folder: Path | None = None) -> tuple[Reasoner, TextSettings]:
    """The language half of :func:`paper`; ``folder`` of ``train all``. Raises WeightsError."""
    from empatheia.paper import system as parts
    from empatheia.paper.folder import Models

    readers, _ = shipped_reasoner()
    return parts.open_trained(Models.here(backbone), readers, folder)


def paper(backbone: str, size: int, weights: Path | None) -> Parts:
    """The paper's own system on published weights of ``$EMPATHEIA_MODELS`` (docs/paper.md).

    ``weights`` is a folder of ``train all --preset paper``, else ``trained`` beside the models.
    Raises WeightsError, one line, that names each missing file and the command that makes it.
    """
    from empatheia.paper import system as parts
    from empatheia.paper.folder import Models

    parts.check_picture(size)
    models = Models.here(backbone)
    models.need([*models.language(), *models.generators()])
    reasoner, settings = paper_reasoner(backbone, weights)
    voice, face = parts.open_voice(models), parts.open_face(models)
    versions = parts.versions(models, voice, face)
    return Parts(reasoner, settings, voice, face, weights or models.trained, versions)


BACKBONES = {"paper": "vicuna"} | {f"paper-{n}": n for n in ("flan-t5-xxl", "chatglm3", "glm4")}
REASONERS: dict[str, Callable[[], tuple[Reasoner, TextSettings]]] = {
    "small": lambda: shipped_reasoner(),  # this name is looked up at the call
    STEADY: lambda: steady_reasoner(),
    **{name: partial(paper_reasoner, backbone) for name, backbone in BACKBONES.items()},
}
PRESETS: dict[str, Callable[[int, Path | None], Parts]] = {
    "small": small,
    STEADY: partial(small, steady=True),
    **{name: partial(paper, backbone) for name, backbone in BACKBONES.items()},
}


class Empatheia(model.Empatheia):
    """:class:`empatheia.model.Empatheia` that can be opened by the name of a preset."""

    @classmethod
    def from_preset(
        cls,
        name: str,
        *,
        size: int = 256,
        care: bool = True,
        country: str | None = None,
        system: str = "direct",
        content: str = "predicted",
        weights: Path | None = None,
    ) -> Empatheia:
        """``size`` is the picture's side; ``care=False`` switches the crisis screen off.

        ``system`` is ``direct``, ``pipeline`` or, where its weights are there, ``empatheia``, with
        ``content`` ``predicted`` or ``exact``; ``weights`` a folder of ``train joint``.

        ``country`` (an ISO code or a name) decides about the help lines that a crisis is answered
        with; None asks EMPATHEIA_COUNTRY and the locale. Raises InputError, ConfigError,
        WeightsError.
        """
        if name not in PRESETS:
            raise InputError(unknown("preset", name, PRESETS))
        parts = PRESETS[name](size, weights)
        reasoner, speech, face = parts.reasoner, parts.speech, parts.face
        path = parts.folder / EXPRESSION
        expression = None
        if system not in ("direct", "pipeline") and path.is_file():  # who goes through it
            expression = load_expression(path, reasoner, speech, face)
        versions = {
            "empatheia": __version__,
            "reasoner": parts.settings.digest,
            "torch": str(torch.__version__),
        }
        return cls(
            reasoner,
            speech,
            face,
            care_screen(reasoner.encoder, country) if care else None,
            parts.settings,
            versions
            | dict(parts.versions)
            | ({"expression": expression.digest} if expression else {}),
            expression,
            system,
            content,
        )
