"""``train senses``: what is heard and seen becomes tokens that the language model understands.

Only the two projectors train; ear, eye and language model are frozen, so written dialogues are
answered exactly as before. Two kinds of rows: neutral words over which voice and face show one of
the eight keys, and EmpatheticDialogues' own, with voice and face that go with their label. Each
row keeps the chain that the model itself reasons once the speaker's emotion is known, so that the
new tokens move the slot and leave the words around it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.data.empathetic import TextExample
from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.data.sampler import BucketSampler
from empatheia.errors import EmpatheiaError
from empatheia.llm.prompt import target_ids
from empatheia.llm.tokenizer import emotion_token
from empatheia.reasoner import Reasoner, Request
from empatheia.senses import FOLD, Reading, Senses
from empatheia.training.coe_data import drawn_profile
from empatheia.training.loop import LoopConfig
from empatheia.types import Turn

NEUTRAL = EMOTIONS8.index("neutral")
SURE = 0.93  # share of the key that voice and face show, in what is to be learned


@dataclass(frozen=True, slots=True)
class SensesTraining:
    batch_size: int = 8
    neutral: int = 288  # rows of neutral words
    told: int = 160  # rows of EmpatheticDialogues
    whole: float = 0.15  # share of rows whose chain is read to its end
    label_weight: float = 4.0
    gold: float = 0.5  # share of the gold label, where there is one
    mute: float = 0.2  # share of the told rows whose voice and face stay neutral
    voices: int = 400  # rendered sentences whose readings are used, and a third of it to validate
    people: int = 50  # drawn people, eight clips each


@dataclass(frozen=True, slots=True)
class SensesRecipe:
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            80, 3e-4, warmup=8, validate_every=40, save_every=20, bf16=False
        )
    )
    stage: SensesTraining = field(default_factory=SensesTraining)


@dataclass(frozen=True, slots=True)
class SensesRow:
    """One dialogue as the frozen reader shows it to the language model."""

    embedded: Tensor  # (token, dim): features of the text and its words
    target: list[int]  # the chain, up to ``<reply>``
    label: int  # place of the speaker's emotion in it
    evidence: Tensor  # (32,) log-probabilities from the text alone
    key: int  # what voice and face show
    gold: int | None  # of the 32, where the dialogue has one


@dataclass(frozen=True, slots=True)
class Media:
    """Readings of recordings by key: what a speaker of a row may sound and look like."""

    speech: Mapping[int, Sequence[Reading]]
    video: Mapping[int, Sequence[Reading]]

    def draw(self, key: int, rng: np.random.Generator) -> Reading:
        """A voice and a face of one key, of any two people."""
        voice, face = self.speech[key], self.video[key]
        return Reading(
            voice[int(rng.integers(len(voice)))].speech, face[int(rng.integers(len(face)))].video
        )


def by_key(readings: Sequence[tuple[int, Reading]]) -> dict[int, list[Reading]]:
    out: dict[int, list[Reading]] = {}
    for key, reading in readings:
        out.setdefault(key, []).append(reading)
    return out


def wanted_label(evidence: Tensor, key: int) -> Tensor:
    """Shares (32,): what the text says, given that voice and face show ``key``.

    Neutral voice and face say nothing about the 32, of which none is neutral.
    """
    if key == NEUTRAL:
        return evidence.exp()
    shown = torch.where(FOLD.eq(key), SURE, (1 - SURE) / (len(EMOTIONS8) - 2))
    return (evidence + shown.log()).softmax(-1)


class RowMaker:
    """Dialogues to rows; the chains come from the model's own reasoning about the words alone."""

    def __init__(self, reasoner: Reasoner, note: Callable[[str], None]) -> None:
        self.reasoner, self.note = reasoner, note

    def neutral(self, texts: Sequence[str], rng: np.random.Generator) -> list[SensesRow]:
        """One row a text, keys in turn."""
        requests = [
            Request((Turn("speaker", text),), drawn_profile(f"neutral-{i}"))
            for i, text in enumerate(texts)
        ]
        keys = [i % len(EMOTIONS8) for i in range(len(texts))]
        return self._rows(requests, keys, [None] * len(texts), rng)

    def told(
        self, examples: Sequence[TextExample], mute: float, rng: np.random.Generator
    ) -> list[SensesRow]:
        requests = [Request(e.context, drawn_profile(e.dialogue_id)) for e in examples]
        gold = [EMOTIONS32.index(e.emotion) for e in examples]
        keys = [NEUTRAL if rng.random() < mute else int(FOLD[g]) for g in gold]
        return self._rows(requests, keys, gold, rng)

    @torch.no_grad()
    def _rows(
        self,
        requests: Sequence[Request],
        keys: Sequence[int],
        gold: Sequence[int | None],
        rng: np.random.Generator,
    ) -> list[SensesRow]:
        out: list[SensesRow] = []
        for start in range(0, len(requests), 32):
            part = slice(start, start + 32)
            out += self._some(requests[part], keys[part], gold[part], rng)
            self.note(f"{len(out)} of {len(requests)} dialogues reasoned about")
        return out

    def _some(
        self,
        requests: Sequence[Request],
        keys: Sequence[int],
        gold: Sequence[int | None],
        rng: np.random.Generator,
    ) -> list[SensesRow]:
        reasoner = self.reasoner
        prompt = reasoner.prompt(requests)
        labels = []
        for evidence, key, known in zip(prompt.evidence, keys, gold, strict=True):
            shares = wanted_label(evidence, key).double().numpy()
            drawn = int(rng.choice(len(EMOTIONS32), p=shares / shares.sum()))
            labels.append(drawn if known is None else known)
        forced = [
            replace(r, forced={"speaker_emotion": EMOTIONS32[i]})
            for r, i in zip(requests, labels, strict=True)
        ]
        thoughts = reasoner.think(forced).thoughts
        tokenizer = reasoner.lm.tokenizer
        rows = []
        for i, thought in enumerate(thoughts):
            ids = target_ids(tokenizer, thought.chain, "")
            place = ids.index(tokenizer.id(emotion_token(EMOTIONS32[labels[i]])))
            text = prompt.embedded[i, prompt.mask[i]].clone()
            evidence = prompt.evidence[i].clone()
            rows.append(SensesRow(text, ids[:-1], place, evidence, keys[i], gold[i]))
        return rows


