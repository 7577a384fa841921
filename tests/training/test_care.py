"""``train care`` on a tiny encoder: what it reads, what it writes, and that it learns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from empatheia import hub
from empatheia.care.detector import CATEGORIES
from empatheia.care.semantic import CLASSES, SemanticScore
from empatheia.errors import WeightsError
from empatheia.presets import care_screen
from empatheia.tiny import tiny_reasoner
from empatheia.training.care import (
    CareConfig,
    listed_phrases,
    load_encoder,
    own_phrases,
    train_care,
)

LISTED = [
    {"turns": ["A tuned one."], "category": "abuse", "split": "tune"},
    {"turns": ["A tuned harmless one."], "category": None, "split": "tune"},
    {"turns": ["Two", "turns."], "category": "abuse", "split": "tune"},
    {"turns": ["A held one."], "category": "abuse", "split": "held_out"},
]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, float]]:
    folder = tmp_path_factory.mktemp("care")
    encoder = tiny_reasoner().encoder
    text = folder / "text.safetensors"
    hub.save(text, encoder.state_dict(), encoder.meta())
    dialogues = folder / "empatheia_data" / "empathetic_dialogues"
    comments = dialogues.parent / "goemotions"
    dialogues.mkdir(parents=True)
    comments.mkdir()
    for name in ("train", "valid"):
        rows = [
            {
                "conv_id": f"{name}{n}",
                "emotion": "sad",
                "situation": "",
                "utterances": [{"role": "speaker", "text": f"I lost {n} {name} socks."}],
            }
            for n in range(40)
        ]
        (dialogues / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (comments / "labels.txt").write_text("joy\nsadness\n", "utf-8")
    (comments / "train.tsv").write_text("How nice.\t0\tx\nHow sad.\t1\ty\n", "utf-8")
    config = CareConfig(folds=2)
    figures = train_care(dialogues.parent, text, LISTED, folder, config)
    return folder / "care.safetensors", text, figures


def test_own_phrases_are_many_distinct_and_of_every_class() -> None:
    own = own_phrases()
    assert len(set(own.texts)) == len(own.texts) > 800
    for name in CLASSES:
        assert own.labels.count(name) > 50
    assert own.labels.count(CLASSES[0]) > 400


def test_phrases_of_the_tests_are_not_among_them() -> None:
    lists = Path(__file__).parents[1] / "care" / "phrases"
    own = {text.casefold() for text in own_phrases().texts}
    for path in lists.glob("*.jsonl"):
        for line in path.read_text("utf-8").splitlines():
            record = json.loads(line)
            if record["split"] != "tune":
                assert not own & {turn.casefold() for turn in record["turns"]}, path.name


def test_held_out_phrases_are_never_read() -> None:
    found = listed_phrases(LISTED)
    assert found.texts == ("A tuned one.", "A tuned harmless one.")
    assert found.labels == ("abuse", "none")


def test_the_file_fits_the_screen(fitted: tuple[Path, Path, dict[str, float]]) -> None:
    path, text, figures = fitted
    assert figures["threshold"] < figures["strong"] < 1
    assert set(figures) >= {"own_crisis", "own_none", "listed_crisis", "listed_none"}
    encoder = load_encoder(text)
    score = SemanticScore.load(lambda texts: encoder.meanings(texts).numpy(), path)
    known = [t for t, x in zip(*_own(), strict=True) if x != CLASSES[0]][:40]
    harmless = [f"I lost {n} train socks." for n in range(40)]
    alarms = [np.mean([1 - score.probabilities(t)["none"] for t in g]) for g in (known, harmless)]
    assert alarms[0] > alarms[1] + 0.2
    assert score.category(known[0]) in (None, *CATEGORIES)


def _own() -> tuple[tuple[str, ...], tuple[str, ...]]:
    own = own_phrases()
    return own.texts, own.labels


def test_the_shipped_file_is_refused_for_another_encoder() -> None:
    with pytest.raises(WeightsError, match="another text encoder"):
        care_screen(tiny_reasoner().encoder)
