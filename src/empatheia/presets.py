"""Presets: functions that build a complete system, and the door by which one is opened by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from empatheia import __version__, hub, model
from empatheia.errors import InputError, WeightsError, unknown
from empatheia.expression import Expression
from empatheia.model import TextSettings
from empatheia.reasoner import Reasoner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from empatheia.care.screen import CareRules
    from empatheia.encoders.text import TextEncoder

EXPRESSION = "expression.safetensors"  # content and style modules, where they are trained


def load_reasoner(preset: str) -> tuple[Reasoner, TextSettings]:
    """Only the part that understands and writes. Raises InputError, WeightsError."""
    if preset != "small":
        raise InputError(unknown("preset", preset, PRESETS))
    weights = hub.load(hub.shipped("reasoner.safetensors"))
    reasoner = Reasoner.from_meta(weights.meta)
    try:
        reasoner.load_state_dict(dict(weights.tensors))
    except RuntimeError as error:
        raise WeightsError(f"reasoner.safetensors does not fit this version: {error}") from error
    return reasoner.eval(), TextSettings(digest=weights.digest)


def care_screen(encoder: TextEncoder, country: str | None = None) -> CareRules:
    """Rules and the learned second look over ``encoder``. Raises ConfigError, WeightsError."""
    from empatheia.care.screen import CareRules
    from empatheia.care.semantic import SemanticScore

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = encoder.meanings(texts).numpy()
        return vectors

    return CareRules(country, second_look=SemanticScore.load(embed).category)


def load_expression(path: Path, reasoner: Reasoner, speech: Any, face: Any) -> Expression:
    """Content and style modules that fit these parts. Raises WeightsError."""
    expression = Expression.load(path)
    widths = [(part.content_dim, part.style_dim) for part in (speech, face)]
    expression.fits(reasoner.lm.config.dim, widths[0], widths[1])
    return expression


def load_folder(folder: Path) -> tuple[Reasoner, TextSettings]:
    """What ``train joint`` wrote: a reasoner and, where it has them, its senses. WeightsError."""
    weights = hub.load(folder / "reasoner.safetensors")
    reasoner = Reasoner.from_meta(weights.meta)
    senses = folder / "senses.safetensors"
    try:
        reasoner.load_state_dict(dict(weights.tensors))
        if senses.is_file():
            from empatheia.senses import Senses

            found = hub.load(senses)
            reasoner.senses = Senses.from_meta(found.meta)
            reasoner.senses.load_state_dict(dict(found.tensors))
    except (RuntimeError, KeyError, TypeError) as error:
        raise WeightsError(f"weights in {folder} do not fit this version: {error}") from error
    return reasoner.eval(), TextSettings(digest=weights.digest)


def small(
    size: int = 256,
    care: bool = True,
    country: str | None = None,
    system: str = "direct",
    content: str = "predicted",
    weights: Path | None = None,
) -> Empatheia:
    """What ships in the package: runs offline on two CPU cores.

    ``country`` decides about the help lines; None asks EMPATHEIA_COUNTRY and the locale.
    ``weights`` is a folder of ``train joint`` to use instead of what ships.
    """
    from empatheia.face.avatar.generator import DrawnFace
    from empatheia.speech.world.generator import WorldVoice

    reasoner, settings = load_folder(weights) if weights else load_reasoner("small")
    voice, drawn = WorldVoice.load(), DrawnFace.load(size=size)
    shipped = Path(str(files("empatheia").joinpath("weights", EXPRESSION)))
    path = weights / EXPRESSION if weights else shipped
    expression = load_expression(path, reasoner, voice, drawn) if path.is_file() else None
    versions = {
        "empatheia": __version__,
        "preset": "small",
        "reasoner": settings.digest,
        "torch": str(torch.__version__),
    }
    return Empatheia(
        reasoner,
        voice,
        drawn,
        care_screen(reasoner.encoder, country) if care else None,
        settings,
        versions | ({"expression": expression.digest} if expression else {}),
        expression,
        system,
        content,
    )


PRESETS: dict[str, Callable[..., Any]] = {"small": small}


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
        with. Raises InputError, ConfigError, WeightsError.
        """
        if name not in PRESETS:
            raise InputError(unknown("preset", name, PRESETS))
        built: Empatheia = PRESETS[name](
            size=size, care=care, country=country, system=system, content=content, weights=weights
        )
        return built
