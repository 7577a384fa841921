"""Training of the face's style: renders of known expressions, an encoder that sees only them.

The two networks meet in the style vector. The encoder is given pictures; the decoder must give the
expression back that they were drawn with. Clips of every emotion, tone and intensity then become
the book of ``style_for``: means of what the encoder saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empatheia import hub
from empatheia.errors import WeightsError
from empatheia.face.avatar.feeling import EMOTIONS, EXPRESSION, TONES, Expression, expression
from empatheia.face.avatar.looks import AGES, GENDERS, RACES, look_for
from empatheia.face.avatar.motion import move
from empatheia.face.avatar.stage import Stage
from empatheia.face.avatar.style import STYLE_DIM, FaceStyleNet
from empatheia.face.visemes import Content, content_from_times
from empatheia.media.edges import FEATURES, SIDE, edges
from empatheia.types import Profile, Speech, TimedPhoneme

LEVELS = (0.0, 0.33, 0.67, 1.0)
SHOWN = 4  # pictures of a training clip
FPS = 25
BOOK_WEIGHT = 0.3  # of being seen as a page of the book, where the book is kept
_SOUNDS = (
    "P",
    "B",
    "M",
    "F",
    "TH",
    "T",
    "N",
    "K",
    "SH",
    "S",
    "R",
    "AA1",
    "AE1",
    "AH0",
    "EH1",
    "IY1",
    "IH0",
    "OW1",
    "UW1",
    "AY1",
    "HH",
    "L",
    "pau",
)
WEIGHT = np.array(
    [0.4 if n in ("vigour", "blinking", "reach", "yaw", "lean") else 1.0 for n in EXPRESSION],
    np.float32,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a training clip shows; ``None`` emotion is a mixture that belongs to no page."""

    face: Expression
    page: tuple[int, int, int] | None  # emotion, tone, level


@dataclass(frozen=True, slots=True)
class Kept:
    """Networks and book of a weight file whose meaning of styles is to stay."""

    net: FaceStyleNet
    book: Tensor  # (emotion, tone, level, style)

    @classmethod
    def load(cls, path: Path) -> Kept:
        """Raises WeightsError naming the file and the fault."""
        weights, net = hub.load(path), FaceStyleNet()
        tensors = dict(weights.tensors)
        try:
            book = tensors.pop("book.means").float()
            net.load_state_dict(tensors)
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"{path} does not fit this version: {error}") from error
        return cls(net, book)


@dataclass(frozen=True, slots=True)
class StyleClips:
    """(clips, SHOWN, 64, 64, 3) uint8, (clips, expression) and (clips, 3) pages, -1 for none."""

    pictures: NDArray[np.uint8]
    faces: NDArray[np.float32]
    pages: NDArray[np.int64]
    people: NDArray[np.int64]


