"""A few rows at a time say what all at once say."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import BertConfig, BertModel, LlamaConfig, LlamaModel

from empatheia.nn import rows
from empatheia.nn.rows import ByRows, bert_by_rows, llama_by_rows

SHAPE = {
    "hidden_size": 16,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "vocab_size": 20,
}


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "ROWS", 4)


def test_what_is_made_on_the_way_is_never_more_than_a_few_rows() -> None:
    seen = list[int]()

    class Counted(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(len(x))
            return x + 1

    x = torch.randn(3, 3, 8)
    assert torch.equal(ByRows(Counted())(x), x + 1)
    assert seen == [4, 4, 1]


@torch.no_grad()
def test_models_say_the_same() -> None:
    torch.manual_seed(0)
    ids = torch.randint(20, (3, 5))
    bert = BertModel(BertConfig(**SHAPE), add_pooling_layer=False).eval()
    twin = copy.deepcopy(bert)
    bert_by_rows(twin.encoder.layer)
    assert torch.allclose(twin(ids).last_hidden_state, bert(ids).last_hidden_state, atol=1e-6)
    llama = LlamaModel(LlamaConfig(**SHAPE)).eval()
    twin = copy.deepcopy(llama)
    llama_by_rows(twin.layers)
    assert torch.allclose(twin(ids).last_hidden_state, llama(ids).last_hidden_state, atol=1e-6)
