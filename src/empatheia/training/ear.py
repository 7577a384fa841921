"""``train ear``: the small speech encoder, on real actors and on voices that were rendered.

RAVDESS (Livingstone and Russo 2018) teaches emotions as people act them, by 16 of its people; the
WORLD voice teaches ages, genders, tones and the emotions that it plays itself, with four of its 24
profiles held out. What varies between people but not between feelings is varied by chance: size of
the head and pitch together, rate, colour of the room, noise, and stretches left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from empatheia import __version__, hub
from empatheia.data.actors import actor_clips
from empatheia.data.held_out import (
    FAINTEST,
    TEST_ACTORS,
    TRAIN_ACTORS,
    VALID_ACTORS,
    is_held_out,
)
from empatheia.data.labels import AGES, EMOTIONS8, GENDERS, TONES
from empatheia.data.sampler import BucketSampler
from empatheia.encoders.heads import MediaFeatures
from empatheia.encoders.mel import BANDS, PITCH, VOICED, centres, mel, sound_rows
from empatheia.encoders.speech import SpeechEncoder, heard
from empatheia.errors import EmpatheiaError
from empatheia.media.audio import read_audio
from empatheia.protocols import SpeechGenerator
from empatheia.training.loop import LoopConfig, Report, run
from empatheia.training.losses import UNKNOWN
from empatheia.types import Profile, Speech

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class EarClip:
    """One recording: rows of ``encoders.mel``, the key, and age, gender and tone where known."""

    rows: Rows
    emotion: int
    profile: tuple[int, int, int]
    person: int  # actor's number, or -1 for a rendered voice


@dataclass(frozen=True, slots=True)
class EarConfig:
    batch_size: int = 40
    voices: int = 600  # rendered sentences to learn from
    share: float = 0.15  # of them in a batch
    mixed: float = 0.0  # share of batches in which pairs of clips are laid over each other
    smoothing: float = 0.1
    profile: float = 0.1  # weight of age, gender and tone
    final: bool = False  # also learn from the actors that are for tuning


@dataclass(frozen=True, slots=True)
class EarRecipe:
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            560, 1e-3, warmup=20, weight_decay=0.05, validate_every=140, bf16=False
        )
    )
    stage: EarConfig = field(default_factory=EarConfig)


def actors(folder: Path, people: Sequence[int]) -> list[EarClip]:
    """RAVDESS clips of some actors; calm counts as neutral. Raises InputError where none is."""
    out = []
    for clip in actor_clips(folder):
        if clip.actor in people:
            key = "neutral" if clip.emotion == "calm" else clip.emotion
            gender = GENDERS.index("male" if clip.actor % 2 else "female")
            rows = sound_rows(heard(read_audio(clip.path)))
            who = (UNKNOWN, gender, UNKNOWN)
            out.append(EarClip(rows, EMOTIONS8.index(key), who, clip.actor))
    return out


def voices(
    voice: SpeechGenerator, texts: Sequence[str], count: int, held_out: bool, seed: int
) -> list[tuple[Speech, str, Profile]]:
    """``count`` rendered sentences of every emotion in turn, intensity 0.4 to 1."""
    rng = np.random.default_rng(seed)
    every = [Profile(a, g, t) for a in AGES for g in GENDERS for t in TONES]
    who = [p for p in every if is_held_out(p) == held_out]
    out = []
    for number in range(count):
        key, profile = EMOTIONS8[number % len(EMOTIONS8)], who[rng.integers(len(who))]
        style = voice.style_for(key, float(rng.uniform(FAINTEST, 1)), profile)
        if not held_out:  # no two people speak alike, nor does one twice
            noise = torch.from_numpy(rng.normal(0, 0.05, len(style)).astype(np.float32))
            style = style + noise * style.std()
        phonemes = voice.phonemize(texts[number % len(texts)])
        said = voice.generate(phonemes, voice.encode_content(phonemes), style)
        out.append((said, key, profile))
    return out


def clip_of(speech: Speech, key: str, profile: Profile) -> EarClip:
    who = AGES.index(profile.age), GENDERS.index(profile.gender), TONES.index(profile.tone)
    return EarClip(sound_rows(heard(speech)), EMOTIONS8.index(key), who, -1)


def varied(rows: Rows, rng: np.random.Generator) -> Rows:
    """Another person in another room, who feels the same."""
    size, rate = rng.uniform(0.85, 1.18), rng.uniform(0.9, 1.12)
    count = max(20, round(len(rows) * rate / size))
    at = np.linspace(0, len(rows) - 1, count)
    left = np.minimum(at.astype(int), len(rows) - 2)
    part = (at - left)[:, None].astype(np.float32)
    out = rows[left] * (1 - part) + rows[left + 1] * part
    out[:, VOICED] = out[:, VOICED] > 0.5
    out[:, PITCH] += np.log(size) + rng.normal(0, 0.06)
    bands = _warped(out[:, :BANDS], size * rng.uniform(0.95, 1.05))
    tilt = np.linspace(-1, 1, BANDS)
    bands += rng.normal(0, 0.5) * tilt + rng.normal(0, 0.5) * tilt**2 + rng.normal(0, 0.3)
    noise = rng.uniform(-7, -2.5) + rng.normal(0, 0.3, BANDS)
    out[:, :BANDS] = np.logaddexp(bands, noise)
    return out.astype(np.float32)


def _warped(bands: Rows, size: float) -> Rows:
    """Every frequency moved to ``size`` times itself."""
    middle = centres()[1:-1]
    step = (mel(middle[1]) - mel(middle[0])).item()
    at = np.clip((mel(middle / size) - mel(middle[0])) / step, 0, BANDS - 1)
    left = np.minimum(at.astype(int), BANDS - 2)
    part = (at - left).astype(np.float32)
    return bands[:, left] * (1 - part) + bands[:, left + 1] * part


def with_gaps(rows: Rows, usual: Rows, rng: np.random.Generator) -> Rows:
    """A stretch of time and one of the bands are taken out."""
    start, length = rng.integers(max(1, len(rows) - 14)), rng.integers(14)
    rows[start : start + length] = usual
    first, wide = rng.integers(BANDS - 10), rng.integers(10)
    rows[:, first : first + wide] = usual[first : first + wide]
    return rows


@dataclass(frozen=True, slots=True)
class EarBatch:
    rows: list[Tensor]  # as the front gives them
    emotion: Tensor  # (clip, key) shares
    profile: Tensor  # (clip, 3)


class Ear(nn.Module):
    """The encoder with its transformer let loose."""

    def __init__(self, encoder: SpeechEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        encoder.hubert.requires_grad_(True)
        encoder.hubert.masked_spec_embed.requires_grad_(False)

    def train(self, mode: bool = True) -> Ear:
        super().train(mode)
        self.encoder.hubert.train(mode)
        return self

    def forward(self, rows: Sequence[Tensor]) -> tuple[MediaFeatures, dict[str, Tensor]]:
        layers, mask = self.encoder.over(rows)
        return self.encoder.head(layers, mask), self.encoder.profile(layers, mask)


class EarStage:
    """Cross-entropy of the key and of age, gender and tone. Valid: error on actors, then others."""

    name = "ear"

    def __init__(
        self,
        ear: Ear,
        people: tuple[Sequence[EarClip], Sequence[EarClip]],
        rendered: tuple[Sequence[EarClip], Sequence[EarClip]],
        config: EarConfig,
        seed: int = 0,
    ) -> None:
        self.model: nn.Module = ear
        self.ear, self.config, self.seed = ear, config, seed
        self.front = ear.encoder.hubert.feature_extractor
        self.people, self.rendered = people, rendered
        self.front.fit(torch.from_numpy(np.concatenate([c.rows for c in people[0]])))
        synthetic = round(config.batch_size * config.share) if rendered[0] else 0
        sizes = (config.batch_size - synthetic, synthetic)
        self.samplers = [  # not by length: sad and disgusted people are slow
            BucketSampler([1] * len(clips), size, seed)
            for clips, size in zip((people[0], rendered[0]), sizes, strict=True)
            if size
        ]

    def groups(self, lr: float) -> list[dict[str, Any]]:
        named = [(n, p) for n, p in self.ear.named_parameters() if p.requires_grad]
        matrices = [p for n, p in named if p.ndim >= 2]
        vectors = [p for n, p in named if p.ndim < 2]
        return [{"params": matrices, "lr": lr}, {"params": vectors, "lr": lr, "weight_decay": 0.0}]

    def batch(self, step: int) -> EarBatch:
        rng = np.random.default_rng((self.seed, step))
        usual = self.front.mean.numpy()
        rows, labels, profiles = [], [], []
        for sampler, clips in zip(self.samplers, (self.people[0], self.rendered[0]), strict=False):
            for clip in (clips[i] for i in sampler.batch(step)):
                rows.append(torch.from_numpy(with_gaps(varied(clip.rows, rng), usual, rng)))
                labels.append(clip.emotion)
                profiles.append(clip.profile)
        one_hot = F.one_hot(torch.tensor(labels), len(EMOTIONS8)).float()
        smooth = self.config.smoothing
        shares = one_hot * (1 - smooth) + smooth / len(EMOTIONS8)
        profile = torch.tensor(profiles)
        fronts = [self.front.stacked(row) for row in rows]
        if rng.random() < self.config.mixed:
            fronts, shares = _laid_over(fronts, shares, rng)
            profile = torch.full_like(profile, UNKNOWN)
        return EarBatch(fronts, shares, profile)

    def loss(self, batch: EarBatch) -> dict[str, Tensor]:
        found, who = self.ear(batch.rows)
        emotion = -(batch.emotion * found.logits.float().log_softmax(-1)).sum(-1).mean()
        profile = torch.zeros(())
        for place, logits in enumerate(who.values()):
            wanted = batch.profile[:, place]
            if bool((wanted != UNKNOWN).any()):
                profile = profile + F.cross_entropy(logits.float(), wanted, ignore_index=UNKNOWN)
        total = emotion + self.config.profile * profile
        if not torch.isfinite(total):
            raise EmpatheiaError("stage ear: the loss is no number; lower --set loop.lr")
        return {"loss": total, "emotion": emotion, "profile": profile}

    def validate(self) -> dict[str, float]:
        figures: dict[str, float] = {}
        if self.people[1]:
            right = accuracy(self.ear.encoder, self.people[1])
            figures |= {"loss": 1 - right["emotion"], "actors": right["emotion"]}
        if self.rendered[1]:
            right = accuracy(self.ear.encoder, self.rendered[1])
            figures |= {f"voices_{name}": value for name, value in right.items()}
        return figures


def _laid_over(
    fronts: Sequence[Tensor], shares: Tensor, rng: np.random.Generator
) -> tuple[list[Tensor], Tensor]:
    """Mixup (Zhang et al. 2018): each clip with another, in the same shares as their keys."""
    share, other = float(rng.beta(0.4, 0.4)), rng.permutation(len(fronts))
    out = []
    for row, place in zip(fronts, other, strict=True):
        second = fronts[place]
        length = max(len(row), len(second))
        one, two = (F.pad(x, (0, 0, 0, length - len(x))) for x in (row, second))
        out.append(share * one + (1 - share) * two)
    return out, share * shares + (1 - share) * shares[torch.from_numpy(other)]


@torch.no_grad()
def logits_of(encoder: SpeechEncoder, clips: Sequence[EarClip]) -> dict[str, Tensor]:
    """Logits of the key and of age, gender and tone, a row a clip."""
    front = encoder.hubert.feature_extractor
    found: dict[str, list[Tensor]] = {}
    encoder.eval()
    for start in range(0, len(clips), 64):
        rows = [front.stacked(torch.from_numpy(c.rows)) for c in clips[start : start + 64]]
        layers, mask = encoder.over(rows)
        parts = {"emotion": encoder.head(layers, mask).logits, **encoder.profile(layers, mask)}
        for name, value in parts.items():
            found.setdefault(name, []).append(value)
    return {name: torch.cat(rows) for name, rows in found.items()}


def accuracy(encoder: SpeechEncoder, clips: Sequence[EarClip]) -> dict[str, float]:
    """Share named rightly; of actors the key among the seven that they act, without contempt."""
    found = logits_of(encoder, clips)
    if all(c.person >= 0 for c in clips):
        found["emotion"][:, EMOTIONS8.index("contempt")] = -torch.inf
    wanted = {"emotion": [c.emotion for c in clips]}
    for place, name in enumerate(("age", "gender", "tone")):
        wanted[name] = [c.profile[place] for c in clips]
    out = {}
    for name, labels in wanted.items():
        gold = torch.tensor(labels)
        known = gold != UNKNOWN
        if known.any():
            out[name] = float((found[name].argmax(-1) == gold)[known].float().mean())
    return out


@dataclass(frozen=True, slots=True)
class EarData:
    """Clips by actor, and rendered ones to learn from and to test on."""

    people: dict[int, list[EarClip]]
    learned: list[EarClip]
    tested: list[EarClip]

    def of(self, numbers: Sequence[int]) -> list[EarClip]:
        return [clip for n in numbers for clip in self.people.get(n, [])]


def gather(
    ravdess: Path,
    voice: SpeechGenerator,
    texts: Sequence[str],
    count: int,
    seed: int,
    note: Callable[[str], None],
) -> EarData:
    """Read and render everything. ``texts`` are cut in two, so that tests have sentences of own."""
    clips = actors(ravdess, [*TRAIN_ACTORS, *VALID_ACTORS, *TEST_ACTORS])
    note(f"{len(clips)} recordings of actors")
    by_actor: dict[int, list[EarClip]] = {}
    for clip in clips:
        by_actor.setdefault(clip.person, []).append(clip)
    cut = len(texts) * 4 // 5
    sets = []
    for part, number, held in ((texts[:cut], count, False), (texts[cut:], count // 6, True)):
        sets.append([clip_of(*said) for said in voices(voice, part, number, held, seed + held)])
        note(f"{number} rendered voices")
    return EarData(by_actor, sets[0], sets[1])


def train_ear(
    data: EarData,
    out: Path,
    recipe: EarRecipe,
    resume: bool = False,
    report: Report | None = None,
) -> tuple[SpeechEncoder, dict[str, float]]:
    """Train on actors 1-12 (``final``: 1-16) and voices; writes ``out/ear.safetensors``."""
    torch.manual_seed(recipe.loop.seed)
    numbers = [*TRAIN_ACTORS, *(VALID_ACTORS if recipe.stage.final else ())]
    encoder = SpeechEncoder()
    stage = EarStage(
        Ear(encoder),
        (data.of(numbers), data.of(VALID_ACTORS)),
        (data.learned, data.tested),
        recipe.stage,
        recipe.loop.seed,
    )
    figures = run(stage, recipe.loop, out, resume, report)
    encoder.hubert.requires_grad_(False)
    meta = encoder.meta() | {"version": __version__, "recipe": asdict(recipe), "valid": figures}
    hub.save(out / "ear.safetensors", encoder.state_dict(), meta)
    return encoder, figures
