"""Stages 2 to 4 on tiny weights: each fits a batch and moves its own parameters."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from empatheia.data.builder.render import MEDIA
from empatheia.errors import ConfigError, EmpatheiaError, InputError, TooLittleSpeechError
from empatheia.speech.world.generator import WorldVoice
from empatheia.training.coe import CoeConfig, add_lora
from empatheia.training.content import ContentStage
from empatheia.training.joint import JointStage
from empatheia.training.loop import LoopConfig, run
from empatheia.training.losses import LossWeights
from empatheia.training.merg import Parts, rows_of
from empatheia.training.merg_data import Said, Teachers, merg_examples, said
from empatheia.training.merg_stage import (
    MergConfig,
    MergNet,
    MergRow,
    MergStage,
    collate,
    row_aloud,
    without_chain,
)
from empatheia.training.reconstruction import Reconstruction
from empatheia.training.style import StyleStage
from empatheia.types import Dialogue, Profile, Speech, Turn

pytest.importorskip("peft")
sys.path.insert(0, str(Path(__file__).parent))
import merg

WEIGHTS = LossWeights(content_kl=1e-6, style_kl=1e-6)
CONFIG = MergConfig(batch_size=2, teacher=0.0, weights=WEIGHTS)
LORA = CoeConfig(lora_rank=4, lora_alpha=8, lora_dropout=0.0)
LOOP = LoopConfig(steps=30, lr=0.02, warmup=3, validate_every=1000, save_every=1000, bf16=False)
STAGES: dict[str, type[MergStage]] = {
    "content": ContentStage,
    "style": StyleStage,
    "joint": JointStage,
}
Make = Callable[..., MergStage]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rendered")


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[MergRow]:
    return merg.rows(merg.net(senses=True).reasoner, folder)


@pytest.fixture
def make(rows: list[MergRow]) -> Make:
    def made(
        name: str,
        found: Sequence[MergRow] = (),
        net: MergNet | None = None,
        through: Reconstruction | None = None,
        **changes: object,
    ) -> MergStage:
        net = net or merg.net(senses=True)
        if name == "joint":
            torch.manual_seed(0)
            add_lora(net.reasoner.lm.lm, LORA)
        config = replace(CONFIG, **changes)  # type: ignore[arg-type]
        return STAGES[name](net, found or rows, rows, config, through=through)

    return made


def allowed(stage: str, name: str) -> bool:
    senses = ("reasoner.senses.speech.", "reasoner.senses.video.")
    if stage == "content":
        return name.startswith("expression.content.")
    if stage == "style":
        return name.startswith(("expression.style.", "expression.signals."))
    return "lora_" in name or name.startswith(("expression.", *senses))


@pytest.mark.parametrize("name", STAGES)
def test_fits_one_batch_and_moves_only_what_it_may(name: str, make: Make, tmp_path: Path) -> None:
    stage = make(name)
    before = {n: p.detach().clone() for n, p in stage.net.named_parameters()}
    first = stage.validate()["loss"]
    run(stage, LOOP, tmp_path)
    last = stage.validate()
    assert last["loss"] < 0.6 * first, (first, last)
    moved = {n for n, p in stage.net.named_parameters() if not torch.equal(p, before[n])}
    assert moved
    assert all(allowed(name, n) for n in moved), [n for n in moved if not allowed(name, n)]
    if name == "joint":
        assert any("lora_" in n for n in moved)
        assert any(n.startswith("reasoner.senses.") for n in moved)


@pytest.mark.parametrize("name", STAGES)
def test_a_batch_is_its_rows(name: str, make: Make, rows: list[MergRow]) -> None:
    stage = make(name)
    both = stage.net(collate(rows))
    for i, row in enumerate(rows):
        alone = stage.net(collate([row]))
        tokens = len(row.reply)
        assert torch.allclose(both.signals.text[i, :tokens], alone.signals.text[0], atol=1e-4)
        assert torch.allclose(both.signals.speech[i], alone.signals.speech[0], atol=1e-4)
        assert torch.allclose(both.signals.video[i], alone.signals.video[0], atol=1e-4)
        reply = both.reply
        content = stage.net.expression.content
        together = content.speech(reply, collate(rows).phonemes).values[i]
        apart = content.speech(alone.reply, collate([row]).phonemes).values[0]
        assert torch.allclose(together[: len(apart)], apart, atol=1e-4)
        assert not together[len(apart) :].any()


def test_signals_at_inference_are_those_of_training(
    make: Make, rows: list[MergRow], folder: Path
) -> None:
    """Teacher forcing and decoding with a cache give the same."""
    stage = make("style")
    reasoner = stage.net.reasoner
    row = rows[0]  # its chain was annotated, so that all fields can be forced
    chain = merg_examples(merg.dialogues(folder))[0].chain
    forced = {name: getattr(chain, name) for name in chain.__dataclass_fields__}
    thinking = reasoner.think([replace(row.request, forced=forced)])
    found = stage.net.expression.express(reasoner.lm, thinking.state, "I'm here.")
    wanted = stage.net(collate([row]))
    assert torch.allclose(found.reply.states, wanted.reply.states, atol=1e-4)
    style = stage.net.expression.style(wanted.signals.speech, wanted.signals.video)
    assert torch.allclose(found.style.speech, style.speech, atol=1e-4)


@pytest.mark.parametrize("name", STAGES)
def test_half_precision_is_near_enough(name: str, make: Make) -> None:
    stage = make(name)
    batch = stage.batch(0)
    whole = stage.loss(batch)["loss"].detach()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = stage.loss(batch)["loss"]
    half.backward()
    assert float(half.detach()) == pytest.approx(float(whole), rel=0.05)
    grads = [p.grad for p in stage.trains if p.grad is not None]
    assert all(bool(torch.isfinite(grad).all()) for grad in grads)


@pytest.mark.parametrize("without", ["synchronizer", "disentangler"])
def test_ablated_modules_train(without: str, make: Make) -> None:
    stage = make("joint", net=merg.net(**{without: False}))
    loss = stage.loss(stage.batch(0))
    loss["loss"].backward()
    assert torch.isfinite(loss["loss"])


@pytest.mark.parametrize(("name", "loss"), [("content", "ccl"), ("style", "sac")])
def test_without_its_loss_a_module_learns_through_the_generators(
    name: str, loss: str, make: Make, tmp_path: Path
) -> None:
    """What it makes then sounds and looks more like the teacher's, which it is not shown."""
    with pytest.raises(ConfigError, match="through the generators"):
        make(name, **{loss: False})
    stage = make(name, through=Reconstruction(*merg.generators()), **{loss: False})
    first = stage.validate()
    assert first["sounds"] > 0
    run(stage, replace(LOOP, steps=60), tmp_path)
    last = stage.validate()
    assert last["sounds"] < 0.95 * first["sounds"], (first, last)
    shown = "mouths" if name == "content" else "faces"
    assert last[shown] < first[shown], (first, last)
    frozen = [p for p in merg.generators()[0].network.parameters() if p.grad is not None]
    assert not frozen


