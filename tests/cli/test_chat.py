"""empatheia chat: one person, many turns."""

from __future__ import annotations


def test_context_grows_and_the_person_stays(fake, empatheia):
    words = ("chat", "--avatar", "mei", "--profile", "tone=gentle")
    outcome = empatheia(*words, stdin="I lost my dog.\n\nHe was old.\n/quit\nmore\n")
    assert outcome.code == 0, outcome.err
    assert [len(asked[0].turns) for asked in fake.asked] == [1, 3]
    assert [asked[2] for asked in fake.asked] == ["mei", "mei"]
    assert {(asked[1].age, asked[1].tone) for asked in fake.asked} == {("elderly", "gentle")}
    assert all(asked[4] for asked in fake.asked)  # nothing to save: text only
    assert "That was turn 3" in outcome.out


def test_files_of_each_turn(fake, empatheia, tmp_path):
    empatheia("chat", "-o", tmp_path, stdin="I lost my dog.\nHe was old.")
    names = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("reply.mp4"))
    assert names == ["turn-01/reply.mp4", "turn-02/reply.mp4"]


def test_a_bad_line_does_not_end_the_talk(fake, empatheia):
    outcome = empatheia("chat", stdin="😢\nI lost my dog.\n")
    assert outcome.code == 0
    assert outcome.err.startswith("error: the text has no words")
    assert len(fake.asked) == 1


def test_interrupting_a_reply_keeps_the_talk(fake, empatheia):
    fake.interrupt_at = 1
    outcome = empatheia("chat", stdin="I lost my dog.\nI lost my cat.\n")
    assert outcome.code == 0
    assert "stopped" in outcome.err
    assert [len(asked[0].turns) for asked in fake.asked] == [1, 1]


def test_wrong_options_are_refused_first(fake, empatheia):
    assert empatheia("chat", "--avatar", "nobody").code == 2
    assert empatheia("chat", "--country", "Germoney").code == 2
    assert empatheia("chat", stdin=b"\xff\xfe").code == 2


def test_the_country_reaches_the_system(fake, empatheia):
    assert empatheia("chat", "--country", "NZ", stdin="Hello there.\n").code == 0
    assert fake.opened["country"] == "NZ"
