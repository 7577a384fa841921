"""What stands in front of a reply, token by token (paper, section 4.2, chain of empathy).

    [feature tokens] <profile> age gender tone <speaker> ... <listener> ... <speaker> ...
    <event> ... <emotion> LABEL <cause> ... <goal> ... <feel> KEY <reply> ... <end>

The chain's fields always come in the paper's order; ``<feel>`` is the listener's own emotion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from empatheia.llm.tokenizer import (
    CAUSE,
    EMOTION,
    END,
    EVENT,
    FEEL,
    GOAL,
    LISTENER,
    PROFILE,
    REPLY,
    SPEAKER,
    DialogueTokenizer,
    emotion_token,
    feel_token,
)
from empatheia.types import ChainOfEmpathy, Profile, Turn

MAX_PROMPT: Final = 192  # tokens of dialogue; older words are dropped first


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the chain: its mark, what may stand in it, and how long free text may get."""

    name: str
    mark: str
    kind: Literal["text", "emotion", "feel"]
    limit: int = 0


CHAIN: Final = (
    Field("event_scenario", EVENT, "text", 14),
    Field("speaker_emotion", EMOTION, "emotion"),
    Field("emotion_cause", CAUSE, "text", 24),
    Field("goal_to_response", GOAL, "text", 24),
    Field("response_emotion", FEEL, "feel"),
)


def prompt_ids(tokenizer: DialogueTokenizer, turns: Sequence[Turn], profile: Profile) -> list[int]:
    """Ids of the listener's profile and the dialogue so far."""
    ids: list[int] = []
    for turn in turns:
        ids.append(tokenizer.id(SPEAKER if turn.role == "speaker" else LISTENER))
        ids += tokenizer.encode(turn.text)
    who = tokenizer.encode(f"{profile.age} {profile.gender} {profile.tone}")
    return [tokenizer.id(PROFILE), *who, *ids[-MAX_PROMPT:]]


def field_ids(tokenizer: DialogueTokenizer, field: Field, value: str) -> list[int]:
    """The mark and the value of one field."""
    if field.kind == "emotion":
        return [tokenizer.id(field.mark), tokenizer.id(emotion_token(value))]
    if field.kind == "feel":
        return [tokenizer.id(field.mark), tokenizer.id(feel_token(value))]
    return [tokenizer.id(field.mark), *tokenizer.encode(value)[: field.limit]]


def target_ids(
    tokenizer: DialogueTokenizer, chain: ChainOfEmpathy, reply: str, whole: bool = True
) -> list[int]:
    """Chain and reply to learn. ``whole`` is False where only the two labels are known."""
    ids: list[int] = []
    for field in CHAIN:
        if whole or field.kind != "text":
            ids += field_ids(tokenizer, field, getattr(chain, field.name))
    return [*ids, tokenizer.id(REPLY), *tokenizer.encode(reply), tokenizer.id(END)]
