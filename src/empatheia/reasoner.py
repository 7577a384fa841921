"""The part that understands and writes: text readers, projector and language model together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.data.tidy import asked, fingerprint
from empatheia.encoders.ngrams import NgramClassifier
from empatheia.encoders.text import TextEncoder, TextFeatures
from empatheia.latents.projector import ProjectorConfig, QueryProjector
from empatheia.latents.senses import joined
from empatheia.llm.causal import CausalLM
from empatheia.llm.chains import DecodedChain, decode_chains
from empatheia.llm.decoding import Candidate, Sampling, sample_replies, score_replies
from empatheia.llm.prompt import prompt_ids
from empatheia.llm.ranking import Choice, Ranking, asks_in_vain
from empatheia.llm.state import State, prefill
from empatheia.llm.tokenizer import REPLY
from empatheia.nn.int8 import in_int8
from empatheia.nn.rows import bert_by_rows, llama_by_rows
from empatheia.types import ChainOfEmpathy, Profile, Turn

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

    from empatheia.senses import Reading, Senses


FIT_BATCH = 64  # replies that are read at once; more do not fit in a cache
NGRAM_SHARE = 0.5  # of the n-gram reader in the evidence (tuned on valid)


@dataclass(frozen=True, slots=True)
class Request:
    """What a reply is wanted to. ``turns`` ends with the speaker's."""

    turns: Sequence[Turn]
    profile: Profile
    forced: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Thought:
    """The chain of one request with the two label distributions, by name."""

    chain: ChainOfEmpathy
    emotions: Mapping[str, float]
    feels: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What stands before the chain, padded on the left, and what was read on the way."""

    embedded: Float[Tensor, "batch token dim"]
    mask: Bool[Tensor, "batch token"]
    pooled: Float[Tensor, "batch dim"]
    evidence: Float[Tensor, "batch emotion"]
    readings: Sequence[Sequence[Reading]] | None


@dataclass(slots=True)
class Thinking:
    """A batch of requests whose chains are decoded and whose replies can be written."""

    requests: Sequence[Request]
    thoughts: list[Thought]
    state: State
    pooled: Float[Tensor, "batch dim"]
    evidence: Float[Tensor, "batch emotion"]
    readings: Sequence[Sequence[Reading]] | None


class Reasoner(nn.Module):
    """Dialogue in, chain of empathy and reply out."""

    common_context: Tensor
    stock: Tensor
    taste: Tensor
    senses: Senses | None
    light: ClassVar[bool] = True  # so small that each core may have one

    def __init__(
        self,
        encoder: TextEncoder,
        ngrams: NgramClassifier,
        projector: QueryProjector,
        lm: CausalLM,
        stock: int = 0,
        taste: int = 0,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.ngrams = ngrams
        self.projector = projector
        self.lm = lm
        self.senses = None
        self.register_buffer("common_context", torch.zeros(encoder.config.match_dim))
        self.register_buffer("stock", torch.zeros(stock, dtype=torch.long))
        self.set_taste(torch.zeros(taste))

    def set_taste(self, taste: Float[Tensor, " dim"]) -> None:
        """What to look for in a state at a reply (``training.verdicts``); empty where unknown."""
        self.register_buffer("taste", taste, persistent=bool(len(taste)))

    def lighten(self) -> str:
        """Let it compute with fewer bits where the CPU does that natively; says with which numbers.

        For large batches; a single reply gains little. Linear layers of the language model and of
        the text encoder multiply bytes (``int8``), the rest is ``bfloat16``. What is said changes
        a little (docs/speed.md). It cannot be trained any more. One that is not ``light`` stays
        ``bfloat16``.
        """
        ask = getattr(torch.cpu, "get_capabilities", None)  # older versions cannot say
        can: dict[str, object] = ask() if ask else {}
        if not (can.get("avx512_bf16") or can.get("amx_bf16")):
            return "float32"
        self.lm.lm.to(torch.bfloat16)
        if not (self.light and can.get("avx512_vnni")):
            return "bfloat16"
        in_int8(self.lm.lm.model.layers)
        llama_by_rows(self.lm.lm.model.layers)
        in_int8(self.encoder.bert.encoder)
        bert_by_rows(self.encoder.bert.encoder.layer)
        return "int8"

    def _reading(self) -> torch.autocast:
        """In which the text encoder computes as the language model does."""
        halved = self.lm.lm.dtype == torch.bfloat16
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=halved)

    def prompt(
        self,
        requests: Sequence[Request],
        readings: Sequence[Sequence[Reading]] | None = None,
        ngram_logits: Tensor | None = None,
        bare: bool = False,
    ) -> Prompt:
        """Tokens of sound and pictures (where there are senses), of the text, then the words.

        ``readings`` and ``ngram_logits`` are given in training, where they were extracted before.
        ``bare`` ends with ``<reply>``: no chain will follow.
        """
        histories = [r.turns for r in requests]
        with torch.no_grad():
            pieces = self.encoder.collate([self.encoder.pieces_of_history(h) for h in histories])
            with self._reading():
                found = self.encoder(pieces)
            told = self.ngrams(histories) if ngram_logits is None else ngram_logits
            evidence = self.evidence(found, told)
        shown = evidence
        if self.senses is not None:
            readings = readings or [self.senses.readings(h) for h in histories]
            shown = self.senses.together(evidence, [row[-1] for row in readings])
        tokens = self.projector(found.states, found.mask, found.pooled, shown)
        ids = [prompt_ids(self.lm.tokenizer, r.turns, r.profile) for r in requests]
        tail = [self.lm.tokenizer.id(REPLY)] if bare else []
        words = [self.lm.embed(torch.tensor([row + tail]))[0] for row in ids]
        rows = [torch.cat([t.to(w.dtype), w]) for t, w in zip(tokens, words, strict=True)]
        if self.senses is not None:
            assert readings is not None
            media, real = self.senses.tokens(readings)
            rows = [
                torch.cat([m[k].to(r.dtype), r]) for m, k, r in zip(media, real, rows, strict=True)
            ]
        return Prompt(*joined(rows), found.pooled, evidence, readings)

    def evidence(
        self, found: TextFeatures, ngram_logits: Float[Tensor, "batch emotion"]
    ) -> Float[Tensor, "batch emotion"]:
        """Log-probabilities of the speaker's emotion: network and n-grams, averaged as logs."""
        network = self.encoder.emotion(found.pooled).float().log_softmax(-1)
        linear = ngram_logits.log_softmax(-1)
        mixed = (1 - NGRAM_SHARE) * network + NGRAM_SHARE * linear
        return mixed.log_softmax(-1).clamp(min=-12)

    @torch.inference_mode()
    def think(
        self,
        requests: Sequence[Request],
        readings: Sequence[Sequence[Reading]] | None = None,
    ) -> Thinking:
        """Chains of a batch of requests; ``readings`` where media were perceived before."""
        prompt = self.prompt(requests, readings)
        state = prefill(self.lm, prompt.embedded, prompt.mask)
        state, chains = decode_chains(self.lm, state, [r.forced for r in requests])
        thoughts = [thought_of(c) for c in chains]
        return Thinking(requests, thoughts, state, prompt.pooled, prompt.evidence, prompt.readings)

    @torch.inference_mode()
    def start(self, requests: Sequence[Request]) -> Thinking:
        """Ready to write without a chain: the ``pipeline`` system and the ablation w/o CoE."""
        prompt = self.prompt(requests, bare=True)
        state = prefill(self.lm, prompt.embedded, prompt.mask)
        return Thinking(requests, [], state, prompt.pooled, prompt.evidence, prompt.readings)

    @torch.inference_mode()
    def write(self, thinking: Thinking, sampling: Sampling, ranking: Ranking) -> list[list[Choice]]:
        """Replies for each request, the best first. Uses up ``thinking``'s cache."""
        seeds = [r.seed for r in thinking.requests]
        drawn = sample_replies(self.lm, thinking.state, sampling, seeds)
        usable = []
        for candidates in drawn:
            texts = [asked(self.lm.tokenizer.decode(c.ids)) for c in candidates]
            usable.append(
                {t: c for t, c in zip(texts, candidates, strict=True)
                 if c.finished and presentable(t)}
            )  # fmt: skip
        return self._ranked(thinking, usable, ranking)

    def _ranked(
        self,
        thinking: Thinking,
        usable: Sequence[Mapping[str, Candidate]],
        ranking: Ranking,
    ) -> list[list[Choice]]:
        """The usable replies of each row, the best first; all rows are read together."""
        row_of = [row for row, found in enumerate(usable) for _ in found]
        texts = [text for found in usable for text in found]
        if not texts:
            return [[] for _ in usable]
        match, common = self.fit(thinking.pooled[row_of], texts)
        stock = set(self.stock.tolist())
        out: list[list[Choice]] = [[] for _ in usable]
        for i, (row, text) in enumerate(zip(row_of, texts, strict=True)):
            candidate = usable[row][text]
            score = ranking.score(
                text,
                float(match[i]),
                float(common[i]),
                candidate.logprob,
                taste=self.tasted(candidate.state),
                stock=fingerprint(text) in stock,
                told=asks_in_vain(text, *sides(thinking.requests[row].turns)),
            )
            out[row].append(Choice(text, score, float(match[i]), candidate.logprob))
        return [sorted(choices, key=lambda c: -c.score) for choices in out]

    def tasted(self, state: Float[Tensor, " dim"]) -> float:
        """What the model's mean state at a reply says of it; 0 where no verdicts were learned."""
        return float(state @ self.taste) if len(self.taste) else 0.0

    def fit(self, contexts: Tensor, replies: Sequence[str]) -> tuple[Tensor, Tensor]:
        """How well each reply fits its context (a row of (reply, dim)), and an average one."""
        encoder = self.encoder
        rows = [encoder.pieces_of_response(text) for text in replies]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))  # little is padding then
        parts = [order[start : start + FIT_BATCH] for start in range(0, len(order), FIT_BATCH)]
        with self._reading():
            pieces = [encoder.collate([rows[i] for i in part], multiple=1) for part in parts]
            read = [encoder(part).pooled for part in pieces]
        vectors = torch.cat(read)[torch.tensor(order).argsort()]
        right = F.normalize(encoder.match_response(vectors).float(), dim=-1)
        left = F.normalize(encoder.match_context(contexts).float(), dim=-1)
        return (left * right).sum(-1), right @ self.common_context

    @torch.inference_mode()
    def likelihood(self, thinking: Thinking, replies: Sequence[str]) -> list[float]:
        """Negative log-likelihood (nats) of given replies after the model's own chains."""
        ids = [self.lm.tokenizer.encode(text) for text in replies]
        return score_replies(self.lm, thinking.state, ids)

    def meta(self) -> dict[str, Any]:
        return {
            "encoder": self.encoder.meta(),
            "ngrams": self.ngrams.meta(),
            "projector": asdict(self.projector.config),
            "lm": self.lm.meta(),
            "stock": len(self.stock),
            "taste": len(self.taste),
        }

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> Reasoner:
        encoder = TextEncoder.from_meta(meta["encoder"])
        ngrams = NgramClassifier.from_meta(meta["ngrams"])
        projector = QueryProjector(ProjectorConfig(**meta["projector"]))
        lm = CausalLM.from_meta(meta["lm"])
        return cls(encoder, ngrams, projector, lm, meta["stock"], meta.get("taste", 0))


def sides(turns: Sequence[Turn]) -> tuple[list[str], list[str]]:
    """What the speaker said, and what the listener."""
    said = [[t.text for t in turns if t.role == role] for role in ("speaker", "listener")]
    return said[0], said[1]


def thought_of(decoded: DecodedChain) -> Thought:
    return Thought(
        ChainOfEmpathy(**decoded.fields),
        dict(zip(EMOTIONS32, map(float, decoded.emotions), strict=True)),
        dict(zip(EMOTIONS8, map(float, decoded.feels), strict=True)),
    )


def presentable(text: str) -> bool:
    """A whole, non-empty reply of at most 60 words that does not repeat itself."""
    words = text.split()
    if not 2 <= len(words) <= 60 or text[-1] not in ".!?":
        return False
    sentences = [s.strip().lower() for s in text.replace("!", ".").replace("?", ".").split(".")]
    said = [s for s in sentences if s]
    return len(said) == len(set(said))
