"""What a trained system does on replies that it was not trained on, one number a reply.

Teacher-forced: gold chain and gold reply are read, so that every variant answers for the same
sounds, pictures and words, and the numbers of two variants can be paired reply by reply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from empatheia.data.labels import EMOTIONS8
from empatheia.evaluation.scorecard import Direction, Metric
from empatheia.latents.content import ReplyStates, Units
from empatheia.protocols import FaceGenerator, SpeechGenerator
from empatheia.training.losses import UNKNOWN
from empatheia.training.merg_stage import MergBatch, MergNet, MergRow, Pass, collate
from empatheia.types import Profile

if TYPE_CHECKING:
    from empatheia.latents.style import Style

_LEVEL = 0.7  # intensity of the voices and faces that a style is compared with


def _metric(name: str, title: str, better: Direction, note: str, digits: int = 2) -> Metric:
    return Metric(name, title, better, digits, settings={"forced": "chain and reply"}, note=note)


METRICS = (
    _metric("emotion", "Emotion", "up", "speaker's emotion at the model's own slot, % of 32", 1),
    _metric("nats", "Nats", "down", "a token of the gold reply"),
    _metric("speech_content", "C^s off", "down", "squared distance to the teacher; 1: its mean"),
    _metric("video_content", "C^v off", "down", "the same for pictures"),
    _metric("lips", "Lips r", "up", "correlation of C^v with the teacher's over the pictures"),
    _metric("speech_style", "S^s cos", "up", "cosine with the teacher's"),
    _metric("video_style", "S^v cos", "up", "the same for pictures"),
    _metric("voice_feels", "Voice feels", "up", "% with S^s nearest to the planned feeling's", 1),
    _metric("face_feels", "Face feels", "up", "the same for S^v", 1),
    *(
        _metric(f"class_{name}", f"{name} by {side}", "up", f"% by the classifier on {side}", 1)
        for name, side in (("emotion", "E"), ("age", "P"), ("gender", "P"), ("tone", "P"))
    ),
)  # fmt: skip
Items = dict[str, list[float | None]]  # by metric; None where it cannot be had


@dataclass(frozen=True, slots=True)
class Measured:
    """Numbers of each reply, in the order of ``ids``."""

    ids: tuple[str, ...]
    items: Mapping[str, Sequence[float | None]]


@torch.no_grad()
def measure(
    net: MergNet,
    rows: Sequence[MergRow],
    speech: SpeechGenerator,
    face: FaceGenerator,
    batch_size: int = 16,
    foreign: bool = False,
) -> Measured:
    """All of ``METRICS`` on ``rows``.

    ``foreign`` is the control: content and style are made from the states of another reply.
    """
    net.eval()
    items: Items = {metric.id: [] for metric in METRICS}
    for start in range(0, len(rows), batch_size):
        places = range(start, min(start + batch_size, len(rows)))
        part = [rows[i] for i in places]
        batch = collate(part)
        found = net(batch)
        told, heard = found, batch
        if foreign:
            heard = collate([rows[(i + len(rows) // 2) % len(rows)] for i in places])
            told = net(heard)
        style = net.expression.style(told.signals.speech, told.signals.video, heard.intensity)
        each = _text(net, found, part) | _content(net, told.reply, batch)
        each |= _style(style, batch) | _feelings(net, style, part, speech, face)
        for name, values in each.items():
            items[name] += values
    return Measured(tuple(row.id for row in rows), items)


def _text(net: MergNet, found: Pass, rows: Sequence[MergRow]) -> Items:
    lm, table = net.reasoner.lm, net.expression.signals
    logits = torch.cat([lm.logits(found.hidden), table.logits(found.hidden)], -1).float()
    nats = F.cross_entropy(logits, found.targets, reduction="none")
    guesses = logits[:, list(lm.tokenizer.labels.emotions)].argmax(-1)
    out: Items = {"emotion": [], "nats": []}
    first = 0
    for row in rows:
        reply = first + len(row.chain)
        end = reply + len(row.reply) + 1
        slot = found.is_label[first:end].nonzero()[:, 0]
        hit = [100.0 * float(guesses[first + int(i)] == row.emotion) for i in slot[:1]]
        out["emotion"].append(hit[0] if hit else None)
        out["nats"].append(float(nats[reply:end].mean()))
        first = end + table.config.count
    return out


def _content(net: MergNet, reply: ReplyStates, batch: MergBatch) -> Items:
    content = net.expression.content
    said = content.speech(reply, batch.phonemes).values
    shown = content.video(reply, batch.frames).values
    taught = batch.video_content
    return {
        "speech_content": _off(
            said, batch.speech_content, batch.phonemes.real, content.speech_units
        ),
        "video_content": _off(shown, taught, batch.frames.real, content.video_units),
        "lips": [
            _correlation(shown[i][real], taught[i][real])
            for i, real in enumerate(batch.frames.real)
        ],
    }


def _off(found: Tensor, teacher: Tensor, real: Tensor, units: Units) -> list[float | None]:
    apart = ((units.own(found.float()) - units.own(teacher)) ** 2).mean(-1) * real
    return [float(x) for x in apart.sum(1) / real.sum(1).clamp(min=1)]


def _correlation(found: Tensor, teacher: Tensor) -> float:
    """Over all pictures and channels, each channel against its mean in this reply."""
    a, b = found.float() - found.float().mean(0), teacher - teacher.mean(0)
    return float((a * b).sum() / (a.norm() * b.norm()).clamp(min=1e-9))


def _style(style: Style, batch: MergBatch) -> Items:
    out: Items = {
        "speech_style": F.cosine_similarity(style.speech, batch.speech_style).tolist(),
        "video_style": F.cosine_similarity(style.video, batch.video_style).tolist(),
    }
    for name, labels in batch.labels.items():
        said = style.logits[name].argmax(-1) if name in style.logits else None
        out[f"class_{name}"] = [
            None if said is None or wanted == UNKNOWN else 100.0 * float(said[i] == wanted)
            for i, wanted in enumerate(labels.tolist())
        ]
    return out


def _feelings(
    net: MergNet,
    style: Style,
    rows: Sequence[MergRow],
    speech: SpeechGenerator,
    face: FaceGenerator,
) -> Items:
    """Whether the planned feeling's usual style of this person is the nearest of the eight."""
    module = net.expression.style
    sides: dict[str, tuple[Tensor, SpeechGenerator | FaceGenerator, Units]] = {
        "voice_feels": (style.speech.float(), speech, module.speech_units),
        "face_feels": (style.video.float(), face, module.video_units),
    }
    out: Items = {name: [] for name in sides}
    for i, row in enumerate(rows):
        wanted, who = row.labels["emotion"], row.request.profile
        for name, (found, generator, units) in sides.items():
            hit = 100.0 * float(nearest_feeling(found[i], generator, units, who) == wanted)
            out[name].append(None if wanted == UNKNOWN else hit)
    return out


def nearest_feeling(
    style: Tensor, generator: SpeechGenerator | FaceGenerator, units: Units, who: Profile
) -> int:
    """Number of the key (of eight) whose usual style of this person is nearest to ``style``."""
    usual = torch.stack([generator.style_for(key, _LEVEL, who) for key in EMOTIONS8])
    return int(F.cosine_similarity(units.own(usual), units.own(style)[None]).argmax())
