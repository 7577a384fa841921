"""Stage 1, ``coe``: chain of empathy and reply, L_emp (paper, Eq. 8), prompt masked.

Trains LoRA, the projector and the embeddings of the marks and labels; the rest stays as stage 0
and the text encoder left it. With ``lora_rank`` 0 the whole language model trains, which a small
one can afford and needs: it then also learns from the words before the reply (``context_weight``),
and with the numbers that its file will keep (``training.rounding``).

Where a chain was annotated the target is the whole chain; elsewhere it is the two labels, which
are known for every response: the speaker's from the dialogue, the listener's own from the
utterance head of the text encoder.

The target at the speaker's label is softened towards what the text readers say (a share of
``teacher``): a from-scratch model fits the training labels by heart within an epoch, and then
stops listening to the features that generalise (docs/experiments.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia import hub
from empatheia.data.empathetic import TextExample, examples, read_chains, read_dialogues
from empatheia.data.labels import EMOTIONS32
from empatheia.data.sampler import BucketSampler
from empatheia.data.tidy import tidy
from empatheia.encoders.ngrams import NgramClassifier
from empatheia.encoders.text import Pieces, TextEncoder
from empatheia.errors import InputError, MissingExtraError
from empatheia.files import digest_of
from empatheia.latents.projector import ProjectorConfig, QueryProjector
from empatheia.llm.causal import CausalLM
from empatheia.llm.factors import without_lora
from empatheia.llm.prompt import prompt_ids, target_ids
from empatheia.reasoner import Reasoner
from empatheia.training.coe_data import (
    common_context,
    drawn_profile,
    kept_feelings,
    ngram_reader,
    with_chains,
)
from empatheia.training.loop import LoopConfig, Report, run
from empatheia.training.rounding import in_layers, keep_rounded, round_in_use
from empatheia.training.taste import learn_taste
from empatheia.training.worn import draw, stock_replies, worn_replies

LORA_TARGETS = (
    "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    "gate_up_proj",  # GLM
    "q", "k", "v", "o", "wi_0", "wi_1", "wo",  # T5
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CoeConfig:
    batch_size: int = 32
    lora_rank: int = 64  # 0: the whole language model trains
    lora_alpha: int = 64
    lora_dropout: float = 0.05
    teacher: float = 0.7  # share of the readers' distribution in the label's target
    label_weight: float = 3.0
    context_weight: float = 0.0  # of a word of the dialogue so far, beside one of the target
    int4: bool = False  # the language model's matrices are kept in four bits a number
    annotated_copies: int = 3  # how often an annotated response comes in an epoch
    projector_lr: float = 1.0  # times the loop's rate
    ngram_terms: int = 45_000  # of the linear reader that are kept
    valid_share: int = 4  # every so-many-th response of valid is looked at
    worn_share: float = 0.002  # a reply that more train contexts than this would get is held back
    worn_contexts: int = 2000  # of train, to see that


@dataclass(frozen=True, slots=True)
class CoeRow:
    """One example in tokens."""

    pieces: tuple[list[int], list[int]]
    prompt: list[int]
    target: list[int]
    emotion: int
    ngram_logits: Tensor  # (32,), by a reader that has not seen this dialogue
    name: str


@dataclass(frozen=True, slots=True)
class CoeBatch:
    """Right-padded ids; ``start`` is the first target token of each row."""

    pieces: Pieces
    ids: Tensor  # (batch, token)
    real: Tensor  # (batch, token) bool
    target: Tensor  # (batch, token) bool: tokens that L_emp counts
    label: Tensor  # (batch,) place of the speaker's label token
    emotion: Tensor  # (batch,)
    ngram_logits: Tensor  # (batch, 32)
    names: tuple[str, ...]


def add_lora(model: nn.Module, config: CoeConfig) -> None:
    """Put LoRA beside every linear layer of the language model, in place."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise MissingExtraError("peft", "train") from error
    inject_adapter_in_model(
        LoraConfig(
            r=config.lora_rank,
            lora_alpha=config.lora_alpha,
            lora_dropout=config.lora_dropout,
            target_modules=list(LORA_TARGETS),
        ),
        model,
    )


