"""Letters to sounds for words that are in no dictionary: a small network of our own.

Each letter has two places for sounds; a network over the word fills them and CTC (Graves et al.
2006) removes blanks and repetitions, so that "x" can be K S and the "e" of "make" nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from empatheia.speech.inventory import CONSONANTS, VOWELS
from empatheia.speech.mixing import Mixing

if TYPE_CHECKING:
    from jaxtyping import Float, Int

LETTERS = "abcdefghijklmnopqrstuvwxyz'"
SOUNDS = (*CONSONANTS, *(vowel + digit for vowel in VOWELS for digit in "012"))
_LETTER = {letter: i + 1 for i, letter in enumerate(LETTERS)}
PLACES = 2


def letter_numbers(word: str) -> list[int]:
    """Numbers of the known letters of a word, from 1; other characters are dropped."""
    return [_LETTER[c] for c in word.lower() if c in _LETTER]


class LettersToSounds(nn.Module):
    """Letters -> log probabilities of a sound (or 0, nothing) at two places a letter."""

    def __init__(self, dim: int = 192, layers: int = 5) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(LETTERS) + 1, dim, padding_idx=0)
        self.blocks = nn.ModuleList(Mixing(dim, 1 + i % 3) for i in range(layers))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, PLACES * (len(SOUNDS) + 1))

    def forward(self, letters: Int[Tensor, "batch letter"]) -> Float[Tensor, "batch place sound"]:
        keep = (letters > 0).unsqueeze(-1).float()
        h = self.embed(letters)
        for block in self.blocks:
            h = block(h, keep)
        B, L, _ = h.shape
        return self.head(self.norm(h)).reshape(B, L * PLACES, len(SOUNDS) + 1).log_softmax(-1)

    @torch.no_grad()
    def sound_out(self, word: str) -> tuple[str, ...]:
        """Most likely sounds of a word; empty when it has no letter."""
        numbers = letter_numbers(word)
        if not numbers:
            return ()
        best = self(torch.tensor([numbers]))[0].argmax(-1).tolist()
        return tuple(collapse(best))


def collapse(path: Sequence[int]) -> list[str]:
    """Remove repetitions, then blanks."""
    kept = [n for i, n in enumerate(path) if n and (i == 0 or path[i - 1] != n)]
    return [SOUNDS[n - 1] for n in kept]


def from_tensors(tensors: Mapping[str, Tensor]) -> LettersToSounds:
    """The network of a weight file, ready to use; its size is read from the file."""
    dim = tensors["embed.weight"].shape[1]
    layers = sum(name.endswith("mix.weight") for name in tensors)
    network = LettersToSounds(dim, layers)
    network.load_state_dict(dict(tensors))
    return network.eval()
