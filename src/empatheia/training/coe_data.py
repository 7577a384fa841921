"""What stage 1 learns from besides words: chains, listeners' feelings, the linear reader."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from empatheia import hub
from empatheia.data.empathetic import TextExample
from empatheia.data.labels import AGES, EMOTIONS8, GENDERS, PLEASANT32, TONES, UNPLEASANT32
from empatheia.data.tidy import tidy
from empatheia.encoders.ngrams import NgramClassifier
from empatheia.encoders.text import TextEncoder
from empatheia.errors import InputError
from empatheia.files import write_whole
from empatheia.training.ngrams import fit_ngrams, held_out_logits
from empatheia.types import ChainOfEmpathy, Profile

OTHER_SIDE = 0.2  # how much a feeling counts that is on the other side than the speaker's


def with_chains(
    found: Sequence[TextExample],
    chains: dict[tuple[str, int], dict[str, str]],
    feels: Sequence[str],
) -> list[TextExample]:
    """Give each example its chain: annotated where it was, else only the two labels."""
    out = []
    for example, feel in zip(found, feels, strict=True):
        note = chains.get((example.dialogue_id, len(example.context)), {})
        chain = ChainOfEmpathy(
            tidy(note["event_scenario"]) if note else "",
            example.emotion,
            tidy(note["emotion_cause"]) if note else "",
            tidy(note["goal_to_response"]) if note else "",
            feel,
        )
        out.append(replace(example, chain=chain))
    return out


def side_prior(emotion: str) -> Tensor:
    """Weights (8,) of a listener's feelings towards a speaker with this ``emotion`` (of 32).

    GoEmotions, from which the utterance head learned, calls "caring" a positive feeling; without
    this a listener would beam at somebody who grieves.
    """
    unlikely: set[str] = set()
    if emotion in UNPLEASANT32:
        unlikely = {"happy"}
    elif emotion in PLEASANT32:
        unlikely = {"sad", "angry", "fear", "disgusted", "contempt"}
    return torch.tensor([OTHER_SIDE if key in unlikely else 1.0 for key in EMOTIONS8])


@torch.inference_mode()
def listener_feelings(encoder: TextEncoder, found: Sequence[TextExample]) -> list[str]:
    """The eight-way emotion of each listener's response: utterance head times ``side_prior``."""
    out = [""] * len(found)
    order = sorted(range(len(found)), key=lambda i: len(found[i].response))
    for start in range(0, len(order), 128):
        part = order[start : start + 128]
        rows = [encoder.pieces_of_response(found[i].response) for i in part]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = encoder.utterance_emotion(encoder(encoder.collate(rows)).pooled)
        prior = torch.stack([side_prior(found[i].emotion) for i in part])
        guess = (logits.float().softmax(-1) * prior).argmax(-1)
        for i, g in zip(part, guess.tolist(), strict=True):
            out[i] = EMOTIONS8[g]
    return out


@torch.inference_mode()
def common_context(encoder: TextEncoder, found: Sequence[TextExample], count: int = 2000) -> Tensor:
    """Mean direction of ``count`` contexts in the space of fit."""
    step = max(1, len(found) // count)
    total = torch.zeros(encoder.config.match_dim)
    picked = found[::step]
    for start in range(0, len(picked), 64):
        rows = [encoder.pieces_of_history(e.context) for e in picked[start : start + 64]]
        vectors = encoder.match_context(encoder(encoder.collate(rows)).pooled)
        total += F.normalize(vectors, dim=-1).sum(0)
    return total / len(picked)


def kept_feelings(encoder: TextEncoder, found: Sequence[TextExample], path: Path) -> list[str]:
    """:func:`listener_feelings`, read from ``path`` where an earlier start has written them."""
    if path.is_file():
        kept: list[str] = json.loads(path.read_text(encoding="utf-8"))
        if len(kept) == len(found):
            return kept
    feels = listener_feelings(encoder, found)
    write_whole(path, json.dumps(feels).encode())
    return feels


def drawn_profile(dialogue_id: str, seed: int = 0) -> Profile:
    """A balanced, repeatable listener for a dialogue that names none."""
    digest = hashlib.sha256(f"{seed}:{dialogue_id}".encode()).digest()
    return Profile(
        AGES[digest[0] % len(AGES)], GENDERS[digest[1] % 2], TONES[digest[2] % len(TONES)]
    )


def ngram_reader(
    train: Sequence[TextExample], valid: Sequence[TextExample], out: Path, keep: int
) -> tuple[NgramClassifier, tuple[Tensor, Tensor]]:
    """The linear reader and its logits on both splits, fitted once and kept in ``out``."""
    path = out / "ngrams.safetensors"
    if not path.is_file():
        model = fit_ngrams(train)
        held_out = held_out_logits(train)
        hub.save(path, model.state_dict() | {"held_out": held_out}, model.meta())
    weights = hub.load(path)
    tensors = dict(weights.tensors)
    held_out = tensors.pop("held_out")
    if len(held_out) != len(train):
        raise InputError(f"{path} was made from other data; choose another --out")
    model = NgramClassifier.from_meta(weights.meta)
    model.load_state_dict(tensors)
    model = model.pruned(keep)
    with torch.inference_mode():
        return model, (held_out, model([e.context for e in valid]))
