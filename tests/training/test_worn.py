"""Replies that would be given to too many are found, and so are those that take their place."""

from __future__ import annotations

from empatheia.data.tidy import fingerprint
from empatheia.llm.ranking import Choice
from empatheia.training.worn import worn_replies


def choices(*replies: tuple[str, float]) -> list[Choice]:
    return [Choice(text, score, 0.0, 0.0) for text, score in replies]


def test_what_takes_its_place_may_wear_out_too() -> None:
    drawn = [
        choices(("I see.", 1.0), ("Oh no!", 0.9), (f"Where is number {i}?", 0.8)) for i in range(4)
    ]
    drawn.append([])  # nothing was usable
    assert worn_replies(drawn, 4) == set()
    assert worn_replies(drawn, 3) == {fingerprint("I see."), fingerprint("Oh no!")}


def test_without_anything_better_a_worn_reply_is_still_given() -> None:
    drawn = [choices(("I see.", 1.0), ("Bananas are blue.", 0.1)) for _ in range(3)]
    assert worn_replies(drawn, 2) == {
        fingerprint("I see.")
    }  # less its penalty it is still more than 0.1


def test_known_ones_are_not_named_again() -> None:
    drawn = [choices(("I see.", 1.0)) for _ in range(3)]
    assert worn_replies(drawn, 2, known=frozenset({fingerprint("I see.")})) == set()
