"""Learning a voice from teacher speech, on a handful of made-up recordings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from empatheia.data.teacher_speech import TeacherClip, arpabet, usable_sentence
from empatheia.speech.world.features import BANDS, Frames
from empatheia.speech.world.network import VoiceConfig, phase_of, spread
from empatheia.training.loop import LoopConfig, run
from empatheia.training.voice import VoiceStage, collate, hear
from empatheia.training.voice_data import (
    STEP_SECONDS,
    Recording,
    cut,
    stretch,
    varied_clips,
)

TINY = VoiceConfig(16, 8, 2, 16, 2, 1, 16)


def frames_of(count: int, seed: int) -> Frames:
    rng = np.random.default_rng(seed)
    f0 = np.where(np.arange(count) % 40 < 30, 150 + 20 * np.sin(np.arange(count) / 9), 0.0)
    envelope = -3 + rng.normal(0, 0.3, (count, BANDS))
    return Frames(
        f0.astype(np.float32), envelope.astype(np.float32), np.full((count, 3), -10, np.float32),
        54, 1,
    )  # fmt: skip


def recording(seed: int, voice: str = "slt") -> Recording:
    segments = (
        ("pau", 0.2, -1), ("HH", 0.28, 0), ("AH0", 0.36, 0), ("L", 0.44, 0), ("OW1", 0.6, 0),
        (",", 0.7, -1), ("Y", 0.78, 1), ("UW1", 0.95, 1), ("?", 1.2, -1),
    )  # fmt: skip
    clip = TeacherClip(voice, "x.wav", "hello, you?", ("hello", "you"), segments)
    return cut(clip, frames_of(240, seed))


@pytest.fixture(scope="module")
def clips() -> list:
    return varied_clips([recording(i, v) for i in range(20) for v in ("slt", "rms")], 1, 0)


def test_teacher_symbols() -> None:
    assert arpabet("ax", "0") == "AH0"
    assert arpabet("aa", "1") == "AA1"
    assert arpabet("dh", "0") == "DH"
    assert usable_sentence("I am so glad, really!")
    assert not usable_sentence("no no way")
    assert not usable_sentence("naïve (very) $5")


def test_cutting_aligns_frames_with_phonemes() -> None:
    one = recording(0)
    assert one.phonemes[0].symbol == "HH"
    assert len(one.frames) == 2 * one.steps.sum()
    assert one.steps.sum() * STEP_SECONDS == pytest.approx(0.95 - 0.2 + 0.12, abs=0.011)


def test_stretching_changes_the_rate() -> None:
    rng = np.random.default_rng(0)
    steps, position = stretch(recording(0), 0.8, 0.0, rng)
    assert len(position) == 2 * steps.sum()
    assert (np.diff(position) > 0).all()
    assert recording(0).steps.sum() / steps.sum() == pytest.approx(0.8, abs=0.05)


def test_clips_are_complete(clips: list) -> None:
    assert len(clips) == 40
    for clip in clips:
        assert len(clip.frames) == 2 * clip.steps.sum()
        assert len(clip.base) == len(clip.steps) == len(clip.place)
        assert np.isfinite(clip.frames.astype(np.float32)).all()
        assert np.isfinite(clip.labels).all()
        assert clip.mel.shape[1] == 80


def test_padding_changes_nothing(clips: list) -> None:
    stage = VoiceStage(clips, TINY, batch=4)
    net = stage.network.eval()
    rng = np.random.default_rng(0)
    short, long = sorted(clips, key=lambda c: int(c.steps.sum()))[:: len(clips) - 1]
    both = collate([short, long], [hear([c], rng) for c in (short, long)])
    alone = collate([short], [both.heard[0].numpy()])
    style = net.style(both.heard)
    for batch, s in ((both, style), (alone, style[:1])):
        content = net.content(batch.base, batch.stress, batch.place, batch.phoneme_keep)
        rows = content.gather(1, batch.owner[..., None].expand(-1, -1, 16))
        out = net.decoder(rows, batch.phase, s, batch.step_keep)
        if batch is both:
            expected = out[0, : 2 * int(short.steps.sum())]
        else:
            assert torch.allclose(out[0], expected, atol=1e-4)


def test_the_phase_knows_lengths_only() -> None:
    steps = torch.tensor([2, 1, 3])
    rows, phase = spread(torch.eye(3), steps)
    assert rows.argmax(-1).tolist() == [0, 0, 1, 2, 2, 2]
    assert torch.equal(phase, phase_of(steps))
    assert torch.allclose(phase[:, 0] + phase[:, 1], torch.ones(6))


def test_one_batch_can_be_learned(clips: list, tmp_path) -> None:
    stage = VoiceStage(clips, TINY, batch=8)
    first = stage.batch(0)
    stage.batch = lambda _: first  # type: ignore[method-assign]
    lines: list[dict] = []
    run(
        stage,
        LoopConfig(steps=60, lr=1e-2, warmup=5, validate_every=60, save_every=60, bf16=False),
        tmp_path,
        report=lambda line: lines.append(dict(line)),
    )
    assert lines[-1]["loss"] < 0.6 * lines[0]["loss"]
    assert {"envelope", "pitch", "duration", "labels"} <= set(lines[0])
