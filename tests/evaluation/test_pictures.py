"""Picture and landmark measures against other implementations' values and by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from empatheia.errors import MediaError
from empatheia.evaluation.landmark_measures import (
    blinks,
    distances,
    eye_opening,
    read_points,
    silent_lip,
)
from empatheia.evaluation.pictures import psnr, side_by_side, ssim, ssim_grey


def test_ssim_against_scikit_image() -> None:
    t = np.arange(64)
    a = (128 + 60 * np.sin(t[:, None] / 5) + 50 * np.cos(t[None] / 7)).astype(np.uint8)
    noise = (t[:, None] * 7 + t[None] * 13) % 41 - 20
    b = np.clip(a.astype(int) + noise, 0, 255).astype(np.uint8)
    # structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False), 0.26.0
    assert ssim_grey(a, b) == pytest.approx(0.7350286959781037, abs=1e-9)
    colour = np.repeat(a[..., None], 3, 2)
    assert ssim(colour, colour) == 1.0


def test_psnr_by_hand() -> None:
    a = np.zeros((4, 4, 3), np.uint8)
    assert psnr(a, a + 5) == pytest.approx(20 * np.log10(255 / 5))
    assert psnr(a, a) == float("inf")


def test_clips_of_other_length_and_size_are_told(tmp_path: Path) -> None:
    from empatheia.media.video import encode_mp4
    from empatheia.types import Frame, Speech

    def clip(name: str, frames: int, side: int) -> Path:
        pictures = (Frame(np.full((side, side, 3), 90, np.uint8), i / 25) for i in range(frames))
        sound = Speech(np.zeros(frames * 640, np.float32), 16000)
        path = tmp_path / name
        path.write_bytes(encode_mp4(pictures, 25, sound))
        return path

    pair = side_by_side(clip("a.mp4", 6, 64), clip("b.mp4", 9, 128))
    assert len(pair.ours) == len(pair.theirs) == 6
    told = " ".join(pair.notes)
    assert "other length: 6 and 9" in told
    assert "other size: 64x64 and 128x128" in told
    assert "enlarged" in told


def test_wide_videos_are_cut_not_squashed(tmp_path: Path) -> None:
    """A grey video of 512 x 256 with a white square in its middle: the square stays one."""
    from empatheia.media.video import encode_mp4, read_video
    from empatheia.types import Speech

    picture = np.full((256, 512, 3), 60, np.uint8)
    picture[64:192, 192:320] = 250
    picture[:, :128] = picture[:, 384:] = 150
    path = tmp_path / "wide.mp4"
    path.write_bytes(encode_mp4([picture] * 2, 25, Speech(np.zeros(1280, np.float32), 16000)))
    seen = read_video(path, size=256, crop=True).frames[0, ..., 0].astype(int)
    white = np.argwhere(seen > 155)
    assert white.min(0) == pytest.approx([64, 64], abs=1)
    assert white.max(0) == pytest.approx([191, 191], abs=1)
    assert seen[:, :20].max() < 100  # what lay outside is gone
    side = side_by_side(path, path).ours[0]
    assert side.shape == (256, 256, 3)
    corner = np.tile([192, 64], (2, 478, 1))  # the white square's, in pixels of the video
    np.savez(path.with_suffix(".npz"), points=corner, size=np.array([256, 512]))
    points = read_points(path)
    assert points is not None
    assert points[0, 0].tolist() == [64, 64]


def face(frames: int = 100) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.repeat(rng.uniform(50, 200, (1, 478, 2)), frames, 0)


def test_landmark_distances_by_hand() -> None:
    a, b = face(10), face(12)
    b[..., 0] += 3
    b[..., 1] += 4
    found = distances(a, b)
    assert found.frames == 10
    assert found.face == pytest.approx(5.0)
    assert found.mouth == pytest.approx(0.0)  # the whole mouth moved: its shape did not
    b[2] = np.nan
    assert distances(a, b).frames == 9


def test_blinks_are_counted() -> None:
    points = face(250)
    for a, b, c, d, outer, inner in ((160, 144, 158, 153, 33, 133), (385, 380, 387, 373, 263, 362)):
        points[:, outer], points[:, inner] = (0, 0), (20, 0)
        gap = np.full(250, 6.0)
        gap[50:54] = gap[150:156] = 0.5
        gap[200:240] = 0.5  # looks down: no blink
        for upper, lower, x in ((a, b, 7), (c, d, 13)):
            points[:, upper] = np.stack([np.full(250, x), -gap / 2], 1)
            points[:, lower] = np.stack([np.full(250, x), gap / 2], 1)
    assert eye_opening(points)[0] == pytest.approx(0.3)
    found = blinks(points)
    assert found.count == 2
    assert found.mean_length == pytest.approx(0.2)
    assert found.per_minute == pytest.approx(12.0)


def test_lips_in_silence_by_hand(tmp_path: Path) -> None:
    """3 s: said, silent for 1 s, said. In the silence the opening goes from 0.1 to 0.2 and back."""
    from empatheia.media.audio import wav_bytes
    from empatheia.types import Speech

    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 3 * 16_000)
    sound[16_000:32_000] = 0
    (tmp_path / "a.wav").write_bytes(wav_bytes(Speech(sound.astype(np.float32), 16_000)))
    points = np.zeros((75, 478, 2))
    points[:, 263] = (100, 0)
    points[:, 14, 1] = np.random.default_rng(1).uniform(0, 50, 75)
    points[25:50, 14, 1] = np.tile([10, 20], 13)[:25]
    wanted = np.abs(np.tile([0.1, 0.2], 13)[:25] - 0.1).mean()  # 13 of 25 are at 0.1
    assert silent_lip(points, tmp_path / "a.wav") == pytest.approx(wanted)
    points[25:50, 14, 1] = 15
    assert silent_lip(points, tmp_path / "a.wav") == 0.0
    sound[16_000:32_000] = 0.3
    (tmp_path / "b.wav").write_bytes(wav_bytes(Speech(sound.astype(np.float32), 16_000)))
    assert np.isnan(silent_lip(points, tmp_path / "b.wav"))


def test_other_files_are_no_landmarks(tmp_path: Path) -> None:
    video = tmp_path / "a.mp4"
    assert read_points(video) is None
    np.savez(video.with_suffix(".npz"), points=np.zeros((9, 478, 2)), size=np.array([512, 1024]))
    found = read_points(video)
    assert found is not None
    assert found.shape == (9, 478, 2)
    for bad in ({"points": np.zeros((9, 5, 2)), "size": np.array([1, 1])}, {"x": np.zeros(1)}):
        np.savez(video.with_suffix(".npz"), **bad)
        with pytest.raises(MediaError, match=r"a\.npz"):
            read_points(video)
    video.with_suffix(".npz").write_bytes(b"no zip")
    with pytest.raises(MediaError, match="does not hold landmarks"):
        read_points(video)
