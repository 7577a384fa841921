"""What is kept between trainings of the voice, and the calibration of its table of styles."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from empatheia.speech.world.generator import WorldVoice
from empatheia.speech.world.network import spread
from empatheia.speech.world.styles import StyleTable
from empatheia.training.voice_cache import cached_clips, clips_digest
from empatheia.training.voice_calibration import (
    NUMBERS,
    _spread_all,
    calibrate,
    mean_numbers,
    planned,
    probe,
    read,
)
from empatheia.training.voice_data import VoiceClip
from empatheia.training.voice_styles import renew_styles, save_voice
from empatheia.types import Profile


def clip(seed: int, phonemes: int) -> VoiceClip:
    rng = np.random.default_rng(seed)
    steps = rng.integers(1, 9, phonemes)
    return VoiceClip(
        rng.integers(1, 30, phonemes), rng.integers(0, 3, phonemes),
        rng.random((phonemes, 5)).astype(np.float32), steps,
        rng.random((2 * int(steps.sum()), 69)).astype(np.float16), (54, 1),
        rng.random((11, 80)).astype(np.float16), rng.random(7).astype(np.float32), seed,
        seed % 2 == 0,
    )  # fmt: skip


def test_clips_are_made_once(tmp_path: Path) -> None:
    (tmp_path / "index.jsonl").write_text("{}\n", encoding="utf-8")
    clips = [clip(i, 3 + i) for i in range(4)]
    calls = []

    def make() -> list[VoiceClip]:
        calls.append(1)
        return clips

    cached_clips(tmp_path, 1, 0, make)
    again = cached_clips(tmp_path, 1, 0, make)
    assert len(calls) == 1
    for a, b in zip(clips, again, strict=True):
        for field in fields(VoiceClip):
            left, right = getattr(a, field.name), getattr(b, field.name)
            assert np.array_equal(left, right), field.name
    assert clips_digest(tmp_path, 1, 0) != clips_digest(tmp_path, 2, 0)
    (tmp_path / "index.jsonl").write_text("{} \n", encoding="utf-8")
    cached_clips(tmp_path, 1, 0, make)
    assert len(calls) == 2


def test_sentences_are_spread_together_as_alone() -> None:
    content = torch.randn(3, 4)
    exact = torch.tensor([[1.2, 2.5, 0.7], [3.0, 1.0, 6.0]])
    rows, phase, keep = _spread_all(content, exact)
    for k, steps in enumerate(([1, 3, 1], [3, 1, 6])):
        own, place = spread(content, torch.tensor(steps))
        assert torch.equal(rows[k, : len(own)], own)
        assert torch.allclose(phase[k, : len(own)], place)
        assert keep[k].sum() == len(own)


def test_calibrated_styles_are_nearer_to_the_plan() -> None:
    torch.manual_seed(0)
    voice = WorldVoice.tiny()
    network, heard = voice.network, StyleTable.random(voice.style_dim)
    sentences = [voice.phonemize("Hello.")]
    probes = [probe(network, s) for s in sentences]

    def miss(table: StyleTable) -> float:
        """Change of log rate from neutral to strong sadness, against the plan's."""
        off = []
        for tone in ("emphatic", "mild", "gentle"):
            who = Profile("young", "female", tone)
            with torch.no_grad():
                said = [
                    mean_numbers(network, probes, table.find(e, 1.0, who)[None])[0]
                    for e in ("neutral", "sad")
                ]
            wanted = planned("sad", 1.0, who) - planned("neutral", 0.0, who)
            off.append(abs(float((said[1] - said[0] - wanted)[NUMBERS.index("rate")])))
        return float(np.mean(off))

    moved = calibrate(network, heard, sentences, rounds=5, rate=0.2)
    assert moved.tensors()["expressive"].shape == heard.tensors()["expressive"].shape
    assert miss(moved) < miss(heard)


def test_calibrated_formants_follow_the_plan() -> None:
    """A child's are higher than an old woman's, wherever both started."""
    torch.manual_seed(0)
    voice = WorldVoice.tiny()
    network = voice.network
    one = torch.randn(voice.style_dim)
    start = StyleTable(one.expand(24, 7, 2, -1), one.expand(24, -1))
    moved = calibrate(network, start, [voice.phonemize("Hello.")], rounds=8, rate=0.2)

    def formants(age: str) -> float:
        style = moved.find("neutral", 0.0, Profile(age, "female", "mild"))
        return float(read(network, style[None])[0, 0])

    assert formants("child") > formants("elderly") + 0.2


def test_renewed_styles_leave_the_networks(tmp_path: Path) -> None:
    voice = WorldVoice.tiny()
    path = tmp_path / "voice.safetensors"
    save_voice(path, voice.network, voice.styles, {"note": "kept"})
    before = WorldVoice.load(path)
    lines: list[str] = []
    renew_styles(path, tmp_path / "new.safetensors", lines.append, rounds=1)
    after = WorldVoice.load(tmp_path / "new.safetensors")
    for name, value in before.network.state_dict().items():
        assert torch.allclose(value, after.network.state_dict()[name], atol=1e-7), name
    assert not torch.equal(before.styles.tensors()["neutral"], after.styles.tensors()["neutral"])
    assert after.meta["note"] == "kept"
    assert len(lines) == 2
