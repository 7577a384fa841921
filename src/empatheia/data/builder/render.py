"""A voice and a face for every utterance: a synthetic AvaMERG in the released layout.

    OUT/media/dia00001utt0_18.wav  .mp4  .json (phoneme times, and what the clip was made from)
    OUT/train.json …               the released layout
    OUT/manifest.jsonl             everything, with paths

A clip is done when its ``.json`` is there, which is written last and holds a digest of all that
decides about the clip. So a run that was killed goes on where it was, and ends in the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from empatheia.data import avamerg, manifest, plan
from empatheia.data.builder.studio import Clip, Studio, Take
from empatheia.data.feelings import label_speaker
from empatheia.data.media_index import file_name
from empatheia.data.rules import Fault
from empatheia.errors import EmpatheiaError
from empatheia.files import replacing, write_whole
from empatheia.types import Dialogue, Turn

MEDIA: Final = "media"
SPEAKER, LISTENER = 0.75, 0.6  # how strongly an emotion is shown where its name does not say
_STRENGTH: Final = {
    "furious": 1.0, "terrified": 1.0, "devastated": 1.0, "disgusted": 0.9, "excited": 0.95,
    "joyful": 0.95, "surprised": 0.9, "afraid": 0.85, "angry": 0.85, "sad": 0.85, "annoyed": 0.55,
    "apprehensive": 0.55, "content": 0.5, "prepared": 0.4, "trusting": 0.5, "faithful": 0.5,
    "nostalgic": 0.5, "sentimental": 0.5, "caring": 0.6, "confident": 0.6, "disappointed": 0.65,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rendered:
    """One dialogue with its media, and what could not be made. ``made`` counts new clips."""

    dialogue: Dialogue
    faults: tuple[Fault, ...]
    made: int


def cast(
    dialogues: Iterable[Dialogue], numeric: bool, seed: int = 0, casts: int = plan.CASTS
) -> Iterator[Dialogue]:
    """Dialogues ready to be played: two people, an emotion for every turn, a number for an id.

    Ids that are no numbers are replaced by the place in the set; ``source`` keeps them.
    """
    for place, dialogue in enumerate(dialogues):
        if not numeric:
            dialogue = plan.numbered(dialogue, place)
        if dialogue.turns:
            dialogue = plan.complete(label_speaker(dialogue), place, seed, casts)
        yield dialogue


def take_of(dialogue: Dialogue, place: int, seed: int) -> Take:
    """How turn ``place`` is played: who, with which emotion, how strongly."""
    turn = dialogue.turns[place]
    profile = getattr(dialogue, turn.role)
    person = getattr(dialogue, f"{turn.role}_id")
    usual = SPEAKER if turn.role == "speaker" else LISTENER
    named = _STRENGTH.get(turn.emotion or "", usual) if turn.emotion8 else 0.5
    return Take(
        text=turn.text,
        emotion=turn.emotion8 or "neutral",
        intensity=named if turn.intensity is None else turn.intensity,
        profile=profile,
        look=plan.seed_of(person),
        seed=zlib.crc32(f"{seed}:{dialogue.id}:{place}".encode()),
    )


def render_dialogue(
    studio: Studio,
    dialogue: Dialogue,
    out: Path,
    seed: int = 0,
    roles: Collection[str] = plan.SIDES,
) -> Rendered:
    """Make the clips of one dialogue that are not there yet, of those who speak in ``roles``."""
    turns: list[Turn] = []
    faults: list[Fault] = []
    made = 0
    for place, turn in enumerate(dialogue.turns):
        if turn.role not in roles:
            turns.append(turn)
            continue
        take = take_of(dialogue, place, seed)
        person = getattr(dialogue, f"{turn.role}_id")
        files = {
            ending: out / MEDIA / file_name(dialogue.id, place, person, ending)
            for ending in ("wav", "mp4", "json")
        }
        key = _key(take, studio.version)
        if not _done(files, key):
            try:
                _write(studio.film(take), take, key, studio.version, files)
            except EmpatheiaError as error:
                faults.append(Fault("M5", dialogue.id, f"cannot be rendered: {error}", place))
                turns.append(turn)
                continue
            made += 1
        paths: dict[str, Any] = {
            "audio": files["wav"],
            "video": files["mp4"],
            "times": files["json"],
            "intensity": take.intensity,
        }
        source = turn.emotion_source
        if turn.emotion8 is None:
            turn, source = replace(turn, emotion8=take.emotion), "render"
        turns.append(replace(turn, emotion_source=source, **paths))
    return Rendered(replace(dialogue, turns=tuple(turns)), tuple(faults), made)


def _key(take: Take, version: str) -> str:
    told = json.dumps([asdict(take), version], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _done(files: dict[str, Path], key: str) -> bool:
    try:
        told = json.loads(files["json"].read_text(encoding="utf-8"))
        sizes = [files[ending].stat().st_size for ending in ("wav", "mp4")]
    except (OSError, ValueError):
        return False
    return bool(told["key"] == key and sizes == told["bytes"])


def _write(clip: Clip, take: Take, key: str, version: str, files: dict[str, Path]) -> None:
    write_whole(files["wav"], clip.wav)
    write_whole(files["mp4"], clip.mp4)
    told = {
        "key": key,
        **asdict(take),
        "avatar": clip.avatar,
        "generators": version,
        "seconds": round(clip.speech.seconds, 4),
        "sample_rate": clip.speech.sample_rate,
        "words": clip.speech.words,
        "phonemes": [[p.symbol, p.start, p.end, p.word] for p in clip.speech.phonemes],
        "bytes": [len(clip.wav), len(clip.mp4)],
        "sha256": [hashlib.sha256(data).hexdigest() for data in (clip.wav, clip.mp4)],
    }
    write_whole(files["json"], json.dumps(told, ensure_ascii=False).encode() + b"\n")


Mapper = Callable[[Iterable[Dialogue]], Iterator[Rendered]]


def render(dialogues: Iterable[Dialogue], out: Path, mapper: Mapper) -> Iterator[Rendered]:
    """Render a cast set; yields as it goes, writes the lists when the iterator is exhausted.

    ``mapper`` applies :func:`render_dialogue` in order: see ``workers``.
    """
    done: list[Dialogue] = []
    for item in mapper(dialogues):
        done.append(item.dialogue)
        yield item
    manifest.write(out / "manifest.jsonl", done)
    write_released(done, out)


def write_released(dialogues: Iterable[Dialogue], out: Path) -> None:
    """One file a split in the released layout (``train.json``; ``all.json`` without splits)."""
    by_split: dict[str, list[Dialogue]] = {}
    for dialogue in dialogues:
        by_split.setdefault(dialogue.split or "all", []).append(dialogue)
    for split, items in sorted(by_split.items()):
        with replacing(out / f"{split}.json") as handle:
            handle.write("[\n")
            for place, dialogue in enumerate(items):
                item: dict[str, Any] = avamerg.to_released(dialogue)
                handle.write(",\n" if place else "")
                handle.write(json.dumps(item, ensure_ascii=False))
            handle.write("\n]\n")
