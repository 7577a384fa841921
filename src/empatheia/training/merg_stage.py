"""What the stages ``content``, ``style`` and ``joint`` share: rows, batches, and one pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.data.labels import AGES, EMOTIONS8, EMOTIONS32, GENDERS, TONES
from empatheia.data.sampler import BucketSampler
from empatheia.errors import ConfigError
from empatheia.expression import Expression, reply_states
from empatheia.latents.content import ReplyStates, first_and_last
from empatheia.latents.places import (
    Places,
    places_of_frames,
    places_of_phonemes,
    places_of_words,
    stack_places,
)
from empatheia.llm.prompt import target_ids
from empatheia.llm.signals import Signals, token_words
from empatheia.llm.tokenizer import REPLY
from empatheia.reasoner import Reasoner, Request
from empatheia.senses import Reading
from empatheia.training.devices import moved
from empatheia.training.losses import (
    UNKNOWN,
    LossWeights,
    distance,
    l_ccl,
    l_cls,
    l_leak,
    l_sac,
    l_sal,
)
from empatheia.training.merg_data import MergExample, Said, Teaching
from empatheia.training.reconstruction import Reconstruction
from empatheia.types import Phoneme

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True, slots=True)
class MergConfig:
    """``ccl`` and ``sac`` are False in the ablations w/o L_ccl and w/o L_sac.

    What then trains content and style is ``training.reconstruction``. ``signals``: whether the rows
    of the signal tokens train in stage 3.
    """

    batch_size: int = 8
    teacher: float = 0.7  # share of the text readers in the target of the speaker's label
    label_weight: float = 2.0
    ccl: bool = True
    sac: bool = True
    weights: LossWeights = field(default_factory=LossWeights)
    signals: bool = True


@dataclass(frozen=True, slots=True)
class MergRow:
    """One example in tokens and tensors."""

    id: str
    request: Request
    readings: tuple[Reading, ...]
    ngram_logits: Tensor  # (32,)
    chain: list[int]  # ends with <reply>
    text: str
    reply: list[int]  # its tokens
    words: list[int]  # of the reply's tokens
    phonemes: Places
    frames: Places
    teaching: Teaching
    labels: dict[str, int]
    emotion: int
    intensity: float = math.nan  # nan: not known

    @property
    def alone(self) -> bool:
        """Whether only the reply is known, and how it sounds: no dialogue, no face."""
        return not self.request.turns


@dataclass(frozen=True, slots=True)
class MergBatch:
    rows: Sequence[MergRow]
    phonemes: Places
    frames: Places
    speech_content: Tensor
    video_content: Tensor
    speech_style: Tensor
    video_style: Tensor
    labels: dict[str, Tensor]
    intensity: Tensor  # (batch,); nan: not known

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(row.id for row in self.rows)


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass of the language model over prompts, chains, replies and signal tokens."""

    hidden: Float[Tensor, "target dim"]  # before each target, all rows one after another
    targets: Tensor  # (target,); the signals' ids follow the vocabulary
    is_label: Tensor  # (target,) bool: the speaker's emotion
    evidence: Float[Tensor, "batch emotion"]
    signals: Signals
    reply: ReplyStates


