"""Language models that others published, as ours: opened from a folder, marks and labels added.

Any decoder of ``transformers`` with ``model`` and ``lm_head`` (Vicuna and the Llama family, GLM-4),
ChatGLM3 through GLM's class, and T5's encoder-decoder. The model may lie on any device or on
several; what goes in and comes out lies where the caller's tensors are.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GlmForCausalLM,
    T5ForConditionalGeneration,
)

from empatheia.data.labels import EMOTIONS8, EMOTIONS32
from empatheia.errors import MissingExtraError, WeightsError, unknown
from empatheia.llm import chatglm
from empatheia.llm.added import AddedTokens
from empatheia.llm.causal import CausalConfig, CausalLM
from empatheia.llm.seq2seq import Seq2SeqConfig, Seq2SeqLM
from empatheia.llm.tokenizer import (
    CAUSE,
    EMOTION,
    END,
    EVENT,
    FEEL,
    GOAL,
    LISTENER,
    PAD,
    PROFILE,
    REPLY,
    SPEAKER,
    DialogueTokenizer,
)
from empatheia.published import pickles, strict
from empatheia.published.folders import open_folder, settings, weight_files

DECODERS = ("llama", "mistral", "qwen2", "qwen3", "glm", "glm4", chatglm.MODEL_TYPE)
ENCODER_DECODERS = ("t5",)
# what a mark is written with, to begin from
_WORDS = {
    PAD: "", END: "", SPEAKER: "speaker", LISTENER: "listener", PROFILE: "profile",
    EVENT: "event", EMOTION: "emotion", CAUSE: "cause", GOAL: "goal", FEEL: "feel", REPLY: "reply",
}  # fmt: skip


class PublishedCausal(CausalLM):
    """A decoder with marks and labels beside its vocabulary."""

    def __init__(self, network: Any, tokenizer: DialogueTokenizer) -> None:
        nn.Module.__init__(self)
        known = network.config
        self.config = CausalConfig(
            known.hidden_size,
            known.num_hidden_layers,
            known.num_attention_heads,
            known.num_key_value_heads,
            known.intermediate_size,
            known.max_position_embeddings,
        )
        self.tokenizer, self.lm = tokenizer, network
        self.added = added_tokens(network, tokenizer, known.hidden_size)

    def embed(self, ids: Tensor) -> Tensor:
        return embedded(self, ids)

    def logits(self, hidden: Tensor) -> Tensor:
        return scored(self, hidden)

    def _states(self, embeddings: Tensor, **more: Any) -> Tensor:
        return passed(self, self.lm.model, embeddings, **more)


class PublishedSeq2Seq(Seq2SeqLM):
    """An encoder-decoder with marks and labels beside its vocabulary."""

    def __init__(self, network: Any, tokenizer: DialogueTokenizer) -> None:
        nn.Module.__init__(self)
        known = network.config
        self.config = Seq2SeqConfig(
            known.d_model, known.num_layers, known.num_heads, known.d_kv, known.d_ff
        )
        self.tokenizer, self.lm = tokenizer, network
        self.added = added_tokens(network, tokenizer, known.d_model)

    def embed(self, ids: Tensor) -> Tensor:
        return embedded(self, ids)

    def logits(self, hidden: Tensor) -> Tensor:
        if self.lm.config.scale_decoder_outputs:
            hidden = hidden * self.config.dim**-0.5
        return scored(self, hidden)

    def _states(self, part: Any, embeddings: Tensor, **more: Any) -> Tensor:
        return passed(self, part, embeddings, **more)


PublishedLM = PublishedCausal | PublishedSeq2Seq


def added_tokens(network: Any, tokenizer: DialogueTokenizer, dim: int) -> AddedTokens:
    """The tables of what ``tokenizer`` has beyond the published vocabulary, begun from words.

    Raises WeightsError where the published tokens are more than the model knows.
    """
    inner = network.get_input_embeddings().weight
    outer = network.get_output_embeddings().weight
    first = tokenizer.borrowed
    if first > len(inner):
        raise WeightsError(
            f"the tokenizer has {first} tokens and the model {len(inner)}: they belong to "
            "different models"
        )
    added = AddedTokens(first, len(tokenizer) - first, dim)
    labels = (*tokenizer.labels.emotions, *tokenizer.labels.feels)
    written = {tokenizer.id(mark): words for mark, words in _WORDS.items()}
    written |= dict(zip(labels, (*EMOTIONS32, *EMOTIONS8), strict=True))
    words = [tokenizer.encode(written.get(i, "")) for i in range(first, len(tokenizer))]
    added.start_from(words, inner, outer)
    return added.to(inner.device)


def embedded(lm: PublishedLM, ids: Tensor) -> Tensor:
    """Embeddings of tokens, where ``ids`` are."""
    table = lm.lm.get_input_embeddings()
    return lm.added.embed(ids.to(table.weight.device), table).to(ids.device)


def scored(lm: PublishedLM, hidden: Tensor) -> Tensor:
    """Logits of the whole vocabulary, where ``hidden`` is."""
    head = lm.lm.get_output_embeddings()
    there = hidden.to(head.weight.device, head.weight.dtype)
    return lm.added.logits(there, head(there)).to(hidden.device)


def passed(lm: PublishedLM, part: Any, embeddings: Tensor, **more: Any) -> Tensor:
    """States of ``part`` of the network, where ``embeddings`` are."""
    weight = lm.lm.get_input_embeddings().weight
    moved = {n: v.to(weight.device) if isinstance(v, Tensor) else v for n, v in more.items()}
    given = embeddings.to(weight.device, weight.dtype)
    return part(inputs_embeds=given, **moved).last_hidden_state.to(embeddings.device)


def open_lm(folder: Path, dtype: torch.dtype = torch.bfloat16, device: str = "cpu") -> PublishedLM:
    """A published language model with our marks and labels, frozen.

    ``device`` is one of torch's, or ``auto``: spread over all there are (needs ``accelerate``).
    Raises WeightsError naming what is missing or does not fit, MissingExtraError.
    """
    kind = str(settings(folder).get("model_type"))
    if kind not in (*DECODERS, *ENCODER_DECODERS):
        allowed = (*DECODERS, *ENCODER_DECODERS)
        raise WeightsError(f"{folder}: {unknown('model_type', kind, allowed)}")
    tokenizer = open_tokenizer(folder)
    where = {"device_map": "auto"} if device == "auto" else {}
    try:
        if kind == chatglm.MODEL_TYPE:
            network = _chatglm(folder, dtype)
            network = _spread(network) if where else network
        else:
            network = open_folder(
                folder,
                T5ForConditionalGeneration if kind in ENCODER_DECODERS else AutoModelForCausalLM,
                dtype=dtype,
                **where,
            )
        network = network if where else network.to(device)
    except torch.OutOfMemoryError as error:
        raise WeightsError(
            f"{folder} does not fit the memory of {device}: set EMPATHEIA_DEVICE=cpu, or auto to "
            "spread it over several GPUs ('empatheia weights plan' says what it needs)"
        ) from error
    network.eval().requires_grad_(False)
    wrap = PublishedSeq2Seq if kind in ENCODER_DECODERS else PublishedCausal
    return wrap(network, tokenizer)


def _chatglm(folder: Path, dtype: torch.dtype) -> Any:
    from safetensors.torch import load_file

    config = chatglm.glm_config(settings(folder))
    with torch.device("meta"):
        network = GlmForCausalLM(config)
    state: dict[str, Tensor] = {}
    for path in weight_files(folder):
        found = load_file(path) if path.suffix == ".safetensors" else pickles.read(path)
        state |= {name: value.to(dtype) for name, value in found.items()}
    strict.load(network, chatglm.glm_tensors(state, config), str(folder))
    network.model.rotary_emb = type(network.model.rotary_emb)(config)  # was on no device
    return network


def _spread(network: Any) -> Any:
    """A network in main memory, laid over all devices as ``device_map`` lays one from a folder."""
    try:
        from accelerate import dispatch_model, infer_auto_device_map
        from accelerate.utils import get_balanced_memory
    except ImportError as error:
        raise MissingExtraError("accelerate", "paper") from error
    whole = list(network._no_split_modules)
    memory = get_balanced_memory(network, no_split_module_classes=whole)
    places = infer_auto_device_map(network, memory, no_split_module_classes=whole)
    return dispatch_model(network, places)


def open_tokenizer(folder: Path) -> DialogueTokenizer:
    """The published tokenizer with our marks. Raises WeightsError, MissingExtraError."""
    ready, pieces = folder / "tokenizer.json", folder / "tokenizer.model"
    chat = settings(folder).get("model_type") == chatglm.MODEL_TYPE
    spelled = pieces if pieces.is_file() else folder / "spiece.model"
    try:
        if ready.is_file():
            backend = Tokenizer.from_file(str(ready))
        elif not spelled.is_file():
            raise WeightsError(f"no tokenizer.json, tokenizer.model or spiece.model in {folder}")
        else:
            _need_sentencepiece()
            backend = _chatglm_tokenizer(spelled) if chat else _converted(folder)
    except (WeightsError, MissingExtraError):
        raise
    except Exception as error:  # its library raises no kind of its own
        line = " ".join(str(error).split())[:120]
        raise WeightsError(
            f"the tokenizer in {folder} cannot be read: fetch it again ('empatheia weights get "
            f"NAME') once {(ready if ready.is_file() else spelled).name} is deleted ({line})"
        ) from error
    openings = (("<s>",), ("[gMASK]", "sop"), ("[gMASK]", "<sop>"))
    backend.no_padding()
    backend.no_truncation()
    known = backend.get_vocab()
    marks = next((row for row in openings if known.keys() >= set(row)), ())
    opening = [known[mark] for mark in marks]
    return DialogueTokenizer.around(backend, EMOTIONS32, EMOTIONS8, opening)


def _need_sentencepiece() -> None:
    for module, package in (("sentencepiece", "sentencepiece"), ("google.protobuf", "protobuf")):
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise MissingExtraError(package, "paper") from error


def _converted(folder: Path) -> Tokenizer:
    made = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return made.backend_tokenizer


def _chatglm_tokenizer(path: Path) -> Tokenizer:
    """ChatGLM3's pieces as a Llama tokenizer, its own marks behind them as it numbers them."""
    from tokenizers import AddedToken, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers.convert_slow_tokenizer import SentencePieceExtractor

    parts = SentencePieceExtractor(str(path)).extract(BPE)
    backend = Tokenizer(BPE(parts["vocab"], parts["merges"], byte_fallback=True, fuse_unk=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace("▁", "first", split=False)
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    roles = [f"<|{who}|>" for who in ("system", "user", "assistant", "observation")]
    own = ["[MASK]", "[gMASK]", "[sMASK]", "sop", "eop", *roles]
    backend.add_special_tokens([AddedToken(mark, normalized=False) for mark in own])
    return backend
