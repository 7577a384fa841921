"""Finds a crisis in one turn or in the running turns of one speaker: rules and their memory.

A turn is normalised, its idioms are taken out, and every sentence is held against the rules of
``data/crisis_rules.txt``. Negation, fiction and a distant past silence a rule as its kind allows.
What no rule finds may be shown to a second look (``semantic.py``), which is believed less long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from empatheia.care.normalise import normalise
from empatheia.care.patterns import Rule, load_rules

CATEGORIES = ("suicide", "self_harm", "harm_to_others", "abuse", "medical_emergency")
MAX_TURNS = 40  # of a longer dialogue the last ones are read
LEARNED = 0  # stands for the second look where a finding names its rule
LEARNED_TURNS = 2  # turns that a finding of the second look outlives without another
_MARK = " zz "  # stands where an idiom was


@dataclass(frozen=True, slots=True)
class Finding:
    """A crisis: its category and the line of the rule that found it (never the user's words).

    The line is ``LEARNED`` where no rule did.
    """

    category: str
    rule: int


@cache
def _negation() -> re.Pattern[str]:
    return re.compile(
        r"\b(?:not|never|dont|doesnt|didnt|wont|wouldnt|isnt|arent|wasnt|werent|aint|no|without|"
        r"havent|hasnt|hadnt|nobody|none|nor|stopped|quit|instead of|against|prevent\w*|cant)\b"
        r"(?: (?!but\b|so\b|because\b|and\b|only\b|except\b)\w+){0,5} ?$"
    )


@cache
def _no_negation() -> re.Pattern[str]:
    """Words of negation that deny nothing: "cant stop", "not joking", "why dont i"."""
    return re.compile(
        r"\b(?:cant|dont|wont|couldnt|not|never|havent) (?:\w+ )?(?:stop\w*|help|resist|know|care|"
        r"joking|kidding|lying|sure|even|shake|control|take|do|feel|trust|safe|cope|handle|sleep|"
        r"live|stand|wait|bear|see|only|just|breathe|tell|believe|get|think|deserve|go|be|"
        r"escape|face|understand|keep)\b(?! (?:like (?:killing|hurting|dying)|about|of ))|"
        r"\b(?:can ?t|cant|nobody|no one|no idea|no longer|no joke|no lie|no doubt|why dont|"
        r"why not|no (?:way out|point|reason|hope|friends?|money|job|future|matter)|"
        r"if not|or not)\b"
    )


@cache
def _contexts() -> dict[str, re.Pattern[str]]:
    return {
        rule.kind: rule.pattern
        for rule in load_rules("harmless_rules.txt")
        if rule.category == "context"
    }


def find_in_turn(text: str) -> Finding | None:
    """The first crisis of one turn, in the order of the rule file."""
    best: Finding | None = None
    for reading in normalise(text):
        if not any(_find_in_sentence(sentence) for sentence in _sentences(reading)):
            continue  # most turns end here; idioms are looked for only where a rule matched
        for sentence in _sentences(_without_idioms(reading)):
            found = _find_in_sentence(sentence)
            if found is not None and (best is None or found.rule < best.rule):
                best = found
    return best


def find_in_dialogue(
    texts: Sequence[str], second_look: Callable[[str], str | None] | None = None
) -> Finding | None:
    """The crisis that stands after the last turn.

    A crisis stays one in later turns until a turn says that it is over. A sentence that two turns
    share ("i just want to" / "die") is read as one. ``second_look`` gives the category of a turn in
    which no rule found a crisis, or None.
    """
    standing: Finding | None = None
    before, age = "", 0
    for text in list(texts)[-MAX_TURNS:]:
        found = find_in_turn(text)
        if found is None and before and before.rstrip()[-1:].isalpha() and len(before) < 200:
            found = find_in_turn(f"{before} {text}")
        over = is_resolved(text)
        if found is None and second_look is not None and not over:
            category = second_look(text)
            found = Finding(category, LEARNED) if category else None
        age += 1
        if found is not None:
            age = 0
            if standing is None or standing.rule == LEARNED or found.rule != LEARNED:
                standing = found
        elif over or (standing is not None and standing.rule == LEARNED and age > LEARNED_TURNS):
            standing = None
        before = text
    return standing


def is_doubtful(text: str) -> bool:
    """Whether the harmless rules recognise something, or a crisis rule that they silence."""
    patterns = [r.pattern for r in load_rules("harmless_rules.txt") if r.category == "idiom"]
    patterns += [pattern for name, pattern in _contexts().items() if name != "gone"]
    patterns += [r.pattern for r in load_rules("crisis_rules.txt")]
    return any(p.search(reading) for reading in normalise(text) for p in patterns)


def is_resolved(text: str) -> bool:
    """Whether a turn says that an earlier crisis is over."""
    rules = [r for r in load_rules("harmless_rules.txt") if r.category == "resolved"]
    reading = normalise(text)[0]
    for rule in rules:
        match = rule.pattern.search(reading)
        if match is not None and not re.search(r"\b(?:not|never|dont|isnt)\b", match.group()):
            return True
    return False


def _without_idioms(text: str) -> str:
    for rule in load_rules("harmless_rules.txt"):
        if rule.category == "idiom":
            text = rule.pattern.sub(_MARK, text)
    return text


def _sentences(text: str) -> list[str]:
    return [s.strip() for s in re.split(r"(?<=[.!?])\s+|\bbut\b", text) if s and s.strip()]


def _find_in_sentence(sentence: str) -> Finding | None:
    contexts: set[str] | None = None
    for rule in load_rules("crisis_rules.txt"):
        for match in rule.pattern.finditer(sentence):
            if contexts is None:
                contexts = {n for n, pattern in _contexts().items() if pattern.search(sentence)}
            if not _silenced(rule, sentence, match, contexts):
                return Finding(rule.category, rule.line)
    return None


def _silenced(rule: Rule, sentence: str, match: re.Match[str], contexts: set[str]) -> bool:
    start = match.start()
    if rule.kind != "said" and _negated(sentence[:start]):
        return True
    if "past" in contexts and (rule.kind == "told" or re.search(r"\bused to\b", sentence)):
        return True
    if (
        "gone" in contexts
        and (rule.category == "medical_emergency" or (rule.category, rule.kind) == ("abuse", "now"))
        and not re.search(r"\b(?:now|still|wont|help|isnt|cant|im|is)\b", sentence)
    ):
        return True
    if "animal" in contexts and rule.category == "abuse":
        return re.search(r"\b(?:me|us|my|i|im)\b", match.group()) is None
    if "laugh" in contexts and rule.category == "harm_to_others":
        return True
    last_words = " ".join(sentence[:start].split()[-3:])
    own = re.search(r"\b(?:i|im|ive|myself|my|me)\b", f"{last_words} {match.group()}") is not None
    serious = rule.category in ("suicide", "self_harm") and own
    return "fiction" in contexts and not serious


def _negated(before: str) -> bool:
    match = _negation().search(before)
    return match is not None and _no_negation().search(match.group()) is None
