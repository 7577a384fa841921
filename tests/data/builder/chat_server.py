"""A real HTTP server that answers chat completions from the question alone, and can misbehave."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Moods = Callable[[int, dict[str, Any]], object]
"""(number of the request from 1, body) -> None, a status, seconds to wait, or a content."""


class Server:
    """``requests`` counts them; ``mood`` decides how the next is treated."""

    def __init__(self, mood: Moods) -> None:
        self.mood, self.requests, self.lock = mood, 0, threading.Lock()
        self.at_once = self.most_at_once = 0
        self.url = ""


@contextmanager
def serving(mood: Moods = lambda number, body: None) -> Iterator[Server]:
    server = Server(mood)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with server.lock:
                server.requests += 1
                number = server.requests
                server.at_once += 1
                server.most_at_once = max(server.most_at_once, server.at_once)
            treat = server.mood(number, body)
            if isinstance(treat, float):
                time.sleep(treat)
            if isinstance(treat, int) and not isinstance(treat, bool):
                self.reply(treat, {"error": {"message": "response_format" if treat == 400 else ""}})
            else:
                content = treat if isinstance(treat, str) else json.dumps(answer_to(body))
                choice = {"message": {"role": "assistant", "content": content}}
                usage = {"prompt_tokens": 100, "completion_tokens": 20}
                self.reply(200, {"choices": [choice], "usage": usage})
            with server.lock:
                server.at_once -= 1

        def reply(self, code: int, value: object) -> None:
            data = json.dumps(value).encode()
            self.send_response(code)
            if code == 429:
                self.send_header("Retry-After", "0.01")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *words: object) -> None:
            pass

    class Listener(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients that give up are part of the tests."""

    listener = Listener(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    server.url = f"http://127.0.0.1:{listener.server_address[1]}/v1"
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


def answer_to(body: dict[str, Any]) -> Any:
    """Something that fits the schema in the prompt, and depends on the question's text only."""
    system, user = (message["content"] for message in body["messages"])
    schema = json.loads(system.rpartition("schema:\n")[2])
    return _filled(schema, len(user), user)


def _filled(schema: dict[str, Any], salt: int, text: str) -> Any:
    if "enum" in schema:
        return schema["enum"][salt % len(schema["enum"])]
    if schema["type"] == "object":
        return {
            name: _filled(part, salt + len(name), text)
            for name, part in schema["properties"].items()
        }
    if schema["type"] == "array":
        return [_filled(schema["items"], salt + i, text) for i in range(schema["minItems"])]
    if schema["type"] == "boolean":
        return True
    return f"about {text.split()[-1][:20]} {salt}"
