"""``TalkingPortrait``: DreamTalk or StyleTalk with PIRenderer, behind the contract of all faces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from empatheia import hub
from empatheia.errors import ConfigError, InputError, WeightsError, unknown
from empatheia.face.dreamtalk.extraction import Extraction, by_command
from empatheia.face.dreamtalk.hearing import FPS, Ear, PhonemeEar, Wav2Vec2Ear
from empatheia.face.dreamtalk.network import FaceConfig, TalkingFace
from empatheia.face.dreamtalk.portraits import SIZE, Portraits
from empatheia.face.dreamtalk.pose import Pose
from empatheia.face.pirenderer.network import Begun, PIRenderer, RendererConfig, windows
from empatheia.published import strict
from empatheia.published.styles import StyleMeans
from empatheia.types import Avatar, Frame, Profile, Speech, Video

if TYPE_CHECKING:
    from jaxtyping import Float

KINDS = ("dreamtalk", "styletalk")
PIECE = 64  # frames whose expression is made at once
REACH = 13  # neighbours of a frame that the renderer looks at


@dataclass(frozen=True, slots=True)
class Animation:
    """How DreamTalk denoises, and in what the pictures are computed."""

    steps: int = 10
    guidance: float = 1.0
    bf16: bool = False  # of the renderer: about twice as fast where the machine has it


class TalkingPortrait:
    """Implements :class:`empatheia.protocols.FaceGenerator` at 256 x 256, 25 frames a second.

    Content is the content encoder's output for the 11 sounds around a frame, flattened.
    """

    fps = FPS
    size = SIZE

    def __init__(
        self,
        network: TalkingFace,
        renderer: PIRenderer,
        ear: Ear,
        styles: StyleMeans,
        portraits: Portraits | None = None,
        pose: Pose | None = None,
        extraction: Extraction = by_command,
        animation: Animation | None = None,
    ) -> None:
        self._network, self._renderer = network.eval(), renderer.eval()
        self._ear, self._styles, self._extraction = ear, styles, extraction
        self._portraits, self._pose = portraits or Portraits(), pose or Pose()
        self._animation = animation or Animation()
        config = network.config
        self._window, self.style_dim = (config.window, config.dim), config.dim
        self.content_dim = config.window * config.dim
        self.digest = "random"

    @classmethod
    def load(
        cls,
        face: Path,
        renderer: Path,
        styles: Path | None = None,
        wav2vec2: Path | None = None,
        portraits: Path | None = None,
        pose: Path | None = None,
        animation: Animation | None = None,
        device: str = "cpu",
    ) -> TalkingPortrait:
        """Files of ``empatheia weights convert`` and ``weights styles``; ``wav2vec2`` a folder.

        Raises WeightsError, InputError, MediaError.
        """
        network, found = open_network(face)
        kind = network.config.kind
        if kind == "dreamtalk" and wav2vec2 is None:
            raise ConfigError("DreamTalk hears with wav2vec2: give its folder")
        means = StyleMeans.from_tensors(found.tensors)
        if styles:
            table = hub.load(styles)
            said, dim = table.meta.get("kind"), network.config.dim
            means = StyleMeans.of_file(styles, table.tensors, said, "face", dim)
        painter, painted_by = _renderer(renderer)
        window = network.config.window
        ear = Wav2Vec2Ear.load(wav2vec2, window, device) if kind == "dreamtalk" and wav2vec2 else (
            PhonemeEar(window)
        )  # fmt: skip
        made = cls(
            network.to(device),
            painter.to(device),
            ear,
            means,
            Portraits(portraits),
            Pose.read(pose) if pose else None,
            animation=animation,
        )
        made.digest = f"{found.digest}-{painted_by}"
        return made

    @classmethod
    def tiny(cls, kind: str = "dreamtalk", seed: int = 0) -> TalkingPortrait:
        """Random weights of width 16, a toy extraction: for tests of what surrounds a face."""
        if kind not in KINDS:
            raise InputError(unknown("kind", kind, KINDS))
        numbers: dict[str, Any] = {"kind": kind, "dim": 16, "heads": 2, "inner": 32, "layers": 2}
        numbers |= {"heard": 12, "phoneme_dim": 6, "style_frames": 20}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = TalkingFace(FaceConfig(**numbers))
            renderer = PIRenderer(TINY_RENDERER)
            ear = Wav2Vec2Ear.tiny() if kind == "dreamtalk" else PhonemeEar()
        _liven(network, renderer)
        styles = StyleMeans.random(16, seed)
        return cls(network, renderer, ear, styles, extraction=_brightness)

    @property
    def networks(self) -> tuple[TalkingFace, PIRenderer]:
        """For training and measuring."""
        return self._network, self._renderer

    def avatars(self) -> tuple[Avatar, ...]:
        return self._portraits.people()

    def avatar(self, name: str) -> Avatar:
        return self._portraits.find(name)

    def avatar_for(self, profile: Profile, seed: int = 0) -> Avatar:
        return self._portraits.of(profile, seed)

    @torch.inference_mode()
    def encode_content(self, speech: Speech) -> Float[Tensor, "frame content"]:
        """What the content encoder makes of the sounds around each frame: the teacher of C^v."""
        sounds = self._ear(speech).to(self._device)
        return self._network.content_encoder(sounds).flatten(1).cpu().clone()

    @torch.inference_mode()
    def encode_style(self, video: Video) -> Float[Tensor, " style"]:
        """Style of the expression that an extraction sees in the frames: the teacher of S^v."""
        return self.style_of(self._extraction(video))

    @torch.inference_mode()
    def style_of(self, expression: Float[Tensor, "frame 64"]) -> Float[Tensor, " style"]:
        """Style of a clip of coefficients (``coefficients.read_coefficients``)."""
        return self._network.encode_style(expression.to(self._device)).cpu().clone()

    def style_for(
        self, emotion: str, intensity: float, profile: Profile
    ) -> Float[Tensor, " style"]:
        """Mean style of clips of that kind. Raises WeightsError where the table has none."""
        return self._styles.find(emotion, intensity, profile)

    def generate(
        self,
        avatar: Avatar,
        content: Float[Tensor, "frame content"],
        style: Float[Tensor, " style"],
        seed: int = 0,
    ) -> Iterator[Frame]:
        """The portrait of ``avatar`` moved; ``seed`` draws the noise that DreamTalk starts from."""
        _check("content", content, ("frames", self.content_dim))
        _check("style", style, (self.style_dim,))
        picture = torch.from_numpy(self._portraits.picture(avatar)).to(self._device)
        image = picture.permute(2, 0, 1)[None].float() / 127.5 - 1
        motions = self._motions(content.detach(), style.detach().float(), seed)
        return self._render(image, motions)

    @property
    def _device(self) -> torch.device:
        return next(self._network.parameters()).device

    def _motions(self, content: Tensor, style: Tensor, seed: int) -> Iterator[Tensor]:
        """Expression and pose (n, 73), piece by piece: frames do not see each other."""
        source = torch.Generator().manual_seed(seed)
        for start in range(0, len(content), PIECE):
            part = content[start : start + PIECE].float().to(self._device)
            noise = torch.randn(len(part), self._network.config.expression, generator=source)
            with torch.inference_mode():
                expression = self._network.animate(
                    part.unflatten(1, self._window),
                    style.to(self._device),
                    noise.to(self._device),
                    self._animation.steps,
                    self._animation.guidance,
                )
            pose = self._pose.at(start, start + len(part)).to(self._device)
            yield torch.cat((expression, pose), 1)

    def _render(self, image: Tensor, motions: Iterator[Tensor]) -> Iterator[Frame]:
        """A frame is painted once its neighbours on both sides are known."""
        with torch.inference_mode(), self._precision(image):
            begun = self._renderer.begin(image)
        known, first, index = image.new_zeros(0, 0), 0, 0
        piece = next(motions, None)
        while piece is not None:
            known = torch.cat((known, piece)) if len(known) else piece
            piece = next(motions, None)
            ready = first + len(known) - (REACH if piece is not None else 0)
            around = windows(known, REACH)
            while index < ready:
                yield Frame(self._paint(begun, around[index - first][None]), index / self.fps)
                index += 1
            kept = max(index - REACH, 0)
            known, first = known[kept - first :], kept

    def _precision(self, where: Tensor) -> torch.autocast:
        return torch.autocast(where.device.type, torch.bfloat16, enabled=self._animation.bf16)

    @torch.inference_mode()
    def _paint(self, begun: Begun, window: Tensor) -> np.ndarray:
        with self._precision(window):
            picture = self._renderer(begun, window).picture[0]
        rounded = ((picture.float() + 1) * 127.5).round_().clamp_(0, 255).to(torch.uint8)
        return rounded.permute(1, 2, 0).contiguous().cpu().numpy()


TINY_RENDERER = RendererConfig(
    descriptor=16, hidden=8, widest=8, warp_base=4, warp_down=3, warp_up=1, edit_base=4,
    edit_layers=2, edit_blocks=1,
)  # fmt: skip


def open_network(path: Path) -> tuple[TalkingFace, hub.Weights]:
    """DreamTalk or StyleTalk of ``empatheia weights convert``. Raises WeightsError."""
    found = hub.load(path)
    kind = str(found.meta.get("kind"))
    if kind not in KINDS:
        raise WeightsError(
            f"{path} says it is {kind!r}, not {' or '.join(KINDS)}: make one with "
            "'empatheia weights convert'"
        )
    numbers = found.meta.get("config")
    network = strict.network_of(lambda n: TalkingFace(FaceConfig(**n)), numbers, str(path))
    plain = {k: v for k, v in found.tensors.items() if not k.startswith("style/")}
    strict.load(network, plain, str(path))
    return network, found


def _renderer(path: Path) -> tuple[PIRenderer, str]:
    found = hub.load(path)
    if found.meta.get("kind") != "pirenderer":
        raise WeightsError(
            f"{path} says it is {found.meta.get('kind')!r}, not pirenderer: make one with "
            "'empatheia weights convert pirenderer'"
        )
    numbers = found.meta.get("config")
    painter = strict.network_of(lambda n: PIRenderer(RendererConfig(**n)), numbers, str(path))
    strict.load(painter, found.tensors, str(path))
    return painter, found.digest


@torch.no_grad()
def _liven(network: TalkingFace, renderer: PIRenderer) -> None:
    """Scale random weights so that content and style are seen, as trained ones let them be."""
    weights = dict(network.named_parameters()) | dict(renderer.named_parameters())
    for name in ("decoder.upper_tail_fc.4", "decoder.lower_tail_fc.4"):
        weights[f"{name}.weight"].mul_(30.0)
    for name, weight in weights.items():
        if name.startswith("content_xt_to_decoder") and weight.ndim == 2:
            weight.mul_(4.0)
    # crop offsets are hundreds of pixels
    weights["mapping_net.first.0.weight"][:, network.config.expression :].zero_()
    weights["warpping_net.flow_out.2.weight"].mul_(3.0)
    for name, weight in renderer.named_parameters():
        if ".mlp_" in name and name.endswith("weight"):
            weight.mul_(3.0)


def _brightness(video: Video) -> Tensor:
    """A toy extraction: 64 numbers a frame, from an 8 x 8 picture."""
    small = torch.from_numpy(video.frames).float().mean(-1)[:, None] / 255
    return torch.nn.functional.adaptive_avg_pool2d(small, 8).flatten(1)


def _check(name: str, value: Tensor, shape: tuple[str | int, ...]) -> None:
    if value.ndim != len(shape) or value.shape[-1] != shape[-1] or not len(value):
        raise InputError(f"{name} has shape {tuple(value.shape)}: this face needs {shape}")
    if not bool(torch.isfinite(value).all()):
        raise InputError(f"{name} has NaN or infinite values: give finite numbers")
