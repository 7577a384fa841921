"""Every answer of an endpoint is kept, by what was asked of whom: nothing is paid for twice."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from empatheia.data.builder.endpoint import Answer, Messages
from empatheia.data.schema import Schema
from empatheia.errors import InputError
from empatheia.files import make_folder


class Asks(Protocol):
    """An :class:`Endpoint`, or something that behaves like one."""

    def ask(self, messages: Messages, schema: Schema, name: str) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; ``version`` names the prompt and changes with it."""

    messages: tuple[dict[str, str], ...]
    schema: Schema
    version: str

    def key(self, model: str) -> str:
        told = json.dumps([model, self.version, self.messages, self.schema], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()


class AnswerCache:
    """A SQLite file; each answer is on the disk before it is used, whatever happens then."""

    def __init__(self, path: Path, model: str) -> None:
        self.model = model
        make_folder(path.parent)
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")  # enough against a killed process
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, model TEXT, "
                "version TEXT, answer TEXT, tokens_in INTEGER, tokens_out INTEGER)"
            )
        except sqlite3.DatabaseError as error:
            raise InputError(f"{path} is no cache of answers: {error}. Name another.") from error
        self._lock = threading.Lock()
        self.asked = self.known = self.tokens_in = self.tokens_out = 0

    def close(self) -> None:
        self._db.close()

    def has(self, question: Question) -> bool:
        return self._look_up(question) is not None

    def _look_up(self, question: Question) -> dict[str, Any] | None:
        with self._lock:
            row = self._db.execute(
                "SELECT answer FROM answers WHERE key = ?", (question.key(self.model),)
            ).fetchone()
        return None if row is None else json.loads(row[0])

    def answer(self, question: Question, endpoint: Asks) -> dict[str, Any]:
        """From the cache, else from the endpoint. Raises AnswerError, EndpointError."""
        known = self._look_up(question)
        if known is not None:
            self.known += 1
            return known
        got = endpoint.ask(question.messages, question.schema, question.version.replace(".", "-"))
        with self._lock:
            self._db.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
                (
                    question.key(self.model),
                    self.model,
                    question.version,
                    json.dumps(got.value, ensure_ascii=False),
                    got.tokens_in,
                    got.tokens_out,
                ),
            )
            self.asked += 1
            self.tokens_in += got.tokens_in
            self.tokens_out += got.tokens_out
        return got.value