def merge_lora(model: nn.Module) -> None:
    """Fold LoRA into the layers it stands beside and take it away, in place."""
    for _, layer in without_lora(model):
        layer.merge()


class CoeStage:
    """See the module's docstring. Valid figures: loss first, then accuracy at the label."""

    name = "coe"

    def __init__(
        self,
        model: Reasoner,
        train: Sequence[TextExample],
        valid: Sequence[TextExample],
        ngram_logits: tuple[Tensor, Tensor],
        config: CoeConfig,
        seed: int = 0,
        compiled: bool = True,
    ) -> None:
        self.model: nn.Module = model
        self.reasoner, self.config = model, config
        self.rows = [self._row(e, x) for e, x in zip(train, ngram_logits[0], strict=True)]
        self.valid_rows = [self._row(e, x) for e, x in zip(valid, ngram_logits[1], strict=True)]
        lengths = [len(row.prompt) + len(row.target) for row in self.rows]
        annotated = [bool(e.chain and e.chain.event_scenario) for e in train]
        copies = [config.annotated_copies if noted else 1 for noted in annotated]
        self._order = [i for i, n in enumerate(copies) for _ in range(n)]
        self.sampler = BucketSampler([lengths[i] for i in self._order], config.batch_size, seed)
        self._freeze()
        hidden = model.lm.hidden
        self._hidden = torch.compile(hidden, dynamic=True) if compiled else hidden

    def _row(self, example: TextExample, ngram_logits: Tensor) -> CoeRow:
        assert example.chain is not None
        tokenizer = self.reasoner.lm.tokenizer
        profile = drawn_profile(example.dialogue_id)
        whole = bool(example.chain.event_scenario)
        return CoeRow(
            self.reasoner.encoder.pieces_of_history(example.context),
            prompt_ids(tokenizer, example.context, profile),
            target_ids(tokenizer, example.chain, tidy(example.response), whole),
            EMOTIONS32.index(example.emotion),
            ngram_logits,
            example.name,
        )

    def _freeze(self) -> None:
        """Only LoRA, the projector and the rows of new tokens are left to train; or the whole."""
        lm = self.reasoner.lm
        whole = self.config.lora_rank == 0
        for name, parameter in self.model.named_parameters():
            own = "lora_" in name or name.startswith("projector.")
            parameter.requires_grad = own or (whole and name.startswith("lm."))
        table = lm.lm.get_input_embeddings().weight
        table.requires_grad = True
        self._table = table
        if whole:
            return
        new = torch.zeros(table.shape[0], 1)
        new[sorted(lm.tokenizer.special)] = 1.0
        table.register_hook(lambda grad: grad * new)

    def groups(self, lr: float) -> list[dict[str, Any]]:
        named = [(n, p) for n, p in self.model.named_parameters() if p.requires_grad]
        projector = [p for n, p in named if n.startswith("projector.")]
        inside = [p for n, p in named if n.startswith("lm.") and p is not self._table]
        return [
            {"params": [p for p in inside if p.ndim >= 2], "lr": lr},
            {"params": [p for p in inside if p.ndim < 2], "lr": lr, "weight_decay": 0.0},
            {"params": projector, "lr": lr * self.config.projector_lr},
            {"params": [self._table], "lr": lr, "weight_decay": 0.0},
        ]

    def _collate(self, rows: Sequence[CoeRow]) -> CoeBatch:
        width = -(-max(len(row.prompt) + len(row.target) for row in rows) // 16) * 16
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        real = torch.zeros(len(rows), width, dtype=torch.bool)
        target = torch.zeros_like(real)
        label = torch.zeros(len(rows), dtype=torch.long)
        emotions = set(self.reasoner.lm.tokenizer.labels.emotions)
        for i, row in enumerate(rows):
            start, whole = len(row.prompt), len(row.prompt) + len(row.target)
            ids[i, :whole] = torch.tensor(row.prompt + row.target)
            real[i, :whole] = True
            target[i, start:whole] = True
            label[i] = start + next(j for j, t in enumerate(row.target) if t in emotions)
        return CoeBatch(
            self.reasoner.encoder.collate([row.pieces for row in rows]),
            ids,
            real,
            target,
            label,
            torch.tensor([row.emotion for row in rows]),
            torch.stack([row.ngram_logits for row in rows]),
            tuple(row.name for row in rows),
        )

    def batch(self, step: int) -> CoeBatch:
        return self._collate([self.rows[self._order[i]] for i in self.sampler.batch(step)])

    def _states(self, batch: CoeBatch) -> tuple[Tensor, Tensor]:
        """Hidden state before each token of ``ids``, and the evidence on the emotion."""
        reasoner = self.reasoner
        with torch.no_grad():
            reasoner.encoder.eval()
            found = reasoner.encoder(batch.pieces)
            evidence = reasoner.evidence(found, batch.ngram_logits)
        tokens = reasoner.projector(found.states, found.mask, found.pooled, evidence)
        words = reasoner.lm.embed(batch.ids)
        embedded = torch.cat([tokens.to(words.dtype), words], 1)
        ahead = torch.ones(tokens.shape[:2], dtype=torch.bool)
        hidden = self._hidden(embedded, torch.cat([ahead, batch.real], 1))
        first = tokens.shape[1] - 1
        return hidden[:, first : first + batch.ids.shape[1]], evidence

    def loss(self, batch: CoeBatch) -> dict[str, Tensor]:
        hidden, evidence = self._states(batch)
        rows = torch.arange(len(batch.label))
        plain = batch.target.clone()
        plain[rows, batch.label] = False
        words = F.cross_entropy(
            self.reasoner.lm.logits(hidden[plain]).float(), batch.ids[plain], reduction="sum"
        )
        label, accuracy = self._label_loss(hidden[rows, batch.label], evidence, batch.emotion)
        count = plain.sum() + self.config.label_weight * len(rows)
        total = (words + self.config.label_weight * label * len(rows)) / count
        if self.config.context_weight and self.model.training:
            total = total + self.config.context_weight * self._context_loss(hidden, batch)
        return {
            "loss": total,
            "words": words / plain.sum(),
            "label": label,
            "accuracy": accuracy,
        }

    def _context_loss(self, hidden: Tensor, batch: CoeBatch) -> Tensor:
        """Cross-entropy of the dialogue's own words, each after those before it."""
        said = batch.real & ~batch.target
        said[:, 0] = False  # the first token has only the features before it
        return F.cross_entropy(self.reasoner.lm.logits(hidden[said]).float(), batch.ids[said])

    def _label_loss(
        self, hidden: Tensor, evidence: Tensor, emotion: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropy with the softened label over the whole vocabulary, and accuracy."""
        logits = self.reasoner.lm.logits(hidden).float()
        logp = logits.log_softmax(-1)[:, list(self.reasoner.lm.tokenizer.labels.emotions)]
        gold = F.one_hot(emotion, len(EMOTIONS32)).float()
        target = (1 - self.config.teacher) * gold + self.config.teacher * evidence.exp()
        accuracy = (logp.argmax(-1) == emotion).float().mean()
        return -(target * logp).sum(-1).mean(), accuracy

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        totals = {"loss": 0.0, "words": 0.0, "accuracy": 0.0, "evidence_accuracy": 0.0}
        order = sorted(range(len(self.valid_rows)), key=lambda i: len(self.valid_rows[i].prompt))
        for start in range(0, len(order), 64):
            batch = self._collate([self.valid_rows[i] for i in order[start : start + 64]])
            with torch.autocast("cpu", dtype=torch.bfloat16):
                losses = self.loss(batch)
                found = self.reasoner.encoder(batch.pieces)
                guess = self.reasoner.evidence(found, batch.ngram_logits).argmax(-1)
            for name in ("loss", "words", "accuracy"):
                totals[name] += float(losses[name]) * len(batch.ids)
            totals["evidence_accuracy"] += float((guess == batch.emotion).sum())
        return {name: value / len(order) for name, value in totals.items()}


def load_parts(text: Path, base: Path, ngrams: NgramClassifier) -> Reasoner:
    """A reasoner from the files of stages ``text`` and ``base``, with a fresh projector."""
    text_weights, base_weights = hub.load(text), hub.load(base)
    encoder = TextEncoder.from_meta(dict(text_weights.meta))
    encoder.load_state_dict(dict(text_weights.tensors))
    lm = CausalLM.from_meta(dict(base_weights.meta))
    lm.load_state_dict(dict(base_weights.tensors))
    wanted = ProjectorConfig(encoder.config.dim, lm.config.dim, evidence=len(EMOTIONS32))
    projector = QueryProjector(wanted)
    labels = lm.lm.get_input_embeddings().weight[list(lm.tokenizer.labels.emotions)]
    projector.spell_evidence(labels.detach())
    return Reasoner(encoder, ngrams, projector, lm)


def hold_back_worn(reasoner: Reasoner, found: Sequence[TextExample], config: CoeConfig) -> None:
    """Add to the stock what the trained model would say to too many, in place."""
    part = found[:: max(1, len(found) // max(1, config.worn_contexts))]
    listeners = [drawn_profile(e.dialogue_id) for e in part]
    drawn = draw(reasoner.eval(), part, listeners)
    known = frozenset(reasoner.stock.tolist())
    worn = worn_replies(drawn, int(config.worn_share * len(part)), known=known)
    reasoner.stock = torch.tensor(sorted(known | worn), dtype=torch.long)


def train_coe(
    data: Path,
    text: Path,
    base: Path,
    out: Path,
    loop: LoopConfig,
    config: CoeConfig | None = None,
    resume: bool = False,
    report: Report | None = None,
) -> dict[str, float]:
    """Train stage 1 from the files of ``text`` and ``base``.

    Writes ``out/reasoner.safetensors``, LoRA merged. Raises InputError where data is missing.
    """
    for name in ("empathetic_dialogues", "chain_of_empathy"):
        if not (data / name / "train.jsonl").is_file():
            raise InputError(f"no {name}/train.jsonl in {data}; --data must hold it")
    config = config or CoeConfig()
    torch.manual_seed(loop.seed)
    folder = data / "empathetic_dialogues"
    split = [examples(read_dialogues(folder / f"{name}.jsonl")) for name in ("train", "valid")]
    ngrams, ngram_logits = ngram_reader(split[0], split[1], out, config.ngram_terms)
    reasoner = load_parts(text, base, ngrams)
    chains = read_chains(data / "chain_of_empathy" / "train.jsonl")
    digest = digest_of(text)
    feels = [
        kept_feelings(reasoner.encoder, found, out / f"feelings-{digest}-{name}.json")
        for name, found in zip(("train", "valid"), split, strict=True)
    ]
    sets = [with_chains(found, chains, felt) for found, felt in zip(split, feels, strict=True)]
    reasoner.common_context.copy_(common_context(reasoner.encoder, sets[0]))
    reasoner.stock = stock_replies(sets[0])
    if config.lora_rank:
        add_lora(reasoner.lm.lm, config)
    if config.int4:
        round_in_use(reasoner.lm.lm)
    part = slice(None, None, config.valid_share)
    logits = (ngram_logits[0], ngram_logits[1][part])
    stage = CoeStage(reasoner, sets[0], sets[1][part], logits, config, loop.seed)
    about = {
        "data": digest_of(folder / "train.jsonl"),
        "start": {"text": digest, "base": digest_of(base)},
        "recipe": asdict(config),
    }
    figures = run(stage, loop, out, resume, report, about)
    keep_rounded(reasoner.lm.lm)
    if config.lora_rank:
        merge_lora(reasoner.lm.lm)
    reasoner.eval().set_taste(learn_taste(reasoner, [*sets[0], *sets[1]]))
    hold_back_worn(reasoner, sets[0], config)
    meta = reasoner.meta() | {"valid": figures}
    chosen = in_layers if config.int4 else None
    hub.save(out / "reasoner.safetensors", reasoner.state_dict(), meta, int8=True, int4=chosen)
    return figures