def test_reconstruction_asks_for_generators_with_a_gradient() -> None:
    with pytest.raises(ConfigError, match="use preset small"):
        Reconstruction(object(), merg.generators()[1])  # type: ignore[arg-type]


def test_without_chain_the_reply_follows_the_prompt(make: Make, rows: list[MergRow]) -> None:
    bare = [without_chain(row) for row in rows]
    assert all(len(row.chain) == 1 for row in bare)
    parts = make("joint", bare).loss(collate(bare))
    assert "label" not in parts
    assert torch.isfinite(parts["loss"])


def test_a_loss_that_is_no_number_names_the_examples(
    make: Make, rows: list[MergRow], tmp_path: Path
) -> None:
    bad = rows[0].teaching.speech_content.clone()
    bad[0] = float("nan")
    broken = replace(rows[0], teaching=replace(rows[0].teaching, speech_content=bad))
    stage = make("content", [broken])
    with pytest.raises(EmpatheiaError, match=r"step 0, batch 0 \(examples 00001/1"):
        run(stage, LOOP, tmp_path)


def test_teachers_are_asked_once(folder: Path, rows: list[MergRow]) -> None:
    kept = sorted((folder / "teachers").iterdir())
    assert len(kept) == len(rows) == 2

    class Silent:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(name)

    teachers = Teachers(Silent(), Silent(), "tiny", folder / "teachers")  # type: ignore[arg-type]
    found = merg_examples(merg.dialogues(folder))
    again = teachers.teach(found[0])
    assert again.phonemes == rows[0].teaching.phonemes
    assert torch.equal(again.video_content, rows[0].teaching.video_content)


