"""Typed text: tidied without loss of words, refused where it cannot be answered."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from empatheia.data.text_input import MAX_CHARACTERS, clean_text, other_language, read_text
from empatheia.errors import InputError

VALID = Path(__file__).parents[3] / "shared/data/empathetic_dialogues/valid.jsonl"


@given(st.text(max_size=200))
def test_tidying_twice_changes_nothing(text: str) -> None:
    try:
        once = clean_text(text)
    except InputError:
        return
    assert clean_text(once) == once
    assert once == " ".join(once.split())
    assert once.isprintable() or "\u200d" in once


def test_what_is_kept() -> None:
    assert clean_text("  I\tlost\r\nmy\x00 dog\u200b 😢 ") == "I lost my dog 😢"
    assert clean_text("a" * MAX_CHARACTERS)


@pytest.mark.parametrize(
    "text",
    [
        "Mi perro murió ayer y estoy muy triste",
        "J'ai perdu mon travail et je suis triste",
        "Ho perso il mio lavoro e sono triste",
        "Eu perdi meu emprego e estou triste",
        "Ik heb mijn baan verloren en ben verdrietig",
        "Я потерял работу",
        "私は悲しいです",
        "لقد فقدت وظيفتي",
    ],
)
def test_other_languages_are_named(text: str) -> None:
    assert other_language(text)


@pytest.mark.parametrize(
    "text",
    [
        "Ha ha ha. yes indeed!",
        "My café burned down, c'est la vie",
        "no no no",
        "die hard fans were in the des moines arena",
        "Señor Muñoz was so kind to me",
        "k",
        "911",
    ],
)
def test_english_is_let_through(text: str) -> None:
    assert other_language(text) is None


def test_bytes() -> None:
    assert read_text(io.BytesIO(b"\xef\xbb\xbfhi")) == "hi"
    with pytest.raises(InputError, match="byte 2"):
        read_text(io.BytesIO(b"hi\xff"))
    with pytest.raises(InputError, match="4,000"):
        read_text(io.BytesIO(b"x" * 10**6))


@pytest.mark.shared
@pytest.mark.skipif(not VALID.exists(), reason="the research data is not here")
def test_no_real_turn_is_called_foreign() -> None:
    for line in VALID.read_text(encoding="utf-8").splitlines():
        for turn in json.loads(line)["utterances"]:
            assert other_language(turn["text"]) is None
