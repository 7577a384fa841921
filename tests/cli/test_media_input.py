"""Sound and pictures of what was told, and the choice of the system."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "told.wav"
    path.write_bytes(b"RIFF")
    return path


def test_media_stand_in_the_turn(empatheia, fake, sound: Path, tmp_path: Path) -> None:
    done = empatheia("reply", "My dog died.", "--audio", sound, "--json")
    assert done.code == 0
    turn = fake.asked[0][0].turns[-1]
    assert (turn.text, turn.audio, turn.video) == ("My dog died.", sound, None)
    assert empatheia("reply", "--video", sound, "--json").code == 0
    turn = fake.asked[1][0].turns[-1]
    assert (turn.text, turn.audio, turn.video) == ("", None, sound)


def test_the_system_is_chosen(empatheia, fake) -> None:
    words = ("reply", "Hi you.", "--json", "--system", "pipeline", "--content", "exact")
    assert empatheia(*words).code == 0
    assert fake.more == {"system": "pipeline", "content": "exact", "weights": None}


def test_a_missing_file_is_named(empatheia, fake, tmp_path: Path) -> None:
    done = empatheia("reply", "Hi you.", "--audio", tmp_path / "none.wav")
    assert done.code == 2
    assert "no file at" in done.err
    assert not fake.asked


def test_media_need_a_turn_of_their_own(empatheia, fake, sound: Path, tmp_path: Path) -> None:
    record = tmp_path / "d.json"
    record.write_text('{"turns": [{"role": "speaker", "text": "I lost my job."}]}')
    done = empatheia("reply", "--dialogue", record, "--audio", sound)
    assert done.code == 2
    assert "turn of their own" in done.err


@pytest.mark.parametrize("stage", ["content", "style", "joint", "all"])
def test_training_wants_rendered_media(empatheia, stage: str, tmp_path: Path) -> None:
    done = empatheia("train", stage, "--data", tmp_path, "-o", tmp_path / "out")
    assert done.code == 2
    assert "empatheia data render" in done.err
    done = empatheia(
        "train", stage, "--data", tmp_path, "-o", tmp_path / "out", "--set", "loop.stepz=3"
    )
    assert "Did you mean 'steps'" in done.err
