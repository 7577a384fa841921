"""Splits by dialogue in which no person and no text stands twice.

Dialogues that share a person or a long text belong together; such groups are shared out whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from empatheia.data.avamerg import SPLITS
from empatheia.data.rules import Fault
from empatheia.data.tidy import normal_form
from empatheia.errors import InputError
from empatheia.types import Dialogue

PAPER_SHARES: Final = (24_696, 4_373, 3_979)
LONG: Final = 8  # words from which an utterance is not said twice by chance


@dataclass(frozen=True, slots=True)
class Keys:
    """What ties a dialogue to others. Texts are digests."""

    id: str
    split: str | None
    people: tuple[str, ...]
    texts: tuple[int, ...]


def keys_of(dialogue: Dialogue) -> Keys:
    people = tuple(p for p in (dialogue.speaker_id, dialogue.listener_id) if p is not None)
    said = [turn.text for turn in dialogue.turns] + [dialogue.situation or ""]
    forms = {normal_form(text) for text in said}
    texts = sorted(_digest(f) for f in forms if len(f.split()) >= LONG)
    return Keys(dialogue.id, dialogue.split, people, tuple(texts))


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _ties(keys: Keys) -> Iterator[tuple[str, str | int]]:
    yield from (("P1", person) for person in keys.people)
    yield from (("P2", text) for text in keys.texts)


def groups(items: list[Keys]) -> list[list[int]]:
    """Places of dialogues that belong together, by union-find; the largest group first."""
    parent = list(range(len(items)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    owner: dict[tuple[str, str | int], int] = {}
    for place, keys in enumerate(items):
        for tie in _ties(keys):
            other = root(owner.setdefault(tie, place))
            mine = root(place)
            parent[max(mine, other)] = min(mine, other)
    found: dict[int, list[int]] = {}
    for place in range(len(items)):
        found.setdefault(root(place), []).append(place)
    return sorted(found.values(), key=lambda group: (-len(group), group[0]))


def assign(items: list[Keys], shares: tuple[float, ...] = PAPER_SHARES) -> list[str]:
    """A split for each dialogue: whole groups to the split that lacks most.

    Raises InputError where everything hangs together, so that there is nothing to share out.
    """
    together = groups(items)
    if len(together) < len(SPLITS):
        raise InputError(
            f"people and texts tie the {len(items)} dialogues into {len(together)} group(s), "
            f"fewer than the {len(SPLITS)} splits. Render with more --casts, or pack with "
            "--keep-splits."
        )
    wanted = [share / sum(shares) * len(items) for share in shares]
    splits = [""] * len(items)
    held = [0] * len(shares)
    for number, group in enumerate(together):
        left = len(together) - number
        bare = [s for s, n in enumerate(held) if n == 0]
        choice = bare if len(bare) >= left else range(len(shares))
        best = max(choice, key=lambda s: (wanted[s] - held[s]) / wanted[s] ** 0.5)
        held[best] += len(group)
        for place in group:
            splits[place] = SPLITS[best]
    return splits


def leaks(items: Iterable[tuple[Keys, str]]) -> list[Fault]:
    """People (rule P1) and texts (P2) that stand in more than one split."""
    first: dict[tuple[str, str | int], tuple[str, str]] = {}
    found = []
    for keys, split in items:
        for tie in _ties(keys):
            where, other = first.setdefault(tie, (split, keys.id))
            if where != split:
                what = f"person {tie[1]}" if tie[0] == "P1" else "a text"
                message = f"{what} stands in {split}, and in {where} ({other})"
                found.append(Fault(tie[0], keys.id, message))
    return found
