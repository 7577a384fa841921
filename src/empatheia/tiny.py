"""A reasoner with random weights at dim 16, for tests: the real classes, seconds to train."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import torch
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordPiece

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.encoders.ngrams import NgramClassifier, Vocabulary, ngrams
from empatheia.encoders.text import TextEncoder, TextEncoderConfig
from empatheia.latents.projector import ProjectorConfig, QueryProjector
from empatheia.llm.causal import CausalConfig, CausalLM
from empatheia.llm.tokenizer import DialogueTokenizer
from empatheia.reasoner import Reasoner
from empatheia.types import Turn

if TYPE_CHECKING:
    from empatheia.expression import Expression
    from empatheia.senses import Senses

_TEXTS = (
    "I lost my dog and I feel so sad about it.",
    "Oh no, I am sorry to hear that. What happened?",
    "We won the game today! That is great news, you must be proud.",
    "I am scared of the dark. Why do you think that is?",
)


def tiny_reasoner(seed: int = 0) -> Reasoner:
    """Dim 16, two layers, a vocabulary of letters; the same weights for the same ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *string.ascii_lowercase, *string.punctuation]
        pieces += [f"##{letter}" for letter in string.ascii_lowercase]
        tokenizer = Tokenizer(WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        encoder = TextEncoder(
            TextEncoderConfig(len(pieces), dim=16, layers=2, heads=2, hidden=32, match_dim=8),
            tokenizer,
        )
        words = DialogueTokenizer.train(_TEXTS, 380, EMOTIONS32, EMOTIONS8)
        lm = CausalLM(CausalConfig(dim=16, layers=2, heads=2, kv_heads=1, hidden=32), words)
        torch.nn.init.normal_(lm.lm.get_input_embeddings().weight, std=0.5)  # logits can be sure
        projector = QueryProjector(ProjectorConfig(16, 16, queries=2, evidence=32, heads=2))
        turns = [Turn("speaker", text) for text in _TEXTS]
        vocabulary = Vocabulary.of([ngrams([turn]) for turn in turns], min_documents=1)
        linear = NgramClassifier(vocabulary.terms, len(EMOTIONS32))
        return Reasoner(encoder, linear, projector, lm).eval()


def tiny_senses(dim: int = 16, seed: int = 0) -> Senses:
    """An ear and an eye of dim 16 with random weights."""
    from empatheia.encoders.speech import TINY as EAR
    from empatheia.encoders.speech import SpeechEncoder
    from empatheia.encoders.video import TINY as EYE
    from empatheia.encoders.video import VideoEncoder
    from empatheia.senses import Senses, SensesConfig

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = SensesConfig(dim, queries=2, heads=2)
        return Senses(SpeechEncoder(EAR), VideoEncoder(EYE), config).eval()


def tiny_expression(
    speech: tuple[int, int],
    face: tuple[int, int],
    synchronizer: bool = True,
    disentangler: bool = True,
    seed: int = 0,
) -> Expression:
    """Random weights between :func:`tiny_reasoner` and generators of these (content, style)."""
    from empatheia.expression import Expression, ExpressionConfig
    from empatheia.latents.content import ContentConfig
    from empatheia.latents.style import StyleConfig
    from empatheia.llm.signals import SignalConfig

    content = ContentConfig(16, speech[0], face[0], 16, 2, 32, 8, 1, 0.0, 200, 400, 32)
    style = StyleConfig(16, speech[1], face[1], 8, 16, 2, 32, 4, 1, 2, 0.0, intensity=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        signals = SignalConfig(16)
        config = ExpressionConfig(signals, content, style, synchronizer, disentangler)
        return Expression(config).eval()
