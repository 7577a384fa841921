"""What the commands need from a system, and the one place where they open it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from empatheia.errors import InputError, unknown

if TYPE_CHECKING:
    from empatheia.types import Avatar, Dialogue, Event, Profile

SIZES = (256, 512)
PRESETS = ("small", "small-steady", "paper", "paper-flan-t5-xxl", "paper-chatglm3", "paper-glm4")


class System(Protocol):
    """The part of :class:`empatheia.Empatheia` that the commands use."""

    def avatars(self) -> tuple[Avatar, ...]: ...

    def avatar(self, name: str) -> Avatar: ...

    def stream(
        self,
        dialogue: Dialogue,
        *,
        profile: Profile | None = None,
        avatar: str | None = None,
        forced: Mapping[str, str] | None = None,
        seed: int = 0,
        text_only: bool = False,
    ) -> Generator[Event]: ...


def check_size(size: int) -> int:
    """Raise InputError unless the picture can have this width and height."""
    if size not in SIZES:
        raise InputError(unknown("--size", size, map(str, SIZES)))
    return size


def check_country(country: str | None) -> str | None:
    """Raise ConfigError unless help lines can be found for it (also for EMPATHEIA_COUNTRY)."""
    from empatheia.care.resources import find_country

    find_country(country)
    return country


def open_system(
    preset: str = "small",
    size: int = 256,
    care: bool = True,
    country: str | None = None,
    system: str = "direct",
    content: str = "predicted",
    weights: Path | None = None,
) -> System:
    """Build the system of a preset. Raises InputError, ConfigError, WeightsError.

    ``system``, ``content`` and ``weights`` are those of ``Empatheia.from_preset``.
    """
    if preset not in PRESETS:
        raise InputError(unknown("preset", preset, PRESETS))
    check_size(size)
    check_country(country)
    from empatheia.presets import Empatheia

    return Empatheia.from_preset(
        preset,
        size=size,
        care=care,
        country=country,
        system=system,
        content=content,
        weights=weights,
    )
