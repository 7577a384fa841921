"""Learning content and style through the frozen generators, where L_ccl or L_sac is left out.

The ablations w/o L_ccl and w/o L_sac drop a loss from its own stage and from stage 4. A module
that nothing would then train learns from what its output sounds and looks like: what the frozen
generator makes of it is compared with what it makes of the teacher's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.errors import ConfigError
from empatheia.face.avatar.articulation import mouth
from empatheia.face.avatar.generator import DrawnFace
from empatheia.latents.content import ReplyStates
from empatheia.latents.style import Style
from empatheia.protocols import FaceGenerator, SpeechGenerator
from empatheia.speech.world.generator import WorldVoice
from empatheia.speech.world.network import spread

if TYPE_CHECKING:
    from jaxtyping import Float

    from empatheia.expression import Expression
    from empatheia.training.losses import LossWeights
    from empatheia.training.merg_stage import MergBatch, MergRow

_STEP = 0.01  # seconds of a step of the voice's decoder


class Reconstruction:
    """Both generators as functions that a gradient goes through."""

    def __init__(self, speech: SpeechGenerator, face: FaceGenerator) -> None:
        if not (isinstance(speech, WorldVoice) and isinstance(face, DrawnFace)):
            raise ConfigError(
                "without L_ccl or L_sac modules learn through the generators, which only the WORLD "
                "voice and the drawn face allow; use preset small"
            )
        self._decoder = speech.network.decoder.requires_grad_(False)
        self._expressions = face.expressions

    def content(
        self, net: Expression, reply: ReplyStates, batch: MergBatch, weights: LossWeights
    ) -> dict[str, Tensor]:
        """In place of L_ccl: frames of the voice and controls of the mouth."""
        said, shown = (
            net.content.speech(reply, batch.phonemes),
            net.content.video(reply, batch.frames),
        )
        usual = net.content.speech_units.mean.expand_as(batch.speech_content)
        sounds = self._sounds(batch, (said.values, usual), (batch.speech_style, batch.speech_style))
        usual = net.content.video_units.mean.expand_as(batch.video_content)
        meant = mouth(batch.video_content)
        mouths = _share(mouth(shown.values.float()), meant, mouth(usual), batch.frames.real)
        kl = said.kl.mean() + shown.kl.mean()
        total = sounds + weights.video * mouths + weights.content_kl * kl
        return {"ccl": total, "sounds": sounds, "mouths": mouths, "content_kl": kl}

    def style(
        self, net: Expression, style: Style, batch: MergBatch, weights: LossWeights
    ) -> dict[str, Tensor]:
        """In place of L_sac: frames of the voice and the face that a style makes."""
        usual = net.style.speech_units.mean.expand_as(batch.speech_style)
        content = batch.speech_content
        sounds = self._sounds(batch, (content, content), (style.speech, usual))
        usual = net.style.video_units.mean.expand_as(batch.video_style)
        made = self._expressions(style.video.float())
        faces = _share(made, self._expressions(batch.video_style), self._expressions(usual))
        kl = style.kl.mean()
        total = sounds + faces + weights.style_kl * kl
        return {"sac": total, "sounds": sounds, "faces": faces, "style_kl": kl}

    def _sounds(
        self, batch: MergBatch, contents: tuple[Tensor, Tensor], styles: tuple[Tensor, Tensor]
    ) -> Tensor:
        """How far the frames made of the first of each pair are from those of the teachers."""
        steps = [steps_of(row) for row in batch.rows]
        made = self._frames(steps, contents[0], styles[0])
        with torch.no_grad():
            wanted = self._frames(steps, batch.speech_content, batch.speech_style)
            usual = self._frames(steps, contents[1], styles[1])
        lengths = torch.tensor([2 * int(s.sum()) for s in steps])
        return _share(made, wanted, usual, torch.arange(made.shape[1]) < lengths[:, None])

    def _frames(
        self, steps: list[Tensor], content: Tensor, style: Tensor
    ) -> Float[Tensor, "batch frame width"]:
        parts = [spread(content[i, : len(s)].float(), s) for i, s in enumerate(steps)]
        rows, phases = (nn.utils.rnn.pad_sequence(list(p), True) for p in zip(*parts, strict=True))
        keep = [torch.ones(len(row), 1) for row, _ in parts]
        found: Tensor = self._decoder(
            rows, phases, style.float(), nn.utils.rnn.pad_sequence(keep, True)
        )
        return found


def steps_of(row: MergRow) -> Tensor:
    """Steps of 10 ms of each phoneme, as the recording has them; at least one."""
    ends = torch.tensor([round(p.end / _STEP) for p in row.teaching.phonemes])
    return torch.diff(ends, prepend=torch.zeros(1, dtype=ends.dtype)).clamp(min=1)


def _share(found: Tensor, wanted: Tensor, usual: Tensor, real: Tensor | None = None) -> Tensor:
    """Squared distance over real places; 1 is what the training set's mean would cost."""
    found, wanted, usual = (x if real is None else x[real] for x in (found, wanted, usual))
    return F.mse_loss(found, wanted) / F.mse_loss(usual, wanted).detach().clamp(min=1e-6)