class MergNet(nn.Module):
    """Everything that some stage trains."""

    def __init__(self, reasoner: Reasoner, expression: Expression) -> None:
        super().__init__()
        self.reasoner, self.expression = reasoner, expression

    def forward(self, batch: MergBatch) -> Pass:
        """Teacher-forced: gold chain and gold reply."""
        lm, table = self.reasoner.lm, self.expression.signals
        self.reasoner.encoder.eval()
        prompt = self.reasoner.prompt(
            [row.request for row in batch.rows],
            [row.readings for row in batch.rows],
            torch.stack([row.ngram_logits for row in batch.rows]),
        )
        tail = table.tail(lm, [row.reply for row in batch.rows])
        parts = []
        for i, row in enumerate(batch.rows):
            chain = lm.embed(torch.tensor([row.chain]))[0]
            parts.append(torch.cat([chain, tail.embeddings[i, tail.mask[i]]]))
        lengths = [len(part) for part in parts]
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        target = nn.utils.rnn.pad_sequence(parts, batch_first=True)
        states = lm.read(prompt.embedded, prompt.mask, target, mask)
        after = [
            states[i, 1 + len(row.chain) : 1 + n]
            for i, (row, n) in enumerate(zip(batch.rows, lengths, strict=True))
        ]
        signals = table.split(nn.utils.rnn.pad_sequence(after, batch_first=True), tail.lengths)
        ids = [self._targets(row) for row in batch.rows]
        emotions = torch.tensor(lm.tokenizer.labels.emotions)
        flat = torch.tensor([i for row in ids for i in row])
        return Pass(
            states[:, :-1][mask],
            flat,
            torch.isin(flat, emotions),
            prompt.evidence,
            signals,
            reply_states(signals, [row.words for row in batch.rows], tail.embeddings),
        )

    def alone(self, rows: Sequence[MergRow]) -> ReplyStates:
        """r^t of replies that are read by themselves, without a prompt and a chain."""
        lm = self.reasoner.lm
        mark = lm.tokenizer.id(REPLY)
        ids = [torch.tensor([mark, *row.reply]) for row in rows]
        mask = torch.arange(max(map(len, ids))) < torch.tensor([len(row) for row in ids])[:, None]
        first = lm.embed(nn.utils.rnn.pad_sequence(ids, batch_first=True))
        last = lm.read(first[:, :1], mask[:, :1], first[:, 1:], mask[:, 1:])[:, 1:]
        places = stack_places([places_of_words(row.words) for row in rows])
        return ReplyStates(first_and_last(first[:, 1:], last, mask[:, 1:]), places)

    def _targets(self, row: MergRow) -> list[int]:
        tokenizer = self.reasoner.lm.tokenizer
        first = len(tokenizer)
        signals = range(first, first + self.expression.signals.config.count)
        return [*row.chain, *row.reply, tokenizer.id("<end>"), *signals]

    def emp(self, found: Pass, emotion: Tensor, config: MergConfig) -> dict[str, Tensor]:
        """Eq. 8 with the label softened as in stage 1 (``training.coe`` says why)."""
        lm, table = self.reasoner.lm, self.expression.signals
        logits = torch.cat([lm.logits(found.hidden), table.logits(found.hidden)], -1).float()
        plain = ~found.is_label
        words = F.cross_entropy(logits[plain], found.targets[plain])
        if not found.is_label.any():  # the ablation w/o CoE
            return {"emp": words, "words": words}
        logp = logits[found.is_label].log_softmax(-1)[:, list(lm.tokenizer.labels.emotions)]
        gold = F.one_hot(emotion, len(EMOTIONS32)).float()
        wanted = (1 - config.teacher) * gold + config.teacher * found.evidence.exp()
        label = -(wanted * logp).sum(-1).mean()
        count, heavy = plain.sum(), config.label_weight * len(emotion)
        total = (words * count + label * heavy) / (count + heavy)
        accuracy = (logp.argmax(-1) == emotion).float().mean()
        return {"emp": total, "words": words, "label": label, "accuracy": accuracy}

    def ccl(self, reply: ReplyStates, batch: MergBatch, weights: LossWeights) -> dict[str, Tensor]:
        """Eq. 9 and the KL term of both blocks; C^v is not asked for where it weighs nothing."""
        content = self.expression.content
        said = content.speech(reply, batch.phonemes)
        speech = distance(
            said.values, batch.speech_content, batch.phonemes.real, content.speech_units
        )
        video, kl = speech.new_zeros(()), said.kl.mean()
        if weights.video:
            shown = content.video(reply, batch.frames)
            units = content.video_units
            video = distance(shown.values, batch.video_content, batch.frames.real, units)
            kl = kl + shown.kl.mean()
        total = l_ccl(speech, video, weights)
        return {
            "ccl": total + weights.content_kl * kl,
            "content_speech": speech,
            "content_video": video,
            "content_kl": kl,
        }

    def sac(
        self, speech: Tensor, video: Tensor, batch: MergBatch, weights: LossWeights
    ) -> dict[str, Tensor]:
        """Eq. 12 from Eq. 10 and 11, and the KL term, on r^s and r^v."""
        net = self.expression.style
        style = net(speech, video, batch.intensity)
        units = (net.speech_units, net.video_units)
        alignment = l_sal(style.speech, batch.speech_style, style.video, batch.video_style, units)
        classes = l_cls(style.logits, batch.labels)
        kl = style.kl.mean()
        out = {
            "sac": l_sac(alignment, classes) + weights.style_kl * kl,
            "style": alignment,
            "classes": classes,
            "style_kl": kl,
        }
        if weights.leak and style.factors:
            out["leak"] = l_leak(style, batch.labels)
            out["sac"] = out["sac"] + weights.leak * out["leak"]
        for name, logits in style.logits.items():
            known = batch.labels[name] != UNKNOWN
            right = (logits.argmax(-1) == batch.labels[name])[known].float()
            out[f"right_{name}"] = right.mean() if known.any() else torch.zeros(())
        return out


