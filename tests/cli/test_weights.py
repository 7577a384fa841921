"""``empatheia weights``: what it lists, converts, verifies and refuses."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from empatheia import hub
from empatheia.cli.main import run
from empatheia.errors import WeightsError
from empatheia.face.pirenderer.network import PIRenderer
from empatheia.media.audio import wav_bytes
from empatheia.published import table
from empatheia.published.download import download
from empatheia.speech.styletts2.generator import StyleTTS2Voice
from empatheia.types import Profile, Speech

CONFIG = """
model_params:
  {multispeaker: true, dim_in: 64, hidden_dim: 512, n_layer: 3, n_mels: 80, n_token: 178,
   max_dur: 50, style_dim: 128,
   decoder: {type: hifigan, resblock_kernel_sizes: [3, 7, 11], upsample_rates: [10, 5, 3, 2],
     upsample_initial_channel: 512, resblock_dilation_sizes: [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
     upsample_kernel_sizes: [20, 10, 6, 4]},
   diffusion: {transformer: {num_layers: 3, num_heads: 8, head_features: 64, multiplier: 2},
     dist: {sigma_data: 0.2}}}
"""


def test_the_list_says_where_and_on_what_terms(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights", "list"]) == 0
    shown = capsys.readouterr().out
    for word in ("styletts2-libritts", "pirenderer", "CC BY-NC 4.0", "commercial use: no"):
        assert word in shown


def test_nothing_of_the_face_is_offered_for_commercial_use() -> None:
    """PIRenderer and the Basel Face Model are not, and a face needs both."""
    faces = ("dreamtalk", "styletalk", "pirenderer", "deep3dfacerecon", "bfm09")
    rows = [row for row in table.FILES if row.name.startswith(faces)]
    assert {row.name for row in rows} >= {*faces, "styletalk-renderer", "dreamtalk-clips"}
    assert not any(row.commercial for row in rows)
    assert all(row.ask for row in rows)


def test_a_checkpoint_is_converted_and_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"net_G_ema": PIRenderer().state_dict(), "net_G": {}}, tmp_path / "face.pt")
    out = tmp_path / "face.safetensors"
    assert run(["weights", "convert", "pirenderer", str(tmp_path / "face.pt"), "-o", str(out)]) == 0
    assert run(["weights", "verify", str(out)]) == 0
    assert "pirenderer, 304 tensors, complete" in capsys.readouterr().out
    (tmp_path / "cut.safetensors").write_bytes(out.read_bytes()[:-100])
    assert run(["weights", "verify", str(tmp_path / "cut.safetensors")]) == 2


class Hub(BaseHTTPRequestHandler):
    """Holds one file, and breaks the first answer off in its middle."""

    whole = bytes(range(256)) * 40
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        start = int(wanted.removeprefix("bytes=").rstrip("-") or 0)
        if start >= len(self.whole):
            self.asked.append(wanted)
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(self.whole)}")
            self.end_headers()
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(self.whole) - start))
        self.end_headers()
        self.wfile.write(self.whole[start:] if self.asked else self.whole[:1000])
        self.asked.append(wanted)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def hub_url() -> Iterator[str]:
    Hub.asked = []
    server = HTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/voice.pth"
    server.shutdown()
    server.server_close()


def test_a_download_goes_on_and_its_licence_is_told_once(
    hub_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = replace(table.find("kokoro"), url=hub_url, beside=())
    monkeypatch.setattr(table, "FILES", (row,))
    told = ["weights", "get", "kokoro", "-o", str(tmp_path)]
    shown = []
    for code in (2, 0, 0):
        assert run(told) == code
        shown.append("".join(capsys.readouterr()))
    assert ["licence of kokoro: Apache-2.0" in text for text in shown] == [True, False, False]
    assert "call again to go on" in shown[0]
    assert Hub.asked == ["", "bytes=1000-"]
    assert (tmp_path / "voice.pth").read_bytes() == Hub.whole
    assert "already there" in shown[2]


@pytest.mark.parametrize("kept", [Hub.whole, Hub.whole + b"of another file"])
def test_a_download_that_was_stopped_while_it_was_checked_goes_on(
    kept: bytes, hub_url: str, tmp_path: Path
) -> None:
    """Nothing is fetched twice; a part that is no beginning of the file is begun anew."""
    Hub.asked.append("before")
    part, target = tmp_path / "voice.pth.part", tmp_path / "voice.pth"
    part.write_bytes(kept)
    with pytest.raises(WeightsError, match="delete it"):
        download(hub_url, target, "0" * 64)
    assert hashlib.sha256(Hub.whole).hexdigest() in download(hub_url, target)
    assert target.read_bytes() == Hub.whole
    assert not part.exists()
    again = ["", f"bytes={len(Hub.whole)}-"] if kept != Hub.whole else [f"bytes={len(kept)}-"]
    assert Hub.asked == ["before", f"bytes={len(kept)}-", *again]


def test_faults_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"net_G_ema": {"a": torch.ones(1)}}, tmp_path / "wrong.pt")
    torch.save([1, 2], tmp_path / "bare.pt")
    torch.save({"net_G_ema": [1], "model_state_dict": 5}, tmp_path / "odd.pt")
    (tmp_path / "odd.yml").write_text(CONFIG.replace("sigma_data: 0.2", "sigma_data: none"))
    (tmp_path / "size.yml").write_text(CONFIG.replace("hidden_dim: 512", "hidden_dim: -3"))
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe")
    hub.save(tmp_path / "header.safetensors", {}, {"kind": "pirenderer", "config": {"x": 1}})
    parts = ("text_encoder", "bert", "bert_encoder", "predictor", "decoder", "style_encoder",
             "predictor_encoder", "diffusion")  # fmt: skip
    torch.save({name: {"x": torch.ones(1)} for name in parts}, tmp_path / "parts.pt")
    (tmp_path / "lfs.pt").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (tmp_path / "other.yml").write_text("something: 1\n")
    (tmp_path / "voice.yml").write_text(CONFIG)
    wrong, bare, lfs = (str(tmp_path / f"{name}.pt") for name in ("wrong", "bare", "lfs"))
    other, voice = (str(tmp_path / f"{name}.yml") for name in ("other", "voice"))
    out = str(tmp_path / "o.safetensors")

    def made(name: str) -> str:
        return str(tmp_path / name)

    (tmp_path / "wide.yml").write_text(CONFIG.replace("hidden_dim: 512", "hidden_dim: 256"))
    wide = ["--config", made("wide.yml"), "-o", out]

    for arguments, message in (
        (["convert", "styletts2", made("parts.pt"), *wide], "wide.yml the configuration of this"),
        (["get", "dreamtalk"], "no direct address"),
        (["get", "nothing"], "unknown weights"),
        (["convert", "pirenderer", wrong, "-o", out], "304 missing"),
        (["convert", "styletts2", wrong, "-o", out], "give --config"),
        (["convert", "other", wrong, "-o", out], "unknown kind"),
        (["get", "kokoro", "-o", wrong], "this is a file, not a folder"),
        (["plan", "--share", "0"], "--share"),
        (["convert", "pirenderer", made("odd.pt"), "-o", out], "net_G_ema is no dictionary"),
        (["convert", "dreamtalk", made("odd.pt"), "-o", out], "odd.pt: dreamtalk is no dictionary"),
        (["convert", "styletts2", wrong, "--config", made("odd.yml"), "-o", out], "'none'"),
        (["convert", "styletts2", wrong, "--config", made("binary.yml"), "-o", out], "be read"),
        (
            ["convert", "styletts2", made("parts.pt"), "--config", made("size.yml"), "-o", out],
            "size.yml: its numbers make no network",
        ),
        (["verify", made("header.safetensors")], "its numbers make no network"),
        (["styles", "face", wrong, str(tmp_path), "-o", out], "not a complete"),
        (["verify", wrong], "not a complete safetensors file"),
        (["verify", lfs], "git lfs pull"),
        (["convert", "pirenderer", lfs, "-o", out], "git lfs pull"),
        (["convert", "dreamtalk", bare, "-o", out], "bare.pt: no dictionary of tensors"),
        (["convert", "styletts2", wrong, "--config", other, "-o", out], "no 'model_params'"),
        (
            ["convert", "styletts2", wrong, "--config", voice, "-o", out],
            "g.pt: the file has no",
        ),
    ):
        assert run(["weights", *arguments]) == 2
        shown = capsys.readouterr().err
        assert message in shown
        assert shown.count("\n") == 1
    assert not Path(out).exists()


def test_a_clip_that_gives_no_style_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = StyleTTS2Voice.tiny().network
    weights = tmp_path / "voice.safetensors"
    told = {"kind": "styletts2", "config": network.config.as_dict()}
    hub.save(weights, network.state_dict(), told)
    clips = tmp_path / "clips"
    clips.mkdir()
    tone = np.sin(np.arange(12000) * 0.05) * 0.3  # 0.5 s
    sound = wav_bytes(Speech(tone.astype(np.float32), 24000))
    (clips / "M030_front_neutral_level1_001.wav").write_bytes(sound)
    out = tmp_path / "styles.safetensors"
    assert run(["weights", "styles", "voice", str(weights), str(clips), "-o", str(out)]) == 2
    shown = capsys.readouterr().err
    assert "M030_front_neutral_level1_001.wav: only 0.50 s" in shown
    assert "0.81 s" in shown
    assert not out.exists()


def test_voice_packs_become_styles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = StyleTTS2Voice.tiny("kokoro").network
    weights, out = tmp_path / "voice.safetensors", tmp_path / "styles.safetensors"
    told = {"kind": "styletts2", "config": network.config.as_dict()}
    hub.save(weights, network.state_dict(), told)
    clips = tmp_path / "voices"
    clips.mkdir()
    pack = torch.randn(7, 1, 16)
    torch.save(pack, clips / "af_heart.pt")
    (clips / "clips.tsv").write_text("file\temotion\tgender\naf_heart.pt\tneutral\tfemale\n")
    given = ["weights", "styles", "voice", str(weights), str(clips), "-o", str(out)]
    assert run(given) == 0, capsys.readouterr().err
    voice = StyleTTS2Voice.load(weights, styles=out, phonemes="dictionary")
    assert torch.allclose(voice.style_for("neutral", 0.0, Profile()), pack.mean((0, 1)))
    torch.save(torch.randn(7, 16), clips / "af_heart.pt")
    capsys.readouterr()
    assert run(given) == 2
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "af_heart.pt: holds (7, 16)" in shown
