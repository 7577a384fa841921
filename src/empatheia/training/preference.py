"""Stage 1b, ``prefer``: what a reader found fitting becomes likelier than what they found wrong.

Direct preference optimisation (Rafailov et al. 2023, Eq. 7) over
:mod:`empatheia.training.verdicts`: every two replies of one context that were judged differently
are a pair. A share of the plain likelihood of what fits is added, and the chain is held
where it was: its words by their likelihood, its two labels by their distribution.

Low-rank factors train beside the language model, which stays in the bits that its file
keeps; they get a file of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia import hub
from empatheia.data.empathetic import TextExample, examples, read_dialogues
from empatheia.data.sampler import BucketSampler
from empatheia.errors import InputError
from empatheia.files import digest_of
from empatheia.llm.factors import taken_out
from empatheia.presets import load_reasoner_at
from empatheia.reasoner import Reasoner
from empatheia.training.coe import CoeConfig, add_lora
from empatheia.training.judged import (
    JudgedBatch,
    JudgedRow,
    batch_of,
    batches,
    judged_rows,
    likelihoods,
    states,
)
from empatheia.training.loop import LoopConfig, Report, run
from empatheia.training.verdicts import Verdicts, read_verdicts


@dataclass(frozen=True, slots=True)
class PreferConfig:
    batch_size: int = 8  # contexts
    rank: int = 4  # of the factors
    beta: float = 0.2  # of DPO: how far the model may go from where it began
    likelihood: float = 0.1  # of a token of a fitting reply
    chain: float = 0.3  # of a token of the chain, which is to stay
    labels: float = 1.0  # of the chain's two labels, which are to stay
    valid_share: int = 4  # every so-many-th context of valid is looked at


class PreferStage:
    """See the module's docstring. Valid figures: loss first, then how often pairs are right."""

    name = "prefer"

    def __init__(
        self,
        model: Reasoner,
        train: Sequence[JudgedRow],
        valid: Sequence[JudgedRow],
        config: PreferConfig,
        seed: int = 0,
    ) -> None:
        """``model`` has low-rank factors that change nothing yet: what it says is the reference."""
        self.model: nn.Module = model
        self.reasoner, self.config = model, config
        self.rows, self.valid_rows = list(train), list(valid)
        self.sampler = BucketSampler([row.length for row in train], config.batch_size, seed)
        for name, parameter in model.named_parameters():
            parameter.requires_grad = "lora_" in name
        model.eval()
        self._begun = {id(rows): self._reference(rows) for rows in (self.rows, self.valid_rows)}

    def groups(self, lr: float) -> list[dict[str, Any]]:
        return [{"params": [p for p in self.model.parameters() if p.requires_grad], "lr": lr}]

    def batch(self, step: int) -> JudgedBatch:
        return batch_of(self.rows, self.sampler.batch(step), self.reasoner)

    def loss(self, batch: JudgedBatch) -> dict[str, Tensor]:
        return self._loss(batch, self._begun[id(self.rows)])

    def _labels(self, batch: JudgedBatch, hidden: Tensor) -> Tensor:
        """Log-probabilities at the two label slots, over the labels of both kinds."""
        known = self.reasoner.lm.tokenizer.labels
        logits = self.reasoner.lm.logits(hidden[tuple(batch.label_places)]).float()
        return logits[:, [*known.emotions, *known.feels]].log_softmax(-1)

    @torch.no_grad()
    def _reference(self, rows: Sequence[JudgedRow]) -> dict[int, tuple[Tensor, Tensor]]:
        """Of each row: likelihoods of its replies and label distributions before training."""
        found = {}
        for batch in batches(rows, self.reasoner):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                hidden = states(self.reasoner, batch)
                said = likelihoods(self.reasoner, batch, hidden)
                labels = self._labels(batch, hidden)
            for b, number in enumerate(batch.rows):
                found[number] = (said[batch.context == b], labels[batch.label_places[0] == b])
        return found

    def _loss(
        self, batch: JudgedBatch, begun: Mapping[int, tuple[Tensor, Tensor]]
    ) -> dict[str, Tensor]:
        config, hidden = self.config, states(self.reasoner, batch)
        said = likelihoods(self.reasoner, batch, hidden)
        first = torch.cat([begun[i][0] for i in batch.rows])
        reward = config.beta * (said - first)
        better = (batch.worth[:, None] - batch.worth).clamp(min=0)
        better = better * (batch.context[:, None] == batch.context)
        margin = reward[:, None] - reward
        pairs = (-F.logsigmoid(margin) * better).sum() / better.sum()
        right = ((margin > 0) * better).sum() / better.sum()
        tokens = torch.bincount(batch.owner)
        fitting = batch.worth == 1
        likely = -(said * fitting).sum() / (tokens * fitting).sum().clamp(min=1)
        words = F.cross_entropy(
            self.reasoner.lm.logits(hidden[tuple(batch.chain_places)]).float(), batch.chain_targets
        )
        stayed = torch.cat([begun[i][1] for i in batch.rows])
        labels = F.kl_div(
            self._labels(batch, hidden), stayed, log_target=True, reduction="batchmean"
        )
        total = pairs + config.likelihood * likely + config.chain * words + config.labels * labels
        return {
            "loss": total, "pairs": pairs, "right": right, "fitting": likely,
            "chain": words, "labels": labels, "moved": (said - first).abs().mean(),
        }  # fmt: skip

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        totals: dict[str, float] = {}
        for batch in batches(self.valid_rows, self.reasoner):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                losses = self._loss(batch, self._begun[id(self.valid_rows)])
            for name, value in losses.items():
                totals[name] = totals.get(name, 0.0) + float(value) * len(batch.rows)
        return {name: value / len(self.valid_rows) for name, value in totals.items()}


