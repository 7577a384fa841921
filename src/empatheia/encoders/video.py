"""The video encoder: CLIP's picture half of ``transformers`` at any size, frozen (section 4.1).

Some pictures of a clip, cut to the face, become one state each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModel

from empatheia.data.labels import AGES, GENDERS
from empatheia.encoders.heads import EmotionHead, Layers, MediaFeatures, ProfileHead
from empatheia.errors import InputError, MediaError, unknown
from empatheia.media.edges import CELLS, DIRECTIONS, FEATURES, SIDE, edges
from empatheia.media.faces import FaceFinder, cut, framed
from empatheia.types import ImageArray, Video

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

SEEN = 8  # pictures of a clip that are looked at
_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's training pictures
_STD = (0.26862954, 0.26130258, 0.27577711)
FACE_CLASSES = {"age": AGES, "gender": GENDERS}
FRONTS = ("colour", "edges")
SMALL: Mapping[str, Any] = {
    "front": "edges",
    "num_channels": DIRECTIONS,
    "hidden_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 384,
    "attention_dropout": 0.1,
    "image_size": CELLS,
    "patch_size": CELLS,
}
TINY: Mapping[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 32,
    "patch_size": 16,
}


class VideoEncoder(nn.Module):
    """Pictures in, states and the eight keys out. CLIP itself never trains."""

    def __init__(
        self, settings: Mapping[str, Any] = SMALL, finder: FaceFinder | None = None
    ) -> None:
        """``settings`` are those of ``CLIPVisionConfig``, and ``front``, how pictures are shown:
        "colour" as CLIP has it, or "edges" (``media.edges``), one cell a pixel.
        """
        super().__init__()
        self.settings = dict(settings)
        shape = dict(settings)
        front = shape.pop("front", "colour")
        if front not in FRONTS:
            raise InputError(unknown("front", front, FRONTS))
        self.front = Edges() if front == "edges" else Colours()
        self.clip = CLIPVisionModel(CLIPVisionConfig(**shape))
        config = self.clip.config
        self.dim = int(config.hidden_size)
        self.size = SIDE if front == "edges" else int(config.image_size)
        self.head = EmotionHead(config.num_hidden_layers + 1, self.dim)
        self.profile = ProfileHead(config.num_hidden_layers + 1, self.dim, FACE_CLASSES)
        self.clip.requires_grad_(False)
        self.finder = finder or FaceFinder()

    def train(self, mode: bool = True) -> VideoEncoder:
        super().train(mode)
        self.clip.eval()
        return self

    def seen(self, video: Video) -> Float[Tensor, "picture channel size size"]:
        """An even choice of pictures, cut to the face, as CLIP wants them. Raises MediaError."""
        return self.noticed(video)[0]

    def noticed(
        self, video: Video
    ) -> tuple[Float[Tensor, "picture channel size size"], str | None]:
        """The same, and what a person should know: that no face is seen, or several."""
        if len(video.frames) == 0:
            raise MediaError("the video has no pictures: give a video of a face")
        chosen = np.linspace(0, len(video.frames) - 1, min(SEEN, len(video.frames))).round()
        frames = video.frames[chosen.astype(int)]
        found = self.finder.find(frames)
        box = framed(found.box, *frames.shape[1:3])
        seen: Tensor = self.front(cut(frames, box, self.size))
        return seen, found.note

    @torch.no_grad()
    def layers(
        self, clips: Sequence[Float[Tensor, "picture channel size size"]]
    ) -> tuple[Layers, Bool[Tensor, "batch time"]]:
        """The class state of each picture in every layer, padded on the right."""
        return self.over(clips)

    def over(
        self, clips: Sequence[Float[Tensor, "picture channel size size"]]
    ) -> tuple[Layers, Bool[Tensor, "batch time"]]:
        """The same; here gradients flow where they are asked for."""
        found = self.clip(pixel_values=torch.cat(list(clips)), output_hidden_states=True)
        lengths = [len(clip) for clip in clips]
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        out = []
        for states in found.hidden_states:
            rows = states.new_zeros(*mask.shape, self.dim)
            rows[mask] = states[:, 0]
            out.append(rows)
        return tuple(out), mask

    def forward(self, clips: Sequence[Float[Tensor, "picture channel size size"]]) -> MediaFeatures:
        """``clips`` as :meth:`seen` makes them."""
        return self.head(*self.layers(clips))

    def look(self, videos: Sequence[Video]) -> MediaFeatures:
        return self([self.seen(video) for video in videos])

    def who(self, videos: Sequence[Video]) -> dict[str, Tensor]:
        """Logits of the people's age and gender, (video, labels) each."""
        return dict(self.profile(*self.layers([self.seen(video) for video in videos])))

    def meta(self) -> dict[str, Any]:
        return {"settings": self.settings}

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> VideoEncoder:
        return cls(meta["settings"])


class Colours(nn.Module):
    """(pictures, size, size, 3) uint8 RGB as CLIP learned from."""

    def forward(self, faces: ImageArray) -> Float[Tensor, "picture 3 size size"]:
        pixels = torch.from_numpy(faces).float().permute(0, 3, 1, 2) / 255
        mean, std = torch.tensor(_MEAN), torch.tensor(_STD)
        return (pixels - mean[:, None, None]) / std[:, None, None]


class Edges(nn.Module):
    """Edges in every cell, each against its mean and spread over the training set.

    What ``small()`` sees in place of colours: some thousand drawn pictures are too few to find out
    that light, skin and hair say nothing of a feeling (docs/multimodal.md).
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("std", torch.ones(FEATURES))

    def fit(self, rows: Float[Tensor, "picture feature"]) -> None:
        self.mean.copy_(rows.mean(0))
        self.std.copy_(rows.std(0) + 1e-3)

    def forward(self, faces: ImageArray) -> Float[Tensor, "picture direction cell cell"]:
        rows = torch.from_numpy(np.stack([edges(face) for face in faces]))
        own = (rows - self.mean) / self.std
        return own.unflatten(1, (CELLS, CELLS, DIRECTIONS)).permute(0, 3, 1, 2)