@dataclass(frozen=True, slots=True)
class SensesBatch:
    rows: Sequence[SensesRow]
    readings: Sequence[Reading]
    targets: Sequence[list[int]]


class SensesStage:
    """Trains ``senses.speech`` and ``senses.video``; expects ear and eye to be trained.

    Valid figures: the loss, then how often the slot folds to the key that voice and face show
    (rows whose key is not neutral).
    """

    name = "senses"

    def __init__(
        self,
        reasoner: Reasoner,
        senses: Senses,
        rows: tuple[Sequence[SensesRow], Sequence[SensesRow]],
        media: tuple[Media, Media],
        config: SensesTraining,
        seed: int = 0,
    ) -> None:
        self.reasoner, self.senses, self.config, self.seed = reasoner, senses, config, seed
        self.model: nn.Module = senses
        self.rows, self.media = rows, media
        reasoner.eval().requires_grad_(False)
        for encoder in (senses.ear, senses.eye):
            encoder.requires_grad_(False)
        lengths = [len(r.embedded) + len(r.target) for r in rows[0]]
        self.sampler = BucketSampler(lengths, config.batch_size, seed, pool_batches=8)

    def groups(self, lr: float) -> list[dict[str, Any]]:
        named = [p for p in self.senses.parameters() if p.requires_grad]
        matrices = [p for p in named if p.ndim >= 2]
        vectors = [p for p in named if p.ndim < 2]
        return [{"params": matrices, "lr": lr}, {"params": vectors, "lr": lr, "weight_decay": 0.0}]

    def batch(self, step: int) -> SensesBatch:
        rng = np.random.default_rng((self.seed, step))
        return self._with_media([self.rows[0][i] for i in self.sampler.batch(step)], 0, rng)

    def _with_media(
        self, rows: Sequence[SensesRow], part: int, rng: np.random.Generator
    ) -> SensesBatch:
        readings = [self.media[part].draw(row.key, rng) for row in rows]
        whole = self.config.whole
        targets = [r.target if rng.random() < whole else r.target[: r.label + 1] for r in rows]
        return SensesBatch(rows, readings, targets)

    def loss(self, batch: SensesBatch) -> dict[str, Tensor]:
        lm = self.reasoner.lm
        logits, ids, labels = self._read(batch)
        wanted = torch.stack([self._wanted(row) for row in batch.rows])
        emotions = list(lm.tokenizer.labels.emotions)
        at_label = logits[labels].float().log_softmax(-1)[:, emotions]
        label = -(wanted * at_label).sum(-1).mean()
        words = F.cross_entropy(logits[~labels].float(), ids[~labels])
        right = (FOLD[at_label.argmax(-1)] == torch.tensor([r.key for r in batch.rows])).float()
        felt = torch.tensor([row.key != NEUTRAL for row in batch.rows])
        total = label + words / self.config.label_weight
        if not torch.isfinite(total):
            raise EmpatheiaError("stage senses: the loss is no number; lower --set loop.lr")
        return {"loss": total, "label": label, "words": words, "right": right[felt].mean()}

    def _wanted(self, row: SensesRow) -> Tensor:
        wanted = wanted_label(row.evidence, row.key)
        if row.gold is None:
            return wanted
        gold = F.one_hot(torch.tensor(row.gold), len(EMOTIONS32)).float()
        return self.config.gold * gold + (1 - self.config.gold) * wanted

    def _read(self, batch: SensesBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Logits before each target token, the tokens, and which are the speaker's emotion."""
        lm = self.reasoner.lm
        media, _ = self.senses.tokens([[reading] for reading in batch.readings])
        evidence = torch.stack([row.evidence for row in batch.rows])
        told = self.reasoner.projector.told(self.senses.together(evidence, batch.readings))
        last = self.reasoner.projector.tokens  # the evidence is the last of the text's tokens
        before = [
            torch.cat([m, r.embedded[: last - 1], e[None], r.embedded[last:]])
            for m, e, r in zip(media, told, batch.rows, strict=True)
        ]
        width = max(map(len, before))
        prompt = torch.stack([F.pad(x, (0, 0, width - len(x), 0)) for x in before])
        lengths = torch.tensor([len(x) for x in before])
        mask = torch.arange(width) >= width - lengths[:, None]
        rows = [torch.tensor(ids) for ids in batch.targets]
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        real = torch.arange(ids.shape[1]) < torch.tensor([len(r) for r in rows])[:, None]
        states = lm.read(prompt, mask, lm.embed(ids), real)[:, :-1]
        labels = torch.zeros_like(real)
        labels[torch.arange(len(rows)), torch.tensor([r.label for r in batch.rows])] = True
        return lm.logits(states[real]), ids[real], labels[real]

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        rng = np.random.default_rng(self.seed)
        rows, size = self.rows[1], self.config.batch_size
        totals: dict[str, float] = {}
        for start in range(0, len(rows), size):
            batch = self._with_media(rows[start : start + size], 1, rng)
            for name, value in self.loss(batch).items():
                totals[name] = totals.get(name, 0.0) + float(value) * len(batch.rows)
        return {name: value / len(rows) for name, value in totals.items()}


def trust_of(evidence: Sequence[Tensor], keys: Sequence[int]) -> float:
    """How much a head's log-probabilities should count: what makes them likeliest on new people.

    Below 1 where a head is surer than it should be.
    """
    told, gold = torch.stack(list(evidence)), torch.tensor(keys)
    steps = [0.1 * n for n in range(1, 31)]
    costs = [float(F.cross_entropy(told * step, gold)) for step in steps]
    return steps[int(np.argmin(costs))]
