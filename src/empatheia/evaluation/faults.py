"""What could not be measured, named and counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from empatheia.errors import InputError


class Faults:
    """What could not be measured, by kind, with the items' names."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = defaultdict(list)

    def add(self, kind: str, item: str) -> None:
        if item not in self.found[kind]:
            self.found[kind].append(item)

    def of(self, whose: str, others: Faults) -> None:
        """Takes over ``others``, each kind with whose it is in front."""
        for kind, items in others.found.items():
            for item in items:
                self.add(f"{whose}: {kind}", item)

    def unsaid(self, kind: str, item: str, value: float) -> None:
        """A fault where a measure gave no number."""
        if not np.isfinite(value):
            self.add(kind, item)

    def measure(self, kind: str, item: str, work: Callable[[], Any]) -> Any:
        """``work()``, or None with a fault where its input cannot be used."""
        try:
            return work()
        except InputError as error:
            self.add(f"{kind} not measurable", f"{item}: {error}")
            return None
