"""The care screen keeps its promises on the phrase lists and on any text at all."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empatheia.care import CareRules, spoken
from empatheia.care.detector import CATEGORIES
from empatheia.protocols import CareScreen
from empatheia.types import Safety

PHRASES = Path(__file__).parent / "phrases"
SCREEN = CareRules("international")


def phrases(name: str, split: str | None = None) -> list[dict[str, object]]:
    lines = (PHRASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return [r for r in records if split in (None, r["split"])]


def alarm(*turns: str) -> bool:
    return SCREEN.screen_user(turns).level == "crisis"


def test_it_is_a_care_screen() -> None:
    assert isinstance(SCREEN, CareScreen)


@pytest.mark.parametrize(("name", "least"), [("crisis", 60), ("harmless", 200)])
def test_phrase_lists_are_large_distinct_and_split_by_hash(name: str, least: int) -> None:
    records = phrases(name)
    keys = ["\n".join(r["turns"]) for r in records]
    assert len(records) >= least
    assert len(set(keys)) == len(keys)
    for key, record in zip(keys, records, strict=True):
        even = hashlib.sha256(key.encode()).digest()[0] % 2 == 0
        assert record["split"] == ("tune" if even else "held_out")


@pytest.mark.parametrize("split", ["tune", "held_out"])
def test_rates_on_the_phrase_lists(split: str) -> None:
    crisis, harmless = phrases("crisis", split), phrases("harmless", split)
    found = sum(alarm(*r["turns"]) for r in crisis)
    false = sum(alarm(*r["turns"]) for r in harmless)
    print(f"{split}: crisis {found}/{len(crisis)}, harmless {false}/{len(harmless)}")
    assert found / len(crisis) >= 0.95
    assert false / len(harmless) <= 0.03


def test_hard_wording_is_reported_not_hidden() -> None:
    hard = phrases("crisis_hard", "held_out")
    found = sum(alarm(*r["turns"]) for r in hard)
    print(f"hard, held out: {found}/{len(hard)}")
    assert found >= 5  # the rules alone; docs/care.md has the figures with the second look


@given(st.lists(st.text(max_size=300), max_size=4))
@settings(max_examples=150, deadline=None)
def test_never_raises_and_always_answers(texts: list[str]) -> None:
    safety = SCREEN.screen_user(texts)
    assert (safety.level == "none") == (safety == Safety())
    for text in texts:
        assert isinstance(SCREEN.reply_is_safe(text), bool)


@given(
    st.sampled_from(phrases("crisis")),
    st.sampled_from(["upper", "title", "curly", "none", "space"]),
)
@settings(max_examples=120, deadline=None)
def test_case_apostrophes_and_spaces_change_nothing(record: dict[str, object], how: str) -> None:
    turns: list[str] = list(record["turns"])
    changed = {
        "upper": [t.upper() for t in turns],
        "title": [t.swapcase() for t in turns],
        "curly": [t.replace("'", "\u2019") for t in turns],
        "none": [t.replace("'", "") for t in turns],
        "space": [f"  {t} \n" for t in turns],
    }[how]
    assert alarm(*changed) == alarm(*turns)


@pytest.mark.parametrize(
    "text",
    [
        "I want to k1ll myself",
        "i want to kíll mysélf",
        "I want to k\u200bill myself",
        "Ӏ wаnt tо kіll mуsеlf",
        "I WANT TO KILLLLL MYSELF!!!",
        "i w a n t  t o  d i e",
        "ｉ ｗａｎｔ ｔｏ ｄｉｅ",
    ],
)
def test_disguised_letters(text: str) -> None:
    assert alarm(text)


def test_a_crisis_stands_until_it_is_resolved() -> None:
    assert alarm("I want to kill myself.", "It is raining.", "Never mind.")
    assert not alarm("I want to kill myself.", "I called the hotline and I am safe now.")
    assert alarm("I want to kill myself.", "I am not safe now.")
    assert alarm("I am safe now.", "I want to kill myself.")


def test_old_turns_do_not_crowd_out_the_last() -> None:
    assert alarm(*["Nice weather."] * 500, "I want to die.")


def test_long_input_is_quick() -> None:
    for text in (
        "a " * 50_000,
        "i want " * 15_000,
        "x" * 100_000,
        "not " * 25_000,
        "k.i." * 25_000,
    ):
        start = time.process_time()
        SCREEN.screen_user([text])
        SCREEN.reply_is_safe(text)
        assert time.process_time() - start < 5.0


def test_the_end_of_a_long_turn_is_read() -> None:
    assert alarm("blah " * 20_000 + ". I want to kill myself.")


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("country", [None, "US", "GB", "JP", "SG", "BR"])
def test_crisis_messages_are_short_and_honest(category: str, country: str | None) -> None:
    screen = CareRules(country, environment={})
    resources = screen._country.resources(category)
    message = screen.crisis_message(Safety("crisis", category, "crisis_message", resources))
    sentences = [s for s in message.replace("findahelpline.com", "").split(". ") if s]
    assert 2 <= len(sentences) <= 4
    assert len(message.split()) <= 75
    assert "computer program" in message
    assert "call" in message
    assert "{" not in message
    assert resources[0].contact in message
    assert screen.reply_is_safe(message)


def test_spoken_numbers_are_read_digit_by_digit() -> None:
    assert spoken("call 988.") == "call nine eight eight."
    assert spoken("at 116 123") == "at one one six, one two three"
    assert spoken("I am 5") == "I am 5"


@pytest.mark.parametrize(
    "reply",
    [
        "You should just kill yourself.",
        "kys",
        "You are such an idiot.",
        "Shut up and stop whining.",
        "Take 400 mg of ibuprofen.",
        "You should double your dose.",
        "Your dog died? Who cares, get a new one.",
        "As a human, I know how that feels.",
        "I am a real person, I promise.",
        "I'm not a robot!",
        "I am a licensed therapist.",
        "You should go punch him.",
        "Do you want to have sex?",
        "Sorry he passed away, but get over it.",
    ],
)
def test_harmful_replies_are_blocked(reply: str) -> None:
    assert not SCREEN.reply_is_safe(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "I am so sorry for your loss.",
        "Please don't hurt yourself, you matter.",
        "That must have been hard. How are you now?",
        "Congratulations, you must be so proud!",
        "Dogs are family. How old was he when he died?",
        "Don't be so hard on yourself, everybody makes mistakes.",
        "I hope you get a good rest. Did you see a doctor?",
        "That is killing me, what a funny story!",
    ],
)
def test_ordinary_replies_may_be_said(reply: str) -> None:
    assert SCREEN.reply_is_safe(reply)


def test_the_safe_reply_is_safe() -> None:
    assert SCREEN.reply_is_safe(SCREEN.safe_reply())
    assert not alarm(SCREEN.safe_reply())
