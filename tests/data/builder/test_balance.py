"""The emptiest cells come first; what repeats or misses its order is thrown away with a reason."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("httpx2")

from empatheia.data import manifest
from empatheia.data.builder import balance as work
from empatheia.data.builder.near import Told
from empatheia.errors import InputError
from empatheia.types import Dialogue, Profile, Turn

sys.path.insert(0, str(Path(__file__).parent))
from chat_server import answer_to, serving

WORDS = "the garden was full of snow and my old neighbour sang a song about it all night"


def young(number: int) -> Dialogue:
    turns = (Turn("speaker", f"{WORDS} {number}"),)
    return Dialogue(str(number), turns, "sad", topic="Life Events", speaker=Profile())


def test_the_emptiest_come_first_and_evenly() -> None:
    counts = work.cells([young(i) for i in range(5)])
    assert counts == {("young", "female", "mild", "Life Events", "sad"): 5}
    wanted = work.orders(counts, 1, 96)
    assert len({o.cell for o in wanted}) == 96
    assert not any(o.cell[:2] == ("young", "female") for o in wanted)
    ages = Counter(o.cell[0] for o in work.orders(counts, 1, 400))
    assert min(ages.values()) > 40
    everything = work.orders(counts, 2, 10_000)
    assert len(everything) == 2 * (4 * 2 * 3 * 32 - 1)
    with pytest.raises(InputError, match="annotate the set first"):
        work.orders(Counter(), 1, 5)


def test_near_duplicates() -> None:
    told = Told()
    told.add(young(1))
    near = told.like(young(2))
    assert near is not None
    assert near[0] == "1"
    other = Dialogue("x", (Turn("speaker", "A different thing happened to me at work today."),))
    assert told.like(other) is None


def test_new_dialogues_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from empatheia.cli.main import run

    path, out = tmp_path / "m.jsonl", tmp_path / "new.jsonl"
    manifest.write(path, [young(1)])

    def mood(number: int, body: dict[str, object]) -> object:
        system, user = (m["content"] for m in body["messages"])  # type: ignore[union-attr, attr-defined]
        if "Read a conversation" in system:
            text = user.split()
            age, emotion = text[3], text[5].rstrip(".")
            told = {"age": age, "gender": "open", "emotion": emotion, "sound": True, "why": ""}
            if age == "elderly":
                told["age"] = "child"
            return json.dumps(told)
        answer = answer_to(body)
        who, feels = user.split()[2].rstrip(","), user.split("feels ")[1].split(".")[0]
        same = WORDS if who == "middle-aged" else ""
        answer["utterances"] = [f"I {who} feel {feels}. {same}", "Oh.", f"{user[-60:]}", "Ah."]
        return json.dumps(answer)

    with serving(mood) as server:
        quick = ["--most", "24", "--concurrency", "3"]
        words = ["data", "balance", str(path), "-o", str(out), "--url", server.url]
        assert run([*words, "--model", "m", *quick]) == 0
        asked = server.requests
        first = out.read_bytes()
        assert run([*words, "--model", "m", *quick]) == 0
        assert server.requests == asked
    assert out.read_bytes() == first
    kept = list(manifest.read(out))
    lines = (tmp_path / "new.rejected.jsonl").read_text().splitlines()
    reasons = [json.loads(line)["reason"] for line in lines]
    assert len(kept) + len(reasons) == 24
    assert any(reason.startswith("off profile: age elderly") for reason in reasons)
    assert all(d.speaker is not None and d.speaker.age != "elderly" for d in kept)
    assert all(d.emotion == d.turns[0].emotion for d in kept)
    assert run(["data", "balance", str(path), "-o", str(out), "--plan", "--most", "3"]) == 0
    assert capsys.readouterr().out.count(" / ") == 12
