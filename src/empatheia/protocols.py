"""The contracts between parts. An implementation is checked by the suites in tests/contracts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from empatheia.types import Avatar, Frame, Phoneme, Profile, Safety, Speech, Video

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@runtime_checkable
class SpeechGenerator(Protocol):
    """Speaks, and teaches what its content and style vectors mean.

    ``phonemes`` given to :meth:`generate` serve durations and times only; the sound itself comes
    from ``content``, so that the content of another sentence says that sentence.
    """

    sample_rate: int
    content_dim: int
    style_dim: int

    def phonemize(self, text: str) -> tuple[Phoneme, ...]:
        """Sounds of one sentence. Raises InputError where nothing can be spoken."""
        ...

    def encode_content(self, phonemes: Sequence[Phoneme]) -> Float[Tensor, "phoneme content"]:
        """Teacher of C^s (paper, Eq. 9)."""
        ...

    def encode_style(self, speech: Speech) -> Float[Tensor, " style"]:
        """Teacher of S^s (Eq. 10): hears the audio, never a label."""
        ...

    def style_for(
        self, emotion: str, intensity: float, profile: Profile
    ) -> Float[Tensor, " style"]:
        """Mean of ``encode_style`` over training clips of that kind; ``intensity`` in [0, 1]."""
        ...

    def generate(
        self,
        phonemes: Sequence[Phoneme],
        content: Float[Tensor, "phoneme content"],
        style: Float[Tensor, " style"],
    ) -> Speech:
        """Audio and the time of each phoneme. Raises InputError on a wrong shape or NaN."""
        ...


@runtime_checkable
class FaceGenerator(Protocol):
    """Moves a face to a sound, and teaches what its content and style vectors mean."""

    fps: int
    size: int
    content_dim: int
    style_dim: int

    def avatars(self) -> tuple[Avatar, ...]:
        """The people this generator can be, in a stable order."""
        ...

    def avatar(self, name: str) -> Avatar:
        """The person with this id, stock or resolved. Raises InputError with the nearest ids."""
        ...

    def avatar_for(self, profile: Profile, seed: int = 0) -> Avatar:
        """Somebody of this age, gender and race; every combination resolves to one."""
        ...

    def encode_content(self, speech: Speech) -> Float[Tensor, "frame content"]:
        """Teacher of C^v: one vector a video frame, from phoneme times or else from the audio."""
        ...

    def encode_style(self, video: Video) -> Float[Tensor, " style"]:
        """Teacher of S^v: sees decoded frames, never a label."""
        ...

    def style_for(
        self, emotion: str, intensity: float, profile: Profile
    ) -> Float[Tensor, " style"]:
        """Mean of ``encode_style`` over training clips of that kind; ``intensity`` in [0, 1]."""
        ...

    def generate(
        self,
        avatar: Avatar,
        content: Float[Tensor, "frame content"],
        style: Float[Tensor, " style"],
        seed: int = 0,
    ) -> Iterator[Frame]:
        """One frame for each row of ``content``. Raises InputError on a wrong shape or NaN."""
        ...


@runtime_checkable
class CareScreen(Protocol):
    """Looks for a crisis before anything is generated, and for harm in what was generated."""

    def screen_user(self, texts: Sequence[str]) -> Safety:
        """``texts``: the speaker's turns of the running dialogue, oldest first."""
        ...

    def crisis_message(self, safety: Safety) -> str:
        """The fixed, carefully written answer to a crisis."""
        ...

    def reply_is_safe(self, reply: str) -> bool:
        """Whether a generated reply may be said."""
        ...

    def safe_reply(self) -> str:
        """What is said when no generated reply may be."""
        ...
