"""Two text baselines of the field, from scratch: Multi-TRS and MoEL (Lin et al. 2019).

Multi-TRS: a transformer reads the dialogue and writes the reply; the first state also names the
emotion. MoEL: 32 decoders ("listeners"), one an emotion, write beside a shared one; the named
emotions weigh them, and a last layer says the words. Words of the training set, no pretraining.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.data.empathetic import TextExample
from empatheia.data.labels import EMOTIONS32
from empatheia.data.sampler import BucketSampler
from empatheia.types import Turn

if TYPE_CHECKING:
    from jaxtyping import Float, Int

PAD, UNKNOWN, START, END, READ = range(5)
SPECIAL: Final = ("<pad>", "<unk>", "<s>", "</s>", "<read>")
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[^\sa-z0-9]")


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("’", "'"))


@dataclass(frozen=True, slots=True)
class ListenerConfig:
    """Sizes as released with MoEL (300-d, one layer, two heads)."""

    kind: Literal["multi-trs", "moel"] = "multi-trs"
    dim: int = 300
    heads: int = 2
    layers: int = 1
    hidden: int = 300
    experts: int = 5  # of 32, that are asked for one reply (MoEL)
    dropout: float = 0.1
    longest: int = 160  # words of a context; earlier ones are cut
    reply: int = 30  # words that are written at most


class Words:
    """Numbers of words; words seen once are unknown."""

    def __init__(self, terms: Sequence[str]) -> None:
        self.terms = (*SPECIAL, *terms)
        self._number = {term: i for i, term in enumerate(self.terms)}

    @classmethod
    def of(cls, examples: Sequence[TextExample], least: int = 2) -> Words:
        texts = {t.text for e in examples for t in e.context} | {e.response for e in examples}
        counts = Counter(w for text in texts for w in words(text))
        return cls(sorted(w for w, n in counts.items() if n >= least))

    def encode(self, text: str) -> list[int]:
        return [self._number.get(w, UNKNOWN) for w in words(text)]

    def decode(self, ids: Sequence[int]) -> str:
        """Words with spaces, signs close to the word before."""
        text = " ".join(self.terms[i] for i in ids if i >= len(SPECIAL))
        return re.sub(r" ([.,!?;:])", r"\1", text)

    def context(self, turns: Sequence[Turn], longest: int) -> tuple[list[int], list[int]]:
        """(words after the reading mark, 0 speaker or 1 listener)."""
        ids, roles = [], []
        for turn in turns:
            found = self.encode(turn.text)
            ids += found
            roles += [int(turn.role == "listener")] * len(found)
        return [READ, *ids[-longest:]], [0, *roles[-longest:]]


def _positions(length: int, dim: int) -> Float[Tensor, "length dim"]:
    """Sines and cosines (Vaswani et al. 2017)."""
    rate = torch.exp(-math.log(10_000.0) * torch.arange(0, dim, 2) / dim)
    angle = torch.arange(length)[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], 1)[:, :dim]


class Listener(nn.Module):
    """Either baseline, by ``config.kind``."""

    def __init__(self, vocabulary: int, config: ListenerConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.embed = nn.Embedding(vocabulary, c.dim, padding_idx=PAD)
        self.role = nn.Embedding(2, c.dim)
        sizes = (c.dim, c.heads, c.hidden, c.dropout)
        layer = nn.TransformerEncoderLayer(*sizes, batch_first=True)
        self.reader = nn.TransformerEncoder(layer, c.layers, enable_nested_tensor=False)
        self.emotion = nn.Linear(c.dim, len(EMOTIONS32))

        def writer() -> nn.TransformerDecoder:
            one = nn.TransformerDecoderLayer(*sizes, batch_first=True)
            return nn.TransformerDecoder(one, c.layers)

        self.writer = writer()
        count = len(EMOTIONS32) if c.kind == "moel" else 0
        self.listeners = nn.ModuleList(writer() for _ in range(count))
        self.meta = writer() if count else None
        nn.init.normal_(self.embed.weight, std=c.dim**-0.5)

    def read(
        self, ids: Int[Tensor, "batch word"], roles: Int[Tensor, "batch word"]
    ) -> tuple[Float[Tensor, "batch word dim"], Float[Tensor, "batch emotion"]]:
        """States of the context and emotion logits from its first one."""
        x = self._embedded(ids) + self.role(roles)
        states = self.reader(x, src_key_padding_mask=ids == PAD)
        return states, self.emotion(states[:, 0])

    def write(
        self,
        said: Int[Tensor, "batch reply"],
        states: Tensor,
        gaps: Tensor,
        emotions: Float[Tensor, "batch emotion"],
    ) -> Float[Tensor, "batch reply dim"]:
        """States from which ``name`` tells the next word. ``emotions`` weighs the listeners."""
        x = self._embedded(said)
        length = said.shape[1]
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        masks = {"tgt_mask": later, "memory_key_padding_mask": gaps}
        out = self.writer(x, states, **masks)
        if self.meta is not None:
            out = out + self._listened(x, states, later, gaps, emotions)
            out = self.meta(out, states, **masks)
        return out

    def name(self, states: Float[Tensor, "*place dim"]) -> Float[Tensor, "*place vocabulary"]:
        """Logits of words: most of a step's time, so asked only where they are needed."""
        return states @ self.embed.weight.T

    def _listened(
        self, x: Tensor, states: Tensor, later: Tensor, gaps: Tensor, emotions: Tensor
    ) -> Tensor:
        """Weighted sum of the likeliest listeners; others are not run."""
        best = emotions.topk(min(self.config.experts, emotions.shape[1]), 1)
        weights = torch.zeros_like(emotions).scatter(1, best.indices, best.values)
        out = torch.zeros_like(x)
        for number, listener in enumerate(self.listeners):
            rows = weights[:, number].nonzero()[:, 0]
            if len(rows):
                told = listener(
                    x[rows], states[rows], tgt_mask=later, memory_key_padding_mask=gaps[rows]
                )
                out = out.index_add(0, rows, told * weights[rows, number][:, None, None])
        return out

    def _embedded(self, ids: Tensor) -> Tensor:
        scale = math.sqrt(self.config.dim)
        return self.embed(ids) * scale + _positions(ids.shape[1], self.config.dim)

    @torch.inference_mode()
    def reply(self, ids: Tensor, roles: Tensor) -> tuple[list[list[int]], Tensor]:
        """Greedy words for each context, and emotion logits."""
        states, logits = self.read(ids, roles)
        said = torch.full((len(ids), 1), START)
        ended = torch.zeros(len(ids), dtype=torch.bool)
        for _ in range(self.config.reply):
            last = self.write(said, states, ids == PAD, logits.softmax(-1))[:, -1]
            following = self.name(last)
            following[:, [PAD, UNKNOWN, START, READ]] = -torch.inf
            word = following.argmax(-1).masked_fill(ended, PAD)
            ended |= word == END
            said = torch.cat([said, word[:, None]], 1)
            if ended.all():
                break
        rows = [row.tolist() for row in said[:, 1:]]
        return [row[: row.index(END)] if END in row else row for row in rows], logits


