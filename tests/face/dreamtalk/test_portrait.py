"""A talking portrait around the networks: pieces, poses, portraits, phonemes, extraction."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.io import savemat
from transformers.modeling_outputs import BaseModelOutput

from empatheia import hub
from empatheia.errors import ConfigError, InputError, MediaError, WeightsError
from empatheia.face.dreamtalk import extraction, generator
from empatheia.face.dreamtalk.generator import TalkingPortrait
from empatheia.face.dreamtalk.hearing import PhonemeEar, Wav2Vec2Ear, around
from empatheia.face.dreamtalk.phonemes import PHONEMES, numbers_at, numbers_of
from empatheia.face.dreamtalk.portraits import Portraits
from empatheia.face.dreamtalk.pose import STILL, Pose
from empatheia.media.faces import FaceFinder
from empatheia.types import Profile, Speech, TimedPhoneme, Video


def test_windows_look_both_ways_and_end_in_nothing() -> None:
    values = torch.arange(1, 9)
    found = around(values, 5, step=2)
    assert found.tolist() == [[0, 0, 1, 2, 3], [1, 2, 3, 4, 5], [3, 4, 5, 6, 7], [5, 6, 7, 8, 0]]


def test_wav2vec2_hears_two_vectors_a_frame() -> None:
    ear = Wav2Vec2Ear.tiny()
    speech = Speech(np.random.default_rng(0).normal(0, 0.1, 24000).astype(np.float32), 24000)
    assert ear(speech).shape == (24, 11, 12)  # 49 vectors
    louder = Speech(speech.audio * 0.5, 24000)
    assert torch.allclose(ear(louder), ear(speech), atol=1e-4)
    with pytest.raises(InputError, match=r"0\.08 s"):
        ear(Speech(speech.audio[:500], 24000))


@pytest.mark.parametrize("count", [9, 10, 48, 49])
def test_the_last_frames_see_the_last_vector(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """count // 2 frames; places 2 i - 5 to 2 i + 5, zeros only where there is no vector."""
    found = torch.arange(1.0, count + 1)[None, :, None].expand(1, count, 12)
    ear = Wav2Vec2Ear.tiny()
    monkeypatch.setattr(ear._network, "forward", lambda *_: BaseModelOutput(found))
    heard = ear(Speech(np.full(16000, 0.1, np.float32), 16000))[..., 0]
    wanted = [
        [float(p + 1) if 0 <= p < count else 0.0 for p in range(2 * i - 5, 2 * i + 6)]
        for i in range(count // 2)
    ]
    assert heard.tolist() == wanted


def test_phonemes_of_two_alphabets() -> None:
    def names(symbols: list[str]) -> list[str]:
        return [PHONEMES[i] for i in numbers_of(symbols)]

    assert names(["SIL", "AA1", "M", "HH", "zz"]) == ["SIL", "AA", "M", "HH", "SIL"]
    assert names(list("tʃˈaɪː")) == ["CH", "CH", "AY", "AY", "AY", "AY"]
    assert names(list("$mɑm, ")) == ["SIL", "M", "AA", "M", "SIL", "SIL"]


def test_a_frame_has_the_phoneme_of_its_middle() -> None:
    said = [TimedPhoneme("M", 0.0, 0.05, 0), TimedPhoneme("AA1", 0.05, 0.1, 0)]
    assert [PHONEMES[i] for i in numbers_at(said, 4, 25)] == ["M", "AA", "SIL", "SIL"]
    with pytest.raises(InputError, match="no phoneme times"):
        PhonemeEar()(Speech(np.zeros(16000, np.float32), 16000))


def test_a_recorded_head_goes_forth_and_back(tmp_path: Path) -> None:
    coeff = np.zeros((3, 257), np.float32)
    coeff[:, 224] = [0, 1, 2]
    savemat(tmp_path / "a.mat", {"coeff": coeff, "transform_params": np.zeros((3, 5))})
    pose = Pose.read(tmp_path / "a.mat")
    assert pose.at(0, 7)[:, 0].tolist() == [0, 1, 2, 1, 0, 1, 2]
    assert Pose().at(5, 7).tolist() == [pytest.approx(STILL)] * 2


@torch.inference_mode()
def test_pieces_make_the_same_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    face = TalkingPortrait.tiny("styletalk")
    content, style = torch.randn(40, face.content_dim), torch.randn(16)
    made = []
    monkeypatch.setattr(face, "_paint", lambda image, window: window[0].numpy().copy())
    for piece in (64, 9):
        monkeypatch.setattr(generator, "PIECE", piece)
        frames = list(face.generate(face.avatars()[0], content, style))
        assert [f.time for f in frames] == [i / 25 for i in range(40)]
        made.append(np.stack([f.image for f in frames]))
    assert np.allclose(made[0], made[1], atol=1e-4)


def test_the_seed_draws_the_noise_of_dreamtalk() -> None:
    face = TalkingPortrait.tiny()
    content, style = torch.randn(4, face.content_dim), torch.randn(16)
    one, same, other = (torch.cat(list(face._motions(content, style, s))) for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.allclose(one[:, :64], other[:, :64], atol=1e-5)


def photo(path: Path) -> None:
    """A drawn head counts as a photograph: the cascade sees a face in it."""
    from empatheia.face.avatar.generator import DrawnFace

    face = DrawnFace.load(size=512)
    wide = np.full((700, 900, 3), 200, np.uint8)
    wide[100:612, 200:712] = face.still(face.avatar("leo"))
    cv2.imwrite(str(path), wide[..., ::-1])


needs_detector = pytest.mark.skipif(not FaceFinder.available(), reason="no scikit-image")


@needs_detector
def test_a_photograph_is_cut_to_the_head(tmp_path: Path) -> None:
    photo(tmp_path / "anna.png")
    row = {"file": "anna.png", "age": "young", "gender": "female", "race": "asian"}
    (tmp_path / "people.json").write_text(json.dumps({"anna": row}))
    portraits = Portraits(tmp_path)
    anna = portraits.find("anna")
    assert portraits.people()[0] == anna
    assert portraits.of(Profile("young", "female", "gentle", "asian")) == anna
    assert portraits.of(Profile("elderly", "male")).portrait is None
    cut = portraits.picture(anna)
    assert cut.shape == (256, 256, 3)
    box = FaceFinder().find(cut[None]).box
    middle = (box[0] + box[2] / 2, box[1] + box[3] / 2)
    assert all(90 < place < 170 for place in middle)
    assert box[2] > 150


@needs_detector
def test_a_picture_without_a_face_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((300, 300, 3), 90, np.uint8))
    row = {"file": "wall.png", "age": "young", "gender": "female", "race": "asian"}
    (tmp_path / "people.json").write_text(json.dumps({"wall": row}))
    portraits = Portraits(tmp_path)
    with pytest.raises(InputError, match="no upright face"):
        portraits.picture(portraits.find("wall"))


def test_faults_of_a_folder_are_named(tmp_path: Path) -> None:
    path = tmp_path / "people.json"
    row = {"file": "a.png", "age": "young", "gender": "female", "race": "asian"}
    with pytest.raises(InputError, match=r"no people\.json"):
        Portraits(tmp_path)
    for text, message in (
        ("[1", "cannot be read"), ("[]", "no object by id"),
        (json.dumps({"a": {"file": "a.png"}}), "needs file, age"),
        (json.dumps({"mia": row}), "drawn person"), (json.dumps({"a": row}), "is on a.png"),
    ):  # fmt: skip
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            Portraits(tmp_path)
    (tmp_path / "a.png").write_bytes(b"x")
    path.write_text(json.dumps({"a": {**row, "age": "old"}}))
    with pytest.raises(InputError, match="unknown age 'old'"):
        Portraits(tmp_path)


def test_extraction_runs_a_named_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = Video(np.full((3, 64, 64, 3), 100, np.uint8), 25.0)
    monkeypatch.delenv(extraction.VARIABLE, raising=False)
    with pytest.raises(ConfigError, match="EMPATHEIA_3DMM"):
        extraction.by_command(video)
    script = tmp_path / "see.py"
    script.write_text(
        "import sys, numpy as np, scipy.io\n"
        "assert open(sys.argv[1], 'rb').read(8)[4:] == b'ftyp'\n"
        "c = np.ones((3, 257)); t = np.zeros((3, 5))\n"
        "scipy.io.savemat(sys.argv[2], {'coeff': c, 'transform_params': t})\n"
    )
    monkeypatch.setenv(extraction.VARIABLE, f"{sys.executable} {script} {{video}} {{mat}}")
    assert extraction.by_command(video).tolist() == np.ones((3, 64)).tolist()
    script.write_text("raise SystemExit('no model')")
    with pytest.raises(MediaError, match="wrote no file: no model"):
        extraction.by_command(video)


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    hub.save(tmp_path / "x.safetensors", {"a": torch.zeros(1)}, {"kind": "styletts2"})
    with pytest.raises(WeightsError, match="styletts2"):
        TalkingPortrait.load(tmp_path / "x.safetensors", tmp_path / "x.safetensors")
