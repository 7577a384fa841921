"""The critic learns to tell what a person answered from what the language model would have.

First the model answers some of the training dialogues (``draw``); then, for each dialogue, the
person's reply stands beside the model's and beside a person's reply that belongs elsewhere, and a
softmax over the scores has to find it. Only low-rank factors and the head train; the text encoder
stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.data.empathetic import TextExample, examples, read_dialogues
from empatheia.data.sampler import BucketSampler
from empatheia.data.tidy import normal_form, tidy
from empatheia.encoders.critic import Critic, CriticConfig
from empatheia.encoders.text import Pieces
from empatheia.errors import InputError, MissingExtraError
from empatheia.llm.decoding import Sampling, sample_replies
from empatheia.reasoner import Reasoner, Request, presentable
from empatheia.training.coe import drawn_profile
from empatheia.training.loop import LoopConfig, Report, run

LORA_TARGETS = ("query", "key", "value", "dense")
_CHUNK = 1024  # dialogues that are drawn between two writes
_BATCH = 64


@dataclass(frozen=True, slots=True)
class CriticStageConfig:
    contexts: int = 12_288  # of training that the language model answers
    valid_contexts: int = 512
    drawn: int = 3  # replies of the model for each
    temperature: float = 0.8
    batch_size: int = 16
    dropout: float = 0.05
    scale: float = 4.0  # of the low-rank product
    model: CriticConfig = field(default_factory=CriticConfig)


@dataclass(frozen=True, slots=True)
class Choices:
    """One dialogue with replies to choose from, the right one first."""

    example: TextExample
    replies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CriticBatch:
    pieces: Pieces
    answer: Tensor  # (row, piece) bool
    group: Tensor  # (row,) whose dialogue a row is
    place: Tensor  # (row,) which of its replies; 0 is the person's
    ids: tuple[str, ...]


def draw(
    reasoner: Reasoner, found: Sequence[TextExample], config: CriticStageConfig, path: Path
) -> list[list[str]]:
    """Replies of ``reasoner`` to each context; kept in ``path`` and gone on with from there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    whole = len(kept) // _CHUNK * _CHUNK if len(kept) < len(found) else len(found)
    drawn = [json.loads(line) for line in kept[:whole]]
    sampling = Sampling(config.drawn, config.temperature)
    for start in range(whole, len(found), _CHUNK):
        part = found[start : start + _CHUNK]
        drawn += _answers(reasoner, part, sampling, start)
        temporary = path.with_name(path.name + ".part")
        temporary.write_text("".join(json.dumps(row) + "\n" for row in drawn), encoding="utf-8")
        temporary.replace(path)
    return drawn


@torch.inference_mode()
def _answers(
    reasoner: Reasoner, found: Sequence[TextExample], sampling: Sampling, first: int
) -> list[list[str]]:
    order = sorted(range(len(found)), key=lambda i: sum(len(t.text) for t in found[i].context))
    out: list[list[str]] = [[] for _ in found]
    for start in range(0, len(order), _BATCH):
        rows = order[start : start + _BATCH]
        seeds = [first + i for i in rows]
        thinking = reasoner.think(
            [Request(found[i].context, drawn_profile(found[i].dialogue_id), {}, seed)
             for i, seed in zip(rows, seeds, strict=True)]
        )  # fmt: skip
        for i, drafts in zip(
            rows, sample_replies(reasoner.lm, thinking.state, sampling, seeds), strict=True
        ):
            texts = (reasoner.lm.tokenizer.decode(d.ids) for d in drafts if d.finished)
            out[i] = [text for text in dict.fromkeys(texts) if presentable(text)]
    return out


def choices(
    found: Sequence[TextExample],
    drawn: Sequence[Sequence[str]],
    others: Sequence[TextExample],
    seed: int = 0,
) -> list[Choices]:
    """A person's reply, the model's and one that a person gave elsewhere, for each dialogue.

    Elsewhere is another turn of the same dialogue or a dialogue of the same emotion. Dialogues
    whose own reply the model would not be allowed to give are left out: they would only teach what
    a slip looks like.
    """
    rng = np.random.default_rng(seed)
    by_emotion: dict[str, list[str]] = {}
    by_dialogue: dict[str, list[str]] = {}
    for other in others:
        text = tidy(other.response)
        if presentable(text):
            by_emotion.setdefault(other.emotion, []).append(text)
            by_dialogue.setdefault(other.dialogue_id, []).append(text)
    out = []
    for example, texts in zip(found, drawn, strict=True):
        right = tidy(example.response)
        same = [t for t in by_dialogue.get(example.dialogue_id, ()) if t != right]
        pool = same if same and rng.random() < 0.5 else by_emotion.get(example.emotion, [])
        wrong = [*texts, pool[int(rng.integers(len(pool)))]] if pool else list(texts)
        form = normal_form(right)
        wrong = [text for text in dict.fromkeys(wrong) if normal_form(text) != form]
        if wrong and presentable(right):
            out.append(Choices(example, (right, *wrong)))
    return out


