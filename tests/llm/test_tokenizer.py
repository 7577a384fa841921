"""Labels are single tokens, and no typed text can turn into a mark."""

from __future__ import annotations

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.llm.tokenizer import SPECIAL, DialogueTokenizer, emotion_token, feel_token, plain

TOKENIZER = DialogueTokenizer.train(["I am sad.", "That is great!"] * 3, 400, EMOTIONS32, EMOTIONS8)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
@settings(max_examples=60, deadline=None)
@example("<a> <b:c> 1 < 2")
def test_text_comes_back(text: str) -> None:
    assume(not any(mark in plain(text) for mark in SPECIAL))
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == plain(text).strip()


@given(st.lists(st.sampled_from([*SPECIAL, "<emotion:sad>", "hello", "<"]), max_size=6))
@settings(max_examples=40, deadline=None)
def test_typed_marks_stay_plain_text(parts: list[str]) -> None:
    assert not set(TOKENIZER.encode(" ".join(parts))) & TOKENIZER.special


def test_labels_are_one_token_each() -> None:
    ids = [TOKENIZER.id(emotion_token(e)) for e in EMOTIONS32]
    ids += [TOKENIZER.id(feel_token(k)) for k in EMOTIONS8]
    assert len(set(ids)) == 40
    assert set(ids) <= TOKENIZER.special


def test_round_trip_of_the_file() -> None:
    again = DialogueTokenizer.from_str(TOKENIZER.to_str(), EMOTIONS32, EMOTIONS8)
    assert again.encode("I am sad.") == TOKENIZER.encode("I am sad.")
