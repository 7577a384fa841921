"""The table of mean styles answers for everybody, from exact rows to open ones."""

from __future__ import annotations

import pytest
import torch

from empatheia.errors import InputError, WeightsError
from empatheia.published.styles import StyleMeans
from empatheia.types import Profile

WOMAN, MAN = Profile(), Profile(gender="male")


def table() -> StyleMeans:
    return StyleMeans.of(
        [
            ("neutral", WOMAN, torch.tensor([0.0, 0.0])),
            ("sad", WOMAN, torch.tensor([2.0, 0.0])),
            ("sad", WOMAN, torch.tensor([4.0, 0.0])),
            ("sad", MAN, torch.tensor([0.0, 6.0])),
        ]
    )


def test_means_by_gender_and_for_strangers() -> None:
    styles = table()
    assert styles.find("sad", 1.0, WOMAN).tolist() == [3.0, 0.0]
    assert styles.find("sad", 1.0, MAN).tolist() == [0.0, 6.0]
    elder = Profile("elderly", "female", "gentle", "asian")
    assert styles.find("sad", 1.0, elder).tolist() == [3.0, 0.0]


def test_intensity_runs_from_neutral() -> None:
    assert table().find("sad", 0.5, WOMAN).tolist() == [1.5, 0.0]
    assert table().find("sad", 0.0, WOMAN).tolist() == [0.0, 0.0]


def test_survives_a_file() -> None:
    again = StyleMeans.from_tensors({**table().tensors(), "other": torch.zeros(1)})
    assert torch.equal(again.find("sad", 0.7, MAN), table().find("sad", 0.7, MAN))


def test_what_it_has_not_is_named() -> None:
    with pytest.raises(WeightsError, match=r"no style for 'happy'.*neutral, sad"):
        table().find("happy", 0.5, WOMAN)
    for emotion, intensity in (("gloomy", 0.5), ("sad", 1.5), ("sad", float("nan"))):
        with pytest.raises(InputError):
            table().find(emotion, intensity, WOMAN)
