"""What decoding, signals and training ask of a language model, whatever its kind.

``CausalLM`` (decoder-only) and ``Seq2SeqLM`` (encoder-decoder) both are one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor

from empatheia.llm.tokenizer import DialogueTokenizer

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int


class Cache(Protocol):
    """What was read so far, one row a dialogue."""

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows, in this order, any of them more than once."""
        ...

    def crop(self, tokens: int) -> None:
        """Forget the last ``-tokens``."""
        ...


class LanguageModel(Protocol):
    """Reads a prompt, then chain and reply token by token."""

    tokenizer: DialogueTokenizer

    def embed(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch token dim"]: ...

    def logits(self, hidden: Float[Tensor, "... dim"]) -> Float[Tensor, "... vocabulary"]: ...

    def begin(
        self, prompt: Float[Tensor, "batch token dim"], mask: Bool[Tensor, "batch token"]
    ) -> tuple[Any, Tensor, Tensor]:
        """A cache, and the embeddings with their mask that are to be fed to it first."""
        ...

    def feed(
        self,
        cache: Any,
        embeddings: Float[Tensor, "batch token dim"],
        seen: Bool[Tensor, "batch all"],
    ) -> Float[Tensor, "batch token dim"]:
        """Last-layer states at ``embeddings``, which the cache then holds too."""
        ...

    def read(
        self,
        prompt: Float[Tensor, "batch before dim"],
        prompt_mask: Bool[Tensor, "batch before"],
        target: Float[Tensor, "batch token dim"],
        mask: Bool[Tensor, "batch token"],
    ) -> Float[Tensor, "batch token+1 dim"]:
        """The same without a cache, for training: state 0 stands before the first target token.

        Prompts are padded on the left, targets on the right.
        """
        ...
