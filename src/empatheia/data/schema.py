"""The JSON Schema (2020-12) of a manifest line, made from the vocabularies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from empatheia.data.labels import EMOTIONS8, EMOTIONS32, PROFILE_FIELDS

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}


def one_of(values: Sequence[str]) -> Schema:
    return {"type": "string", "enum": list(values)}


def closed(properties: Schema, required: Sequence[str]) -> Schema:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def profile_schema() -> Schema:
    return closed({k: one_of(v) for k, v in PROFILE_FIELDS.items()}, list(PROFILE_FIELDS))


def chain_schema() -> Schema:
    """All five steps; in a manifest ``response_emotion`` may be absent (the release has none)."""
    return closed(
        {
            "event_scenario": TEXT,
            "speaker_emotion": one_of(EMOTIONS32),
            "emotion_cause": TEXT,
            "goal_to_response": TEXT,
            "response_emotion": one_of(EMOTIONS8),
        },
        ["event_scenario", "speaker_emotion", "emotion_cause", "goal_to_response"],
    )


def turn_schema() -> Schema:
    path = {"type": "string", "description": "relative to the manifest"}
    return closed(
        {
            "role": one_of(("speaker", "listener")),
            "text": TEXT,
            "emotion": one_of(EMOTIONS32) | {"description": "absent where none of the 32 fits"},
            "emotion8": one_of(EMOTIONS8),
            "emotion_source": TEXT,
            "intensity": {"type": "number", "minimum": 0, "maximum": 1},
            "audio": path,
            "video": path,
            "times": path | {"description": "JSON with the phoneme times of the audio"},
            "chain_of_empathy": chain_schema(),
        },
        ["role", "text"],
    )


def manifest_schema() -> Schema:
    """One line of a manifest. Topics and subtopics are open strings."""
    properties = {
        "id": {"type": "string", "minLength": 1},
        "split": TEXT,
        "source": TEXT,
        "emotion": one_of(EMOTIONS32),
        "situation": TEXT,
        "topic": TEXT,
        "subtopic": TEXT,
        "speaker_profile": profile_schema(),
        "speaker_id": TEXT,
        "listener_profile": profile_schema(),
        "listener_id": TEXT,
        "drawn": {"type": "array", "items": TEXT},
        "label_sources": {"type": "object", "additionalProperties": TEXT},
        "turns": {"type": "array", "items": turn_schema()},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Empatheia dialogue",
        **closed(properties, ["id", "turns"]),
    }


def problems(value: object, schema: Schema, where: str = "answer") -> list[str]:
    """What is wrong with ``value`` by the part of JSON Schema that is used here; [] is right."""
    kind = schema.get("type")
    if kind == "object":
        return _object_problems(value, schema, where)
    if kind == "array":
        if not isinstance(value, list):
            return [f"{where} is no list"]
        low, high = schema.get("minItems", 0), schema.get("maxItems", len(value))
        if not low <= len(value) <= high:
            return [f"{where} has {len(value)} items; {low} to {high} are wanted"]
        items = schema.get("items", {})
        return [p for i, item in enumerate(value) for p in problems(item, items, f"{where}[{i}]")]
    if kind == "string" and not isinstance(value, str):
        return [f"{where} is no string"]
    if kind == "boolean" and not isinstance(value, bool):
        return [f"{where} is neither true nor false"]
    if kind == "integer" and (not isinstance(value, int) or isinstance(value, bool)):
        return [f"{where} is no whole number"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where} is {value!r}, not one of {', '.join(map(str, schema['enum']))}"]
    if isinstance(value, str) and not schema.get("minLength", 0) <= len(value.strip()) <= (
        schema.get("maxLength", 1 << 20)
    ):
        return [f"{where} has {len(value.strip())} characters"]
    return []


def _object_problems(value: object, schema: Schema, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    known = schema.get("properties", {})
    found = [f"{where} has no {name!r}" for name in schema.get("required", ()) if name not in value]
    rest = schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in known:
            found += problems(item, known[name], f"{where}.{name}")
        elif rest is False:
            found.append(f"{where} has an unknown {name!r}")
        elif isinstance(rest, dict):
            found += problems(item, rest, f"{where}.{name}")
    return found
