"""Tokens of dialogue in which every mark and label is one: our own BPE, or a published one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers.models import BPE

PAD, END = "<pad>", "<end>"
SPEAKER, LISTENER, PROFILE = "<speaker>", "<listener>", "<profile>"
EVENT, EMOTION, CAUSE, GOAL, FEEL, REPLY = (
    "<event>", "<emotion>", "<cause>", "<goal>", "<feel>", "<reply>",
)  # fmt: skip
SPECIAL: Final = (
    PAD, END, SPEAKER, LISTENER, PROFILE, EVENT, EMOTION, CAUSE, GOAL, FEEL, REPLY,
)  # fmt: skip

_MARK = re.compile(r"<[a-z]+(?::[a-z]+)?>")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})


def emotion_token(label: str) -> str:
    """The one token of a fine emotion label."""
    return f"<emotion:{label}>"


def feel_token(key: str) -> str:
    """The one token of one of the eight keys, in the place of ``response_emotion``."""
    return f"<feel:{key}>"


def plain(text: str) -> str:
    """Straight quotes and single spaces: what the model reads."""
    return " ".join(text.translate(_QUOTES).split())


@dataclass(frozen=True, slots=True)
class LabelTokens:
    """Ids of the label tokens, in the order of their vocabularies."""

    emotions: tuple[int, ...]
    feels: tuple[int, ...]


class DialogueTokenizer:
    """Text to ids and back; ``id(token)`` for the marks and labels."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        emotions: Sequence[str],
        keys: Sequence[str],
        opening: Sequence[int] = (),
        lead: str = " ",
    ) -> None:
        """``opening`` stands in front of everything; ``lead`` before a text, to begin a word."""
        self.backend, self.opening, self._lead = tokenizer, tuple(opening), lead
        self.borrowed = 0  # ids below are of a published vocabulary
        self._emotions, self._keys = tuple(emotions), tuple(keys)
        self.labels = LabelTokens(
            tuple(self.id(emotion_token(e)) for e in emotions),
            tuple(self.id(feel_token(k)) for k in keys),
        )
        others = (i for i, t in tokenizer.get_added_tokens_decoder().items() if t.special)
        self.special = frozenset(self.id(t) for t in SPECIAL) | {
            *self.labels.emotions,
            *self.labels.feels,
            *others,
        }

    def __len__(self) -> int:
        return int(self.backend.get_vocab_size())

    def id(self, token: str) -> int:
        number = self.backend.token_to_id(token)
        if number is None:
            raise KeyError(token)
        return int(number)

    def encode(self, text: str) -> list[int]:
        """Ids of ordinary text; marks that a user types are read as plain characters."""
        ids = self.backend.encode(
            self._lead + plain(self._disarm(text)), add_special_tokens=False
        ).ids
        return [i for i in ids if i not in self.special]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, marks and labels left out."""
        text = self.backend.decode([i for i in ids if i not in self.special])
        return str(text).strip()

    def _disarm(self, text: str) -> str:
        """Put a space into anything that is written like one of the marks."""

        def spaced(match: re.Match[str]) -> str:
            known = self.backend.token_to_id(match[0]) is not None
            return f"< {match[0][1:]}" if known else match[0]

        return _MARK.sub(spaced, text)

    def to_str(self) -> str:
        return str(self.backend.to_str())

    @classmethod
    def train(
        cls, texts: Iterable[str], size: int, emotions: Sequence[str], keys: Sequence[str]
    ) -> DialogueTokenizer:
        """Learn ``size`` tokens from ``texts``."""
        tokenizer = Tokenizer(BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        marks = [*SPECIAL, *map(emotion_token, emotions), *map(feel_token, keys)]
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=marks,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator((" " + plain(t) for t in texts), trainer)
        return cls(tokenizer, emotions, keys)

    @classmethod
    def around(
        cls,
        tokenizer: Tokenizer,
        emotions: Sequence[str],
        keys: Sequence[str],
        opening: Sequence[int] = (),
    ) -> DialogueTokenizer:
        """A published tokenizer with our marks and labels behind its own tokens.

        A word begins with a space of its own where the tokenizer adds none.
        """
        marks = [*SPECIAL, *map(emotion_token, emotions), *map(feel_token, keys)]
        borrowed = int(tokenizer.get_vocab_size())
        tokenizer.add_special_tokens([AddedToken(mark, normalized=False) for mark in marks])
        bare = tokenizer.encode("a", add_special_tokens=False).tokens
        begins = bool(bare) and bare[0].startswith("▁")
        made = cls(tokenizer, emotions, keys, opening, "" if begins else " ")
        made.borrowed = borrowed
        return made

    @classmethod
    def from_str(cls, text: str, emotions: Sequence[str], keys: Sequence[str]) -> DialogueTokenizer:
        return cls(Tokenizer.from_str(text), emotions, keys)
