"""What is heard and seen of the people in a dialogue, for the language model and for the reply."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from empatheia import hub
from empatheia.data.labels import AVAMERG_32_TO_7, EMOTIONS8, EMOTIONS32
from empatheia.encoders.heads import MediaFeatures
from empatheia.encoders.speech import SpeechEncoder
from empatheia.encoders.video import VideoEncoder
from empatheia.errors import MediaError, WeightsError, naming
from empatheia.latents.projector import ProjectorConfig
from empatheia.latents.senses import RECALLED, ModalityProjector, Perceived, joined
from empatheia.media.audio import read_audio
from empatheia.media.video import read_video
from empatheia.types import Turn

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

UNTOLD = (
    "sound and pictures are read by the language model alone: no head that names a feeling in them "
    "is trained, so perceived says nothing of speech and video"
)
FAINT = 0.1
DOUBT = 0.02  # that a recording says nothing of the speaker
FOLD = torch.tensor([EMOTIONS8.index(AVAMERG_32_TO_7[label]) for label in EMOTIONS32])
KEPT = 64  # utterances whose features are remembered


@dataclass(frozen=True, slots=True)
class Reading:
    """One utterance as it sounds and looks; None where a modality is missing.

    ``note`` is what a person should know, as that no face was seen. ``told``: whether the heads
    that name a feeling were ever trained; if not, nothing is said of it.
    """

    speech: Perceived | None = None
    video: Perceived | None = None
    note: str | None = None
    told: bool = True

    @property
    def there(self) -> bool:
        return self.speech is not None or self.video is not None


@dataclass(frozen=True, slots=True)
class SensesConfig:
    """``dim`` is the language model's width.

    ``tokens`` is False where the projectors are not trained: ear and eye then speak through the
    evidence alone (:meth:`Senses.together`). ``told`` is False where the heads of ear and eye are
    not trained: states reach the language model, and no evidence is read from them.
    """

    dim: int
    queries: int = 4
    heads: int = 4
    dropout: float = 0.1
    drop: float = 0.15  # how often a modality is left out in training
    tokens: bool = True
    told: bool = True


class Senses(nn.Module):
    """Both encoders and their projectors."""

    trust: Tensor

    def __init__(self, ear: SpeechEncoder, eye: VideoEncoder, config: SensesConfig) -> None:
        super().__init__()
        self.config, self.ear, self.eye = config, ear, eye
        keys = len(EMOTIONS8)
        self.speech, self.video = (
            ModalityProjector(
                ProjectorConfig(
                    source, config.dim, config.queries, keys, config.heads, config.dropout
                ),
                config.drop,
            )
            for source in (ear.dim, eye.dim)
        )
        self.register_buffer("trust", torch.ones(2))  # in ear and eye, beside the text
        self.digest = "random"
        self._kept: OrderedDict[tuple[Path, Path | None], Reading] = OrderedDict()

    @torch.no_grad()
    def perceive(self, turn: Turn) -> Reading:
        """Read the files of an utterance; a video's own sound is used where no other is given.

        Raises MediaError, InputError.
        """
        place = turn.audio or turn.video
        if place is None:
            return Reading()
        key = (place, turn.video)
        if key not in self._kept:
            speech = self._heard(place, must=turn.audio is not None)
            video = note = None
            if turn.video is not None:
                with naming(turn.video):
                    pictures, noticed = self.eye.noticed(read_video(turn.video))
                video = _row(self.eye([pictures]))
                note = f"{turn.video.name}: {noticed}" if noticed else None
            self._kept[key] = Reading(speech, video, note, self.config.told)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]

    def _heard(self, path: Path, must: bool) -> Perceived | None:
        """A video without sound is no fault, a sound file without is one."""
        try:
            with naming(path):
                return _row(self.ear.hear([read_audio(path)]))
        except MediaError:
            if must:
                raise
            return None

    def readings(self, turns: Sequence[Turn]) -> list[Reading]:
        """Of the last utterances, oldest first; the one to be answered is always among them."""
        return [self.perceive(turn) for turn in turns[-RECALLED:]]

    def tokens(
        self, dialogues: Sequence[Sequence[Reading]]
    ) -> tuple[Float[Tensor, "batch token dim"], Bool[Tensor, "batch token"]]:
        """Tokens of every utterance that has media, and of the last one always; left padding.

        A dialogue that was only written has none: it is read as by a model without senses.
        """
        told = [
            [
                (r, len(d) - 1 - i)
                for i, r in enumerate(d)
                if r.there or (i == len(d) - 1 and any(other.there for other in d))
            ]
            for d in dialogues
        ]
        if not (self.config.tokens and any(told)):
            empty = self.speech.projector.absent[:0]
            return joined([empty for _ in dialogues])
        flat = [pair for row in told for pair in row]
        ago = [when for _, when in flat]
        heard = self.speech([reading.speech for reading, _ in flat], ago)
        seen = self.video([reading.video for reading, _ in flat], ago)
        each = torch.cat([heard, seen], 1)
        rows = [part.flatten(0, 1) for part in each.split([len(row) for row in told])]
        return joined(rows)

    def together(
        self, evidence: Float[Tensor, "batch label"], last: Sequence[Reading]
    ) -> Float[Tensor, "batch label"]:
        """What text, ear and eye tell of the speaker's emotion, over the 32 labels.

        By Bayes' rule, as if the three erred independently; a voice or a face speaks for every
        label that folds to its key, and where it is neutral for none. ``evidence`` is the text's,
        and stays as it is where there is neither sound nor picture.
        """
        rows = []
        for told, reading in zip(evidence, last, strict=True):
            for trust, found in zip(self.trust, (reading.speech, reading.video), strict=True):
                if found is not None and reading.told:
                    told = told + trust * _likelihood(found.evidence)
            rows.append(told.log_softmax(-1).clamp(min=-12) if reading.there else told)
        return torch.stack(rows)

    @torch.no_grad()
    def start(self) -> None:
        """The tokens start faint: the language model has not learned to read them."""
        for part in (self.speech.projector, self.video.projector):
            for name in ("out.weight", "pooled.1.weight", "evidence.weight"):
                part.get_parameter(name).mul_(FAINT)

    def meta(self) -> dict[str, Any]:
        return {"config": asdict(self.config), "ear": self.ear.meta(), "eye": self.eye.meta()}

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> Senses:
        ear, eye = SpeechEncoder.from_meta(meta["ear"]), VideoEncoder.from_meta(meta["eye"])
        return cls(ear, eye, SensesConfig(**meta["config"]))

    @classmethod
    def load(cls, path: Path) -> Senses:
        """Raises WeightsError naming the file and the fault."""
        weights = hub.load(path)
        try:
            made = cls.from_meta(weights.meta)
            made.load_state_dict(dict(weights.tensors))
        except (RuntimeError, KeyError, TypeError) as error:
            raise WeightsError(f"{path} does not fit this version: {error}") from error
        made.digest = weights.digest
        return made.eval()

    def save(self, path: Path, more: Mapping[str, Any] | None = None) -> None:
        hub.save(path, self.state_dict(), self.meta() | dict(more or {}), int8=True)

    def fits(self, lm_dim: int) -> None:
        """Raise WeightsError unless made for a language model of this width."""
        if self.config.dim != lm_dim:
            raise WeightsError(
                f"these senses belong to another preset: made for width {self.config.dim}, this "
                f"language model has {lm_dim}; train them for it (empatheia train senses)"
            )


def _likelihood(evidence: Float[Tensor, " key"]) -> Float[Tensor, " label"]:
    """Log-likelihood of each of the 32 labels; a neutral voice or face fits every one."""
    shares = evidence.exp()
    neutral = shares[EMOTIONS8.index("neutral")] / (len(EMOTIONS8) - 1)
    return ((shares[FOLD] + neutral) * (1 - DOUBT) + DOUBT).log()


def _row(found: MediaFeatures) -> Perceived:
    """The first row of a batch of one."""
    evidence = found.logits[0].log_softmax(-1)
    return Perceived(found.states[0].clone(), found.pooled[0].clone(), evidence.clone())


def keys_of(reading: Perceived | None) -> dict[str, float] | None:
    """The distribution over the eight keys that a modality's own head tells."""
    if reading is None:
        return None
    return dict(zip(EMOTIONS8, map(float, reading.evidence.exp()), strict=True))
