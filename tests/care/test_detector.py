"""What silences a rule, and what must not."""

from __future__ import annotations

import pytest

from empatheia.care.detector import find_in_dialogue


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("My husband hits me and kicks the dog.", "abuse"),
        ("I was watching a movie and I want to kill myself.", "suicide"),
        ("I can't stop thinking about killing myself.", "suicide"),
        ("Why don't I just kill myself?", "suicide"),
        ("I'm not joking, I will kill myself.", "suicide"),
        ("I didn't sleep. I want to die.", "suicide"),
        ("lol i want to kill myself", "suicide"),
    ],
)
def test_a_crisis_is_not_silenced(text: str, category: str) -> None:
    found = find_in_dialogue([text])
    assert found is not None
    assert found.category == category


@pytest.mark.parametrize(
    "text",
    [
        "I adopted a dog who was abused.",
        "I'm not suicidal.",
        "I would never hurt myself.",
        "As a child I was abused, and I healed.",
        "In the film he says he wants to kill himself.",
        "My dad collapsed last year and survived.",
    ],
)
def test_what_is_no_crisis_is_silenced(text: str) -> None:
    assert find_in_dialogue([text]) is None


def test_the_most_pressing_category_comes_first() -> None:
    found = find_in_dialogue(["My husband hits me and I want to kill myself."])
    assert found is not None
    assert found.category == "suicide"
