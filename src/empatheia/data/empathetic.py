"""EmpatheticDialogues and texts in its layout, as dialogues and as training examples.

An *example* is one listener response and the context before it (the unit in which the field
reports emotion accuracy); the situation prompt is never part of a context.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from empatheia.data.labels import EMOTIONS32
from empatheia.errors import InputError, unknown
from empatheia.types import ChainOfEmpathy, Dialogue, Turn


@dataclass(frozen=True, slots=True)
class TextExample:
    """One response to predict. ``context`` alternates and ends with the speaker's turn."""

    dialogue_id: str
    context: tuple[Turn, ...]
    response: str
    emotion: str  # one of 32
    chain: ChainOfEmpathy | None = None

    @property
    def name(self) -> str:
        """``dialogue#turns before it``, as in predictions."""
        return f"{self.dialogue_id}#{len(self.context)}"


def clean(text: str) -> str:
    """Undo the release's ``_comma_`` and collapse white space."""
    return " ".join(text.replace("_comma_", ",").split())


def _record(line: str, where: str) -> dict[str, object]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON ({error.msg}); expected one object a line") from error
    if not isinstance(record, dict):
        raise InputError(f"{where}: expected a JSON object, found {type(record).__name__}")
    return record


def _dialogue(record: dict[str, object], where: str) -> Dialogue:
    missing = [key for key in ("conv_id", "emotion", "utterances") if key not in record]
    if missing:
        raise InputError(
            f"{where}: no {', '.join(missing)}; an EmpatheticDialogues line has "
            "conv_id, emotion, situation, utterances[{role, text}]"
        )
    emotion = str(record["emotion"])
    if emotion not in EMOTIONS32:
        raise InputError(f"{where}: {unknown('emotion', emotion, EMOTIONS32)}")
    turns = []
    utterances = record["utterances"]
    if not isinstance(utterances, list):
        raise InputError(f"{where}: utterances must be a list of {{role, text}}")
    for i, utterance in enumerate(utterances):
        role = utterance.get("role") if isinstance(utterance, dict) else None
        if role not in ("speaker", "listener") or not isinstance(utterance.get("text"), str):
            raise InputError(f"{where}: utterance {i} needs role speaker|listener and a text")
        turns.append(Turn(role, clean(utterance["text"])))
    return Dialogue(
        id=str(record["conv_id"]),
        turns=tuple(turns),
        emotion=emotion,
        situation=clean(str(record.get("situation") or "")) or None,
    )


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8") as handle:
            for number, line in enumerate(handle, 1):
                if line.strip():
                    yield line, f"{path.name} line {number}"
    except FileNotFoundError as error:
        raise InputError(f"no file at {path}") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder; a JSONL file was expected") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start})"
        ) from error


def read_dialogues(path: Path) -> list[Dialogue]:
    """All dialogues of a JSONL file. Raises InputError naming file and line."""
    dialogues = [_dialogue(_record(line, where), where) for line, where in _lines(path)]
    if not dialogues:
        raise InputError(f"{path} holds no dialogue")
    return dialogues


def examples(dialogues: Sequence[Dialogue]) -> list[TextExample]:
    """Every listener response that has a speaker's turn right before it, in file order."""
    out = []
    for dialogue in dialogues:
        for i, turn in enumerate(dialogue.turns):
            if turn.role == "listener" and i and dialogue.turns[i - 1].role == "speaker":
                assert dialogue.emotion is not None
                out.append(
                    TextExample(dialogue.id, dialogue.turns[:i], turn.text, dialogue.emotion)
                )
    return out


def read_chains(path: Path) -> dict[tuple[str, int], dict[str, str]]:
    """Chain annotations by (dialogue id, number of turns in the context), lower-case keys."""
    chains = {}
    for line, where in _lines(path):
        record = _record(line, where)
        chain, context = record.get("coe"), record.get("context")
        if not isinstance(chain, dict) or not isinstance(context, list):
            raise InputError(f"{where}: a chain-of-empathy line has conv_id, context[], coe{{}}")
        key = (str(record.get("conv_id")), len(context))
        chains[key] = {str(k): clean(str(v)) for k, v in chain.items()}
    return chains
