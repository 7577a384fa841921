"""One clock: what is encoded comes back from the file at the same times and says what it is."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from empatheia.errors import InputError, MediaError
from empatheia.media.audio import read_audio, resample, wav_bytes
from empatheia.media.mp4box import boxes
from empatheia.media.tags import SYNTHETIC, Tags
from empatheia.media.video import encode_mp4, fragments, read_video
from empatheia.types import Frame, Speech

FPS, RATE = 25, 24_000


def tone(seconds: float, start: float = 0.0) -> Speech:
    time = np.arange(round(seconds * RATE)) / RATE
    return Speech((0.5 * np.sin(2 * np.pi * 440 * time) * (time >= start)).astype(np.float32), RATE)


def pictures(count: int, flash: int = -1) -> list[np.ndarray]:
    return [np.full((64, 64, 3), 250 if i == flash else 30, np.uint8) for i in range(count)]


def durations(data: bytes) -> tuple[float, float]:
    with av.open(io.BytesIO(data)) as container:
        shown = [float(f.time) for f in container.decode(video=0)]
        container.seek(0)
        heard = [(float(f.time), f.samples / f.sample_rate) for f in container.decode(audio=0)]
    return shown[-1] + 1 / FPS, heard[-1][0] + heard[-1][1]


@pytest.mark.parametrize(("seconds", "count"), [(1.0, 25), (1.01, 26), (2.0, 40), (0.5, 30)])
def test_sound_and_pictures_end_together(seconds: float, count: int) -> None:
    data = encode_mp4(pictures(count), FPS, tone(seconds))
    seen, heard = durations(data)
    assert abs(seen - heard) <= 1 / FPS + 1e-6
    assert seen >= max(seconds, count / FPS) - 1e-6
    assert seen < max(seconds, count / FPS) + 1 / FPS + 1e-6


def test_a_flash_and_a_click_stay_together(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(encode_mp4(pictures(50, flash=20), FPS, tone(2.0, start=20 / FPS)))
    video, sound = read_video(path), read_audio(path)
    assert int(video.frames.mean((1, 2, 3)).argmax()) == 20
    onset = int(np.argmax(np.abs(sound.audio) > 0.1)) / sound.sample_rate
    assert onset == pytest.approx(20 / FPS, abs=0.01)


def test_the_index_is_in_front_and_the_codecs_are_for_the_web() -> None:
    data = encode_mp4(
        [Frame(image, i / FPS) for i, image in enumerate(pictures(5))], FPS, tone(0.2)
    )
    names = [name for name, _, _ in boxes(data)]
    assert names.index(b"moov") < names.index(b"mdat")
    with av.open(io.BytesIO(data)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.video[0].pix_fmt == "yuv420p"
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.streams.video[0].start_time == 0
        assert container.metadata["comment"].startswith("synthetic:")
        assert container.metadata["title"] == "Empatheia reply"


def test_fragments_come_early_and_join_to_one_file() -> None:
    drawn = 0

    def drawing(count: int) -> object:
        nonlocal drawn
        for image in pictures(count):
            drawn += 1
            yield image

    parts = [(tone(2.0), drawing(50)), (tone(1.0), drawing(25))]
    pieces, seen_at = [], []
    for piece in fragments(parts, FPS):
        pieces.append(piece)
        seen_at.append(drawn)
    assert len(pieces) >= 4
    assert seen_at[0] <= 40
    data = b"".join(pieces)
    assert [name for name, _, _ in boxes(data)][:2] == [b"ftyp", b"moov"]
    seen, heard = durations(data)
    assert seen == pytest.approx(3.0, abs=1 / FPS)
    assert abs(seen - heard) <= 1 / FPS + 1e-6


def test_wav_says_what_it_is_and_reads_back(tmp_path: Path) -> None:
    speech = tone(0.5)
    data = wav_bytes(speech, Tags(title="a"))
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    assert SYNTHETIC.encode() in data
    (tmp_path / "a.wav").write_bytes(data)
    back = read_audio(tmp_path / "a.wav")
    assert back.sample_rate == RATE
    assert np.abs(back.audio - speech.audio).max() < 2e-4
    assert read_audio(tmp_path / "a.wav", 16_000).seconds == pytest.approx(0.5, abs=0.002)


def test_resampling_keeps_the_length() -> None:
    assert len(resample(tone(1.0).audio, RATE, 16_000)) == 16_000


@pytest.mark.parametrize("read", [read_audio, read_video])
def test_bad_files_get_one_line(tmp_path: Path, read: object) -> None:
    with pytest.raises(MediaError, match="no file at"):
        read(tmp_path / "none.mp4")
    (tmp_path / "a.mp4").write_bytes(b"not a movie")
    with pytest.raises(MediaError, match="cannot be decoded") as caught:
        read(tmp_path / "a.mp4")
    assert "\n" not in str(caught.value)
    (tmp_path / "b.wav").write_bytes(wav_bytes(tone(0.1)))
    with pytest.raises(MediaError, match="no pictures"):
        read_video(tmp_path / "b.wav")


def test_bad_pictures_and_sound_are_refused() -> None:
    with pytest.raises(InputError, match="even sides"):
        encode_mp4([np.zeros((63, 64, 3), np.uint8)], FPS, tone(0.1))
    with pytest.raises(InputError, match="no pictures"):
        encode_mp4([], FPS, tone(0.1))
    with pytest.raises(InputError, match="NaN"):
        encode_mp4(pictures(1), FPS, Speech(np.array([np.nan], np.float32), RATE))