def test_words_of_sounds_run_through_the_whole_reply(rows: list[MergRow]) -> None:
    row = rows[1]
    assert int(row.phonemes.word.max()) == int(max(row.words)) == 3
    assert row.chain[-1] == merg.net().reasoner.lm.tokenizer.id("<reply>")
    assert len(row.teaching.speech_content) == len(row.phonemes)
    assert len(row.teaching.video_content) == len(row.frames)


def test_recordings_without_times_are_timed_by_the_voice(folder: Path, tmp_path: Path) -> None:
    voice, face = merg.generators()
    example = replace(merg_examples(merg.dialogues(folder))[0], times=None)
    taught = Teachers(voice, face, "tiny", tmp_path).teach(example)
    assert len(taught.phonemes) == len(taught.speech_content)
    seconds = len(taught.video_content) / face.fps
    assert taught.phonemes[-1].end == pytest.approx(seconds, abs=0.05)


def test_text_alone_is_told_how_to_render(folder: Path) -> None:
    silent = [
        replace(d, turns=tuple(replace(t, audio=None) for t in d.turns))
        for d in merg.dialogues(folder)
    ]
    with pytest.raises(InputError, match="empatheia data render"):
        merg_examples(silent)


def test_a_broken_recording_names_its_example(folder: Path, tmp_path: Path) -> None:
    voice, face = merg.generators()
    example = merg_examples(merg.dialogues(folder))[0]
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF")
    with pytest.raises(InputError, match="00001/1"):
        Teachers(voice, face, "t", tmp_path).teach(replace(example, audio=bad))
    assert (folder / MEDIA).is_dir()


def test_a_reply_too_short_to_hear_a_style_in_is_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice, face = merg.generators()
    lost = iter((True, False, True, True))
    hear = type(voice).encode_style

    def heard(self: WorldVoice, speech: Speech) -> torch.Tensor:
        if next(lost):
            raise TooLittleSpeechError("only 0.40 s of sound")
        return hear(self, speech)

    monkeypatch.setattr(type(voice), "encode_style", heard)
    parts = Parts(merg.net().reasoner, voice, face, "short")
    found, notes = merg_examples(merg.dialogues(folder)), list[str]()
    rows = rows_of(parts, found, Teachers(voice, face, "short", tmp_path), notes.append)
    assert [row.id for row in rows] == [found[1].id]
    assert notes == [f"left out: example {found[0].id}: only 0.40 s of sound"]
    with pytest.raises(InputError, match=r"all 2 replies were left out.*0\.40 s"):
        rows_of(parts, found, Teachers(voice, face, "other", tmp_path), None)


def test_replies_that_are_only_read_aloud_teach_content(
    make: Make, rows: list[MergRow], tmp_path: Path
) -> None:
    """Their r^t do not depend on what stands beside them, and the synchronizer fits them."""
    net = merg.net()
    voice, face = merg.generators()
    teachers = Teachers(voice, face, "tiny", tmp_path / "teachers")
    given = [Said(f"said/{t}", t, "sad", Profile()) for t in ("I'm here.", "Hello all. Hello you!")]
    found = [row_aloud(net.reasoner, one, teachers.aloud(one), face.fps) for one in given]
    kept = sorted((tmp_path / "teachers").iterdir())
    assert len(kept) == len(given)
    assert torch.equal(teachers.aloud(given[0]).video_content, found[0].teaching.video_content)
    assert [len(row.frames) for row in found] == [len(r.teaching.video_content) for r in found]
    assert all(row.alone for row in found)
    assert not any(row.alone for row in rows)
    both = net.alone(found)
    for i, row in enumerate(found):
        one = net.alone([row]).states[0]
        assert torch.allclose(both.states[i, : len(one)], one, atol=1e-4)
        assert not both.states[i, len(one) :].any()
    stage = make("content", found, net)
    first = float(stage.loss(collate(found))["loss"].detach())
    run(stage, replace(LOOP, steps=60), tmp_path / "run")
    assert float(stage.loss(collate(found))["loss"].detach()) < 0.6 * first


