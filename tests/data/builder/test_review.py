"""Three people, two rounds: what is accepted, how far they agree; the published examples."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from empatheia.data import manifest
from empatheia.data.builder import review
from empatheia.data.builder.agreement import fleiss_kappa, krippendorff_alpha
from empatheia.errors import InputError
from empatheia.types import Dialogue, Turn

PEOPLE = ("ann", "bo", "cy", "di")
DIALOGUES = [
    Dialogue("1", (Turn("speaker", "=My dog ran.", audio=Path("a.wav")), Turn("listener", "Oh."))),
    Dialogue("2", (Turn("speaker", "I won.", video=Path("b.mp4")),)),
    Dialogue("3", ()),
]


def test_krippendorffs_own_example() -> None:
    """Krippendorff (2011), section C: four observers, twelve units, missing values."""
    rows = ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .",
            "1 2 3 3 2 4 4 1 2 5 1 ."]  # fmt: skip
    units = [[v for v in unit if v != "."] for unit in zip(*(r.split() for r in rows), strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)


def test_fleiss_example_of_fourteen_raters() -> None:
    table = ["0 0 0 0 14", "0 2 6 4 2", "0 0 3 5 6", "0 3 9 2 0", "2 2 8 1 1", "7 7 0 0 0",
             "3 2 6 3 0", "2 5 3 2 2", "6 5 2 1 0", "0 2 2 3 7"]  # fmt: skip
    units = [
        [label for label, n in zip("abcde", map(int, row.split()), strict=True) for _ in range(n)]
        for row in table
    ]
    assert fleiss_kappa(units) == pytest.approx(0.210, abs=5e-4)


def test_one_opinion_everywhere_is_no_agreement_beyond_chance() -> None:
    assert krippendorff_alpha([["a", "a"], ["a", "a"]]) is None
    assert fleiss_kappa([["a", "a"], ["a", "a"]]) is None
    assert krippendorff_alpha([["a"], []]) is None
    assert krippendorff_alpha([["a", "a"], ["b", "b"]]) == 1.0


def filled(rows: list[dict[str, str]], no: set[tuple[str, str]], which: str) -> str:
    for row in rows:
        for name in review.QUESTIONS[which]:
            row[name] = "no" if (row["item"], row["reviewer"]) in no else "Yes"
    return review.as_csv(rows)


def test_a_queue_asks_three_people_and_all_must_approve(tmp_path: Path) -> None:
    items = list(review.items(DIALOGUES, "text"))
    assert [item.id for item in items] == ["1", "2"]
    rows = list(review.queue(items, "text", PEOPLE))
    assert [row["reviewer"] for row in rows] == ["ann", "bo", "cy", "bo", "cy", "di"]
    votes = tmp_path / "votes.csv"
    votes.write_text(filled(rows, {("2", "cy")}, "text"), encoding="utf-8")
    result = review.decide(items, review.read_votes(votes, "text"), "text")
    assert (result.accepted, result.rejected, result.open) == (["1"], ["2"], [])
    assert result.agreement["topic"]["krippendorff_alpha"] is not None
    assert {d["question"] for d in result.disagreements} == {"content", "profile", "topic"}
    assert [d.id for d in review.keep(DIALOGUES, result, "text")] == ["1"]


def test_two_votes_leave_an_item_open(tmp_path: Path) -> None:
    items = list(review.items(DIALOGUES, "media"))
    assert [item.id for item in items] == ["1#0", "2#0"]
    rows = list(review.queue(items, "media", PEOPLE))
    filled(rows, set(), "media")
    rows[0]["style"] = ""
    path = tmp_path / "v.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    result = review.decide(items, review.read_votes(path, "media"), "media")
    assert (result.accepted, result.open) == (["2#0"], ["1#0"])
    kept = list(review.keep(DIALOGUES, result, "media"))
    assert kept[0].turns[0].audio is None
    assert kept[1].turns[0].video is not None


def test_formulas_of_a_spreadsheet_are_text() -> None:
    rows = list(review.queue([review.Item("=1", {"text": "=2+3"})], "text", PEOPLE))
    table = list(csv.reader(review.as_csv(rows).splitlines()))
    assert table[1][0] == "'=1"
    assert "'=2+3" in table[1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"content": "maybe"}, "write yes or no"),
        ({"round": "media"}, "of round 'media'"),
        ({"item": "9"}, "no item of this manifest"),
    ],
)
def test_votes_that_cannot_be_used(tmp_path: Path, change: dict[str, str], says: str) -> None:
    items = list(review.items(DIALOGUES, "text"))
    rows = list(review.queue(items, "text", PEOPLE))
    rows[0] |= change
    path = tmp_path / "v.csv"
    path.write_text(review.as_csv(rows))
    with pytest.raises(InputError, match=says):
        review.decide(items, review.read_votes(path, "text"), "text")
    path.write_text("item\n1\n")
    with pytest.raises(InputError, match="no column"):
        review.read_votes(path, "text")
    with pytest.raises(InputError, match="different reviewers"):
        review.check_reviewers(["ann", "ann", "bo"])


def test_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from empatheia.cli.main import run

    path, out = tmp_path / "m.jsonl", tmp_path / "out"
    manifest.write(path, DIALOGUES)
    people = [word for name in PEOPLE for word in ("--reviewer", name)]
    assert run(["data", "check", str(path), "-o", str(out), *people]) == 0
    rows = [json.loads(line) for line in (out / "queue.jsonl").read_text().splitlines()]
    (tmp_path / "v.csv").write_text(filled(rows, set(), "text"))
    votes = ["--votes", str(tmp_path / "v.csv")]
    assert run(["data", "check", str(path), "-o", str(out), *votes]) == 0
    assert "2 accepted, 0 rejected" in capsys.readouterr().out
    assert [d.id for d in manifest.read(out / "accepted.jsonl")] == ["1", "2"]
    assert run(["data", "check", str(path), "-o", str(out), "--round", "txt"]) == 2
