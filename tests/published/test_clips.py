"""Clips that say what they show, tables of mean styles by the command, folders of the hub."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from empatheia import hub
from empatheia.cli.main import run
from empatheia.errors import InputError, WeightsError
from empatheia.face.dreamtalk.generator import TalkingPortrait
from empatheia.published.clips import read_clips
from empatheia.published.download import download_folder
from empatheia.published.styles import StyleMeans
from empatheia.types import Profile


def coefficients(path: Path, seed: int) -> None:
    coeff = np.random.default_rng(seed).normal(0, 1, (12, 257))
    savemat(path, {"coeff": coeff, "transform_params": np.zeros((12, 5))})


def test_names_of_mead_are_understood(tmp_path: Path) -> None:
    for name in ("M030_front_angry_level3_001", "W009_front_neutral_level1_002", "other"):
        (tmp_path / f"{name}.mat").touch()
    found = {(p.stem[:4], e, who.gender) for p, e, who in read_clips(tmp_path, (".mat",))}
    assert found == {("M030", "angry", "male"), ("W009", "neutral", "female")}


def test_a_table_says_more_and_its_faults_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    table = tmp_path / "clips.tsv"
    table.write_text("file\temotion\tage\tgender\na.wav\tneutral\telderly\tmale\n")
    assert read_clips(tmp_path, (".wav",)) == [
        (tmp_path / "a.wav", "neutral", Profile("elderly", "male"))
    ]
    for row, message in (
        ("a.wav\tglad\t\t", "line 2: unknown emotion 'glad'"), ("b.wav\tsad\t\t", "no file at"),
        ("a.wav\t\t\t", "needs file and emotion"), ("a.wav\tsad\t\t", "no neutral clip"),
    ):  # fmt: skip
        table.write_text(f"file\temotion\tage\tgender\n{row}\n")
        with pytest.raises(InputError, match=message):
            read_clips(tmp_path, (".wav",))
    table.write_bytes(b"\xff\n")
    with pytest.raises(InputError, match="give text in UTF-8"):
        read_clips(tmp_path, (".wav",))


def test_the_command_makes_a_table_of_a_face(tmp_path: Path) -> None:
    from dataclasses import asdict

    network, _ = TalkingPortrait.tiny().networks
    told = {"kind": "dreamtalk", "config": asdict(network.config)}
    hub.save(tmp_path / "face.safetensors", network.state_dict(), told)
    (tmp_path / "clips").mkdir()
    for i, emotion in enumerate(("neutral", "happy")):
        coefficients(tmp_path / "clips" / f"W009_front_{emotion}_level1.mat", i)
    out = tmp_path / "styles.safetensors"
    given = [str(tmp_path / n) for n in ("face.safetensors", "clips")]
    assert run(["weights", "styles", "face", *given, "-o", str(out)]) == 0
    means = StyleMeans.from_tensors(hub.load(out).tensors)
    who = Profile(gender="female")
    assert means.find("happy", 1.0, who).shape == (16,)
    assert not means.find("happy", 1.0, who).equal(means.find("happy", 0.0, who))


def test_a_folder_is_fetched_without_what_could_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    asked: dict[str, object] = {}

    def fetch(repository: str, **how: object) -> None:
        asked.update(how, repository=repository)
        (tmp_path / "m").mkdir()
        (tmp_path / "m" / "config.json").write_text("{}")

    names = ["config.json", "model.safetensors", "pytorch_model.bin", "modeling_x.py"]
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda *_: names)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    download_folder("a/b", tmp_path / "m")
    assert asked["allow_patterns"] == ["*.json", "*.model", "*.safetensors"]

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(WeightsError, match=r"no network.*call again"):
        download_folder("a/b", tmp_path / "m")