def row_of(
    reasoner: Reasoner,
    example: MergExample,
    teaching: Teaching,
    fps: int,
    readings: Sequence[Reading] = (),
) -> MergRow:
    """Everything about an example that does not change while training.

    ``readings`` are what the reasoner's senses, where it has some, make of ``example.turns``.
    """
    tokenizer = reasoner.lm.tokenizer
    reply = tokenizer.encode(example.reply)
    whole = target_ids(tokenizer, example.chain, example.reply, example.whole)
    with torch.no_grad():
        ngrams = reasoner.ngrams([example.turns])[0]
    frames = places_of_frames(teaching.phonemes, len(teaching.video_content), fps)
    feel = example.chain.response_emotion
    return MergRow(
        example.id,
        Request(example.turns, example.profile),
        tuple(readings),
        ngrams,
        whole[: len(whole) - len(reply) - 1],
        example.reply,
        reply,
        token_words(tokenizer, reply),
        places_of_phonemes([Phoneme(p.symbol, p.word) for p in teaching.phonemes]),
        frames,
        teaching,
        {
            "emotion": EMOTIONS8.index(feel) if example.felt else UNKNOWN,
            "age": AGES.index(example.profile.age),
            "gender": GENDERS.index(example.profile.gender),
            "tone": TONES.index(example.profile.tone),
        },
        EMOTIONS32.index(example.chain.speaker_emotion),
        math.nan if example.intensity is None else example.intensity,
    )


def row_aloud(reasoner: Reasoner, said: Said, teaching: Teaching, fps: int) -> MergRow:
    """A reply that was only read aloud, for stage 2."""
    tokenizer = reasoner.lm.tokenizer
    reply = tokenizer.encode(said.text)
    return MergRow(
        said.id,
        Request((), said.profile),
        (),
        torch.zeros(len(EMOTIONS32)),
        [tokenizer.id(REPLY)],
        said.text,
        reply,
        token_words(tokenizer, reply),
        places_of_phonemes([Phoneme(p.symbol, p.word) for p in teaching.phonemes]),
        places_of_frames(teaching.phonemes, len(teaching.video_content), fps),
        teaching,
        dict.fromkeys(("emotion", "age", "gender", "tone"), UNKNOWN),
        UNKNOWN,
    )


def without_chain(row: MergRow) -> MergRow:
    """The ablation w/o CoE: ``<reply>`` stands right behind the prompt."""
    return replace(row, chain=row.chain[-1:])