@dataclass(frozen=True, slots=True)
class ListenerBatch:
    ids: Tensor
    roles: Tensor
    said: Tensor  # reply with both marks
    emotions: Tensor
    sure: float  # chance that MoEL's listeners are weighed by the gold label


class ListenerStage:
    """Next words and the emotion, both by cross-entropy (their sum).

    MoEL's listeners first hear the gold label and ever more often the named emotions; ``fade`` is
    the step at which a third of the gold labels is left (10,000 in the release).
    """

    def __init__(
        self,
        model: Listener,
        vocabulary: Words,
        train: Sequence[TextExample],
        valid: Sequence[TextExample],
        batch_size: int = 16,
        seed: int = 0,
        fade: float = 10_000.0,
    ) -> None:
        self.name: str = model.config.kind
        self.model: nn.Module = model
        self.net = model
        self.words = vocabulary
        self.train, self.valid = train, valid
        self.batch_size, self.fade = batch_size, fade
        lengths = [sum(len(t.text) for t in e.context) for e in train]
        self.sampler = BucketSampler(lengths, batch_size, seed)

    def groups(self, lr: float) -> list[dict[str, Any]]:
        return [{"params": list(self.model.parameters()), "lr": lr}]

    def batch(self, step: int) -> ListenerBatch:
        rows = [self.train[i] for i in self.sampler.batch(step)]
        return self.collate(rows, 0.001 + 0.999 * math.exp(-step / self.fade))

    def collate(self, rows: Sequence[TextExample], sure: float = 0.0) -> ListenerBatch:
        ids, roles = contexts(self.words, [e.context for e in rows], self.net.config.longest)
        longest = self.net.config.reply
        said = [[START, *self.words.encode(e.response)[:longest], END] for e in rows]
        emotions = torch.tensor([EMOTIONS32.index(e.emotion) for e in rows])
        return ListenerBatch(ids, roles, padded(said), emotions, sure)

    def loss(self, batch: ListenerBatch) -> dict[str, Tensor]:
        states, logits = self.net.read(batch.ids, batch.roles)
        weights = logits.softmax(-1)
        if self.net.training:
            label = F.one_hot(batch.emotions, len(EMOTIONS32)).to(weights.dtype)
            weights = torch.where(torch.rand(len(label), 1) < batch.sure, label, weights)
        told = self.net.write(batch.said[:, :-1], states, batch.ids == PAD, weights)
        gold = batch.said[:, 1:]
        real = gold != PAD
        word = F.cross_entropy(self.net.name(told[real]).float(), gold[real])
        emotion = F.cross_entropy(logits.float(), batch.emotions)
        return {"loss": word + emotion, "word": word, "emotion": emotion}

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        total, right, count = 0.0, 0, 0
        for start in range(0, len(self.valid), 64):
            batch = self.collate(self.valid[start : start + 64])
            parts = self.loss(batch)
            logits = self.net.read(batch.ids, batch.roles)[1]
            right += int((logits.argmax(-1) == batch.emotions).sum())
            total += float(parts["loss"]) * len(batch.ids)
            count += len(batch.ids)
        return {"loss": total / count, "accuracy": 100 * right / count}


def padded(rows: Sequence[Sequence[int]]) -> Int[Tensor, "row word"]:
    width = max(map(len, rows))
    return torch.tensor([[*row, *[PAD] * (width - len(row))] for row in rows])


def contexts(
    vocabulary: Words, histories: Sequence[Sequence[Turn]], longest: int
) -> tuple[Tensor, Tensor]:
    rows = [vocabulary.context(turns, longest) for turns in histories]
    return padded([ids for ids, _ in rows]), padded([roles for _, roles in rows])


def meta(vocabulary: Words, config: ListenerConfig) -> dict[str, Any]:
    """For the weight file."""
    return {"config": asdict(config), "terms": "\n".join(vocabulary.terms[len(SPECIAL) :])}


def from_meta(values: Mapping[str, Any]) -> tuple[Listener, Words]:
    terms = str(values["terms"])
    vocabulary = Words(terms.split("\n") if terms else [])
    return Listener(len(vocabulary.terms), ListenerConfig(**values["config"])), vocabulary
