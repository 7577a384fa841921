"""``train senses`` from files to file: media to readings, dialogues to rows, and the stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from empatheia import __version__, hub
from empatheia.data.empathetic import TextExample, examples, read_dialogues
from empatheia.data.held_out import TRAIN_ACTORS, VALID_ACTORS, VOICES, neutral_texts
from empatheia.data.labels import EMOTIONS8
from empatheia.encoders.heads import MediaFeatures
from empatheia.encoders.speech import SpeechEncoder
from empatheia.encoders.video import VideoEncoder
from empatheia.errors import InputError, WeightsError
from empatheia.face.avatar.generator import DrawnFace
from empatheia.latents.senses import Perceived
from empatheia.reasoner import Reasoner
from empatheia.senses import Reading, Senses, SensesConfig
from empatheia.training.ear import EarClip, actors, clip_of, voices
from empatheia.training.eye import EyeClip, draw, shown, strangers
from empatheia.training.loop import Report, run
from empatheia.training.senses import (
    Media,
    RowMaker,
    SensesRecipe,
    SensesStage,
    SensesTraining,
    by_key,
    trust_of,
)

CLIPS = 8  # of each drawn person
GAIN = 3.0  # chosen at the slot (docs/experiments.md)
SENTENCE = (4, 8)  # words of what a rendered voice says
Note = Callable[[str], None]
Keyed = list[tuple[int, Reading]]


def sentences(data: Path, name: str = "train") -> list[str]:
    """Short utterances of EmpatheticDialogues, for voices to say. Raises InputError."""
    path = data / "empathetic_dialogues" / f"{name}.jsonl"
    if not path.is_file():
        raise InputError(f"no {path}: --data must hold empathetic_dialogues")
    texts = [turn.text for dialogue in read_dialogues(path) for turn in dialogue.turns]
    fitting = [t for t in texts if SENTENCE[0] <= len(t.split()) <= SENTENCE[1]]
    order = np.random.default_rng(5).permutation(len(fitting))
    return [fitting[i] for i in order]


def load_ear(path: Path) -> SpeechEncoder:
    """What ``train ear`` wrote. Raises WeightsError."""
    weights = hub.load(path)
    try:
        ear = SpeechEncoder.from_meta(weights.meta)
        ear.load_state_dict(dict(weights.tensors))
    except (RuntimeError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} is no ear of this version: {error}") from error
    return ear.eval()


def load_eye(path: Path) -> VideoEncoder:
    """What ``train eye`` wrote. Raises WeightsError."""
    weights = hub.load(path)
    try:
        eye = VideoEncoder.from_meta(weights.meta)
        eye.load_state_dict(dict(weights.tensors))
    except (RuntimeError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} is no eye of this version: {error}") from error
    return eye.eval()


@torch.no_grad()
def heard_readings(ear: SpeechEncoder, clips: Sequence[EarClip]) -> Keyed:
    """A reading of the voice alone for each clip, with its key."""
    front, out = ear.hubert.feature_extractor, []
    for start in range(0, len(clips), 64):
        part = clips[start : start + 64]
        rows = [front.stacked(torch.from_numpy(c.rows)) for c in part]
        found = ear.head(*ear.over(rows))
        out += [(c.emotion, Reading(p, None)) for c, p in zip(part, _split(found), strict=True)]
    return out


@torch.no_grad()
def seen_readings(eye: VideoEncoder, clips: Sequence[EyeClip]) -> Keyed:
    """A reading of the face alone for each clip, with its key."""
    out = []
    for start in range(0, len(clips), 16):
        part = clips[start : start + 16]
        seen = [eye.front(shown(clip, eye.size, None)) for clip in part]
        found = eye.head(*eye.over(seen))
        out += [(c.emotion, Reading(None, p)) for c, p in zip(part, _split(found), strict=True)]
    return out


def _split(found: MediaFeatures) -> list[Perceived]:
    evidence = found.logits.log_softmax(-1)
    return [
        Perceived(states[mask].clone(), pooled.clone(), told.clone())
        for states, mask, pooled, told in zip(
            found.states, found.mask, found.pooled, evidence, strict=True
        )
    ]


def media_of(
    ear: SpeechEncoder,
    eye: VideoEncoder,
    ravdess: Path | None,
    texts: Sequence[str],
    config: SensesTraining,
    note: Note,
) -> tuple[Media, Media]:
    """Readings to learn from and readings to validate on: other voices, people and actors.

    Nobody of RAVDESS acted contempt: there a rendered voice stands in.
    """
    from empatheia.face.avatar.people import stock
    from empatheia.speech.world.generator import WorldVoice

    voice, face = WorldVoice.load(), DrawnFace.load(size=128)
    sets = []
    cut = len(texts) * 4 // 5
    least = len(VOICES) * len(EMOTIONS8)
    tested = max(config.voices // 3, least)
    for held_out, number, part in (
        (False, max(config.voices, least), texts[:cut]),
        (True, tested, texts[cut:]),
    ):
        said = voices(voice, part, number, held_out, 40 + held_out)
        clips = [clip_of(*one) for one in said]
        if ravdess is not None and not held_out:
            clips += actors(ravdess, [*TRAIN_ACTORS, *VALID_ACTORS])
        note(f"{len(clips)} voices")
        people = [(a.profile, a.seed) for a in stock()] if held_out else strangers(config.people)
        faces = draw(face, people, CLIPS, 50 + held_out, note)
        sets.append(Media(by_key(heard_readings(ear, clips)), by_key(seen_readings(eye, faces))))
    return sets[0], sets[1]


def told_examples(data: Path, split: str, count: int) -> list[TextExample]:
    """``count`` speaker turns of EmpatheticDialogues, spread over the file."""
    found = examples(read_dialogues(data / "empathetic_dialogues" / f"{split}.jsonl"))
    step = max(1, len(found) // count)
    return found[::step][:count]


def trusts(media: Media) -> tuple[float, float]:
    """In ear and eye, from readings of people that neither has learned from.

    The language model takes over only a part of what its evidence says, hence ``GAIN``.
    """
    heard = [(k, r.speech.evidence) for k, rows in media.speech.items() for r in rows if r.speech]
    seen = [(k, r.video.evidence) for k, rows in media.video.items() for r in rows if r.video]
    ear, eye = (trust_of([e for _, e in part], [k for k, _ in part]) for part in (heard, seen))
    return GAIN * ear, GAIN * eye


def train_senses(
    data: Path,
    ear: SpeechEncoder,
    eye: VideoEncoder,
    reasoner: Reasoner,
    media: tuple[Media, Media],
    out: Path,
    recipe: SensesRecipe,
    resume: bool = False,
    report: Report | None = None,
    note: Note = print,
) -> tuple[Senses, dict[str, float]]:
    """Train the projectors; writes ``out/senses.safetensors``. Raises InputError."""
    torch.manual_seed(recipe.loop.seed)
    config, rng = recipe.stage, np.random.default_rng(recipe.loop.seed)
    maker = RowMaker(reasoner, note)
    neutral = neutral_texts(data / "meld" / "train_sent_emo.csv")
    texts = [neutral[i] for i in rng.permutation(len(neutral))[: config.neutral]]
    rows = maker.neutral(texts, rng)
    rows += maker.told(told_examples(data, "train", config.told), config.mute, rng)
    unseen = neutral_texts(data / "meld" / "dev_sent_emo.csv")[:64]
    valid = maker.neutral(unseen, rng)
    senses = Senses(ear, eye, SensesConfig(reasoner.lm.config.dim))
    senses.start()
    with torch.no_grad():
        senses.trust.copy_(torch.tensor(trusts(media[1])))
    stage = SensesStage(reasoner, senses, (rows, valid), media, config, recipe.loop.seed)
    figures = run(stage, recipe.loop, out, resume, report)
    told: dict[str, Any] = {
        "version": __version__,
        "recipe": asdict(recipe),
        "valid": figures,
        "keys": EMOTIONS8,
    }
    senses.save(out / "senses.safetensors", told)
    return senses, figures
