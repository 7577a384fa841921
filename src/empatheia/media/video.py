"""Pictures and sound on one clock: H.264 + AAC into mp4 bytes, whole or as stream fragments.

The zero of the file is the first picture and the first sample. The encoder runs in a thread of
its own, so pictures are compressed while the next ones are drawn.
"""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from empatheia.errors import InputError, MediaError
from empatheia.media.audio import check_audio, resample
from empatheia.media.mp4box import moov_first
from empatheia.media.tags import Tags
from empatheia.types import AudioArray, Frame, ImageArray, Speech, Video

AUDIO_RATE = 48_000  # one AAC packet is 21 ms, less than a picture
MAX_FRAMES = 15_000
STREAMED = {
    "movflags": "frag_keyframe+delay_moov+default_base_moof",
    "frag_duration": "500000",
    "flush_packets": "1",
}
Picture = Frame | ImageArray


def encode_mp4(
    frames: Iterable[Picture], fps: int, speech: Speech, tags: Tags | None = None
) -> bytes:
    """A complete mp4 with its index in front, so a browser plays it before it is all there.

    The shorter of sound and pictures is prolonged (silence, the last picture) to the other.
    """
    buffer = io.BytesIO()
    for _ in _encode([(speech, frames)], fps, tags or Tags(), buffer, {}):
        pass
    return moov_first(buffer.getvalue())


def encode_passing(
    frames: Iterable[Frame], fps: int, speech: Speech, tags: Tags | None = None
) -> Generator[Frame, None, bytes]:
    """:func:`encode_mp4` that hands each frame on as it is encoded and returns the file."""
    buffer = io.BytesIO()
    passing: list[Frame] = []

    def watched() -> Iterator[Frame]:
        for frame in frames:
            passing.append(frame)
            yield frame

    for _ in _encode([(speech, watched())], fps, tags or Tags(), buffer, {}):
        while passing:
            yield passing.pop(0)
    return moov_first(buffer.getvalue())


def fragments(
    parts: Iterable[tuple[Speech, Iterable[Picture]]], fps: int, tags: Tags | None = None
) -> Iterator[bytes]:
    """Fragmented mp4 for streaming: the initial segment first, then a piece about twice a second.

    ``parts`` are sentences in order, each with its pictures; they may be generated lazily.
    The pieces joined are one playable file.
    """
    sink = _Sink()
    for _ in _encode(parts, fps, tags or Tags(), sink, STREAMED):
        if sink.pieces:
            yield sink.take()
    if sink.pieces:
        yield sink.take()


