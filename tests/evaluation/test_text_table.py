"""The text table and the files around it: values by hand, strict ids, the same bytes twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from math import cos, exp, radians
from pathlib import Path

import pytest
import torch

from empatheia.data.predictions import Answer, read_answers, write_answers
from empatheia.data.references import read_references
from empatheia.errors import InputError
from empatheia.evaluation.matching import match
from empatheia.evaluation.overlap import bleu, bleu_counts, rouge_n, tokens_13a
from empatheia.evaluation.scorecard import Scorecard, latex, markdown, write_scorecard
from empatheia.evaluation.text_table import METRICS, _away, named, text_table

DIALOGUES = [
    ("a", "sad", ["My cat died.", "I am so sorry.", "It was old.", "That still hurts a lot."]),
    ("b", "proud", ["I passed the exam.", "Well done, you!"]),
    ("c", "proud", ["My son won.", "You must be so proud."]),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "valid.jsonl"
    roles = ("speaker", "listener")
    lines = [
        {"conv_id": name, "emotion": emotion, "situation": "",
         "utterances": [{"role": roles[i % 2], "text": t} for i, t in enumerate(texts)]}
        for name, emotion, texts in DIALOGUES
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def answers() -> list[Answer]:
    return [
        Answer("a#1", "I am so sorry.", "sad", ("sad", "lonely", "guilty", "angry", "afraid")),
        Answer("a#3", "Oh no.", "lonely", ("lonely", "sad", "guilty", "angry", "afraid")),
        Answer("b#1", "Well done!", "joyful", ("joyful", "excited", "sad", "proud", "afraid")),
        Answer("c#1", "Nice.", "sad", ("sad", "lonely", "guilty", "angry", "afraid")),
    ]


def test_accuracies_by_hand(data: Path) -> None:
    found = read_references(data)
    assert [r.id for r in found.items] == ["a#1", "a#3", "b#1", "c#1"]
    figures = text_table("ours", match(found.items, answers()).pairs).rows[0].figures
    assert figures["accuracy"].value == 25.0
    assert figures["accuracy_top3"].value == 50.0
    assert figures["accuracy_top5"].value == 75.0
    assert figures["dialogue_accuracy"].value == 0.0  # a's last reply says lonely
    assert figures["dialogue_accuracy_top3"].value == pytest.approx(100 / 3)
    assert figures["accuracy"].n == 4
    assert figures["dialogue_accuracy"].n == 3


def test_a_part_is_spread_over_the_file(data: Path) -> None:
    assert [r.id for r in read_references(data, 2).items] == ["a#1", "b#1"]
    assert len(read_references(data, 9).items) == 4


def test_predictions_of_the_rest_of_the_data_are_no_fault(data: Path) -> None:
    some = read_references(data, 2)
    given = [*answers(), Answer("z#1", "Extra.")]
    assert match(some.items, given, some.ids).faults == {"extra predictions": ["z#1"]}


def test_faults_of_the_data_are_told(data: Path) -> None:
    first = data.read_text().splitlines()[0]
    data.write_text(data.read_text() + first + '\n{"conv_id": "broken\n')
    (told,) = read_references(data).checks().values()
    assert len(told) == 2
    assert "dialogue a is there twice" in "".join(told)
    assert any("line 5" in fault for fault in told)


def test_dialogues_without_turns_are_told(tmp_path: Path) -> None:
    said = [{"index": 0, "role": "speaker", "utterance": "I lost my cat."}]
    turns = [{"turn_id": "0", "context": "I lost my cat.", "dialogue_history": said}]
    items = [{"conversation_id": n, "turns": t} for n, t in (("1", turns), ("2", []))]
    (tmp_path / "test.json").write_text(json.dumps(items))
    found = read_references(tmp_path)
    assert [r.id for r in found.items] == ["1#1"]
    assert len(found.faults) == 1
    assert "R8" in found.faults[0]
    assert "2" in found.faults[0]


def test_copies_and_stock_replies_by_hand(data: Path) -> None:
    pairs = match(read_references(data).items, answers()).pairs
    table = text_table("ours", pairs, train={"i am so sorry", "oh no"})
    ours, human = table.rows[0].figures, table.rows[2].figures
    assert ours["verbatim_in_train"].value == 50.0
    assert human["verbatim_in_train"].value == 25.0
    assert ours["most_common_reply"].value == 25.0
    assert ours["empty"].value == 0.0
    assert "verbatim_in_train" not in text_table("ours", pairs).rows[0].figures
    top = named(table)
    assert top["verbatim_in_train"]["value"] == 50.0
    assert top["human_verbatim_in_train"]["value"] == 25.0
    assert top["relevance"]["value"] is None
    assert "needs" in top["relevance"]


def test_ceiling_floor_and_majority_stand_beside(data: Path) -> None:
    table = text_table("ours", match(read_references(data).items, answers()).pairs)
    rows = {row.mark: row for row in table.rows}
    assert rows["ceiling"].figures["bleu"].value == 100.0
    assert rows["floor"].figures["rouge_l"].value < 50  # type: ignore[operator]
    assert rows["most frequent labels of this data"].figures["accuracy"].value == 50.0
    assert "needs 'nll' in the predictions" in markdown(table)


def test_swapped_predictions_swap_rows(data: Path) -> None:
    found = read_references(data).items
    other = [Answer(a.id, "Good.", "proud", ("proud",) * 5) for a in answers()]
    given = {"one": answers(), "two": other}
    swapped = {"one": other, "two": answers()}
    rows, back = (
        {n: text_table(n, match(found, some).pairs).rows[0].figures for n, some in said.items()}
        for said in (given, swapped)
    )
    assert rows["one"] == back["two"]
    assert rows["two"] == back["one"]
    assert rows["one"]["accuracy"].value != rows["two"]["accuracy"].value


def test_perplexity_by_hand(data: Path) -> None:
    """Of white-space words of the human replies: "I am so sorry." is 4, the others 5, 3, 5."""
    found = read_references(data).items
    told = [replace(a, nll=n) for a, n in zip(answers(), (8.0, 20.0, float("nan"), None),
                                              strict=True)]  # fmt: skip
    matched = match(found, told)
    figure = text_table("ours", matched.pairs).rows[0].figures["perplexity"]
    assert figure.value == pytest.approx(exp(28 / 9))
    assert figure.n == 2
    assert matched.faults["NaN scores"] == ["b#1"]
    assert matched.faults["no 'nll', which others have"] == ["c#1"]


def test_perplexity_counts_the_words_that_were_scored(data: Path) -> None:
    """Replies are scored with spaces in place: "so ,alot" is written "so, a lot."."""
    found = [replace(read_references(data).items[0], response="so ,alot")]
    matched = match(found, [replace(answers()[0], nll=6.0)])
    figure = text_table("ours", matched.pairs).rows[0].figures["perplexity"]
    assert figure.value == pytest.approx(exp(6 / 3))


def test_relevance_by_hand(data: Path) -> None:
    """With vectors on a circle, the cosine is that of the angle between them."""
    degrees = {"I am so sorry.": 0, "That still hurts a lot.": 60, "Oh no.": 0, "Nice.": 30,
               "Well done!": 90, "Well done, you!": 90, "You must be so proud.": 30,
               "": 0}  # fmt: skip

    def embed(texts: Sequence[str]) -> torch.Tensor:
        angle = torch.tensor([radians(degrees[text]) for text in texts])
        return torch.stack([angle.cos(), angle.sin()], 1)

    pairs = match(read_references(data).items, answers()).pairs
    ours = text_table("ours", pairs, embed).rows[0].figures
    assert ours["relevance"].value == pytest.approx(100 * (1 + 0.5 + 1 + 1) / 4, abs=1e-4)
    # with people's replies to c, b, a and a again
    away = [cos(radians(d)) for d in (90 - 0, 30 - 0, 90 - 0, 60 - 30)]
    assert ours["relevance_floor"].value == pytest.approx(25 * sum(away), abs=1e-4)
    silent = match(read_references(data).items, answers()[:3]).pairs
    found = text_table("ours", silent, embed).rows[0].figures["relevance"]
    assert found.value == pytest.approx(100 * 2.5 / 4, abs=1e-4)  # silence is near to nothing


def test_chains_by_hand(data: Path) -> None:
    """Common words a, b of three and four; a step that is not given counts as nothing."""
    found = [
        replace(r, chain={"event_scenario": "the old cat died"} if r.id != "b#1" else {})
        for r in read_references(data).items
    ]
    steps = ["the cat died", "", "ignored", "nothing of it"]
    told = [replace(a, chain={"event_scenario": step} if step else {"emotion_cause": "x"})
            for a, step in zip(answers(), steps, strict=True)]  # fmt: skip
    figures = text_table("ours", match(found, told).pairs).rows[0].figures
    assert figures["chain_event_scenario"].value == pytest.approx((600 / 7 + 0 + 0) / 3)
    assert figures["chain_event_scenario"].n == 3
    assert figures["chain_event_scenario_relevance"].needs is not None
    for name in ("chain_emotion_cause", "chain_response_emotion"):  # nobody annotated it
        assert "annotations of" in (figures[name].needs or "")


def test_the_planned_feeling_by_hand(data: Path) -> None:
    """Right, wrong, not given; the fourth is not annotated."""
    feelings = [{"response_emotion": e} for e in ("sad", "happy", "happy")]
    found = [
        replace(r, chain=chain)
        for r, chain in zip(read_references(data).items, [*feelings, None], strict=True)
    ]
    told = [replace(a, chain={"response_emotion": "sad"} if i < 2 else {})
            for i, a in enumerate(answers())]  # fmt: skip
    figure = text_table("ours", match(found, told).pairs).rows[0].figures["chain_response_emotion"]
    assert figure.value == pytest.approx(100 / 3)
    assert figure.n == 3


def test_what_cannot_be_said_is_named(data: Path) -> None:
    """Every measure of the table has a cell, whatever the data lacks."""
    wanted = {m.id for m in METRICS} - {"verbatim_in_train"}
    found = read_references(data).items
    bare = [replace(r, response=None, emotion=None) for r in found]
    for references in (found, bare):
        for given in (answers(), [replace(a, reply="") for a in answers()]):
            figures = text_table("ours", match(references, given).pairs).rows[0].figures
            assert figures.keys() == wanted
            assert all((f.value is None) == bool(f.needs) for f in figures.values())
    figures = text_table("ours", match(bare, answers()).pairs).rows[0].figures
    for name in ("rouge1", "rouge2", "perplexity", "relevance_floor"):
        assert "human replies" in (figures[name].needs or "")
    assert "--chains" in (figures["chain_response_emotion"].needs or "")


def test_silence_is_no_variety(data: Path) -> None:
    silent = [Answer(a.id, "") for a in answers()]
    figures = text_table("ours", match(read_references(data).items, silent).pairs).rows[0].figures
    for name in ("dist1", "dist2", "ead1", "bleu", "rouge_l", "relevance", "words"):
        assert figures[name].value is None
    assert all(f.value is None for f in figures.values())


def test_another_dialogue_is_another(data: Path) -> None:
    found = read_references(data).items
    alone = text_table("ours", match(found[:2], answers()[:2]).pairs, same)
    rows = {row.mark: row.figures for row in alone.rows}
    for figure in (rows[""]["relevance_floor"], *rows["floor"].values()):
        assert figure.value is None
        assert "second dialogue" in (figure.needs or "")
    for names in ("aab", "aaab", "abbb", "abab", "aabbb"):
        places = _away(names)
        assert places is not None
        assert all(names[there] != here for here, there in zip(names, places, strict=True))


def same(texts: Sequence[str]) -> torch.Tensor:
    return torch.ones(len(texts), 1)


def test_lengths_and_silence_by_hand(data: Path) -> None:
    told = [replace(answers()[0], reply="one two three"), *answers()[1:3]]
    ours = text_table("ours", match(read_references(data).items, told).pairs).rows[0].figures
    assert ours["words"].value == pytest.approx((3 + 2 + 2 + 0) / 4)
    assert ours["empty"].value == 25.0


def test_strict_ids(data: Path) -> None:
    found = read_references(data).items
    given = [*answers()[:3], Answer("a#1", "Twice."), Answer("z#1", "Extra."), Answer("c#1", " ")]
    matched = match(found, given)
    assert matched.faults["duplicate predictions"] == ["a#1"]
    assert matched.faults["extra predictions"] == ["z#1"]
    assert matched.faults["empty replies"] == ["c#1"]
    assert matched.pairs[0][1].reply == "I am so sorry."
    assert match(found, answers()[:2]).faults["missing predictions"] == ["b#1", "c#1"]
    with pytest.raises(InputError, match="no prediction belongs to this data"):
        match(found, [Answer("q#1", "x")])


def test_what_is_left_out_counts_as_wrong(data: Path) -> None:
    found = read_references(data).items
    figures = text_table("x", match(found, answers()[:1]).pairs).rows[0].figures
    assert figures["accuracy"].value == 25.0


def test_predictions_survive_writing_and_reading(tmp_path: Path) -> None:
    given = answers()
    media = Answer("a#1", "x", audio=tmp_path / "media" / "a.wav", profile={"age": "child"})
    write_answers(tmp_path, [*given, media], {"system": "s"})
    read = read_answers(tmp_path)
    assert read.items == (*given, media)
    assert read.settings == {"system": "s"}
    (tmp_path / "bad.jsonl").write_text('{"id": 3, "reply": "x"}\n')
    with pytest.raises(InputError, match="line 1: 'id'"):
        read_answers(tmp_path / "bad.jsonl")
    for field in ('"audio": "/etc/passwd"', '"video": "../../x.mp4"'):
        (tmp_path / "bad.jsonl").write_text(f'{{"id": "a#1", "reply": "x", {field}}}\n')
        with pytest.raises(InputError, match="must lie in the predictions' folder"):
            read_answers(tmp_path / "bad.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"settings": []}\n')
    with pytest.raises(InputError, match="'settings' must be an object"):
        read_answers(tmp_path / "bad.jsonl")


def test_scorecard_is_complete_and_repeats(data: Path, tmp_path: Path) -> None:
    matched = match(read_references(data).items, answers())
    for name in ("one", "two"):
        table = text_table("ours", matched.pairs, weights="0123")
        write_scorecard(tmp_path / name, Scorecard({}, matched.checks(), (table,)))
    for name in ("scores.json", "scores.md", "scores.tex"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    told = json.loads((tmp_path / "one" / "scores.json").read_text())
    accuracy = told["tables"]["text"]["rows"][0]["figures"]["accuracy"]
    assert accuracy.keys() >= {"metric", "version", "settings", "value", "n", "ci95", "weights"}
    assert accuracy["weights"] == "0123"
    tex = latex(text_table("my_system 50 % ~^", matched.pairs))
    assert r"my\_system 50 \% \textasciitilde{}\textasciicircum{} & " in tex
    rows = [line for line in tex.splitlines() if line.endswith(r"\\")]
    assert len({line.count(" & ") for line in rows}) == 1  # as many cells in every row
    assert "n/a (needs" in tex


def test_tokens_of_mteval() -> None:
    text = "Wow! It cost $3.50, didn't it (really)? A 3-day trip."
    wanted = "wow ! it cost $ 3.50 , didn't it ( really ) ? a 3 - day trip ."
    assert tokens_13a(text) == wanted.split()


def test_bleu_against_sacrebleu() -> None:
    replies = ["I am so sorry for your loss, it is hard.", "That is great news! Well done.", "No."]
    human = ["I am sorry for your loss.", "That is great, well done to you!", "Oh no, not again."]
    ours = bleu(sum(bleu_counts(a, b) for a, b in zip(replies, human, strict=True)))
    assert ours == pytest.approx(24.083608758534023, abs=1e-9)  # sacreBLEU 2.6.0, lowercase=True
    few = bleu_counts("I like it very much indeed", "we like this very much")
    few = few + bleu_counts("you too", "me too, friend")
    assert bleu(few) == pytest.approx(15.147817704529588, abs=1e-9)  # smoothed
    nothing = bleu(bleu_counts("a b c d e", "v w x y z"))
    assert nothing == 0.0
    assert bleu(bleu_counts("One two three four.", "one two three four.")) == pytest.approx(100)


def test_rouge_n_by_hand() -> None:
    assert rouge_n(["a", "b", "c"], ["a", "b", "d", "e"], 1) == pytest.approx(400 / 7)
    assert rouge_n(["a", "b", "c"], ["a", "b", "d", "e"], 2) == pytest.approx(40.0)
    assert rouge_n(["a"], ["a"], 2) == 0.0