def babble(seconds: float, rng: np.random.Generator) -> Content:
    """Content of random sounds, as varied as speech."""
    at = 0.0
    phonemes: list[TimedPhoneme] = []
    while at < seconds - 0.05:
        end = min(at + rng.uniform(0.05, 0.16), seconds)
        phonemes.append(TimedPhoneme(str(rng.choice(_SOUNDS)), at, end, len(phonemes) // 4))
        at = end
    loud = rng.uniform(0.05, 0.3, round(seconds * 1000)).astype(np.float32)
    return content_from_times(Speech(loud, 1000, tuple(phonemes)), FPS)


def kinds(mixtures: int, copies: int, rng: np.random.Generator) -> Iterator[Kind]:
    """Every page ``copies`` times, and ``mixtures`` of two emotions with noise."""
    for e, emotion in enumerate(EMOTIONS):
        for t, tone in enumerate(TONES):
            for v, level in enumerate(LEVELS):
                for _ in range(copies):
                    yield Kind(expression(emotion, level, tone), (e, t, v))
    for _ in range(mixtures):
        a, b = (
            expression(str(rng.choice(EMOTIONS)), rng.uniform(0, 1), str(rng.choice(TONES)))
            for _ in range(2)
        )
        share = rng.beta(0.6, 0.6)
        noise = rng.normal(0, 0.12, len(EXPRESSION)).astype(np.float32)
        yield Kind((a * share + b * (1 - share) + noise).astype(np.float32), None)


def render_clips(
    people: int, mixtures: int, copies: int, seed: int, tell: Callable[[str], None] = print
) -> StyleClips:
    """Draws the training clips with ``people`` seeded persons over all ages, genders and races."""
    rng = np.random.default_rng(seed)
    wanted = list(kinds(mixtures, copies, rng))
    order = rng.permutation(len(wanted))
    cells = [(a, g, r) for a in AGES for g in GENDERS for r in RACES]
    shares = np.array_split(order, people)
    pictures = np.zeros((len(wanted), SHOWN, SIDE, SIDE, 3), np.uint8)
    owner = np.zeros(len(wanted), np.int64)
    for person, share in enumerate(shares):
        age, gender, race = cells[(person * 7) % len(cells)]
        stage = Stage(look_for(Profile(age, gender, "mild", race), 100 + person), 128)
        for clip in share:
            content = babble(rng.uniform(1.5, 3.5), rng)
            curve = move(content, wanted[clip].face, int(rng.integers(1 << 30)), FPS)
            moments = np.linspace(0, len(curve) - 1, SHOWN).round().astype(int)
            for slot, moment in enumerate(moments):
                pictures[clip, slot] = cv2.resize(
                    stage.draw(curve[moment]), (SIDE, SIDE), interpolation=cv2.INTER_AREA
                )
            owner[clip] = person
        if person % 10 == 9:
            tell(f"drawn {person + 1} of {people} people")
    pages = np.array([k.page or (-1, -1, -1) for k in wanted], np.int64)
    return StyleClips(pictures, np.stack([k.face for k in wanted]), pages, owner)


def looked_at(pictures: NDArray[np.uint8], copies: int, seed: int) -> NDArray[np.float32]:
    """(clips, t, 64, 64, 3) -> (copies, clips, t, FEATURES): first as it is, then moved a little.

    Copies are shifted, turned, scaled, mirrored never (a one-sided smile has a side), and tinted.
    """
    rng = np.random.default_rng(seed)
    out = np.zeros((copies, *pictures.shape[:2], FEATURES), np.float32)
    for copy in range(copies):
        for clip, shown in enumerate(pictures):
            turn = cv2.getRotationMatrix2D((32, 32), rng.normal(0, 2.5), 1 + rng.normal(0, 0.06))
            turn[:, 2] += rng.normal(0, 2.0, 2)
            gain, bias = 1 + rng.normal(0, 0.15), rng.normal(0, 12)
            for slot, picture in enumerate(shown):
                if copy:
                    picture = cv2.warpAffine(
                        picture, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE
                    )
                    picture = cv2.convertScaleAbs(picture, alpha=gain, beta=bias)
                out[copy, clip, slot] = edges(picture)
    return out


def train_style(
    clips: StyleClips, epochs: int, seed: int = 0, held_out: int = 5, copies: int = 4,
    tell: Callable[[str], None] = print, kept: Kept | None = None,
) -> FaceStyleNet:  # fmt: skip
    """Fits both networks; every ``held_out``-th person is only tested on.

    With ``kept`` the encoder alone, from where it stands: what a style means stays as it is, and
    whoever shows a page of the book is to be seen as that page.
    """
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    net = FaceStyleNet() if kept is None else kept.net.train()
    net.decoder.requires_grad_(kept is None)
    weight = torch.from_numpy(WEIGHT)
    test = clips.people % held_out == 0
    train = np.nonzero(~test)[0]
    seen = torch.from_numpy(looked_at(clips.pictures[train], copies, seed))
    faces = torch.from_numpy(clips.faces[train])
    pages = torch.from_numpy(clips.pages[train])
    batch, count = 32, len(train)
    steps = max(1, epochs * (count // batch))
    optimiser = torch.optim.AdamW(filter(_trains, net.parameters()), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 1.5e-3, total_steps=steps + 1, pct_start=0.1
    )
    for epoch in range(epochs):
        total, order = 0.0, torch.randperm(count, generator=rng)
        for part in [p for p in order.split(batch) if len(p) == batch]:
            variant = torch.randint(copies, (batch,), generator=rng)
            some = torch.randperm(SHOWN, generator=rng)[: SHOWN - 1]
            style = net.encode(seen[variant, part][:, some])
            noisy = style + 0.05 * torch.randn(style.shape, generator=rng)
            loss = (weight * (net.decode(noisy) - faces[part]) ** 2).mean()
            if kept is None:
                loss = loss + 1e-3 * (style**2).mean()
            else:
                named = pages[part, 0] >= 0
                wanted = kept.book[tuple(pages[part].clamp(min=0).T)]
                apart = ((style - wanted) ** 2).mean(1) * named
                loss = loss + BOOK_WEIGHT * apart.sum() / named.sum().clamp(min=1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        if epoch % 10 == 9 or epoch == epochs - 1:
            error = evaluate(net, clips, test)
            tell(f"epoch {epoch + 1}: train {total * batch / count:.4f}, new people R2 {error:.3f}")
    return net


def _trains(parameter: Tensor) -> bool:
    return parameter.requires_grad


@torch.inference_mode()
def styles_of(net: FaceStyleNet, clips: StyleClips, chosen: NDArray[np.int64]) -> Tensor:
    """What the encoder sees in ``chosen`` clips, (clips, style)."""
    net.eval()
    out = net.encode(torch.from_numpy(looked_at(clips.pictures[chosen], 1, 0)[0]))
    net.train()
    return out


@torch.inference_mode()
def evaluate(net: FaceStyleNet, clips: StyleClips, mask: NDArray[np.bool_]) -> float:
    """Share of the expression's variance that survives frames -> style -> expression."""
    chosen = np.nonzero(mask)[0]
    if len(chosen) == 0:
        return float("nan")
    found = net.decode(styles_of(net, clips, chosen)).numpy()
    truth = clips.faces[chosen]
    weight = WEIGHT / WEIGHT.sum()
    error = ((found - truth) ** 2).mean(0) @ weight
    return float(1 - error / (((truth - truth.mean(0)) ** 2).mean(0) @ weight))


def book(net: FaceStyleNet, clips: StyleClips) -> Tensor:
    """Mean style of each page, (emotion, tone, level, style)."""
    out = torch.zeros(len(EMOTIONS), len(TONES), len(LEVELS), STYLE_DIM)
    for e in range(len(EMOTIONS)):
        for t in range(len(TONES)):
            for v in range(len(LEVELS)):
                chosen = np.nonzero((clips.pages == (e, t, v)).all(1))[0]
                out[e, t, v] = styles_of(net, clips, chosen).mean(0)
    return out


def save_style(
    path: Path, net: FaceStyleNet, clips: StyleClips, r2: float, kept: Kept | None = None
) -> None:
    pages = book(net, clips) if kept is None else kept.book
    tensors = {**net.state_dict(), "book.means": pages}
    meta = {
        "what": "style of the drawn face",
        "emotions": list(EMOTIONS),
        "tones": list(TONES),
        "levels": list(LEVELS),
        "clips": len(clips.faces),
        "people": int(clips.people.max()) + 1,
        "r2_new_people": round(r2, 4),
    }
    hub.save(path, tensors, meta, int8=True)
