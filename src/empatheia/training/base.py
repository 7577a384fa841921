"""Stage 0, ``base``: the small language model learns to talk, all parameters, next-token loss."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia import hub
from empatheia.data.empathetic import clean, read_chains, read_dialogues
from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.data.tidy import tidy
from empatheia.errors import InputError
from empatheia.files import digest_of
from empatheia.llm.causal import CausalConfig, CausalLM
from empatheia.llm.tokenizer import END, LISTENER, SPEAKER, DialogueTokenizer, plain
from empatheia.training.loop import LoopConfig, Report, run
from empatheia.training.pretrained import StartConfig, find_smollm2, read_gguf, start_from

Document = list[tuple[str, str]]  # (mark or "", text)


def ed_documents(path: Path, situations: bool) -> list[Document]:
    """Each dialogue, and if asked its situation as a document of one speaker's turn."""
    out: list[Document] = []
    marks = {"speaker": SPEAKER, "listener": LISTENER}
    for dialogue in read_dialogues(path):
        out.append([(marks[t.role], tidy(t.text)) for t in dialogue.turns])
        if situations and dialogue.situation:
            out.append([(SPEAKER, tidy(dialogue.situation))])
    return out


def daily_documents(path: Path) -> list[Document]:
    """RECCON's DailyDialog conversations, the first voice taken as the speaker."""
    out: list[Document] = []
    for conversations in json.loads(path.read_text(encoding="utf-8")).values():
        for turns in conversations:
            texts = [tidy(clean(turn["utterance"])) for turn in turns]
            out.append([((SPEAKER, LISTENER)[i % 2], text) for i, text in enumerate(texts)])
    return out


def pack(documents: Sequence[Document], tokenizer: DialogueTokenizer) -> np.ndarray:
    """All documents as one row of ids, an end mark after each; (tokens,) uint16."""
    end = tokenizer.id(END)
    ids: list[int] = []
    for document in documents:
        for mark, text in document:
            ids += [tokenizer.id(mark), *tokenizer.encode(text)]
        ids.append(end)
    return np.asarray(ids, dtype=np.uint16)


class BaseStage:
    """Windows of ``length`` tokens from the packed text, the same ones for the same step."""

    name = "base"

    def __init__(
        self,
        model: CausalLM,
        train: Sequence[Document],
        valid: Sequence[Document],
        batch_size: int = 32,
        length: int = 256,
        seed: int = 0,
        compiled: bool = True,
    ) -> None:
        self.model: nn.Module = model
        self.lm = model
        self.documents = train
        self.batch_size, self.length, self.seed = batch_size, length, seed
        self._valid = self._windows(pack(valid, model.tokenizer))
        self._epoch = (-1, np.zeros((0, length + 1), dtype=np.uint16))
        self._hidden = torch.compile(model.hidden) if compiled else model.hidden
        self.steps_per_epoch = len(self._windows_of_epoch(0)) // batch_size

    def _windows(self, ids: np.ndarray) -> np.ndarray:
        count = (len(ids) - 1) // self.length
        starts = np.arange(count)[:, None] * self.length
        return ids[starts + np.arange(self.length + 1)]

    def _windows_of_epoch(self, epoch: int) -> np.ndarray:
        if self._epoch[0] != epoch:
            rng = np.random.default_rng((self.seed, epoch))
            order = rng.permutation(len(self.documents))
            ids = pack([self.documents[i] for i in order], self.lm.tokenizer)
            windows = self._windows(ids)
            self._epoch = (epoch, windows[rng.permutation(len(windows))])
        return self._epoch[1]

    def groups(self, lr: float) -> list[dict[str, Any]]:
        matrices = [p for p in self.model.parameters() if p.ndim >= 2]
        vectors = [p for p in self.model.parameters() if p.ndim < 2]
        return [{"params": matrices, "lr": lr}, {"params": vectors, "lr": lr, "weight_decay": 0.0}]

    def batch(self, step: int) -> Tensor:
        epoch, place = divmod(step, self.steps_per_epoch)
        windows = self._windows_of_epoch(epoch)
        rows = windows[place * self.batch_size : (place + 1) * self.batch_size]
        return torch.from_numpy(rows.astype(np.int64))

    def loss(self, batch: Tensor) -> dict[str, Tensor]:
        hidden = self._hidden(self.lm.embed(batch[:, :-1]))
        logits = self.lm.logits(hidden)
        loss = F.cross_entropy(logits.flatten(0, 1).float(), batch[:, 1:].flatten())
        return {"loss": loss}

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        total, count = 0.0, 0
        for start in range(0, len(self._valid), self.batch_size):
            rows = torch.from_numpy(self._valid[start : start + self.batch_size].astype(np.int64))
            with torch.autocast("cpu", dtype=torch.bfloat16):
                total += float(self.loss(rows)["loss"]) * len(rows)
            count += len(rows)
        return {"loss": total / max(count, 1)}


def train_base(
    data: Path,
    out: Path,
    loop: LoopConfig,
    config: CausalConfig | None = None,
    vocabulary: int = 8192,
    batch_size: int = 16,
    start: StartConfig | None = None,
    resume: bool = False,
    report: Report | None = None,
) -> dict[str, float]:
    """Train on every ED-format ``train.jsonl`` below ``data`` and what else is there.

    Reads ``empathetic_dialogues`` (required), ``reccon_dailydialog`` and ``chain_of_empathy``
    (the words of its chains help the tokenizer). ``start`` says which layers of which pre-trained
    model come first. Writes ``out/base.safetensors``.
    """
    folder = data / "empathetic_dialogues"
    if not (folder / "train.jsonl").is_file():
        raise InputError(f"no empathetic_dialogues/train.jsonl in {data}; --data must hold it")
    source, start = None, start or StartConfig()
    if start.layers:
        source = read_gguf(Path(start.gguf) if start.gguf else find_smollm2())
    train = ed_documents(folder / "train.jsonl", situations=True)
    valid = ed_documents(folder / "valid.jsonl", situations=False)
    daily = data / "reccon_dailydialog" / "dailydialog_train.json"
    if daily.is_file():
        train += daily_documents(daily)
    texts = [text for document in train for _, text in document]
    chains = data / "chain_of_empathy" / "train.jsonl"
    if chains.is_file():
        texts += [text for chain in read_chains(chains).values() for text in chain.values()]
    tokenizer = DialogueTokenizer.train(map(plain, texts), vocabulary, EMOTIONS32, EMOTIONS8)
    torch.manual_seed(loop.seed)
    model = CausalLM(config or CausalConfig(), tokenizer)
    if source is not None:
        start_from(model, source, start.layers)
    stage = BaseStage(model, train, valid, batch_size, seed=loop.seed)
    about = {
        "data": digest_of(folder / "train.jsonl"),
        "recipe": {"model": asdict(model.config), "start": asdict(start), "batch_size": batch_size},
    }
    figures = run(stage, loop, out, resume, report, about)
    hub.save(out / "base.safetensors", model.state_dict(), model.meta() | {"valid": figures})
    return figures
