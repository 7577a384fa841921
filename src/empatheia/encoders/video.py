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

from empatheia.encoders.heads import EmotionHead, MediaFeatures
from empatheia.errors import MediaError
from empatheia.media.faces import FaceFinder, cut
from empatheia.types import Video

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

SEEN = 8  # pictures of a clip that are looked at
_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's training pictures
_STD = (0.26862954, 0.26130258, 0.27577711)
SMALL: Mapping[str, Any] = {
    "hidden_size": 160,
    "num_hidden_layers": 6,
    "num_attention_heads": 5,
    "intermediate_size": 640,
    "image_size": 96,
    "patch_size": 12,
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
        super().__init__()
        self.settings = dict(settings)
        self.clip = CLIPVisionModel(CLIPVisionConfig(**self.settings))
        config = self.clip.config
        self.dim, self.size = int(config.hidden_size), int(config.image_size)
        self.head = EmotionHead(config.num_hidden_layers + 1, self.dim)
        self.clip.requires_grad_(False)
        self.finder = finder or FaceFinder()

    def train(self, mode: bool = True) -> VideoEncoder:
        super().train(mode)
        self.clip.eval()
        return self

    def seen(self, video: Video) -> Float[Tensor, "picture 3 size size"]:
        """An even choice of pictures, cut to the face, as CLIP wants them. Raises MediaError."""
        if len(video.frames) == 0:
            raise MediaError("the video has no pictures: give a video of a face")
        chosen = np.linspace(0, len(video.frames) - 1, min(SEEN, len(video.frames))).round()
        frames = video.frames[chosen.astype(int)]
        faces = cut(frames, self.finder.find(frames).box, self.size)
        pixels = torch.from_numpy(faces).float().permute(0, 3, 1, 2) / 255
        mean, std = torch.tensor(_MEAN), torch.tensor(_STD)
        return (pixels - mean[:, None, None]) / std[:, None, None]

    @torch.no_grad()
    def layers(
        self, clips: Sequence[Float[Tensor, "picture 3 size size"]]
    ) -> tuple[tuple[Tensor, ...], Bool[Tensor, "batch time"]]:
        """The class state of each picture in every layer, padded on the right."""
        found = self.clip(pixel_values=torch.cat(list(clips)), output_hidden_states=True)
        lengths = [len(clip) for clip in clips]
        mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        out = []
        for states in found.hidden_states:
            rows = states.new_zeros(*mask.shape, self.dim)
            rows[mask] = states[:, 0]
            out.append(rows)
        return tuple(out), mask

    def forward(self, clips: Sequence[Float[Tensor, "picture 3 size size"]]) -> MediaFeatures:
        """``clips`` as :meth:`seen` makes them."""
        return self.head(*self.layers(clips))

    def look(self, videos: Sequence[Video]) -> MediaFeatures:
        return self([self.seen(video) for video in videos])

    def meta(self) -> dict[str, Any]:
        return {"settings": self.settings}

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> VideoEncoder:
        return cls(meta["settings"])