def collate(rows: Sequence[MergRow]) -> MergBatch:
    taught = [row.teaching for row in rows]
    pad = nn.utils.rnn.pad_sequence
    return MergBatch(
        rows,
        stack_places([row.phonemes for row in rows]),
        stack_places([row.frames for row in rows]),
        pad([t.speech_content for t in taught], batch_first=True),
        pad([t.video_content for t in taught], batch_first=True),
        torch.stack([t.speech_style for t in taught]),
        torch.stack([t.video_style for t in taught]),
        {name: torch.tensor([row.labels[name] for row in rows]) for name in rows[0].labels},
        torch.tensor([row.intensity for row in rows]),
    )


class MergStage:
    """A stage of the training loop over multimodal rows; subclasses say what trains and the loss.

    ``validate`` averages the parts of the loss over the valid rows, z at its mean.
    """

    name = "merg"
    model: nn.Module

    def __init__(
        self,
        net: MergNet,
        train: Sequence[MergRow],
        valid: Sequence[MergRow],
        config: MergConfig,
        seed: int = 0,
        through: Reconstruction | None = None,
    ) -> None:
        self.net, self.config = net, config
        self.device = next(net.parameters()).device
        self.through = through
        if through is None and not (config.ccl and config.sac):
            raise ConfigError("without ccl or sac a stage learns through the generators: give them")
        self.rows, self.valid_rows = train, valid
        size = min(config.batch_size, len(train))
        self.sampler = BucketSampler([len(r.frames) for r in train], size, seed)
        net.eval().requires_grad_(False)
        self.trains = self._choose()
        for parameter in self.trains:
            parameter.requires_grad_(True)

    def _choose(self) -> list[nn.Parameter]:
        """What trains; also sets ``model``, what is kept in checkpoints."""
        raise NotImplementedError

    def _parts(self, batch: MergBatch) -> dict[str, Tensor]:
        raise NotImplementedError

    def ccl(self, reply: ReplyStates, batch: MergBatch) -> dict[str, Tensor]:
        """L_ccl, or what stands in its place."""
        if self.config.ccl or self.through is None:
            return self.net.ccl(reply, batch, self.config.weights)
        return self.through.content(self.net.expression, reply, batch, self.config.weights)

    def sac(self, speech: Tensor, video: Tensor, batch: MergBatch) -> dict[str, Tensor]:
        """L_sac, or what stands in its place, on r^s and r^v."""
        if self.config.sac or self.through is None:
            return self.net.sac(speech, video, batch, self.config.weights)
        style = self.net.expression.style(speech, video, batch.intensity)
        return self.through.style(self.net.expression, style, batch, self.config.weights)

    def groups(self, lr: float) -> list[dict[str, Any]]:
        matrices = [p for p in self.trains if p.ndim >= 2]
        vectors = [p for p in self.trains if p.ndim < 2]
        return [{"params": matrices, "lr": lr}, {"params": vectors, "lr": lr, "weight_decay": 0.0}]

    def batch(self, step: int) -> MergBatch:
        return self._collated([self.rows[i] for i in self.sampler.batch(step)])

    def _collated(self, rows: Sequence[MergRow]) -> MergBatch:
        """A batch where the network lies."""
        return moved(collate(rows), self.device)

    def _there(self, batch: MergBatch) -> dict[str, Tensor]:
        with self._where():
            return self._parts(batch)

    def _where(self) -> AbstractContextManager[Any]:
        """What is made on the way is made where the network lies."""
        return nullcontext() if self.device.type == "cpu" else self.device

    def loss(self, batch: MergBatch) -> dict[str, Tensor]:
        return self._there(batch)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        self.net.eval()
        totals: dict[str, float] = {}
        for start in range(0, len(self.valid_rows), self.config.batch_size):
            batch = self._collated(self.valid_rows[start : start + self.config.batch_size])
            for name, value in self._there(batch).items():
                totals[name] = totals.get(name, 0.0) + float(value) * len(batch.rows)
        return {name: value / len(self.valid_rows) for name, value in totals.items()}