def test_what_is_read_aloud_is_drawn_once() -> None:
    turns = tuple(Turn(r, f"Words {i}.") for i, r in enumerate(("speaker", "listener") * 3))
    found = [Dialogue(str(n), turns, split=s) for n, s in enumerate(("train", "valid", "test"))]
    few, all_ = said(found, 2), said(found, 100)
    assert all_[:2] == few
    assert sorted(x.text for x in all_) == ["Words 1.", "Words 3.", "Words 5."]
    with pytest.raises(InputError, match="no listener's turn"):
        said(found[1:], 2)


def test_replies_with_words_that_were_seldom_heard_are_read_aloud_first() -> None:
    usual, rare = "I am so sorry.", [f"I am so sorry, dear {x}." for x in ("cat", "dog", "zebra")]
    turns = [Turn("listener", text) for text in [usual] * 20 + rare]
    dialogue = Dialogue("d", tuple(t for x in turns for t in (Turn("speaker", "Hm."), x)))
    orders = [[x.text for x in said([dialogue], 100, seed)] for seed in range(9)]
    for order in orders:
        assert sorted(order) == sorted([usual] * 20 + rare)
        assert max(map(order.index, rare)) < 6  # behind three usual ones at most
    assert len({tuple(order) for order in orders}) > 1  # by lot among those with something new


def test_lips_that_weigh_nothing_are_left_as_they_were(
    make: Make, rows: list[MergRow], tmp_path: Path
) -> None:
    first = make("content")
    run(first, replace(LOOP, steps=5), tmp_path / "first")
    content = first.net.expression.content
    before = {n: p.detach().clone() for n, p in content.state_dict().items()}
    stage = make("content", rows[:1], first.net, weights=replace(WEIGHTS, video=0.0))
    parts = stage.loss(collate(rows))
    assert float(parts["content_video"]) == 0
    run(stage, replace(LOOP, steps=5), tmp_path / "second")
    moved = {n for n, p in content.state_dict().items() if not torch.equal(p, before[n])}
    assert any(n.startswith("speech_block.") for n in moved)
    assert not any(n.startswith("video_") for n in moved)
    assert not any("units" in n for n in moved)  # what was trained before keeps its units


def test_resting_signal_tokens_are_read_once(
    make: Make, rows: list[MergRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss is the same with kept states, and the language model is asked once a row."""
    loud, still = make("style"), make("style", signals=False)
    batch = collate(rows)
    first = {name: float(x.detach()) for name, x in still.loss(batch).items()}
    for name, value in loud.loss(batch).items():
        assert first[name] == pytest.approx(float(value.detach()), abs=1e-5)
    assert not any(p.requires_grad for p in still.net.expression.signals.parameters())
    monkeypatch.setattr(MergNet, "forward", lambda *_: pytest.fail("read again"))
    assert first == {name: float(x.detach()) for name, x in still.loss(collate(rows)).items()}


def test_the_disentangler_is_told_how_strongly_a_clip_was_played(
    make: Make, rows: list[MergRow]
) -> None:
    assert [row.intensity for row in rows] == [0.6, 0.6]
    stage = make("style")
    told, other = (collate([replace(row, intensity=x) for row in rows]) for x in (0.6, 1.0))
    losses = [float(stage.loss(batch)["style"].detach()) for batch in (collate(rows), told, other)]
    assert losses[0] == losses[1] != losses[2]


def test_leaking_costs_only_where_it_is_asked(make: Make, rows: list[MergRow]) -> None:
    batch = collate(list(rows) * 4)
    plain = make("style").loss(batch)
    assert "leak" not in plain
    parts = make("style", weights=replace(WEIGHTS, leak=2.0)).loss(batch)
    assert float(parts["leak"].detach()) > 1.0  # two people, two feelings: one tells the other
    both = (plain["sac"] if "sac" in plain else plain["loss"]) + 2 * parts["leak"]
    assert float(parts["loss"].detach()) == pytest.approx(float(both.detach()), rel=1e-3)


def test_both_halves_of_a_token_count_the_same(make: Make, rows: list[MergRow]) -> None:
    """Embeddings are small beside last states; r^t holds each at its own scale, 0 at padding."""
    found = make("content").net(collate(rows)).reply
    width = found.states.shape[-1] // 2
    for half in found.states.split(width, -1):
        sizes = half[found.places.real].pow(2).mean(-1)
        assert torch.allclose(sizes, torch.ones_like(sizes), atol=0.05)
    assert not found.states[~found.places.real].any()
