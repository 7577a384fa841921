"""Sound and pictures: padding changes nothing, a batch is its rows, only the heads can train."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from empatheia.encoders.heads import EmotionHead
from empatheia.encoders.mel import PITCH, VOICED, sound_rows
from empatheia.encoders.speech import TINY as TINY_SPEECH
from empatheia.encoders.speech import SpeechEncoder, heard
from empatheia.encoders.video import SEEN, VideoEncoder
from empatheia.encoders.video import TINY as TINY_VIDEO
from empatheia.errors import InputError, MediaError
from empatheia.media.faces import FaceFinder, centre, cut, framed
from empatheia.types import Speech, Video

RNG = np.random.default_rng(0)


def noise(seconds: float, rate: int = 16_000) -> Speech:
    return Speech(RNG.normal(0, 0.1, round(seconds * rate)).clip(-1, 1).astype(np.float32), rate)


def clip(frames: int, height: int = 40, width: int = 60) -> Video:
    return Video(RNG.integers(0, 255, (frames, height, width, 3), dtype=np.uint8), 25.0)


@pytest.fixture(scope="module")
def ear() -> SpeechEncoder:
    torch.manual_seed(0)
    return SpeechEncoder(TINY_SPEECH).eval()


@pytest.fixture(scope="module")
def eye() -> VideoEncoder:
    torch.manual_seed(0)
    return VideoEncoder(TINY_VIDEO).eval()


def test_a_batch_of_sounds_is_its_rows(ear: SpeechEncoder) -> None:
    speeches = [noise(0.5), noise(0.9), noise(0.3)]
    both, one = ear.hear(speeches), ear.hear(speeches[2:])
    length = int(one.mask.sum())
    assert both.mask.sum(1).tolist()[2] == length
    assert torch.allclose(both.states[2, :length], one.states[0], atol=1e-5)
    assert torch.allclose(both.logits[2], one.logits[0], atol=1e-5)
    assert both.logits.shape == (3, 8)
    assert not both.states[2, length:].any()


def test_loudness_does_not_matter(ear: SpeechEncoder) -> None:
    loud = noise(0.5)
    found = ear.hear([loud, Speech(loud.audio / 10, 16_000)])
    assert torch.allclose(found.logits[0], found.logits[1], atol=1e-3)


@pytest.mark.parametrize(
    ("speech", "match"),
    [
        (Speech(np.zeros(16_000, np.float32), 16_000), "silent"),
        (Speech(np.ones(1, np.float32), 16_000), "0.00 s"),
        (Speech(np.full(16_000, np.nan, np.float32), 16_000), "NaN"),
        (Speech(np.ones((2, 16_000), np.float32), 16_000), "one channel"),
    ],
)
def test_what_cannot_be_heard_is_refused(speech: Speech, match: str) -> None:
    with pytest.raises(InputError, match=match):
        heard(speech)


def test_extreme_sound_is_heard() -> None:
    assert len(heard(noise(1.0, 8_000))) == 16_000
    assert len(heard(noise(0.5, 192_000))) == 8_000
    assert len(heard(Speech(np.tile(noise(10).audio, 5), 16_000))) == 30 * 16_000
    assert np.isfinite(heard(Speech(np.sign(noise(1.0).audio), 16_000))).all()


def test_a_batch_of_clips_is_its_rows(eye: VideoEncoder) -> None:
    videos = [clip(20), clip(3)]
    both, one = eye.look(videos), eye.look(videos[1:])
    assert both.mask.sum(1).tolist() == [SEEN, 3]
    assert torch.allclose(both.states[1, :3], one.states[0], atol=1e-5)
    assert torch.allclose(both.logits[1], one.logits[0], atol=1e-5)


def test_only_heads_can_train(ear: SpeechEncoder, eye: VideoEncoder) -> None:
    for encoder, features in ((ear, ear.hear([noise(0.4)])), (eye, eye.look([clip(2)]))):
        features.logits.sum().backward()
        moved = {n for n, p in encoder.named_parameters() if p.grad is not None}
        assert moved
        assert all(n.startswith("head.") for n in moved)
        encoder.zero_grad()


def test_the_head_ignores_padding() -> None:
    torch.manual_seed(0)
    head = EmotionHead(3, 4).eval()
    layers = tuple(torch.randn(1, 5, 4) for _ in range(3))
    mask = torch.tensor([[True, True, True, False, False]])
    first = head(layers, mask).logits
    loud = tuple(torch.where(mask[..., None], x, 1e4) for x in layers)
    assert torch.allclose(first, head(loud, mask).logits, atol=1e-4)


def test_without_a_face_the_middle_is_taken_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    video = clip(2)
    found = FaceFinder().find(video.frames)
    assert found.how == "centre"
    assert found.box == centre(40, 60) == (0, 10, 40, 40)
    assert "the middle" in str(found.note)
    monkeypatch.setattr(FaceFinder, "available", staticmethod(lambda: False))
    assert "empatheia[listen]" in str(FaceFinder().find(video.frames).note)
    assert cut(video.frames, found.box, 32).shape == (2, 32, 32, 3)


def test_no_pictures_are_refused(eye: VideoEncoder) -> None:
    with pytest.raises(MediaError, match="no pictures"):
        eye.seen(Video(np.zeros((0, 8, 8, 3), np.uint8), 25.0))


def test_the_shipped_shapes_hear_and_see_too() -> None:
    """Mel bands before HuBERT, edges before CLIP: a batch is still its rows."""
    torch.manual_seed(0)
    ear, eye = SpeechEncoder().eval(), VideoEncoder().eval()
    speeches, videos = [noise(0.7), noise(0.31)], [clip(20), clip(3)]
    both, one = ear.hear(speeches), ear.hear(speeches[1:])
    length = int(one.mask.sum())
    assert both.mask.sum(1).tolist()[1] == length
    assert torch.allclose(both.states[1, :length], one.states[0], atol=1e-5)
    assert torch.allclose(eye.look(videos).logits[1], eye.look(videos[1:]).logits[0], atol=1e-4)
    assert {n: tuple(v.shape) for n, v in ear.who(speeches).items()} == {
        "age": (2, 4), "gender": (2, 2), "tone": (2, 3),
    }  # fmt: skip
    assert set(eye.who(videos)) == {"age", "gender"}


def test_pitch_is_heard_in_its_own_channel() -> None:
    time = np.arange(16_000) / 16_000
    tone = np.sign(np.sin(2 * np.pi * 180 * time)).astype(np.float32)
    rows = sound_rows(heard(Speech(tone, 16_000)))
    voiced = rows[5:-5, VOICED] > 0.5
    assert voiced.mean() > 0.9
    assert np.exp(np.median(rows[5:-5, PITCH][voiced])) == pytest.approx(180, rel=0.02)


def test_light_does_not_matter_to_the_edges() -> None:
    eye = VideoEncoder().eval()
    video = clip(2, 64, 64)
    grey = np.repeat(video.frames[..., :1] // 2 + 40, 3, -1)
    first, darker = (eye.front(f) for f in (grey, (grey * 0.8).astype(np.uint8)))
    assert float((first - darker).abs().mean()) < 0.1 * float(first.abs().mean())


def test_a_portrait_is_cut_alike_whatever_the_finder_says() -> None:
    assert framed((20, 12, 108, 108), 128, 128) == framed((23, 8, 100, 100), 128, 128)
    small = (10, 10, 40, 40)
    assert framed(small, 128, 128) == small


@pytest.mark.parametrize("build", [SpeechEncoder, VideoEncoder])
def test_an_unknown_front_is_refused(build: type) -> None:
    with pytest.raises(InputError, match="nose"):
        build({"front": "nose"})
