"""``train eye``: the small video encoder, on drawn people that speak with every emotion.

People are drawn by seed; the avatars that ship and those that ``--set`` names for tests are never
learned from. Real clips (MEAD) may join them.
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
from empatheia.data.held_out import FAINTEST
from empatheia.data.labels import AGES, EMOTIONS8, GENDERS, RACES, TONES
from empatheia.data.sampler import BucketSampler
from empatheia.encoders.heads import MediaFeatures
from empatheia.encoders.video import SEEN, Edges, VideoEncoder
from empatheia.errors import EmpatheiaError
from empatheia.face.avatar.generator import DrawnFace
from empatheia.face.avatar.looks import look_for
from empatheia.face.avatar.motion import move
from empatheia.face.avatar.stage import Stage
from empatheia.media.edges import edges
from empatheia.media.faces import Box, FaceFinder, cut, framed
from empatheia.media.video import read_video
from empatheia.training.face_style import FPS, babble
from empatheia.training.loop import LoopConfig, Report, run
from empatheia.training.losses import UNKNOWN
from empatheia.types import ImageArray, Profile

DRAWN = 128  # pixels
FIRST_LOOK = 200  # seeds of the people that are learned from


@dataclass(frozen=True, slots=True, eq=False)
class EyeClip:
    """Pictures of one clip, where the face is in them, the key, age and gender where known."""

    pictures: ImageArray  # (SEEN, side, side, 3)
    box: Box
    emotion: int
    profile: tuple[int, int]


@dataclass(frozen=True, slots=True)
class EyeConfig:
    batch_size: int = 48  # clips
    pictures: int = 2  # of each that are looked at
    people: int = 240
    clips: int = 12  # of each of them
    drawn: int = 5  # pictures of each clip that there are
    smoothing: float = 0.1
    profile: float = 0.2  # weight of age and gender


@dataclass(frozen=True, slots=True)
class EyeRecipe:
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            650, 1e-3, warmup=20, weight_decay=0.05, validate_every=100, bf16=False
        )
    )
    stage: EyeConfig = field(default_factory=EyeConfig)


def draw(
    face: DrawnFace,
    people: Sequence[tuple[Profile, int]],
    clips: int,
    seed: int,
    note: Callable[[str], None],
    seen: int = SEEN,
) -> list[EyeClip]:
    """``clips`` of each person (profile, seed of the look), every key in turn, intensity 0.4 to 1.

    Only the pictures that the encoder will look at are drawn, or fewer of them.
    """
    rng, finder = np.random.default_rng(seed), FaceFinder()
    out = []
    for number, (who, look) in enumerate(people):
        stage = Stage(look_for(who, look), DRAWN)
        for turn in range(clips):
            key = EMOTIONS8[(turn + number) % len(EMOTIONS8)]
            tone = str(rng.choice(TONES))
            profile = Profile(who.age, who.gender, tone, who.race)
            style = face.style_for(key, float(rng.uniform(FAINTEST, 1)), profile)
            content = babble(rng.uniform(1.4, 3.5), rng)
            curve = move(content, face.expression(style), int(rng.integers(1 << 30)), FPS)
            moments = np.linspace(0, len(curve) - 1, seen).round().astype(int)
            pictures = np.stack([stage.draw(curve[i]) for i in moments])
            labels = AGES.index(who.age), GENDERS.index(who.gender)
            box = framed(finder.find(pictures).box, *pictures.shape[1:3])
            out.append(EyeClip(pictures, box, EMOTIONS8.index(key), labels))
        if number % 20 == 19:
            note(f"drawn {number + 1} of {len(people)} people")
    return out


def strangers(count: int) -> list[tuple[Profile, int]]:
    """People to learn from, over all ages, genders and races."""
    cells = [Profile(a, g, "mild", r) for a in AGES for g in GENDERS for r in RACES]
    return [(cells[(i * 7) % len(cells)], FIRST_LOOK + i) for i in range(count)]


def recorded(folder: Path) -> list[tuple[str, EyeClip]]:
    """MEAD clips named ``PERSON_view_EMOTION_…`` as (person, clip)."""
    finder, out = FaceFinder(), []
    names = {"surprise": "surprised", "fearful": "fear", "disgust": "disgusted"}
    for path in sorted(folder.glob("*.mp4")):
        key = next((k for k in (*EMOTIONS8, *names) if k in path.stem.lower()), None)
        if key is None:
            continue
        frames = read_video(path).frames
        chosen = frames[np.linspace(0, len(frames) - 1, SEEN).round().astype(int)]
        emotion = EMOTIONS8.index(names.get(key, key))
        box = framed(finder.find(chosen).box, *chosen.shape[1:3])
        clip = EyeClip(chosen, box, emotion, (UNKNOWN, UNKNOWN))
        out.append((path.stem.split("_")[0], clip))
    return out


def shown(clip: EyeClip, size: int, rng: np.random.Generator | None) -> ImageArray:
    """The face of every picture; with ``rng`` a little moved or larger, brighter or darker.

    Areas are averaged as ``cut`` does it everywhere: another way of scaling has other edges.
    """
    top, left, side, _ = clip.box
    pictures = clip.pictures
    if rng is not None:
        wide = round(side * rng.uniform(0.98, 1.02))
        moved = [round(at + (side - wide) / 2 + rng.normal(0, 0.6)) for at in (top, left)]
        side = min(wide, *pictures.shape[1:3])
        top, left = (
            min(max(at, 0), whole - side)
            for at, whole in zip(moved, pictures.shape[1:3], strict=True)
        )
        gain, gamma = rng.uniform(0.6, 1.15), rng.uniform(0.75, 1.35)
        table = 255 * np.clip((np.arange(256) / 255) ** gamma * gain, 0, 1)
        pictures = table.astype(np.uint8)[pictures]
    return cut(pictures, (top, left, side, side), size)


@dataclass(frozen=True, slots=True)
class EyeBatch:
    clips: list[Tensor]
    emotion: Tensor
    profile: Tensor


class Eye(nn.Module):
    """The encoder with its transformer let loose."""

    def __init__(self, encoder: VideoEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        encoder.clip.requires_grad_(True)

    def train(self, mode: bool = True) -> Eye:
        super().train(mode)
        self.encoder.clip.train(mode)
        return self

    def forward(self, clips: Sequence[Tensor]) -> tuple[MediaFeatures, dict[str, Tensor]]:
        layers, mask = self.encoder.over(clips)
        return self.encoder.head(layers, mask), self.encoder.profile(layers, mask)


class EyeStage:
    """Cross-entropy of the key, of age and of gender. Valid: error on people not learned from."""

    name = "eye"

    def __init__(
        self,
        eye: Eye,
        train: Sequence[EyeClip],
        valid: Sequence[EyeClip],
        config: EyeConfig,
        seed: int = 0,
    ) -> None:
        self.model: nn.Module = eye
        self.eye, self.config, self.seed = eye, config, seed
        self.clips, self.valid_clips = train, valid
        size, front = eye.encoder.size, eye.encoder.front
        if isinstance(front, Edges):
            some = [shown(clip, size, None)[-2] for clip in train]
            front.fit(torch.from_numpy(np.stack([edges(picture) for picture in some])))
        self.sampler = BucketSampler([1] * len(train), config.batch_size, seed)

    def groups(self, lr: float) -> list[dict[str, Any]]:
        named = [p for p in self.eye.parameters() if p.requires_grad]
        matrices = [p for p in named if p.ndim >= 2]
        vectors = [p for p in named if p.ndim < 2]
        return [{"params": matrices, "lr": lr}, {"params": vectors, "lr": lr, "weight_decay": 0.0}]

    def batch(self, step: int) -> EyeBatch:
        rng = np.random.default_rng((self.seed, step))
        encoder = self.eye.encoder
        chosen = [self.clips[i] for i in self.sampler.batch(step)]
        clips = []
        for clip in chosen:
            count = len(clip.pictures)  # the first shows a feeling that is only beginning
            some = 1 + np.sort(rng.choice(count - 1, self.config.pictures, replace=False))
            part = EyeClip(clip.pictures[some], clip.box, clip.emotion, clip.profile)
            clips.append(encoder.front(shown(part, encoder.size, rng)))
        emotion = torch.tensor([clip.emotion for clip in chosen])
        return EyeBatch(clips, emotion, torch.tensor([clip.profile for clip in chosen]))

    def loss(self, batch: EyeBatch) -> dict[str, Tensor]:
        found, who = self.eye(batch.clips)
        emotion = F.cross_entropy(
            found.logits.float(), batch.emotion, label_smoothing=self.config.smoothing
        )
        profile = torch.zeros(())
        for place, logits in enumerate(who.values()):
            wanted = batch.profile[:, place]
            if bool((wanted != UNKNOWN).any()):
                profile = profile + F.cross_entropy(logits.float(), wanted, ignore_index=UNKNOWN)
        total = emotion + self.config.profile * profile
        if not torch.isfinite(total):
            raise EmpatheiaError("stage eye: the loss is no number; lower --set loop.lr")
        return {"loss": total, "emotion": emotion, "profile": profile}

    def validate(self) -> dict[str, float]:
        if not self.valid_clips:
            return {}
        right = accuracy(self.eye.encoder, self.valid_clips)
        return {"loss": 1 - right["emotion"], **right}


@torch.no_grad()
def logits_of(encoder: VideoEncoder, clips: Sequence[EyeClip]) -> dict[str, Tensor]:
    """Logits of the key and of age and gender, a row a clip."""
    found: dict[str, list[Tensor]] = {}
    encoder.eval()
    for start in range(0, len(clips), 16):
        part = clips[start : start + 16]
        seen = [encoder.front(shown(clip, encoder.size, None)) for clip in part]
        layers, mask = encoder.over(seen)
        parts = {"emotion": encoder.head(layers, mask).logits, **encoder.profile(layers, mask)}
        for name, value in parts.items():
            found.setdefault(name, []).append(value)
    return {name: torch.cat(rows) for name, rows in found.items()}


def accuracy(encoder: VideoEncoder, clips: Sequence[EyeClip]) -> dict[str, float]:
    """Share named rightly."""
    found = logits_of(encoder, clips)
    wanted: dict[str, NDArray[np.int64]] = {"emotion": np.array([c.emotion for c in clips])}
    for place, name in enumerate(("age", "gender")):
        wanted[name] = np.array([c.profile[place] for c in clips])
    out = {}
    for name, gold in wanted.items():
        known = gold != UNKNOWN
        if known.any():
            out[name] = float((found[name].argmax(-1).numpy() == gold)[known].mean())
    return out


def train_eye(
    clips: Sequence[EyeClip],
    valid: Sequence[EyeClip],
    out: Path,
    recipe: EyeRecipe,
    resume: bool = False,
    report: Report | None = None,
) -> tuple[VideoEncoder, dict[str, float]]:
    """Train on ``clips``; writes ``out/eye.safetensors``."""
    torch.manual_seed(recipe.loop.seed)
    encoder = VideoEncoder()
    stage = EyeStage(Eye(encoder), clips, valid, recipe.stage, recipe.loop.seed)
    figures = run(stage, recipe.loop, out, resume, report)
    encoder.clip.requires_grad_(False)
    meta = encoder.meta() | {"version": __version__, "recipe": asdict(recipe), "valid": figures}
    hub.save(out / "eye.safetensors", encoder.state_dict(), meta)
    return encoder, figures
