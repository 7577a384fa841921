"""Face training: networks fit a few clips, teachers are varied without losing their times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from empatheia import hub
from empatheia.errors import WeightsError
from empatheia.evaluation.face_report import speech_like
from empatheia.face.avatar.feeling import EMOTIONS
from empatheia.face.avatar.style import STYLE_DIM, StyleBook
from empatheia.media.edges import edges
from empatheia.training.face_hearing import example, train_hearing, varied
from empatheia.training.face_style import (
    LEVELS,
    SHOWN,
    Kept,
    StyleClips,
    book,
    kinds,
    save_style,
    styles_of,
    train_style,
)


def few_clips() -> StyleClips:
    rng = np.random.default_rng(0)
    wanted = list(kinds(0, 1, rng))
    count = len(wanted)
    pictures = np.zeros((count, SHOWN, 64, 64, 3), np.uint8)
    for clip, kind in enumerate(wanted):  # bars whose places tell the page
        e, t, v = kind.page or (0, 0, 0)
        pictures[clip, :, 4 + 7 * e : 8 + 7 * e, 10 : 30 + 8 * v] = 200
        pictures[clip, :, :, 56 + 2 * t] = 120
    return StyleClips(
        pictures, np.stack([k.face for k in wanted]), np.array([k.page for k in wanted]),
        np.arange(count) % 5,
    )  # fmt: skip


def test_style_nets_learn_what_can_be_seen(tmp_path: Path) -> None:
    clips = few_clips()
    lines: list[str] = []
    net = train_style(clips, 14, copies=1, tell=lines.append)
    assert float(lines[-1].split()[-1]) > 0.1  # R2 on clips that were held out
    save_style(tmp_path / "s.safetensors", net, clips, 0.5)
    stored = hub.load(tmp_path / "s.safetensors")
    meta = stored.meta
    pages = StyleBook(stored.tensors, meta["emotions"], meta["levels"], meta["tones"])
    assert pages.look_up("sad", 0.5, "mild").shape == (STYLE_DIM,)
    means = book(net, clips)
    assert means.shape == (len(EMOTIONS), 3, len(LEVELS), STYLE_DIM)


def test_a_new_encoder_leaves_faces_as_they_are(tmp_path: Path) -> None:
    """Decoder and book are the file's own; clips are seen nearer to their pages than before."""
    clips, first, second = few_clips(), tmp_path / "first.safetensors", tmp_path / "s.safetensors"
    save_style(first, train_style(clips, 2, copies=1, tell=lambda _: None), clips, 0.5)
    before, kept = Kept.load(first), Kept.load(first)
    for worn in (before, kept):  # an encoder that sees worse than the one that made the book
        worn.net.encoder[-1].bias.data += 0.5
    net = train_style(clips, 6, copies=1, tell=lambda _: None, kept=kept)
    save_style(second, net, clips, 0.5, kept)
    after = Kept.load(second)
    styles = torch.randn(5, STYLE_DIM)
    assert torch.equal(after.net.decode(styles), before.net.decode(styles))
    assert torch.equal(after.book, before.book)
    everyone = np.arange(len(clips.faces))
    wanted = before.book[tuple(torch.from_numpy(clips.pages).T)]
    apart = [float((styles_of(k.net, clips, everyone) - wanted).norm()) for k in (after, before)]
    assert apart[0] < apart[1]
    first.write_bytes(first.read_bytes()[:99])
    with pytest.raises(WeightsError):
        Kept.load(first)


def test_edges_ignore_brightness() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(60, 120, (64, 64, 3), dtype=np.uint8)
    a, b = edges(picture), edges(picture + 60)
    assert np.corrcoef(a, b)[0, 1] > 0.99


def test_varied_speech_keeps_its_times_inside() -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        speech = varied(speech_like(1.0), rng)
        mel, content = example(speech)
        assert len(mel) == 4 * len(content)
        assert speech.phonemes[-1].end <= speech.seconds + 0.01


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_hearing_learns_a_little() -> None:
    _, score = train_hearing([speech_like(3.0)] * 30, 2, tell=lambda _: None)
    assert np.isfinite(score)
