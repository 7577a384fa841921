"""The report page: everything inside it, the paper apart, missing things said."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from empatheia.data.predictions import Answer
from empatheia.data.references import Reference
from empatheia.errors import InputError, WeightsError
from empatheia.evaluation import feature_maps
from empatheia.evaluation.feature_maps import (
    Features,
    collect,
    open_parts,
    read_features,
    separation,
    write_features,
)
from empatheia.evaluation.report import (
    Material,
    by_emotion,
    confusions,
    countable,
    groups,
    page,
    read_scores,
)
from empatheia.evaluation.scorecard import Figure, Metric, Row, Scorecard, Table, write_scorecard
from empatheia.evaluation.text_table import text_table
from empatheia.evaluation.votes import read_votes, voted
from empatheia.tiny import tiny_expression, tiny_reasoner
from empatheia.types import Profile, Turn

METRICS = tuple(Metric(n, n) for n in ("accuracy", "dist1", "dist2"))


def card(folder: Path, name: str, value: float, mark: str = "") -> Path:
    row = Row(name, {"accuracy": Figure(value, 9, (1.0, 99.0))}, mark)
    video = Row(name, {"sync_cf": Figure.missing("syncnet_v2.model")})
    tables = (
        Table("text", "Text", METRICS, (row,)),
        Table("video", "Video", (Metric("sync_cf", "Sync_cf"),), (video,)),
    )
    write_scorecard(folder, Scorecard({}, {}, tables))
    return folder


def pairs(folder: Path) -> list[tuple[Reference, Answer]]:
    sound = folder / "a.wav"
    sound.write_bytes(b"RIFFxxxx")
    turns = (Turn("speaker", "My <b>cat</b> died."),)
    child = Profile(age="child")
    sad = Reference("a#1", "a", turns, "Oh.", "sad", speaker=child)
    proud = Reference("b#1", "b", turns, "Oh.", "proud", speaker=child)
    return [
        (sad, Answer("a#1", "So sorry.", "sad", audio=sound)),
        (proud, Answer("b#1", "Well!", "sad")),
        (Reference("c#1", "c", turns, "Oh.", "sad"), Answer("c#1", "Hm.", "sad")),
    ]


def test_page_is_whole_and_offline(tmp_path: Path) -> None:
    scores = [
        read_scores(card(tmp_path / "one", "ours", 41.25)),
        read_scores(card(tmp_path / "two", "rendered", 99.0, "label in the signal")),
    ]
    html = page(Material(scores, pairs(tmp_path)))
    assert not re.search(r"(src|href)=\"?https?:", html)
    assert "data:audio/wav;base64,UklGRnh4eHg=" in html
    assert "<b>cat</b>" not in html  # what people write is text
    assert "41.25<small>[1.00, 99.00]</small>" in html
    assert "needs syncnet_v2.model" in html
    assert "<td class=paper>48.51</td>" in html
    paper_table, _, apart = html.partition("rendered from the gold label")
    assert "99.00<small>" not in paper_table.partition("<h2>Table 3")[0]
    assert "rendered (label in the signal)" in apart


def test_swapped_scores_swap_rows(tmp_path: Path) -> None:
    one, two = card(tmp_path / "one", "ours", 41.25), card(tmp_path / "two", "theirs", 12.5)
    rows = re.findall(r"<tr><td>(\w+)</td><td>9</td><td>([\d.]+)<", page(Material(
        [read_scores(one), read_scores(two)])))  # fmt: skip
    swapped = re.findall(r"<tr><td>(\w+)</td><td>9</td><td>([\d.]+)<", page(Material(
        [read_scores(two), read_scores(one)])))  # fmt: skip
    assert rows == [("ours", "41.25"), ("theirs", "12.50")] == swapped[::-1]


def test_two_systems_of_one_name_are_two_rows(tmp_path: Path) -> None:
    same = [read_scores(card(tmp_path / f"{v}", "ours", v)) for v in (41.25, 12.5, 41.25)]
    html = page(Material(same)).partition("<h2>Table 3")[0]
    assert html.count("41.25<small>[") == 1
    assert "<td>ours (2)</td><td>9</td><td>12.50<small>[" in html


def test_the_floor_on_more_items_stands_for_both(tmp_path: Path) -> None:
    cards = []
    for n in (3, 9):
        row = Row("Human", {"dist1": Figure(float(n), n)}, "ceiling")
        write_scorecard(tmp_path / str(n), Scorecard({}, {}, (Table("text", "", METRICS, (row,)),)))
        cards.append(read_scores(tmp_path / str(n)))
    for order in (cards, cards[::-1]):
        html = page(Material(order))
        assert "<td>Human (ceiling)</td><td>9</td><td></td><td>9.00</td>" in html
        assert "<td>3.00</td>" not in html.partition("<h2>Table 3")[0]


def test_figure_6_counts_as_the_table_does(tmp_path: Path) -> None:
    """What is missing or names no emotion is wrong there, and so it is here."""
    found = pairs(tmp_path)
    mute = [(r, Answer(a.id, a.reply) if i else a) for i, (r, a) in enumerate(found)]
    figures = text_table("ours", mute).rows[0].figures
    assert figures["accuracy"].value == pytest.approx(100 / 3)
    assert "(n=2)" in by_emotion(countable(mute))  # sad, of which one is named
    bars = groups(countable(mute), lambda _: "all")
    assert (bars[0].figure.value, bars[0].figure.n) == (pytest.approx(100 / 3), 3)
    silent = [(r, Answer(a.id, a.reply)) for r, a in found]
    assert countable(silent) == []
    assert "needs labelled data" in page(Material([], silent))


def test_a_number_on_fewer_items_says_so(tmp_path: Path) -> None:
    figures = {"accuracy": Figure(41.25, 52, (1.0, 99.0)), "dist1": Figure(3.0, 100)}
    table = Table("text", "Text", METRICS, (Row("ours", figures),))
    write_scorecard(tmp_path, Scorecard({}, {}, (table,)))
    told = (tmp_path / "scores.md").read_text()
    assert "| ours | 100 | 41.25 [1.00, 99.00] (n=52) | 3.00 |" in told
    assert "ours & 100 & 41.25 [1.00, 99.00] (n=52) & 3.00" in (tmp_path / "scores.tex").read_text()
    html = page(Material([read_scores(tmp_path)]))
    assert "<td>100</td><td>41.25<small>[1.00, 99.00]</small><small>(n=52)</small></td>" in html
    assert "(n=100)" not in html


def test_figures_stand_alone(tmp_path: Path) -> None:
    root = ElementTree.fromstring(by_emotion(pairs(tmp_path)))
    assert root.tag.endswith("svg")
    assert "(n=2)" in "".join(root.itertext())
    told = "".join(ElementTree.fromstring(confusions(pairs(tmp_path))).itertext())
    assert "proud named sad: 1" in told
    assert "sad named sad: 2" in told


def test_more_text_than_media(tmp_path: Path) -> None:
    """Figure 6 counts what was only written, Figure 8 shows what has sound."""
    found = pairs(tmp_path)
    html = page(Material([], found[:1], named=found[1:]))
    figure6, _, figure8 = html.partition("<h2>Figure 8")
    assert "proud named sad: 1" in figure6
    assert figure8.count("class=case") == 1
    assert "data:audio/wav" in figure8


def test_groups_by_hand(tmp_path: Path) -> None:
    found = groups(pairs(tmp_path), lambda r: r.emotion)
    assert [(b.name, b.figure.value, b.figure.n) for b in found] == [
        ("sad", 100, 2),
        ("proud", 0, 1),
    ]
    ages = groups(pairs(tmp_path), lambda r: r.speaker.age if r.speaker else None)
    assert [(b.name, b.figure.value, b.figure.n) for b in ages] == [("child", 50, 2)]


def test_features_are_laid_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_maps, "tsne", lambda rows: rows[:, :2])  # seconds, and not ours
    rng = np.random.default_rng(0)
    labels = np.repeat(["sad", "happy"], 20)
    rows = rng.normal(0, 0.1, (40, 4)) + (labels == "sad")[:, None] * 5
    mixed = {"emotion": list(labels), "profile": list(rng.permutation(labels))}
    found = Features(dict.fromkeys(("emotion", "profile"), rows.astype(np.float32)), mixed, "0123")
    write_features(tmp_path / "f.npz", found)
    html = page(Material([], features={"with SD": tmp_path / "f.npz"}))
    one, other = (float(v) for v in re.findall(r"silhouette (-?[\d.]+), n=40", html))
    assert one > 0.9 > 0.2 > other
    np.savez(tmp_path / "bad.npz", x=rows)
    with pytest.raises(InputError, match="is not of `empatheia evaluate features`"):
        page(Material([], features={"with SD": tmp_path / "bad.npz"}))


def test_tsne_keeps_neighbours_and_repeats() -> None:
    """A dozen points in two heaps: in the plane each one's nearest is of its own heap."""
    rows = np.random.default_rng(0).normal(0, 0.1, (12, 5)).astype(np.float32)
    rows[6:] += 8
    found = feature_maps.tsne(rows)
    assert found.shape == (12, 2)
    assert (found == feature_maps.tsne(rows)).all()
    far = np.linalg.norm(found[:, None] - found, axis=-1) + np.diag([np.inf] * 12)
    assert [int(i) // 6 for i in far.argmin(1)] == [0] * 6 + [1] * 6


def test_silhouette_by_hand() -> None:
    rows = np.array([[0.0], [1.0], [10.0], [12.0]], np.float32)
    # (10.5 - 1) / 11, ... : mean distance to the others less that to one's own, over the larger
    wanted = [(11 - 1) / 11, (10 - 1) / 10, (9.5 - 2) / 9.5, (11.5 - 2) / 11.5]
    assert separation(rows, ["a", "a", "b", "b"]) == pytest.approx(np.mean(wanted))
    assert np.isnan(separation(rows, ["a"] * 4))


@pytest.mark.parametrize("disentangler", [True, False])
def test_features_of_replies(disentangler: bool, tmp_path: Path) -> None:
    turns = (Turn("speaker", "My cat died."),)
    found = [Reference(f"{i}#1", str(i), turns, "Oh no.", "sad") for i in range(4)]
    expression = tiny_expression((3, 5), (4, 6), disentangler=disentangler)
    features = collect(tiny_reasoner(), expression, found)
    assert features.labels["profile"][:3] == ["child male", "child female", "young male"]
    assert {rows.shape for rows in features.rows.values()} == {(4, 8 if disentangler else 16 + 2)}
    write_features(tmp_path / "f.npz", features)
    again = read_features(tmp_path / "f.npz")
    assert again.labels == features.labels
    assert (again.rows["emotion"] == features.rows["emotion"]).all()
    with pytest.raises(WeightsError, match=r"no expression\.safetensors"):
        open_parts(tmp_path)


def test_votes_fill_human_columns(tmp_path: Path) -> None:
    rows = [
        {"rater": f"r{r}", "item": f"i{i}", "system": "ours", "question": "MOS", "score": 3 + r}
        for r in range(3)
        for i in range(4)
    ]
    path = tmp_path / "votes.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0]]))
    found = read_votes(path)
    figure = voted(found, "ours", "MOS")
    assert figure is not None
    assert (figure.value, figure.n) == (4.0, 12)
    assert figure.ci95 == (3.0, 5.0)  # three raters, each of one mind
    assert voted(found, "ours", "SMOS") is None
    html = page(Material([read_scores(card(tmp_path / "s", "ours", 1.0))], votes=found))
    assert "4.00<small>[3.00, 5.00]</small>" in html
    table4 = html.partition("<h2>Table 4")[2].partition("<h2>Table 5")[0]
    assert "<td class=paper>4.67</td>" in table4
    assert "<td>ours</td>" not in table4  # nobody rated its replies
    path.write_text(json.dumps(rows[0] | {"question": "Emp"}) + "\n")
    html = page(Material([], votes=read_votes(path))).partition("<h2>Table 4")[2]
    assert "<tr><td>ours</td><td>1</td><td>3.00</td>" in html
    path.write_text('{"rater": "r", "score": "x"}\n')
    with pytest.raises(InputError, match="line 1: a vote has"):
        read_votes(path)


def test_ablations_stand_in_the_page(tmp_path: Path) -> None:
    """As `empatheia ablate` writes them: two variants, one of them without one of the measures."""
    from empatheia.experiments.comparison import write
    from empatheia.experiments.measures import METRICS, Measured

    def runs(values: tuple[float, float], emotion: float | None) -> list[Measured]:
        items = {m.id: [None, None] for m in METRICS}
        told = {**items, "speech_content": list(values), "emotion": [emotion, emotion]}
        return [Measured(("a/1", "b/1"), told)]

    found = {"full": runs((0.5, 0.7), 100.0), "no-cs": runs((0.9, 1.3), None)}
    write(tmp_path, {}, {"full": "Whole", "no-cs": "w/o CS"}, "full", found, {"no-cs": ()})
    html = page(Material([read_scores(tmp_path / "ablation.json")]))
    part = html.partition("<h2>Ablations</h2>")[2].partition("<h2>Figure 6")[0]
    assert "0.60<small>[0.50, 0.70]</small>" in part
    assert "n/a (needs a part that this variant does not have) for w/o CS" in part
    assert "<td>C^s off</td><td>no-cs</td><td>0.500<small>[0.400, 0.600]</small></td>" in part
    assert "needs --scores ablation.json" in page(Material([]))
    older = read_scores(tmp_path / "ablation.json")
    del older["tables"]["ablation"]["metrics"]
    assert "<th>speech_content</th>" in page(Material([older]))


def test_foreign_scores_are_refused(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text("{}")
    with pytest.raises(InputError, match="is not of `empatheia evaluate`"):
        read_scores(tmp_path)
