"""Questions to any endpoint that speaks OpenAI's chat completions, answered as checked JSON.

Slow, refusing and confused endpoints are the normal case: time-outs, 429, 5xx and answers that do
not fit the schema are tried again with growing pauses; what cannot succeed (401, 404) stops.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from empatheia.data.schema import Schema, problems
from empatheia.errors import ConfigError, EmpatheiaError, MissingExtraError

Messages = Sequence[Mapping[str, str]]
UNREACHED: Final = "nobody listens at"
AGAIN: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


class EndpointError(EmpatheiaError):
    """The endpoint refuses or is gone: asking on makes no sense."""


class AnswerError(EmpatheiaError):
    """One question was not answered usably, however often; ``raw`` is the last text that came."""

    def __init__(self, message: str, raw: str = "") -> None:
        super().__init__(message)
        self.raw = raw


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to ask, and how patiently. ``key_variable`` names the variable that holds the key."""

    url: str  # as in http://localhost:8000/v1
    model: str
    key_variable: str = "OPENAI_API_KEY"
    concurrency: int = 4
    per_minute: float = 0.0  # questions; 0: no limit
    timeout: float = 120.0  # seconds
    attempts: int = 5
    pause: float = 1.0  # seconds before the second attempt; doubles each time
    longest_pause: float = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Checked JSON with the tokens it took, and the text as it came."""

    value: dict[str, Any]
    tokens_in: int
    tokens_out: int
    raw: str = ""


@dataclass(frozen=True, slots=True)
class _Miss:
    """Why one attempt gave no answer, and the text of the answer where there was one."""

    reason: str
    raw: str = ""


class Endpoint:
    """Asks over one pool of connections; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        try:
            import httpx2
        except ImportError as error:
            raise MissingExtraError("httpx2", "data") from error
        if not settings.url.startswith(("http://", "https://")):
            raise ConfigError(
                f"--url {settings.url!r} is no address: give one as in http://localhost:8000/v1"
            )
        self.settings = settings
        key = os.environ.get(settings.key_variable, "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx2.Limits(max_connections=settings.concurrency)
        self._http = httpx2.Client(headers=headers, timeout=settings.timeout, limits=limits)
        self._gate = threading.Lock()
        self._next = 0.0
        self._structured = True

    def close(self) -> None:
        self._http.close()

    def ask(self, messages: Messages, schema: Schema, name: str) -> Answer:
        """One answer that fits ``schema``. Raises AnswerError, EndpointError."""
        miss, raw = _Miss(""), ""
        for attempt in range(self.settings.attempts):
            if attempt:
                time.sleep(self._pause(attempt, miss.reason))
            self._wait_turn()
            found = self._attempt(messages, schema, name, attempt)
            if isinstance(found, Answer):
                return found
            miss, raw = found, found.raw or raw
        if miss.reason.startswith(UNREACHED):
            raise EndpointError(
                f"{miss.reason} (tried {self.settings.attempts} times). Answers so far are "
                "kept: start it and call the same command again."
            )
        told = f"no usable answer after {self.settings.attempts} attempts: {miss.reason}"
        raise AnswerError(told, raw)

    def _pause(self, attempt: int, reason: str) -> float:
        """Doubling, with some chance in it; as long as a Retry-After asks, if it asks."""
        told = reason.partition("retry after ")[2].split(" ")[0]
        asked = float(told) if told.replace(".", "", 1).isdecimal() else 0.0
        grown = self.settings.pause * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)
        return min(max(grown, asked), self.settings.longest_pause)

    def _wait_turn(self) -> None:
        if not self.settings.per_minute:
            return
        with self._gate:
            now = time.monotonic()
            start = max(now, self._next)
            self._next = start + 60.0 / self.settings.per_minute
        time.sleep(start - now)

    def _attempt(
        self, messages: Messages, schema: Schema, name: str, attempt: int
    ) -> Answer | _Miss:
        import httpx2

        body: dict[str, Any] = {
            "model": self.settings.model,
            "messages": list(messages),
            "temperature": 0 if attempt == 0 else 0.3,
            "seed": attempt,
        }
        if self._structured:
            form = {"name": name, "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        url = self.settings.url.rstrip("/") + "/chat/completions"
        try:
            response = self._http.post(url, json=body)
        except httpx2.InvalidURL as error:
            raise EndpointError(f"{url} is no address: {error}") from error
        except httpx2.ConnectError as error:
            return _Miss(f"{UNREACHED} {url}: {error}")
        except httpx2.TransportError as error:
            return _Miss(f"no answer from {url}: {type(error).__name__} {error}".strip())
        return self._read(response, schema, "response_format" in body)

    def _read(self, response: Any, schema: Schema, structured: bool) -> Answer | _Miss:
        code, text = response.status_code, " ".join(response.text.split())[:200]
        if code == 400 and structured and "response_format" in text:
            self._structured = False  # an older server: the schema stands in the prompt as well
            return _Miss("the server knows no response_format")
        if code in AGAIN:
            wait = response.headers.get("retry-after", "")
            return _Miss(f"HTTP {code}{f', retry after {wait} s' if wait else ''}: {text}")
        if code != 200:
            raise EndpointError(f"{response.url} answers HTTP {code}: {text or 'nothing'}")
        content = ""
        try:
            told = response.json()
            content = told["choices"][0]["message"]["content"]
            value = json.loads(_unfenced(content))
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raw = content if isinstance(content, str) and content else response.text
            return _Miss(f"not an answer in JSON ({type(error).__name__}): {text}", raw)
        wrong = problems(value, schema)
        if wrong:
            return _Miss(f"the answer does not fit: {wrong[0]}", content)
        usage = told.get("usage") or {}
        tokens = [int(usage.get(f"{part}_tokens") or 0) for part in ("prompt", "completion")]
        return Answer(value, tokens[0], tokens[1], content)


def _unfenced(content: str) -> str:
    """JSON that a model has put between ``` marks."""
    text = content.strip()
    if text.startswith("```"):
        text = text.strip("`").removeprefix("json")
    return text
