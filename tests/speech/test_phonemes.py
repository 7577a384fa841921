"""Text to phonemes: three hundred tricky sentences, what cannot be said, and where words are.

``tricky.tsv`` holds sentence, the words that must be said, their phonemes. The words were written
by hand; the phonemes are those of the CMU dictionary for these words (weak forms and homographs as
a reader says them), and for invented words whatever the network says: only their form is tested.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empatheia.errors import InputError
from empatheia.speech.inventory import PAUSES, SYMBOLS
from empatheia.speech.lexicon import Lexicon, past, plural
from empatheia.speech.normalise import spoken_words
from empatheia.speech.numbers import cardinal, decimal, ordinal, year
from empatheia.speech.phonemes import MAX_CHARACTERS, phonemize

ROWS = [
    line.split("\t")
    for line in Path(__file__).with_name("tricky.tsv").read_text(encoding="utf-8").splitlines()
]


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.load()


def test_there_are_three_hundred() -> None:
    assert len({sentence for sentence, *_ in ROWS}) >= 300


def test_tricky_sentences_say_the_right_words() -> None:
    wrong = [
        (sentence, words, said)
        for sentence, words, _ in ROWS
        if (said := " ".join(w.text.replace(".", "") for w in spoken_words(sentence))) != words
    ]
    assert not wrong


def test_tricky_sentences_have_the_right_phonemes(lexicon: Lexicon) -> None:
    wrong = []
    for sentence, _, wanted in ROWS:
        said = [p.symbol for p in phonemize(sentence, lexicon) if p.symbol not in PAUSES]
        if wanted and said != wanted.split():
            wrong.append((sentence, wanted, " ".join(said)))
        assert set(said) <= SYMBOLS
    assert not wrong


@pytest.mark.parametrize(
    ("text", "word", "sounds"),
    [
        ("I have read it.", 2, "R EH1 D"),
        ("I read daily.", 1, "R IY1 D"),
        ("Please close it.", 1, "K L OW1 Z"),
        ("The apple.", 0, "DH IY0"),
        ("The dog.", 0, "DH AH0"),
        ("I want to.", 2, "T UW1"),
        ("I went to bed.", 2, "T AH0"),
        ("my dog's toy", 1, "D AO1 G Z"),
        ("Nooo!", 0, "N OW1"),
    ],
)
def test_words_in_their_place(lexicon: Lexicon, text: str, word: int, sounds: str) -> None:
    said = [p.symbol for p in phonemize(text, lexicon) if p.word == word]
    assert " ".join(said) == sounds


def test_marks_become_pauses_and_emphasis(lexicon: Lexicon) -> None:
    phonemes = phonemize("Well, I am SO glad! Really?", lexicon)
    assert [p.symbol for p in phonemes if p.symbol in PAUSES] == [",", "!", "?"]
    assert {p.word for p in phonemes if p.emphasis} == {3}
    assert all((p.word == -1) == (p.symbol in PAUSES) for p in phonemes)


def test_words_are_counted_as_written(lexicon: Lexicon) -> None:
    text = "It cost $5.50 at 3:30 p.m. yesterday."
    phonemes = phonemize(text, lexicon)
    assert max(p.word for p in phonemes) == len(text.split()) - 1
    assert [p.word for p in phonemes if p.word >= 0] == sorted(
        p.word for p in phonemes if p.word >= 0
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "...",
        "?!",
        "🙂🙂",
        "привет",
        "你好",
        "<speak></speak>",
        "\x00\x07",
        "-",
        "*",
        "''",
    ],
)
def test_what_cannot_be_said_is_told(lexicon: Lexicon, text: str) -> None:
    with pytest.raises(InputError, match="nothing can be spoken"):
        phonemize(text, lexicon)


def test_a_text_of_5000_characters_is_told(lexicon: Lexicon) -> None:
    with pytest.raises(InputError, match=str(MAX_CHARACTERS)):
        phonemize("word " * 1000, lexicon)


@pytest.mark.parametrize(
    "text",
    [
        "Hi <break time='3s'/> there",
        "Hi\x00 there\x1b",
        "Hi \u200bthere",
        "Hi 你好 there",
        "Hi 🙂 there",
    ],
)
def test_what_is_not_speech_is_skipped(lexicon: Lexicon, text: str) -> None:
    said = [p.symbol for p in phonemize(text, lexicon) if p.symbol not in PAUSES]
    assert said == ["HH", "AY1", "DH", "EH1", "R"]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_said_or_refused(text: str) -> None:
    try:
        phonemes = phonemize(text, Lexicon.load())
    except InputError:
        return
    assert phonemes
    assert {p.symbol for p in phonemes} <= SYMBOLS
    assert phonemes[-1].symbol in PAUSES


def test_numbers() -> None:
    assert cardinal(0) == ["zero"]
    assert " ".join(cardinal(1_002_017)) == "one million two thousand seventeen"
    assert " ".join(ordinal(42)) == "forty second"
    assert " ".join(ordinal(30)) == "thirtieth"
    assert " ".join(decimal("1,200.05")) == "one thousand two hundred point zero five"
    assert [" ".join(year(y)) for y in (1066, 1800, 1905, 2003, 2024)] == [
        "ten sixty six", "eighteen hundred", "nineteen oh five", "two thousand three",
        "twenty twenty four",
    ]  # fmt: skip


@given(st.integers(0, 10**15))
def test_every_number_can_be_said(number: int) -> None:
    assert all(word.isalpha() for word in cardinal(number))
    assert ordinal(number)[:-1] == cardinal(number)[:-1]


def test_endings() -> None:
    assert plural(("K", "AE1", "T"))[-1:] == ("S",)
    assert plural(("D", "AO1", "G"))[-1:] == ("Z",)
    assert plural(("B", "AH1", "S"))[-2:] == ("IH0", "Z")
    assert past(("W", "AO1", "K"))[-1:] == ("T",)
    assert past(("N", "IY1", "D"))[-2:] == ("IH0", "D")
