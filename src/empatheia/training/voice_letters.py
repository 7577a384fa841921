"""Packing the pronouncing dictionary, and training letters-to-sounds on it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia import hub
from empatheia.errors import InputError
from empatheia.speech.letters import PLACES, SOUNDS, LettersToSounds, letter_numbers
from empatheia.speech.lexicon import pack
from empatheia.training.loop import LoopConfig, Report, run

_SOUND = {sound: i + 1 for i, sound in enumerate(SOUNDS)}
_WORD = re.compile(r"[a-z][a-z']*|'[a-z]+")


@dataclass(frozen=True, slots=True)
class Entry:
    word: str
    sounds: tuple[str, ...]


def read_dictionary(path: Path) -> list[Entry]:
    """First pronunciations of CMUdict's file ``cmudict.dict``. Raises InputError."""
    if not path.is_file():
        raise InputError(f"no dictionary at {path}: give cmudict.dict of the CMU dictionary")
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines():
        parts = line.split("#")[0].split()
        if len(parts) < 2 or not _WORD.fullmatch(parts[0]):  # others are "word(2)" and symbols
            continue
        sounds = tuple("ER0" if s == "ER" else s for s in parts[1:])
        if all(s in _SOUND for s in sounds):
            entries.append(Entry(parts[0], sounds))
    if not entries:
        raise InputError(f"{path} has no line like `hello HH AH0 L OW1`: give cmudict.dict")
    return entries


def learnable(entry: Entry) -> bool:
    """Whether the sounds fit into two places a letter, with blanks between equal neighbours."""
    repeats = sum(a == b for a, b in zip(entry.sounds, entry.sounds[1:], strict=False))
    return len(entry.word) > 1 and len(entry.sounds) + repeats <= PLACES * len(
        letter_numbers(entry.word)
    )


class LettersStage:
    """Letters-to-sounds as a stage of the training loop; one word in forty is held out."""

    name = "letters"

    def __init__(self, entries: Sequence[Entry], batch: int = 256, seed: int = 0) -> None:
        usable = [e for e in entries if learnable(e)]
        order = np.random.default_rng(seed).permutation(len(usable))
        held = max(len(usable) // 40, 1)
        self._held = [usable[i] for i in order[:held]]
        self._train = [usable[i] for i in order[held:]]
        self._seed, self._batch = seed, batch
        self.network = LettersToSounds()
        self.model: nn.Module = self.network

    def groups(self, lr: float) -> list[dict[str, Any]]:
        return [{"params": list(self.model.parameters()), "lr": lr}]

    def batch(self, step: int) -> list[Entry]:
        rng = np.random.default_rng((self._seed, step))
        return [self._train[i] for i in rng.integers(0, len(self._train), self._batch)]

    def loss(self, batch: Sequence[Entry]) -> dict[str, Tensor]:
        letters = [letter_numbers(e.word) for e in batch]
        longest = max(map(len, letters))
        padded = torch.tensor([n + [0] * (longest - len(n)) for n in letters])
        sounds = [torch.tensor([_SOUND[s] for s in e.sounds]) for e in batch]
        loss = F.ctc_loss(
            self.model(padded).float().transpose(0, 1),
            torch.cat(sounds),
            torch.tensor([PLACES * len(n) for n in letters]),
            torch.tensor([len(s) for s in sounds]),
            zero_infinity=True,
        )
        return {"loss": loss}

    def validate(self) -> dict[str, float]:
        """Sound error rate (with and without stress) and share of wrong words."""
        errors, plain, total, wrong = 0, 0, 0, 0
        for entry in self._held:
            guess = self.network.sound_out(entry.word)
            errors += edits(guess, entry.sounds)
            plain += edits(
                [s.rstrip("012") for s in guess], [s.rstrip("012") for s in entry.sounds]
            )
            total += len(entry.sounds)
            wrong += guess != entry.sounds
        return {
            "sound_errors": errors / total,
            "sound_errors_without_stress": plain / total,
            "word_errors": wrong / len(self._held),
        }


def edits(a: Sequence[str], b: Sequence[str]) -> int:
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def train_lexicon(
    dictionary: Path,
    out: Path,
    weights: Path,
    steps: int = 3000,
    resume: bool = False,
    report: Report | None = None,
) -> dict[str, float]:
    """Train on a dictionary and write lexicon and network to one weight file."""
    entries = read_dictionary(dictionary)
    stage = LettersStage(entries)
    loop = LoopConfig(steps, lr=3e-3, validate_every=steps, save_every=max(1, steps // 4))
    figures = run(stage, loop, out, resume, report)
    text = "\n".join(f"{e.word} {' '.join(e.sounds)}" for e in entries)
    tensors = {f"letters.{k}": v for k, v in stage.network.state_dict().items()}
    meta = {
        "kind": "voice-lexicon",
        "words": len(entries),
        "held_out": figures,
        "dictionary": "CMU Pronouncing Dictionary, Copyright (C) 1993-2015 Carnegie Mellon "
        "University, BSD 2-clause",
    }
    hub.save(weights, {**tensors, "dictionary": pack(text)}, meta, int8=True)
    return figures
