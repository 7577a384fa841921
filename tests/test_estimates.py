"""Estimates are counted: sizes that are known of the published models come out."""

from __future__ import annotations

import pytest

from empatheia.errors import InputError
from empatheia.paper.estimates import Machine, language_model, training_bytes


def test_known_sizes_come_out() -> None:
    found = language_model("vicuna")
    assert found.numbers == 6_738_415_616
    tokens = 256 + 110 + 32
    assert found.operations == pytest.approx(2 * found.numbers * tokens, rel=0.05)
    assert training_bytes("vicuna")["language model, bfloat16"] == 2 * found.numbers


def test_the_slower_of_work_and_bytes_decides() -> None:
    machine = Machine(100.0, 10.0, 0.5)
    assert machine.seconds(100.0) == 2.0
    assert machine.seconds(100.0, 100.0) == 20.0
    with pytest.raises(InputError, match="backbone 'lama'"):
        language_model("lama")
