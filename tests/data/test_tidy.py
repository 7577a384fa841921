from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from empatheia.data.tidy import asked, fingerprint, normal_form, tidy


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("oh no , i'm sorry!! dont worry", "Oh no, I'm sorry! Don't worry."),
        ("im glad. i bet u were happy ??", "I'm glad. I bet you were happy?"),
        ("thats awsome", "That's awesome."),
        ("What happened?!", "What happened?"),
        ("Im so sorry.. did you cry", "I'm so sorry... Did you cry?"),
        ("", ""),
    ],
)
def test_examples(given_text: str, expected: str) -> None:
    assert tidy(given_text) == expected


@given(st.text(max_size=60))
def test_tidy_twice_is_tidy_once(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Oh no. What happened.", True),
        ("Oh wow, what movie was it.", True),
        ("Why is that.", True),
        ("Did you get hurt.", True),
        ("What you did was kind.", False),
        ("When I was young I did that.", False),
        ("Did it hurt? I hope not.", False),
        ("What a day.", False),
        ("What is that...", False),
    ],
)
def test_questions_get_their_mark(text: str, question: bool) -> None:
    assert asked(text) == (text[:-1] + "?" if question else text)


def test_normal_form_and_fingerprint() -> None:
    assert normal_form("Oh, NO!  I'm sorry.") == "oh no i'm sorry"
    assert fingerprint("Oh, NO!") == fingerprint("oh no")
    assert fingerprint("Oh, no!") != fingerprint("Oh, yes!")
