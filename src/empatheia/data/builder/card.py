"""The card of a packed set, as hubs show it: what it is, how it was made, what it must not be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from empatheia.data import statistics
from empatheia.data.rules import Fault

_TEXT = """
# {name}

Dialogues of a speaker who tells what happened to them and a listener who answers with empathy.
{what}

## How to use it

```python
from datasets import load_dataset          # the text and the labels
dialogues = load_dataset("json", data_files={{{files}}})
```

`empatheia data import avamerg FOLDER/avamerg --media FOLDER/media -o all.jsonl` unpacks the media
and gives one manifest with paths. `schema.json` describes a line; `avamerg/` holds the same in the
layout of AvaMERG's release (`dia00001utt0_18.wav`: conversation, utterance from 0, person).
`sha256sum -c SHA256SUMS` checks every file.

## What is in it

{table}
## Splits

By dialogue, in groups that share no person and no long text: {splits}.{leaks}

## What it is not

Emotions of listeners were read from their words by a classifier, not felt by anybody; labels of
profiles that no source told were drawn evenly and say nothing about who wrote the words. A model
that does well here has been shown nothing about people in distress.
"""
_RENDERED = """Every utterance has a sound, a video and exact phoneme times. **They are
synthetic**: a parametric voice and a drawn face played them; no real person is heard or shown, and
each file says so. Who speaks is balanced over age, gender, tone and race, unless the source tells
it."""


def card(
    name: str,
    counted: statistics.Statistics,
    splits: Mapping[str, int],
    files: int,
    leaks: Sequence[Fault],
    licence: str | None,
) -> str:
    """Markdown with the front matter that hubs read."""
    timed = counted.media["audio"] > 0
    table = statistics.markdown(counted, name).split("\n", 2)[2]
    present = {split: n for split, n in splits.items() if n}
    front = [
        "---",
        f"license: {licence or 'other'}",
        "language: [en]",
        f"pretty_name: {name}",
        "task_categories: [text-generation, text-to-speech]",
        f"tags: [empathetic-dialogue, AvaMERG{', synthetic, audio, video' if timed else ''}]",
        "configs:",
        "- config_name: default",
        "  data_files:",
        *(f"  - {{split: {split}, path: data/{split}.jsonl}}" for split in present),
        "---",
    ]
    told = ", ".join(f"{split} {n:,}" for split, n in splits.items())
    body = _TEXT.format(
        name=name,
        what=_RENDERED if files and _synthetic(counted) else "",
        files=", ".join(f'"{split}": "data/{split}.jsonl"' for split in present),
        table=table,
        splits=told,
        leaks=f" Kept as given, with {len(leaks):,} leaks." if leaks else "",
    )
    return "\n".join(front) + "\n" + body


def _synthetic(counted: statistics.Statistics) -> bool:
    return bool(counted.media["times"])