def _told_apart(path: Path, verdicts: Verdicts) -> list[TextExample]:
    """Responses whose replies were judged differently. Raises InputError where there is none."""
    found = examples(read_dialogues(path))
    differ = [e for e in found if sum(map(bool, verdicts.get(e.name, {}).values())) > 1]
    if not differ:
        raise InputError(
            f"{path}: for none of its {len(found)} responses were replies judged differently; "
            "--data must hold EmpatheticDialogues under its own ids (hit:0_conv:1), which "
            "verdicts.jsonl names"
        )
    return differ


def train_prefer(
    data: Path,
    reasoner: Path,
    out: Path,
    loop: LoopConfig,
    config: PreferConfig | None = None,
    resume: bool = False,
    report: Report | None = None,
) -> dict[str, float]:
    """Train stage 1b beside the file of ``train coe``; writes ``out/steady.safetensors``.

    Verdicts on train are learned from, those on valid looked at. Raises InputError where data or
    verdicts on it are missing, WeightsError.
    """
    config = config or PreferConfig()
    folder = data / "empathetic_dialogues"
    if not (folder / "train.jsonl").is_file():
        raise InputError(f"no empathetic_dialogues/train.jsonl in {data}; --data must hold it")
    opened, settings = load_reasoner_at(reasoner)
    torch.manual_seed(loop.seed)
    verdicts, kept = read_verdicts(), out / f"chains-{settings.digest}.json"
    split = [_told_apart(folder / f"{name}.jsonl", verdicts) for name in ("train", "valid")]
    rows = [judged_rows(opened, found, verdicts, kept) for found in split]
    add_lora(
        opened.lm.lm,
        CoeConfig(lora_rank=config.rank, lora_alpha=2 * config.rank, lora_dropout=0.0),
    )
    stage = PreferStage(opened, rows[0], rows[1][:: config.valid_share], config, loop.seed)
    about = {
        "data": digest_of(folder / "train.jsonl"),
        "start": {"reasoner": digest_of(reasoner)},
        "recipe": asdict(config),
    }
    figures = run(stage, loop, out, resume, report, about)
    meta = {"reasoner": settings.digest, "valid": figures, **about}
    hub.save(out / "steady.safetensors", taken_out(opened.lm.lm), meta, int8=True)
    return figures
