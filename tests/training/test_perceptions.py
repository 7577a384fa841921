"""What ear and eye perceived is read again, unless their weights or the recording are others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from empatheia.errors import MediaError
from empatheia.senses import Senses
from empatheia.training.perceptions import Perceptions
from empatheia.types import Turn

pytest.importorskip("peft")
sys.path.insert(0, str(Path(__file__).parent))
import merg


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Turn:
    first, _ = merg.dialogues(tmp_path_factory.mktemp("rendered"))
    return first.turns[1]


def tiny_senses() -> Senses:
    torch.manual_seed(0)
    senses = merg.net(senses=True).reasoner.senses
    assert senses is not None
    return senses.eval()


def test_a_recording_is_perceived_once(
    recorded: Turn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    senses, turns = tiny_senses(), [Turn("speaker", "Hello."), recorded]
    wanted = senses.readings(turns)
    assert Perceptions(senses, tmp_path).readings(turns)[1].there
    again = tiny_senses()
    monkeypatch.setattr(again, "perceive", lambda turn: pytest.fail("perceived again"))
    for found, made in zip(Perceptions(again, tmp_path).readings(turns), wanted, strict=True):
        assert (found.note, found.told, found.there) == (made.note, made.told, made.there)
        for kept, fresh in ((found.speech, made.speech), (found.video, made.video)):
            assert (kept is None) == (fresh is None)
            for part in kept.__slots__ if kept is not None else ():
                assert torch.equal(getattr(kept, part), getattr(fresh, part))


def test_other_weights_and_other_recordings_are_perceived_anew(
    recorded: Turn, tmp_path: Path
) -> None:
    senses = tiny_senses()
    Perceptions(senses, tmp_path).readings([recorded])
    with torch.no_grad():
        next(senses.ear.parameters()).add_(1)
    Perceptions(senses, tmp_path).readings([recorded])
    Perceptions(senses, tmp_path).readings([Turn("speaker", "", audio=recorded.audio)])
    assert len(list(tmp_path.iterdir())) == 3


def test_a_recording_that_is_gone_is_named(tmp_path: Path) -> None:
    gone = Turn("speaker", "", audio=tmp_path / "gone.wav")
    with pytest.raises(MediaError, match=r"gone\.wav"):
        Perceptions(tiny_senses(), tmp_path).readings([gone])
