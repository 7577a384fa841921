"""``evaluate text`` writes the named figures and the table into one scores.json."""

from __future__ import annotations

import json
from pathlib import Path

from empatheia.model import TextSettings
from empatheia.tiny import tiny_reasoner

EXAMPLE = Path(__file__).parents[2] / "examples" / "dialogues.jsonl"


def test_scores_name_their_figures_at_the_top(empatheia, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "empatheia.presets.load_reasoner",
        lambda _: (tiny_reasoner(), TextSettings(digest="tiny")),
    )
    outcome = empatheia("evaluate", "text", "--data", EXAMPLE, "--limit", "2", "-o", tmp_path)
    assert outcome.code == 0, outcome.err
    scores = json.loads((tmp_path / "scores.json").read_text())
    for name in ("accuracy", "dist1", "dist2", "perplexity"):
        assert set(scores[name]) >= {"value", "n", "ci95"}
    assert scores["accuracy"]["n"] == 2
    assert scores["tables"]["text"]["rows"]