class CriticStage:
    """See the module's docstring. Valid: how often the person's reply is not found, and the loss."""

    name = "critic"

    def __init__(
        self,
        model: Critic,
        train: Sequence[Choices],
        valid: Sequence[Choices],
        config: CriticStageConfig,
        seed: int = 0,
    ) -> None:
        try:
            from peft import LoraConfig, inject_adapter_in_model
        except ImportError as error:
            raise MissingExtraError("peft", "train") from error
        self.model: nn.Module = model
        self.critic, self.train, self.valid = model, train, valid
        rank = config.model.rank
        inject_adapter_in_model(
            LoraConfig(
                r=rank,
                lora_alpha=round(config.scale * rank),
                lora_dropout=config.dropout,
                target_modules=list(LORA_TARGETS),
            ),
            model.bert,
        )
        for name, parameter in model.named_parameters():
            parameter.requires_grad = "lora_" in name or name.startswith("head.")
        lengths = [sum(len(t.text) for t in c.example.context) for c in train]
        self.sampler = BucketSampler(lengths, config.batch_size, seed)
        self._size = config.batch_size

    def groups(self, lr: float) -> list[dict[str, Any]]:
        return [{"params": [p for p in self.model.parameters() if p.requires_grad], "lr": lr}]

    def batch(self, step: int) -> CriticBatch:
        return self._collate([self.train[i] for i in self.sampler.batch(step)])

    def _collate(self, rows: Sequence[Choices]) -> CriticBatch:
        flat = [(i, j, c, text) for i, c in enumerate(rows) for j, text in enumerate(c.replies)]
        pieces, answer = self.critic.collate(
            [self.critic.pieces(c.example.context, text) for _, _, c, text in flat]
        )
        return CriticBatch(
            pieces,
            answer,
            torch.tensor([i for i, *_ in flat]),
            torch.tensor([j for _, j, *_ in flat]),
            tuple(c.example.dialogue_id for c in rows),
        )

    def loss(self, batch: CriticBatch) -> dict[str, Tensor]:
        scores = self.critic(batch.pieces, batch.answer)
        width = int(batch.place.max()) + 1
        table = scores.new_full((len(batch.ids), width), -torch.inf)
        table = table.index_put((batch.group, batch.place), scores)
        right = torch.zeros(len(batch.ids), dtype=torch.long)
        found = (table.argmax(-1) == right).float().mean()
        return {"loss": F.cross_entropy(table, right), "found": found}

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        totals = {"found": 0.0, "loss": 0.0}
        for start in range(0, len(self.valid), self._size):
            rows = self.valid[start : start + self._size]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                parts = self.loss(self._collate(rows))
            for name in totals:
                totals[name] += float(parts[name]) * len(rows)
        found, loss = (100 * totals["found"] / len(self.valid), totals["loss"] / len(self.valid))
        return {"missed": 100 - found, "loss": loss}


def low_rank_of(critic: Critic) -> dict[str, tuple[Tensor, Tensor]]:
    """Factors (rank, inputs), (rank, outputs) of each trained matrix, the scale in the second."""
    from peft.tuners.lora import LoraLayer

    out = {}
    for name, module in critic.bert.named_modules():
        if isinstance(module, LoraLayer):
            low, high = module.lora_A["default"].weight, module.lora_B["default"].weight
            out[f"{name}.weight"] = (low, high.T * module.scaling["default"])
    return out


def train_critic(
    data: Path,
    reasoner: Reasoner,
    out: Path,
    loop: LoopConfig,
    config: CriticStageConfig | None = None,
    resume: bool = False,
    report: Report | None = None,
) -> dict[str, float]:
    """Let ``reasoner`` answer, then train; writes ``out/critic.safetensors``.

    Raises InputError where data is missing.
    """
    folder = data / "empathetic_dialogues"
    if not (folder / "train.jsonl").is_file():
        raise InputError(f"no empathetic_dialogues/train.jsonl in {data}; --data must hold it")
    config = config or CriticStageConfig()
    torch.manual_seed(loop.seed)
    reasoner.halve()
    sets = []
    for name, count in (("train", config.contexts), ("valid", config.valid_contexts)):
        whole = examples(read_dialogues(folder / f"{name}.jsonl"))
        picked = np.random.default_rng(loop.seed).permutation(len(whole))[:count]
        found = [whole[int(i)] for i in picked]
        drawn = draw(reasoner, found, config, out / f"drawn-{name}.jsonl")
        sets.append(choices(found, drawn, whole, loop.seed))
    critic = Critic(reasoner.encoder, config.model)
    stage = CriticStage(critic, sets[0], sets[1], config, loop.seed)
    figures = run(stage, loop, out, resume, report)
    critic.save(out / "critic.safetensors", low_rank_of(critic), valid=figures)
    return figures
