"""Replies with their history, padded batches, a cache that resumes and never goes stale."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empatheia.data import features, manifest
from empatheia.data.batch import collate, pad
from empatheia.data.dataset import Example, ReplyDataset, load_speech
from empatheia.data.sampler import BucketSampler
from empatheia.errors import InputError, MediaError
from empatheia.media.audio import wav_bytes
from empatheia.types import Dialogue, Speech, Turn


def dialogues(folder: Path, count: int = 5, media: bool = False) -> Path:
    made = []
    for number in range(count):
        audio = times = None
        if media:
            audio, times = folder / f"{number}.wav", folder / f"{number}.json"
            sound = Speech(np.full(1600 * (number + 1), 0.1, np.float32), 16_000)
            audio.write_bytes(wav_bytes(sound))
            times.write_text(json.dumps({"phonemes": [["AA1", 0, 0.1, 0]], "words": ["a"]}))
        reply = Turn("listener", f"Oh {number}.", audio=audio, video=audio, times=times)
        turns = (Turn("speaker", "Hi é"), reply, Turn("speaker", "So."), Turn("listener", "Ah."))
        made.append(
            Dialogue(f"{number}", turns[: 4 - number % 2], split=("train", "test")[number % 2])
        )
    manifest.write(folder / "m.jsonl", made)
    return folder / "m.jsonl"


def test_every_reply_with_what_came_before(tmp_path: Path) -> None:
    data = ReplyDataset(dialogues(tmp_path))
    assert [e.key for e in data] == ["0#1", "0#3", "1#1", "2#1", "2#3", "3#1", "4#1", "4#3"]
    example = data[1]
    assert [t.text for t in example.history] == ["Hi é", "Oh 0.", "So."]
    assert example.reply.text == "Ah."
    assert len(ReplyDataset(tmp_path / "m.jsonl", split="test")) == 2


def test_replies_without_media_are_left_out_and_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="data render"):
        ReplyDataset(dialogues(tmp_path), need_media=True)
    path = dialogues(tmp_path, media=True)
    data = ReplyDataset(path, need_media=True)
    assert data.seconds == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert BucketSampler(data.seconds, 2).batch(0) == BucketSampler(data.seconds, 2).batch(0)
    speech = load_speech(data[0].reply)
    assert speech.phonemes[0].symbol == "AA1"
    with pytest.raises(MediaError, match="no sound"):
        load_speech(ReplyDataset(path)[1].reply)


def test_a_broken_manifest_is_named(tmp_path: Path) -> None:
    path = dialogues(tmp_path)
    path.write_bytes(path.read_bytes() + b"{\n")
    with pytest.raises(InputError, match="line 6"):
        ReplyDataset(path)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 4))
def test_padding_hides_nothing_and_adds_nothing(lengths: list[int], multiple: int) -> None:
    rows = [torch.randn(n, 3) for n in lengths]
    padded = pad(rows, multiple)
    assert padded.values.shape[1] % multiple == 0
    assert padded.lengths.tolist() == lengths
    for place, row in enumerate(rows):
        assert torch.equal(padded.values[place][padded.mask[place]], row)
    assert not padded.values[~padded.mask].any()


def test_a_batch_has_sequences_and_vectors() -> None:
    rows = [{"speech_content": torch.ones(n, 2), "speech_style": torch.ones(4)} for n in (2, 3)]
    batch = collate(["a", "b"], rows)
    assert batch.sequences["speech_content"].values.shape == (2, 3, 2)
    assert batch.vectors["speech_style"].shape == (2, 4)
    with pytest.raises(ValueError, match="same fields"):
        collate(["a", "b"], [rows[0], {"speech_style": torch.ones(4)}])


class Counting:
    """Extracts the length of the reply's text, and counts how often it is asked."""

    calls = 0
    fails_at = 10**9

    def __call__(self, example: Example) -> dict[str, torch.Tensor]:
        Counting.calls += 1
        if Counting.calls == Counting.fails_at:
            raise KeyboardInterrupt
        return {"text": torch.full((len(example.reply.text), 1), float(example.place))}


def test_features_are_extracted_once_and_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "SHARD", 3)
    Counting.calls = 0
    path = dialogues(tmp_path)
    data = ReplyDataset(path)
    monkeypatch.setattr(Counting, "fails_at", 5)
    with pytest.raises(KeyboardInterrupt):
        features.extract(data, path, tmp_path / "c", "w1", Counting)
    cache = features.extract(data, path, tmp_path / "c", "w1", Counting)
    assert Counting.calls == 5 + (len(data) - 3)
    assert len(cache) == len(data)
    assert [int(cache[i]["text"][0]) for i in range(len(data))] == [e.place for e in data]
    features.extract(data, path, tmp_path / "c", "w1", Counting)
    assert Counting.calls == 5 + (len(data) - 3)
    features.extract(data, path, tmp_path / "c", "w2", Counting)
    assert Counting.calls == 5 + (len(data) - 3) + len(data)
    batch = next(features.batches(cache, data, [[0, 2]]))
    assert batch.keys == ("0#1", "1#1")  # type: ignore[attr-defined]
    with pytest.raises(IndexError):
        cache[99]
