"""Ear, eye and senses: what trains moves, what is frozen stays, a few examples are learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.encoders.mel import CHANNELS
from empatheia.encoders.speech import SpeechEncoder
from empatheia.encoders.video import VideoEncoder
from empatheia.latents.senses import Perceived
from empatheia.reasoner import Request
from empatheia.senses import FOLD, Reading
from empatheia.tiny import tiny_reasoner, tiny_senses
from empatheia.training.ear import Ear, EarClip, EarConfig, EarStage, varied
from empatheia.training.eye import Eye, EyeClip, EyeConfig, EyeStage
from empatheia.training.loop import Stage
from empatheia.training.losses import UNKNOWN
from empatheia.training.senses import (
    NEUTRAL,
    Media,
    RowMaker,
    SensesStage,
    SensesTraining,
    by_key,
    wanted_label,
)
from empatheia.types import Profile, Turn

RNG = np.random.default_rng(0)


def ear_stage() -> EarStage:
    """Two actors and a rendered voice; what is to be heard is the level of the bands."""
    torch.manual_seed(0)
    clips = [
        EarClip((RNG.normal(0, 1, (50, CHANNELS)) + 4 * key).astype(np.float32), key, who, person)
        for key in (0, 1)
        for who, person in (((UNKNOWN, 0, UNKNOWN), 1), ((2, 1, 0), -1))
        for _ in range(4)
    ]
    parts = [[c for c in clips if (c.person < 0) == made] for made in (False, True)]
    config = EarConfig(batch_size=8, mixed=0.0)
    return EarStage(Ear(SpeechEncoder()), (parts[0], parts[0]), (parts[1], parts[1]), config)


def eye_stage() -> EyeStage:
    """Stripes that stand or lie."""
    torch.manual_seed(0)
    clips = []
    for key in (0, 1):
        wave = (127 + 120 * np.sin(np.arange(128) / 3)).astype(np.uint8)
        flat = np.broadcast_to(wave[:, None] if key else wave[None], (128, 128))
        pictures = np.repeat(np.stack([flat] * 4)[..., None], 3, -1).copy()
        clips += [EyeClip(pictures, (19, 10, 108, 108), key, (key, key))] * 4
    return EyeStage(Eye(VideoEncoder()), clips, clips, EyeConfig(batch_size=4))


def learn(stage: Stage, steps: int, lr: float) -> list[float]:
    optimizer = torch.optim.AdamW(stage.groups(lr), lr=lr)
    stage.model.train()
    losses = []
    for step in range(steps):
        loss = stage.loss(stage.batch(step))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    stage.model.eval()
    return losses


@pytest.mark.parametrize("make", [ear_stage, eye_stage])
def test_an_encoder_learns_a_few_clips_and_is_frozen_outside_its_stage(make: object) -> None:
    stage = make()  # type: ignore[operator]
    assert stage.validate()["loss"] >= 0
    learn(stage, 30, 2e-3)
    assert stage.validate()["loss"] == 0.0
    encoder = type(stage.model.encoder)()
    assert not any(p.requires_grad for n, p in encoder.named_parameters() if n[:4] in "clip,hube")


def test_batches_depend_on_the_step_alone() -> None:
    stage = ear_stage()
    again = stage.batch(3)
    assert all(torch.equal(a, b) for a, b in zip(stage.batch(3).rows, again.rows, strict=True))


def test_varied_speech_keeps_its_shape() -> None:
    rows = RNG.normal(0, 1, (40, CHANNELS)).astype(np.float32)
    out = varied(rows, RNG)
    assert out.shape[1] == CHANNELS
    assert np.isfinite(out).all()
    assert 20 <= len(out) <= 60


def test_voice_and_face_move_the_wanted_label_and_neutral_ones_do_not() -> None:
    evidence = torch.randn(32).log_softmax(-1)
    assert torch.allclose(wanted_label(evidence, NEUTRAL), evidence.exp(), atol=1e-6)
    angry = wanted_label(torch.full((32,), 1 / 32).log(), EMOTIONS8.index("angry"))
    assert float(angry[EMOTIONS8.index("angry") == FOLD].sum()) > 0.8
    sure = torch.full((32,), 1e-6)
    sure[EMOTIONS32.index("joyful")] = 1.0
    told = wanted_label(sure.log(), EMOTIONS8.index("angry"))
    assert EMOTIONS32[int(told.argmax())] == "joyful"  # words that leave no doubt are believed


def perceived(dim: int, key: int) -> Perceived:
    states = torch.randn(5, dim)
    evidence = torch.full((8,), -4.0)
    evidence[key] = 0.0
    return Perceived(states, states.mean(0), evidence.log_softmax(-1))


def senses_stage() -> SensesStage:
    torch.manual_seed(0)
    reasoner, senses = tiny_reasoner(), tiny_senses()
    rows = RowMaker(reasoner, lambda _: None).neutral(["I am at home."] * 8, RNG)
    keys = range(len(EMOTIONS8))
    media = Media(
        by_key([(k, Reading(perceived(senses.ear.dim, k), None)) for k in keys]),
        by_key([(k, Reading(None, perceived(senses.eye.dim, k))) for k in keys]),
    )
    senses.start()
    for part in (senses.speech, senses.video):
        part.drop = 0.0
    config = SensesTraining(batch_size=8)
    return SensesStage(reasoner, senses, (rows, rows), (media, media), config)


def test_senses_learn_and_only_their_projectors_move() -> None:
    stage = senses_stage()
    before = {n: p.clone() for n, p in stage.senses.named_parameters()}
    frozen = {n: p.clone() for n, p in stage.reasoner.named_parameters() if "senses" not in n}
    losses = learn(stage, 60, 1e-2)
    assert min(losses) < losses[0] - 0.05  # a language model of chance is hard to move
    moved = {n for n, p in stage.senses.named_parameters() if not torch.equal(before[n], p)}
    assert moved
    assert all(n.startswith(("speech.", "video.")) for n in moved)
    assert all(
        torch.equal(frozen[n], p) for n, p in stage.reasoner.named_parameters() if n in frozen
    )


def test_what_is_only_written_is_read_as_without_senses() -> None:
    reasoner = tiny_reasoner()
    requests = [Request((Turn("speaker", "I lost my dog."),), Profile())]
    plain = reasoner.prompt(requests)
    reasoner.senses = tiny_senses()
    assert torch.equal(reasoner.prompt(requests).embedded, plain.embedded)
    heard = [[Reading(perceived(reasoner.senses.ear.dim, 1), None)]]
    assert reasoner.prompt(requests, heard).embedded.shape[1] > plain.embedded.shape[1]
    mixed = reasoner.prompt(requests * 2, [*heard, [Reading()]])
    width = plain.embedded.shape[1]
    assert torch.allclose(mixed.embedded[1, -width:], plain.embedded[0], atol=1e-6)
    assert int(mixed.mask[1].sum()) == width


@torch.no_grad()
def test_text_ear_and_eye_are_weighed_together() -> None:
    senses = tiny_senses()
    evidence = torch.randn(2, 32).log_softmax(-1)
    angry = EMOTIONS8.index("angry")
    shown = Reading(perceived(senses.ear.dim, angry), perceived(senses.eye.dim, angry))
    out = senses.together(evidence, [shown, Reading()])
    assert torch.equal(out[1], evidence[1])  # nothing heard or seen: the text as it is
    fits = angry == FOLD
    assert float(out[0].exp()[fits].sum()) > float(evidence[0].exp()[fits].sum())
    neutral = Reading(perceived(senses.ear.dim, NEUTRAL), None)
    told = senses.together(evidence[:1], [neutral])[0]
    assert torch.allclose(told, evidence[0].clamp(min=-12), atol=0.2)  # speaks for no label


@torch.no_grad()
def test_untrained_projectors_give_no_tokens_and_the_evidence_still_speaks() -> None:
    reasoner = tiny_reasoner()
    requests = [Request((Turn("speaker", "I am at home."),), Profile())]
    plain = reasoner.prompt(requests).embedded
    senses = tiny_senses()
    senses.config = replace(senses.config, tokens=False)
    reasoner.senses = senses
    heard = [[Reading(perceived(senses.ear.dim, 1), None)]]
    found = reasoner.prompt(requests, heard).embedded
    assert found.shape == plain.shape
    changed = (found - plain).abs().sum(-1)[0] > 1e-6
    assert changed.nonzero()[:, 0].tolist() == [reasoner.projector.tokens - 1]
