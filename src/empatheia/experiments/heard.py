"""Whether speech from predicted content is understood: word errors of an offline recogniser."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from empatheia.evaluation.recogniser import Recogniser, WordErrors, total
from empatheia.evaluation.scorecard import Figure, Metric, Row, Table
from empatheia.evaluation.statistics import ratio_score
from empatheia.protocols import SpeechGenerator
from empatheia.speech.sentences import level, sayable
from empatheia.training.merg_stage import MergNet, MergRow, collate

MOST = 100  # replies that are listened to
_NOTE = "% of the words that PocketSphinx hears wrong, in the recording's style"
WORDS = Metric("word_errors", "Word errors", "down", 1, settings={"forced": "reply"}, note=_NOTE)


@torch.no_grad()
def heard_table(net: MergNet, rows: Sequence[MergRow], speech: SpeechGenerator) -> Table:
    """Content from the states, from the teacher, and from the states of another reply.

    Raises MissingExtraError without PocketSphinx.
    """
    rows = rows[:MOST]
    net.eval()
    listener = Recogniser()
    errors: dict[str, list[WordErrors]] = {"predicted": [], "exact": [], "other": []}
    for i, row in enumerate(rows):
        batch, other = collate([row]), collate([rows[(i + len(rows) // 2) % len(rows)]])
        contents = {
            "predicted": net.expression.content.speech(net(batch).reply, batch.phonemes).values[0],
            "exact": row.teaching.speech_content,
            "other": net.expression.content.speech(net(other).reply, batch.phonemes).values[0],
        }
        for name, content in contents.items():
            style = row.teaching.speech_style
            errors[name].append(errors_of(listener, speech, row.text, content, style))
    groups = [row.id.rpartition("/")[0] for row in rows]
    table = (
        Row("system", _figure(errors["predicted"], groups)),
        Row("exact content", _figure(errors["exact"], groups), "ceiling"),
        Row("states of another reply", _figure(errors["other"], groups), "floor"),
    )
    return Table("heard", f"What is understood of {len(rows)} replies", (WORDS,), table)


def errors_of(
    listener: Recogniser, speech: SpeechGenerator, text: str, content: Tensor, style: Tensor
) -> WordErrors:
    """Of a whole reply, spoken sentence by sentence from its content (phoneme, content)."""
    found, first = [], 0
    for sentence in sayable(speech, text):
        phonemes = speech.phonemize(sentence)
        part = content[first : first + len(phonemes)]
        first += len(phonemes)
        said = level(speech.generate(phonemes, part, style), sentence)
        found.append(listener.errors(said, sentence))
    return total(found)


def _figure(found: Sequence[WordErrors], groups: Sequence[str]) -> dict[str, Figure]:
    wrong, said = [100.0 * f.errors for f in found], [float(f.words) for f in found]
    return {WORDS.id: Figure.of(ratio_score(wrong, said, groups))}
