"""The speech and video tables on tiny files: ceiling, floor, n/a lines, faults by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from empatheia.data.feelings import UtteranceReader
from empatheia.data.labels import Feeling
from empatheia.data.predictions import Answer
from empatheia.data.references import Reference
from empatheia.errors import InputError
from empatheia.evaluation import avsync
from empatheia.evaluation.consistency import confusion, consistency_table
from empatheia.evaluation.figures import Detailed, detailed, mean_figure
from empatheia.evaluation.media_figures import media_figure
from empatheia.evaluation.recogniser import edits
from empatheia.evaluation.scorecard import Figure, Row, Table
from empatheia.evaluation.speech_table import speech_table
from empatheia.evaluation.syncnet import SyncNetScorer
from empatheia.evaluation.synthetic import reference_name
from empatheia.evaluation.video_table import Tools, video_table
from empatheia.media.audio import wav_bytes
from empatheia.media.tags import Tags
from empatheia.media.video import encode_mp4
from empatheia.types import Profile, Speech, Turn

SIDE, FRAMES = 256, 65
Pairs = list[tuple[Reference, Answer]]
PEOPLE = Tags("", "", "")  # files that do not call themselves synthetic


def write_clip(path: Path, seed: int, tags: Tags | None = None) -> Path:
    """Noise that swells, a bar and landmarks' lips that follow it, on pictures with an edge."""
    rng = np.random.default_rng(seed)
    steps = np.interp(np.arange(FRAMES), np.arange(0, FRAMES, 5), rng.uniform(0, 1, FRAMES // 5))
    level = np.interp(np.arange(FRAMES * 640) / 640, np.arange(FRAMES) + 0.5, steps)
    audio = (0.3 * level * rng.normal(0, 1, FRAMES * 640)).clip(-1, 1).astype(np.float32)
    picture = np.full((SIDE, SIDE, 3), 60, np.uint8)
    picture[:, SIDE // 2 + seed :] = 200
    pictures = [picture.copy() for _ in range(FRAMES)]
    for one, height in zip(pictures, steps, strict=True):
        one[210 - int(126 * height) : 210, : SIDE // 2] = 255
    speech = Speech(audio, 16000)
    path.write_bytes(encode_mp4(pictures, 25, speech, tags))
    path.with_suffix(".wav").write_bytes(wav_bytes(speech, tags))
    points = np.random.default_rng(0).uniform(90, 160, (478, 2))[None].repeat(FRAMES, 0)
    points[:, 33], points[:, 263] = (80, 100), (170, 100)
    for upper, lower in ((13, 14), (82, 87), (312, 317), (0, 17)):
        points[:, upper] = (128, 150)
        points[:, lower] = np.stack([np.full(FRAMES, 128), 150 + 20 * steps], 1)
    np.savez(path.with_suffix(".npz"), points=points, size=np.array([SIDE, SIDE]))
    return path


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    folder = tmp_path_factory.mktemp("clips")
    out: Pairs = []
    for i in range(2):
        ours = write_clip(folder / f"a{i}.mp4", i)
        theirs = write_clip(folder / f"b{i}.mp4", i, PEOPLE)
        turns = (Turn("speaker", "My cat died."),)
        reference = Reference(
            f"{i}#1", str(i), turns, "Oh no.", "sad", audio=theirs.with_suffix(".wav"),
            video=theirs, listener=Profile(age="child"),
        )  # fmt: skip
        chain = {"response_emotion": "sad"}
        answer = Answer(
            f"{i}#1", "Oh no.", "sad" if i else "lonely", chain=chain, video=ours,
            audio=ours.with_suffix(".wav"), profile={"age": "child", "gender": "male"},
            perceived={"text": "sad", "fused": "sad" if i else "happy"},
        )  # fmt: skip
        out.append((reference, answer))
    return out


def linear(pairs: Pairs) -> avsync.AVSync:
    from empatheia.evaluation.landmark_measures import read_points
    from empatheia.media.audio import read_audio

    rows = []
    for reference, _ in pairs:
        assert reference.video is not None
        points = read_points(reference.video)
        assert points is not None
        rows.append((avsync.sound(read_audio(reference.video), FRAMES), avsync.mouth(points)))
    return avsync.fit(rows)


def watches_lips() -> SyncNetScorer:
    """SyncNet's windows and scores around a net that sees a bar's length and hears loudness."""

    class Net:
        def lips(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * (x.mean(1) > 225).float().mean((2, 3))

        def sound(self, x: torch.Tensor) -> torch.Tensor:
            return (x[:, 0, 0] / 2).exp().reshape(-1, 5, 4).mean(2) / 1.9e5

    scorer = object.__new__(SyncNetScorer)
    scorer.net, scorer.digest = Net(), "none"  # type: ignore[assignment]
    return scorer


def value(figure: Figure) -> float:
    assert figure.value is not None
    return figure.value


def test_video_rows(pairs: Pairs) -> None:
    tools = Tools(avsync=linear(pairs))
    table, faults = video_table("ours", pairs, tools, {"teacher_forced": True, "weights": "w"})
    ours, truth, floor, beside = (row.figures for row in table.rows)
    assert [row.mark for row in table.rows] == ["", "ceiling", "floor", "floor"]
    assert ours["ssim"].value == pytest.approx(1.0)  # the same clips on both sides
    assert ours["f_lmd"].value == pytest.approx(0.0)
    assert value(beside["ssim"]) < value(ours["ssim"])  # another clip's reference
    assert value(beside["f_lmd"]) > 0.0
    assert "ssim" not in floor
    assert ours["cpbd"].value == truth["cpbd"].value
    assert ours["cpbd"].weights == "none"  # not the system's: they measure nothing here
    assert f"SSIM on {2 * FRAMES} pictures" in table.notes[0]
    assert isinstance(ours["cpbd"], Detailed)
    assert 20 < ours["cpbd"].detail["pictures"] <= 2 * 13  # a picture without edges is left out
    assert value(floor["avsync_p"]) > value(ours["avsync_p"])
    assert value(ours["avsync_offset"]) <= 2 < value(floor["avsync_offset"])
    assert value(floor["avsync_distance"]) > value(ours["avsync_distance"])
    assert ours["sync_offset"].needs is not None
    fitted = next(m for m in table.metrics if m.id == "avsync_p").settings
    assert (fitted["fitted_on"], fitted["fitted_clips"]) == ("unknown", 0)
    assert floor["avsync_r"].value < 0.5 * ours["avsync_r"].value  # type: ignore[operator]
    assert ours["sync_cf"].needs is not None
    assert ours["sync_cf"].value is None
    assert ours["fid"].needs is not None
    assert ours["fd_landmark"].value == pytest.approx(0.0, abs=1e-6)
    assert truth["fd_landmark"].value is not None  # one clip beside the other
    assert not any("not measurable" in kind for kind in faults)


def test_rendered_references_are_no_people(pairs: Pairs) -> None:
    """Files that call themselves synthetic give no row that is named as people's."""
    rendered = [(replace(r, video=a.video, audio=a.audio), a) for r, a in pairs]
    for some, wanted in (
        (pairs, ("Ground truth", "ceiling")),
        (rendered, ("Rendered reference", "ceiling, rendered")),
        ([pairs[0], rendered[1]], ("Rendered reference", "ceiling, 1 of 2 rendered")),
    ):
        videos = [r.video for r, _ in some if r.video]
        assert reference_name(videos) == wanted
    table, _ = video_table("ours", rendered[:1], Tools(), {})
    assert (table.rows[1].name, table.rows[1].mark) == ("Rendered reference", "ceiling, rendered")
    assert "rendered references" in table.notes[-1]


def test_rows_that_cannot_be_had_say_so(pairs: Pairs) -> None:
    """One clip, no reference: ceiling and floors stand there and say what they need."""
    (reference, answer), _ = pairs
    bare = [(replace(reference, video=None, audio=None), answer)]
    rows = video_table("x", bare, Tools(), {})[0].rows
    assert [row.mark for row in rows] == ["", "ceiling", "floor"]
    assert "reference videos" in str(rows[1].figures["cpbd"].needs)
    assert rows[2].figures["avsync_r"].needs == "two clips and more"
    rows = video_table("x", pairs[:1], Tools(), {"teacher_forced": True})[0].rows
    assert rows[3].figures["ssim"].needs == "two clips and more"
    assert rows[1].figures["fd_landmark"].needs == "two clips and more"


def test_replies_of_one_dialogue_are_drawn_together() -> None:
    """Two dialogues of two equal replies each: only 0, 50 and 100 can be drawn."""
    found = [("a#1", 0.0), ("a#3", 0.0), ("b#1", 100.0), ("b#3", 100.0)]
    figure = mean_figure([*found, ("c#1", float("nan"))], "nothing")
    assert (figure.value, figure.n, figure.ci95) == (50.0, 4, (0.0, 100.0))
    alone = mean_figure(found[:2], "nothing")
    assert alone.ci95 is None  # one dialogue says nothing of others
    assert mean_figure([("c#1", float("nan"))], "more").needs == "more"


def test_shuffled_sound_drops_sync_to_the_floor(pairs: Pairs, tmp_path: Path) -> None:
    """Another clip's sound under ours: the system's row falls to the floor that stands beside."""
    import shutil

    from empatheia.media.audio import read_audio
    from empatheia.media.video import read_video

    mixed: Pairs = []
    for (reference, answer), (_, other) in zip(pairs, pairs[::-1], strict=True):
        assert answer.video is not None
        assert other.video is not None
        path = tmp_path / answer.video.name
        path.write_bytes(encode_mp4(read_video(answer.video).frames, 25, read_audio(other.video)))
        shutil.copy(answer.video.with_suffix(".npz"), path.with_suffix(".npz"))
        mixed.append((reference, replace(answer, video=path)))
    tools = Tools(watches_lips(), linear(pairs))
    rows = {
        name: {row.mark: row.figures for row in video_table("x", some, tools, {})[0].rows}
        for name, some in (("own", pairs), ("shuffled", mixed))
    }
    own, shuffled, floor = rows["own"][""], rows["shuffled"][""], rows["own"]["floor"]
    for name in ("avsync_r", "avsync_conf", "sync_cf"):
        assert value(shuffled[name]) < 0.6 * value(own[name])
        assert value(shuffled[name]) == pytest.approx(value(floor[name]), abs=0.1)
        assert value(rows["own"]["ceiling"][name]) == value(own[name])
    assert value(shuffled["lse_d"]) > 1.5 * value(own["lse_d"])
    assert value(rows["shuffled"]["floor"]["avsync_r"]) > 2 * value(shuffled["avsync_r"])  # back


def test_a_second_run_gives_the_same_numbers(pairs: Pairs) -> None:
    one, tools = pairs[:1], Tools(avsync=linear(pairs[:1]))
    for measure in (
        lambda: video_table("x", one, tools, {"teacher_forced": True}),
        lambda: speech_table("x", one, {}),
        lambda: consistency_table("x", one, {}),
    ):
        assert measure() == measure()


def test_what_gives_no_number_is_named(pairs: Pairs, tmp_path: Path) -> None:
    flat, broken = (replace(pairs[i][1], video=tmp_path / f"{i}.mp4") for i in (0, 1))
    assert flat.video is not None
    assert broken.video is not None
    sound = Speech(np.full(FRAMES * 640, 0.1, np.float32), 16_000)
    flat.video.write_bytes(encode_mp4([np.full((SIDE, SIDE, 3), 9, np.uint8)] * FRAMES, 25, sound))
    nobody = np.full((FRAMES, 478, 2), np.nan)
    np.savez(flat.video.with_suffix(".npz"), points=nobody, size=np.array([SIDE, SIDE]))
    broken.video.write_bytes(b"no video")
    broken.video.with_suffix(".npz").write_bytes(b"no landmarks")
    given = [(r, a) for (r, _), a in zip(pairs, (flat, broken), strict=True)]
    table, faults = video_table("x", given, Tools(), {"teacher_forced": True})
    assert faults["no edges in any picture"] == ["0#1"]
    assert faults["no face found"] == ["0#1"]
    assert faults["no face in both at once"] == ["0#1"]
    for kind in ("pictures", "likeness", "landmarks"):
        assert "1#1: " in faults[f"{kind} not measurable"][0]
    ours = table.rows[0].figures
    assert ours["cpbd"].value is ours["blinks"].value is ours["f_lmd"].value is None
    assert ours["ssim"].n == 1
    with pytest.raises(InputError, match="has sound that is there"):
        speech_table("x", [(given[1][0], Answer("1#1", "Oh.", audio=tmp_path / "none.wav"))], {})


def test_what_is_unlike_the_reference_is_named(
    pairs: Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same clip at 50 pictures a second is measured alike; cut files are told as such."""
    import shutil

    from empatheia.evaluation import speech_table as module
    from empatheia.media.audio import read_audio
    from empatheia.media.video import read_video

    (reference, answer), (cut_reference, cut) = pairs
    assert answer.video is not None
    assert cut.video is not None
    fast, half = tmp_path / "fast.mp4", tmp_path / "half.mp4"
    pictures = np.repeat(read_video(answer.video).frames, 2, 0)
    fast.write_bytes(encode_mp4(pictures, 50, read_audio(answer.video)))
    with np.load(answer.video.with_suffix(".npz")) as known:
        twice = np.repeat(known["points"], 2, 0)
        np.savez(fast.with_suffix(".npz"), points=twice, size=known["size"])
    half.write_bytes(cut.video.read_bytes()[: cut.video.stat().st_size // 2])
    shutil.copy(cut.video.with_suffix(".npz"), half.with_suffix(".npz"))
    low = tmp_path / "low.wav"
    speech = read_audio(answer.video.with_suffix(".wav"))
    low.write_bytes(wav_bytes(Speech(speech.audio[: len(speech.audio) // 2 : 2], 8000)))
    silent = tmp_path / "silent.wav"
    silent.write_bytes(wav_bytes(Speech(np.zeros(16000, np.float32), 16000)))
    given = [
        (reference, replace(answer, video=fast, audio=low)),
        (cut_reference, replace(cut, video=half, audio=silent)),
    ]
    tools = Tools(avsync=linear(pairs))
    own = video_table("x", pairs[:1], tools, {})[0].rows[0].figures
    table, faults = video_table("x", given, tools, {})
    for name in ("avsync_r", "blinks"):
        assert value(table.rows[0].figures[name]) == pytest.approx(value(own[name]), abs=0.02)
        assert table.rows[0].figures[name].n == 1
    assert faults["other rate than 25 pictures a second"] == ["0#1: 50"]
    assert faults["other rate than the reference"][0].startswith("0#1: ")
    assert faults["cut off"][0].startswith("1#1: ")
    assert "holds 65 pictures" in faults["landmarks not measurable"][0]
    monkeypatch.setattr(module, "Recogniser", lambda: SimpleNamespace(hear=lambda _: ["oh"]))
    _, faults = speech_table("x", given, {"teacher_forced": True})
    assert faults["sound of other rate than the reference"] == ["0#1: 8000 and 16000 Hz"]
    assert faults["sound of other length than the reference"][0] == "0#1: 1.30 s and 2.60 s"
    assert faults["sound of other length than its video"][0].startswith("0#1: 1.30 s")
    assert faults["silent or shorter than 0.2 s"] == ["1#1"]
    assert [f for f in faults["reference: prosody not measurable"] if "1#1" in f]


def test_landmark_rows_by_hand(pairs: Pairs, tmp_path: Path) -> None:
    """The whole face 3 right and 4 down, the lips 2 more: of a video of 512, half of it in ours."""
    moved: Pairs = []
    for reference, answer in pairs:
        assert answer.video is not None
        path = tmp_path / answer.video.name
        path.write_bytes(answer.video.read_bytes())
        with np.load(answer.video.with_suffix(".npz")) as known:
            points = 2 * (known["points"] + [3.0, 4.0])
        np.savez(path.with_suffix(".npz"), points=points, size=np.array([512, 512]))
        moved.append((reference, replace(answer, video=path)))
    ours = video_table("x", moved, Tools(), {"teacher_forced": True})[0].rows[0].figures
    assert value(ours["f_lmd"]) == pytest.approx(5.0)
    assert value(ours["m_lmd"]) == pytest.approx(0.0, abs=1e-9)
    assert value(ours["psnr"]) == 100.0  # equal pictures are counted so


def test_faces_are_named_by_real_ones(
    pairs: Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Happy mouths are wide, sad ones narrow: one of ours looks as it says, one does not."""
    monkeypatch.setattr("empatheia.evaluation.consistency.shipped_reader", lambda: None)
    rng = np.random.default_rng(0)
    base = rng.uniform(90, 160, (478, 2))
    base[33], base[263] = (80, 100), (170, 100)

    def landmarks(path: Path, wide: float) -> Path:
        points = base + rng.normal(0, 0.3, (30, 478, 2))
        points[:, :30, 0] += wide
        np.savez(path, points=points, size=np.array([SIDE, SIDE]))
        return path

    (tmp_path / "mead").mkdir()
    for i in range(3):
        landmarks(tmp_path / "mead" / f"m{i}_happy_3.npz", 12)
        landmarks(tmp_path / "mead" / f"m{i}_sad_3.npz", -12)
    given = []
    for (reference, answer), wide in zip(pairs, (-12, 12), strict=True):  # both say: sad
        video = landmarks(tmp_path / f"{reference.dialogue}.npz", wide).with_suffix(".mp4")
        given.append((reference, replace(answer, video=video)))
    table, _ = consistency_table("x", given, {}, mead=tmp_path / "mead")
    assert table.rows[0].figures["face_means_it"].value == 50.0
    ceiling = next(row for row in table.rows if row.mark == "ceiling").figures
    assert (ceiling["face_means_it"].value, ceiling["face_means_it"].n) == (100.0, 6)  # of three
    with pytest.raises(InputError, match="no landmarks of two emotions"):
        consistency_table("x", given, {}, mead=tmp_path)
    (tmp_path / "0.npz").write_bytes(b"no landmarks")
    table, faults = consistency_table("x", given, {}, mead=tmp_path / "mead")
    assert table.rows[0].figures["face_means_it"].value == 0.0
    assert faults["no face to name"] == ["0#1"]


def test_free_replies_have_no_ssim(pairs: Pairs) -> None:
    table, _ = video_table("ours", pairs[:1], Tools(), {})
    needs = table.rows[0].figures["ssim"].needs
    assert needs is not None
    assert "teacher-forced" in needs
    bare = [(pairs[0][0], Answer("0#1", "x", video=Path("none.mp4")))]
    with pytest.raises(InputError, match="has a video that is there: `empatheia predict"):
        video_table("ours", bare, Tools(), {})


def test_speech_rows(pairs: Pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    from empatheia.evaluation import speech_table as module

    times = []

    class Hears:
        """Every recording says: oh no."""

        def hear(self, speech: Speech) -> list[str]:
            times.append(len(speech.audio))
            return ["oh", "no"]

    monkeypatch.setattr(module, "Recogniser", Hears)
    told = [
        (r, Answer(a.id, "Well then." if r.id == "1#1" else a.reply, audio=a.audio))
        for r, a in pairs
    ]
    table, faults = speech_table("ours", told, {})
    ours = table.rows[0].figures
    assert ours["wer"].value == 50.0  # two wrong words of four
    assert table.rows[2].figures["wer"].value == 50.0  # beside the other's words
    assert ours["wer"].weights.startswith("pocketsphinx")  # what heard it, not what spoke
    apart = edits("well then", "oh no")
    assert ours["cer"].value == pytest.approx(100 * apart / (5 + 9))
    assert len(times) == 4  # two of ours and two of people, each heard once
    assert ours["mos"].needs == "human votes, from a rating study"
    assert ours["secs"].needs is not None
    assert ours["emotion"].needs is not None
    assert len(faults["prosody not measurable"]) == 2  # noise has no pitch
    assert table.rows[1].figures["wer"].value == 0.0


def test_forced_replies_in_the_references_sound_have_no_speech(
    pairs: Pairs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The sound of both is the reference's, sample by sample: that says nothing of the system."""
    from empatheia.evaluation import speech_table as module

    monkeypatch.setattr(module, "Recogniser", lambda: SimpleNamespace(hear=lambda _: ["oh"]))
    table, faults = speech_table("x", pairs, {"teacher_forced": True})
    assert faults[module.BORROWED] == ["0#1", "1#1"]
    assert all(figure.value is None for figure in table.rows[0].figures.values())
    assert "teacher-forced" in str(table.rows[0].figures["wer"].needs)
    assert table.rows[1].figures["wer"].value == 50.0
    own = tmp_path / "own.wav"  # spoken by the system itself
    own.write_bytes(wav_bytes(Speech(np.ones(16_000 * 2, np.float32) / 3, 16_000)))
    mixed = [pairs[0], (pairs[1][0], replace(pairs[1][1], audio=own))]
    table, faults = speech_table("x", mixed, {"teacher_forced": True})
    assert faults[module.BORROWED] == ["0#1"]
    assert table.rows[0].figures["wer"].n == 1
    assert table.rows[2].figures["wer"].needs == "two recordings and more"
    bare = [(replace(r, audio=None, video=None), a) for r, a in pairs]
    rows = speech_table("x", bare, {})[0].rows
    assert (rows[1].name, rows[1].mark) == ("Ground truth", "ceiling")
    assert "reference recordings" in str(rows[1].figures["wer"].needs)


def test_consistency(pairs: Pairs) -> None:
    table, _ = consistency_table("ours", pairs, {})
    figures = table.rows[0].figures
    assert figures["profile_age"].value == 100.0
    assert figures["profile_gender"].value == 0.0
    assert figures["profile_tone"].value is None
    assert figures["user_text"].value == 100.0
    assert figures["user_fused"].value == 50.0
    assert figures["user_speech"].needs is not None
    assert confusion(pairs) == {"sad": {"lonely": 1, "sad": 1}}
    fused = figures["user_fused"]
    assert isinstance(fused, Detailed)
    assert fused.detail["confusion"] == {"sad": {"happy": 1, "sad": 1}}
    for name in ("voice_age", "face_age", "face_gender"):
        assert "a recogniser of" in str(figures[name].needs)
    assert "declared" in next(m.title for m in table.metrics if m.id == "profile_age")


def test_an_answer_without_an_emotion_is_wrong(pairs: Pairs) -> None:
    """As long as the system names any; one that names none has no figure."""
    given = [pairs[1], (pairs[0][0], replace(pairs[0][1], emotion=None))]
    figure = consistency_table("ours", given, {})[0].rows[0].figures["speaker_emotion"]
    assert (figure.value, figure.n) == (50.0, 2)
    assert isinstance(figure, Detailed)
    assert figure.detail["confusion"] == {"sad": {"(none)": 1, "sad": 1}}
    silent = [(r, replace(a, emotion=None)) for r, a in pairs]
    figure = consistency_table("ours", silent, {})[0].rows[0].figures["speaker_emotion"]
    assert "emotions in the predictions" in str(figure.needs)


def test_agreement_by_hand(pairs: Pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four replies; the ear knows no contempt, one voice and one face cannot be named."""
    from empatheia.evaluation import consistency

    plan = ("sad", "happy", "contempt", "angry")
    heard = ("sad", "sad", "happy", None)
    seen = ("sad", "happy", "contempt", None)

    class Told:
        held_out = ()
        digest = "taught"

        def __init__(self, names: tuple[str | None, ...], emotions: tuple[str, ...]) -> None:
            self.names, self.emotions = iter(names), emotions

        def feelings(self, rows: list[object], _: list[str]) -> list[str | None]:
            return [next(self.names) for _ in rows]

        def emotion(self, _: object) -> str | None:
            return next(self.names)

        def gender(self, _: object) -> str:
            return "female"

    all_but_contempt = ("angry", "happy", "sad")
    monkeypatch.setattr(consistency, "heard_in", lambda _: np.zeros(1))
    monkeypatch.setattr(consistency, "hear_actors", lambda _: Told(heard, all_but_contempt))
    monkeypatch.setattr(
        consistency, "see_people", lambda _: Told(seen, (*all_but_contempt, "contempt"))
    )
    words = {"0": "sad", "1": "happy", "2": "contempt", "3": "neutral"}

    def read(texts: Sequence[str]) -> list[Feeling]:
        return [Feeling(words[text], None) for text in texts]

    monkeypatch.setattr(consistency, "shipped_reader", lambda: UtteranceReader(read, "encoder"))
    who = ({"gender": "female"}, {"gender": "male"}, {"gender": "male", "age": "child"}, {})
    reference, answer = pairs[0]
    given = [
        (
            replace(reference, id=f"{i}#1"),
            replace(answer, id=f"{i}#1", reply=str(i), chain={"response_emotion": p}, profile=w),
        )
        for i, (p, w) in enumerate(zip(plan, who, strict=True))
    ]
    table, faults = consistency_table("x", given, {}, Path("actors"), Path("mead"))
    ours, floor = (row.figures for row in table.rows)
    assert [row.mark for row in table.rows] == ["", "floor"]
    assert (ours["voice_means_it"].value, ours["voice_means_it"].n) == (50.0, 2)
    assert (ours["face_means_it"].value, ours["face_means_it"].n) == (100.0, 3)
    assert (ours["voice_face"].value, ours["voice_face"].n) == (pytest.approx(100 / 3), 3)
    assert (ours["voice_gender"].value, ours["voice_gender"].n) == (50.0, 2)
    assert (floor["voice_means_it"].value, floor["voice_means_it"].n) == (pytest.approx(200 / 3), 3)
    assert (floor["face_means_it"].value, floor["face_means_it"].n) == (0.0, 3)
    assert (ours["text_means_it"].value, ours["text_means_it"].n) == (75.0, 4)
    assert (ours["text_voice"].value, ours["text_voice"].n) == (50.0, 2)  # no contempt in voices
    assert (ours["text_face"].value, ours["text_face"].n) == (100.0, 3)
    assert (floor["text_face"].value, floor["text_face"].n) == (0.0, 2)  # the words stay
    assert ours["text_voice"].weights == "encoder, taught"
    assert isinstance(ours["voice_means_it"], Detailed)
    assert ours["voice_means_it"].detail["confusion"] == {"happy": {"sad": 1}, "sad": {"sad": 1}}
    assert ours["face_means_it"].weights == "taught"
    assert faults == {
        consistency.FEW: ["3#1"],
        "voice not comparable": ["2#1"],
        "no face to name": ["3#1"],
    }
    assert "voices named: sad 2, happy 1" in table.notes
    bare = [(r, replace(a, chain={})) for r, a in given]
    monkeypatch.setattr(consistency, "hear_actors", lambda _: Told(heard, all_but_contempt))
    monkeypatch.setattr(consistency, "see_people", lambda _: Told(seen, ("sad",)))
    table, faults = consistency_table("x", bare, {}, Path("actors"), Path("mead"))
    assert table.rows[0].figures["voice_means_it"].needs == consistency.NO_CHAIN
    assert table.rows[0].figures["voice_face"].n == 3
    assert table.rows[0].figures["text_voice"].n == 2  # a system without a chain has this too
    assert len(faults["no feeling in the chain"]) == 4


def test_figures_of_speech_and_video() -> None:
    """Counts by name; bars of correlations, none below nothing."""
    heard = detailed(Figure(75.0, 4), confusion={"sad": {"sad": 3, "angry": 1}})
    drawn = media_figure(Table("speech", "", (), (Row("x", {"emotion": heard}),)))
    assert drawn is not None
    assert "<title>sad named angry: 1</title>" in drawn
    rows = (
        Row("ours", {"avsync_r": Figure(0.5, 9, (0.4, 0.6))}),
        Row("floor", {"avsync_r": Figure(-0.1, 9, (-0.2, 0.1))}),
        Row("other", {"ssim": Figure(1.0, 9)}),
    )
    drawn = media_figure(Table("video", "", (), rows))
    assert drawn is not None
    assert "50.0  (n=9)" in drawn
    assert "other" not in drawn
    assert 'width="-' not in drawn
    assert media_figure(Table("video", "", (), rows[2:])) is None
    assert media_figure(Table("text", "", (), rows)) is None


def test_what_actors_taught_to_hear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Buzzes for actors: men low, women high; sad dull, angry sharp. One of ours says otherwise."""
    from empatheia.evaluation import consistency, hearing, speech_table

    monkeypatch.setattr(consistency, "shipped_reader", lambda: None)

    def buzz(path: Path, pitch: float, level: float, sharp: bool) -> Path:
        t = np.arange(16000) / 16000
        wave = sum(np.sin(2 * np.pi * pitch * k * t) / k ** (2 - sharp) for k in range(1, 12))
        path.write_bytes(wav_bytes(Speech((level * wave).astype(np.float32), 16000)))
        return path

    (tmp_path / "actors").mkdir()
    for actor in range(1, 7):
        for emotion, sharp in (("04", False), ("05", True)):
            pitch = (110 if actor % 2 else 220) + actor
            path = tmp_path / "actors" / f"03-01-{emotion}-01-01-01-0{actor}.wav"
            buzz(path, pitch, 0.1 * actor / 6, sharp)
    # a whisper has no pitch, and the real set has some
    buzz(tmp_path / "actors" / "03-01-04-01-01-02-01.wav", 110, 0.0, True)
    clips = [(p, *p.stem.split("-")[2::4]) for p in sorted((tmp_path / "actors").iterdir())]
    told = [
        SimpleNamespace(path=p, emotion={"04": "sad", "05": "angry"}[e], actor=int(a))
        for p, e, a in clips
    ]
    monkeypatch.setattr("empatheia.data.actors.actor_clips", lambda _: iter(told))
    monkeypatch.setattr(speech_table, "Recogniser", lambda: SimpleNamespace(hear=lambda _: ["oh"]))
    ear = hearing.hear_actors(tmp_path)
    assert ear.emotions == ("angry", "sad")
    assert ear.held_out == ((100.0, 100.0), (100.0, 100.0))  # the sixth actor's; the whisper is out
    turns = (Turn("speaker", "Hi."),)
    made = []
    for i in range(12):  # ever louder: the level says nothing
        angry, feeling = i % 2 == 0, ("angry", "sad")[i % 2] if i < 8 else "surprised"
        sound = buzz(tmp_path / f"{i}.wav", 112, 0.05 + i / 100, sharp=angry)
        chain = {"response_emotion": "sad" if i == 0 else feeling}
        who = {"gender": "male" if i < 9 else "female", "age": "young"}
        made.append((Reference(f"{i}#1", str(i), turns, "Oh."),
                     Answer(f"{i}#1", "Oh.", chain=chain, audio=sound, profile=who)))  # fmt: skip
    table, faults = consistency.consistency_table("ours", made, {}, tmp_path)
    figures = table.rows[0].figures
    told = figures["voice_means_it"]
    assert (told.value, told.n) == (pytest.approx(700 / 8), 8)
    assert figures["voice_gender"].value == 75.0
    assert faults["voice not comparable"] == ["8#1", "9#1", "10#1", "11#1"]
    rows = speech_table.speech_table("ours", made, {}, tmp_path)[0].rows
    found = rows[0].figures["emotion"]
    assert found.value == pytest.approx(700 / 8)
    assert isinstance(found, Detailed)
    assert found.detail["confusion"] == {"angry": {"angry": 3}, "sad": {"angry": 1, "sad": 4}}
    assert found.weights == ear.digest != "none"
    assert (rows[-1].mark, rows[-1].figures["emotion"].value) == ("ceiling", 100.0)
    told = rows[0].figures["prosody_pitch"]
    assert value(told) == pytest.approx(112, rel=0.02)
    assert value(rows[0].figures["prosody_rate"]) == pytest.approx(1.0, rel=0.1)  # "Oh." in 1 s
    table, faults = consistency.consistency_table("ours", made[:9], {}, tmp_path)
    assert table.rows[0].figures["voice_means_it"].value is None  # nine are too few
    assert len(faults[consistency.FEW]) == 9
    mixed = [(r, replace(a, profile={"age": ("young", "child")[i % 2]}))
             for i, (r, a) in enumerate(made)]  # fmt: skip
    table, _ = consistency.consistency_table("ours", mixed, {}, tmp_path)
    assert table.rows[0].figures["voice_means_it"].n == 8  # six each are taken together
