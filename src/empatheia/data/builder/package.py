"""A data set ready for a hub: splits, shards of media, checksums, a card.

    OUT/README.md                       the card
    OUT/data/train.jsonl …              manifests; media paths are those of the unpacked shards
    OUT/avamerg/train.json …            the released layout
    OUT/media/train-00000.zip …         sound, video, phoneme times; unpack into media/train-00000/
    OUT/schema.json, OUT/SHA256SUMS     SHA256SUMS is written last: the set is complete

Shards have no dates and no compression, so the same set is the same bytes. A killed run goes on
behind its last finished shard.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from empatheia.data import manifest, statistics
from empatheia.data.avamerg import SPLITS
from empatheia.data.builder import splits as splitting
from empatheia.data.builder.card import card
from empatheia.data.builder.render import write_released
from empatheia.data.manifest import MEDIA
from empatheia.data.rules import Fault
from empatheia.data.schema import manifest_schema
from empatheia.errors import InputError
from empatheia.files import cannot_write, make_folder, write_whole
from empatheia.types import Dialogue

SHARD_BYTES: Final = 1 << 30
SUMS: Final = "SHA256SUMS"
JOURNAL: Final = ".shards.jsonl"


@dataclass(frozen=True, slots=True)
class Package:
    """What was packed. ``leaks`` is empty unless given splits were kept."""

    splits: dict[str, int]
    files: int
    shards: int
    leaks: tuple[Fault, ...]


def package(
    path: Path,
    out: Path,
    name: str,
    keep_splits: bool = False,
    licence: str | None = None,
    shard_bytes: int = SHARD_BYTES,
    progress: Callable[[str], None] | None = None,
) -> Package:
    """Pack the manifest ``path`` into the folder ``out``.

    Raises InputError where a media file is missing or a split cannot be made without a leak.
    """
    keys = [splitting.keys_of(dialogue) for dialogue in manifest.read(path)]
    if not keys:
        raise InputError(f"{path} holds no dialogue: there is nothing to pack.")
    names = _splits(keys, keep_splits)
    leaks = splitting.leaks(zip(keys, names, strict=True))
    (out / SUMS).unlink(missing_ok=True)
    make_folder(out)
    shards = _Shards(out, shard_bytes, progress)
    packed: dict[str, list[Dialogue]] = {}
    for dialogue, split in zip(manifest.read(path), names, strict=True):
        moved = shards.add(replace(dialogue, split=split))
        packed.setdefault(split, []).append(moved)
    files = shards.finish()
    sums = dict(shards.sums)
    for split, dialogues in packed.items():
        manifest.write(out / "data" / f"{split}.jsonl", dialogues)
    write_released([d for split in SPLITS for d in packed.get(split, ())], out / "avamerg")
    write_whole(out / "schema.json", json.dumps(manifest_schema(), indent=1).encode() + b"\n")
    counted = statistics.count(manifest.read(path))
    counted.splits.clear()
    counted.splits.update(names)
    counts = {split: len(packed.get(split, ())) for split in SPLITS}
    text = card(name, counted, counts, files, leaks, licence)
    write_whole(out / "README.md", text.encode())
    for file in ("README.md", "schema.json", *_written(packed)):
        sums[file] = hashlib.sha256((out / file).read_bytes()).hexdigest()
    (out / JOURNAL).unlink(missing_ok=True)
    lines = [f"{digest}  {file}\n" for file, digest in sorted(sums.items())]
    write_whole(out / SUMS, "".join(lines).encode())
    return Package(counts, files, len(shards.sums), tuple(leaks))


def _splits(keys: list[splitting.Keys], keep: bool) -> list[str]:
    if not keep:
        return splitting.assign(keys)
    unknown = [key.id for key in keys if key.split not in SPLITS]
    if unknown:
        raise InputError(
            f"--keep-splits: {len(unknown)} dialogues have no split (first {unknown[0]}); "
            f"each needs one of {', '.join(SPLITS)}."
        )
    return [str(key.split) for key in keys]


def _written(packed: dict[str, list[Dialogue]]) -> Iterator[str]:
    for split in packed:
        yield f"data/{split}.jsonl"
        yield f"avamerg/{split}.json"


class _Shards:
    """Fills one zip a split at a time; a full one is closed and noted in the journal."""

    def __init__(self, out: Path, limit: int, progress: Callable[[str], None] | None) -> None:
        self.out, self.limit, self.progress = out, limit, progress
        self.pending: dict[str, list[tuple[str, Path]]] = {}
        self.bytes: dict[str, int] = {}
        self.number: dict[str, int] = {}
        self.files = 0
        self.sums: dict[str, str] = {}
        self.journal = _journal(out / JOURNAL)
        self.names: set[str] = set()

    def add(self, dialogue: Dialogue) -> Dialogue:
        """Take the dialogue's files; returns it with the paths they will have."""
        assert dialogue.split is not None
        split = dialogue.split
        turns = []
        for place, turn in enumerate(dialogue.turns):
            moved: dict[str, Any] = {}
            for kind in MEDIA:
                source: Path | None = getattr(turn, kind)
                if source is not None:
                    moved[kind] = self._take(source, split, dialogue.id, place)
            turns.append(replace(turn, **moved) if moved else turn)
        if self.bytes.get(split, 0) >= self.limit:
            self._close(split)
        return replace(dialogue, turns=tuple(turns))

    def _take(self, source: Path, split: str, identity: str, place: int) -> Path:
        try:
            size = source.stat().st_size
        except OSError as error:
            raise InputError(
                f"{identity} turn {place}: no file at {source}. Run data validate first."
            ) from error
        if source.name in self.names:
            raise InputError(
                f"{identity} turn {place}: a second file is called {source.name}. Names must be "
                "used once; data render gives such names."
            )
        self.names.add(source.name)
        self.pending.setdefault(split, []).append((source.name, source))
        self.bytes[split] = self.bytes.get(split, 0) + size
        self.files += 1
        return self.out / "media" / self._name(split) / source.name

    def _name(self, split: str) -> str:
        return f"{split}-{self.number.get(split, 0):05d}"

    def finish(self) -> int:
        for split in sorted(self.pending):
            self._close(split)
        return self.files

    def _close(self, split: str) -> None:
        members = self.pending.pop(split, [])
        if not members:
            return
        name = f"media/{self._name(split)}.zip"
        state = [[n, p.stat().st_size, p.stat().st_mtime_ns] for n, p in members]
        known = self.journal.get(name)
        target = self.out / name
        if known and known["state"] == state and target.is_file():
            self.sums[name] = known["sha256"]
        else:
            self.sums[name] = _zip(target, members)
            self._note({"shard": name, "state": state, "sha256": self.sums[name]})
        self.number[split] = self.number.get(split, 0) + 1
        self.bytes[split] = 0
        if self.progress:
            self.progress(name)

    def _note(self, entry: dict[str, Any]) -> None:
        with (self.out / JOURNAL).open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(entry) + "\n")


def _journal(path: Path) -> dict[str, Any]:
    """Finished shards; a line that a killed run left half-written is nothing."""
    found: dict[str, Any] = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
                found[entry["shard"]] = entry
            except (ValueError, KeyError):
                continue
    return found


def _zip(target: Path, members: list[tuple[str, Path]]) -> str:
    """A zip without dates and compression; returns its SHA-256."""
    make_folder(target.parent)
    part = target.with_name(f".{target.name}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as opened:
            for name, source in members:
                info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                info.external_attr = 0o644 << 16
                opened.writestr(info, source.read_bytes())
        digest = hashlib.sha256()
        with part.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise cannot_write(target.parent, error) from error
    return digest.hexdigest()
