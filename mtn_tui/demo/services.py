"""The six services of the admission system, as far as a health check sees them."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from mtn_tui.demo.ports import LOOPBACK

COUNT = 6

_LOOK_EVERY = 0.1
"""Seconds between looks at whether a service is to end."""


class Service:
    """Answers ``GET /health``: 200 and UP while ``healthy``, else 503 and DOWN."""

    def __init__(self) -> None:
        self.healthy = True
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_LOOK_EVERY,), name="mtn-demo-service", daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}/health"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(service) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = self.path == "/health"
                up = found and service.healthy
                body = json.dumps({"status": "UP" if up else "DOWN"}).encode()
                self.send_response(200 if up else 503 if found else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: stderr is the program's."""

        return Handler


class Services:
    """All six, on free ports of loopback, from the start of the ``with`` block to its end."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.all: tuple[Service, ...] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(service.url for service in self.all)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.all = tuple(stack.enter_context(Service()) for _ in range(COUNT))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