class _Sink:
    """A file that can only be written to; what was written is taken away in pieces."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self.pieces)
        self.pieces.clear()
        return data


class _Muxer:
    """One video and one audio stream, fed in step, flushed at ``close``."""

    def __init__(self, sink: Any, fps: int, tags: Tags, flags: dict[str, str]) -> None:
        import av

        self.fps, self.streaming = fps, bool(flags)
        self.pictures = self.samples = 0
        self.container = av.open(sink, "w", format="mp4", options=flags)
        self.container.metadata.update(tags.mapping())
        self.video = self.container.add_stream("libx264", rate=fps)
        self.sound = self.container.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        self.sound.bit_rate = 96_000

    def _start_video(self, height: int, width: int) -> None:
        self.video.width, self.video.height = width, height
        self.video.pix_fmt = "yuv420p"
        options = {"preset": "veryfast", "crf": "19", "bf": "0", "g": str(self.fps * 5)}
        if self.streaming:
            options |= {"tune": "zerolatency", "g": str(self.fps)}
        self.video.options = options

    def picture(self, image: ImageArray) -> None:
        import av

        if self.pictures == 0:
            self._start_video(*image.shape[:2])
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts, frame.time_base = self.pictures, Fraction(1, self.fps)
        self.pictures += 1
        self.container.mux(self.video.encode(frame))

    def audio(self, samples: AudioArray) -> None:
        import av

        if len(samples) == 0:
            return
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = AUDIO_RATE, self.samples
        frame.time_base = Fraction(1, AUDIO_RATE)
        self.samples += len(samples)
        self.container.mux(self.sound.encode(frame))

    def close(self) -> None:
        self.container.mux(self.video.encode(None))
        self.container.mux(self.sound.encode(None))
        self.container.close()


class _Worker(threading.Thread):
    """Runs the muxer beside the thread that draws; errors come back at the next call."""

    def __init__(self, muxer: _Muxer) -> None:
        super().__init__(daemon=True, name="empatheia-encoder")
        self.muxer = muxer
        self.jobs: queue.Queue[tuple[ImageArray | None, AudioArray] | None] = queue.Queue(8)
        self.fault: Exception | None = None

    def run(self) -> None:
        while (job := self.jobs.get()) is not None:
            if self.fault is None:
                try:
                    image, samples = job
                    if image is not None:
                        self.muxer.picture(image)
                    self.muxer.audio(samples)
                except Exception as error:
                    self.fault = error

    def put(self, image: ImageArray | None, samples: AudioArray) -> None:
        if self.fault is not None:
            raise self.fault
        self.jobs.put((image, samples))

    def finish(self) -> None:
        self.jobs.put(None)
        self.join()
        if self.fault is not None:
            raise self.fault


def _image(picture: Picture, previous: ImageArray | None) -> ImageArray:
    image = picture.image if isinstance(picture, Frame) else picture
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(
            f"picture has shape {image.shape} and type {image.dtype}: give uint8 (height, width, 3)"
        )
    if image.shape[0] % 2 or image.shape[1] % 2:
        raise InputError(f"picture has an odd side, {image.shape[:2]}: H.264 wants even sides")
    if previous is not None and image.shape != previous.shape:
        raise InputError(f"picture size changed from {previous.shape[:2]} to {image.shape[:2]}")
    return image


def _encode(
    parts: Iterable[tuple[Speech, Iterable[Picture]]],
    fps: int,
    tags: Tags,
    sink: Any,
    flags: dict[str, str],
) -> Iterator[None]:
    """Feeds the muxer and yields after each picture, so that a caller may take what is written."""
    import av

    if not 1 <= fps <= 120:
        raise InputError(f"{fps} pictures a second: give 1 to 120")
    worker = _Worker(_Muxer(sink, fps, tags, flags))
    worker.start()
    step, image, sent = AUDIO_RATE / fps, None, 0
    try:
        for speech, pictures in parts:
            sound = resample(
                check_audio(speech.audio, speech.sample_rate), speech.sample_rate, AUDIO_RATE
            )
            begin, first = round(sent * step), sent
            stop = first + max(1, -(-len(sound) // round(step))) if len(sound) else first
            iterator = iter(pictures)
            while True:
                picture = next(iterator, None)
                if picture is None and (image is None or sent >= stop):
                    break
                image = image if picture is None else _image(picture, image)
                here, there = round(sent * step) - begin, round((sent + 1) * step) - begin
                piece = sound[here:there]
                worker.put(image, np.pad(piece, (0, there - here - len(piece))))
                sent += 1
                yield
        if sent == 0:
            raise InputError("no pictures to encode: give at least one")
        worker.finish()
        worker.muxer.close()
    except av.FFmpegError as error:
        raise MediaError(f"the video cannot be encoded: {error}") from error
    finally:
        if worker.is_alive():
            worker.jobs.put(None)
            worker.join()


def read_video(
    path: Path | str, fps: float | None = None, size: int | None = None, crop: bool = False
) -> Video:
    """All pictures of a file at a constant rate (its own average or ``fps``), RGB.

    ``size`` scales to ``size`` x ``size``: squashed, or with ``crop`` the middle square alone.
    Raises MediaError where there is nothing to decode.
    """
    import av

    path = Path(path)
    if not path.is_file():
        raise MediaError(f"no file at {path}: give a video file")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise MediaError(f"{path} has no pictures: give a video file")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            times: list[float] = []
            images: list[ImageArray] = []
            for frame in container.decode(stream):
                if len(images) == MAX_FRAMES:
                    raise MediaError(f"{path} has more than {MAX_FRAMES} pictures: cut it shorter")
                images.append(_scaled(frame, size, crop))
                times.append(float(frame.time or 0.0))
            rate = float(fps or stream.average_rate or stream.guessed_rate or 25)
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, MediaError):
            raise
        raise MediaError(f"{path} cannot be decoded as video: {error}") from error
    if not images:
        raise MediaError(f"{path} has no pictures that can be decoded")
    return Video(np.stack([images[i] for i in _constant_rate(times, rate)]), rate)


def _scaled(frame: Any, size: int | None, crop: bool) -> ImageArray:
    """One decoded picture as RGB, of its own size or ``size`` x ``size``."""
    if size is None:
        return np.asarray(frame.to_ndarray(format="rgb24"))
    scale = size / min(frame.width, frame.height)
    width, height = (round(v * scale) if crop else size for v in (frame.width, frame.height))
    image = frame.to_ndarray(format="rgb24", width=width, height=height)
    left, top = (width - size) // 2, (height - size) // 2
    return np.ascontiguousarray(image[top : top + size, left : left + size])


def _constant_rate(times: list[float], rate: float) -> list[int]:
    """Index of the picture that is on screen at each tick of ``rate``."""
    stamps = np.asarray(times) - times[0]
    stamps = np.maximum.accumulate(stamps)
    count = max(1, round(float(stamps[-1]) * rate) + 1)
    if count > 4 * MAX_FRAMES:
        raise MediaError(f"{count} pictures at {rate:.0f} a second: the time stamps are broken")
    ticks = np.arange(count) / rate + 0.25 / rate
    return [int(i) for i in np.maximum(np.searchsorted(stamps, ticks, side="right") - 1, 0)]
