"""Outputs of frozen networks, computed once: safetensors shards under the weights' digest.

    CACHE/<digest>/<digest of the manifest and shard size>/00000.safetensors …

A shard holds the features of a run of replies, as ``key/field`` tensors. It appears whole or not
at all, so an interrupted extraction goes on behind its last shard. Other weights or another
manifest are another folder: nothing stale is ever read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from empatheia.cores import on_cores
from empatheia.data.dataset import Example, ReplyDataset, load_speech, load_video
from empatheia.errors import InputError
from empatheia.files import make_folder
from empatheia.protocols import FaceGenerator, SpeechGenerator
from empatheia.types import Phoneme

if TYPE_CHECKING:
    from torch import Tensor

SHARD: Final = 64  # replies
Features = Mapping[str, "Tensor"]
Extract = Callable[[Example], Features]
Opener = Callable[[], Extract]


@dataclass(frozen=True, slots=True)
class Teachers:
    """The four teachers of stages 2 to 4, on the gold reply's own files. See ``batch.FIELDS``."""

    speech: SpeechGenerator
    face: FaceGenerator

    def __call__(self, example: Example) -> Features:
        """Raises MediaError, InputError where the reply has no usable media."""
        import torch

        spoken = load_speech(example.reply)
        timed = spoken.phonemes
        if not timed:
            raise InputError(f"{example.key} has no phoneme times: empatheia data align")
        phonemes = [Phoneme(p.symbol, p.word) for p in timed]
        video = load_video(example.reply, self.face.fps)
        rows = {
            "speech_content": self.speech.encode_content(phonemes),
            "speech_style": self.speech.encode_style(spoken),
            "video_content": self.face.encode_content(spoken),
            "video_style": self.face.encode_style(video),
            "phoneme_times": torch.tensor([(p.start, p.end) for p in timed]),
            "phoneme_words": torch.tensor([p.word for p in timed]),
        }
        return {name: row.detach().contiguous() for name, row in rows.items()}


class FeatureCache(Sequence[Features]):
    """Features of a data set, by number, as :func:`extract` wrote them."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder, self._count = folder, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Features:  # type: ignore[override]  # no slices
        from safetensors import safe_open

        if not 0 <= index < self._count:
            raise IndexError(index)
        path = _shard_path(self._folder, index // SHARD)
        prefix = f"{index:08d}/"
        with safe_open(path, framework="pt") as handle:
            names = [name for name in handle.keys() if name.startswith(prefix)]  # noqa: SIM118
            return {name.removeprefix(prefix): handle.get_tensor(name) for name in names}


def extract(
    dataset: ReplyDataset,
    path: Path,
    cache: Path,
    digest: str,
    open_extract: Opener,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> FeatureCache:
    """Compute what is missing, on ``jobs`` processes, and return the whole.

    ``path`` is the dataset's manifest; ``digest`` names the frozen weights. Raises what
    ``open_extract`` and the extraction raise; finished shards stay.
    """
    state = hashlib.sha256(path.read_bytes() + str((len(dataset), SHARD)).encode()).hexdigest()[:16]
    folder = cache / digest / state
    make_folder(folder)
    shards = range(-(-len(dataset) // SHARD))
    missing = [number for number in shards if not _shard_path(folder, number).is_file()]
    work = partial(_write_shard, dataset, folder)
    if missing:
        for number in on_cores(open_extract, work, missing, min(jobs, len(missing))):
            _tell(progress, number)
    return FeatureCache(folder, len(dataset))


def _tell(progress: Callable[[int], None] | None, number: int) -> None:
    if progress:
        progress(number)


def _shard_path(folder: Path, number: int) -> Path:
    return folder / f"{number:05d}.safetensors"


def _write_shard(dataset: ReplyDataset, folder: Path, extract: Extract, number: int) -> int:
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    for index in range(number * SHARD, min((number + 1) * SHARD, len(dataset))):
        for name, value in extract(dataset[index]).items():
            tensors[f"{index:08d}/{name}"] = value
    target = _shard_path(folder, number)
    part = target.with_name(f".{target.name}.part")
    save_file(tensors, part)
    part.replace(target)
    return number


def batches(
    cache: FeatureCache, dataset: ReplyDataset, order: Sequence[Sequence[int]]
) -> Iterator[object]:
    """One :class:`empatheia.data.batch.Batch` for each list of indices in ``order``."""
    from empatheia.data.batch import collate

    for indices in order:
        yield collate([dataset[i].key for i in indices], [cache[i] for i in indices])
