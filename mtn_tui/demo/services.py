"""The six services of the admission system, as seen by a health check."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from mtn_tui.demo.ports import LOOPBACK

TABLES = ("users", "applications", "documents", "interviews", "evaluations", "notifications")
"""The table that each of the six needs."""

_LOOK_EVERY = 0.1
"""Seconds between checks whether a service should end."""

_PATIENCE = 2
"""Maximum seconds for a connection, and for an answer of the database."""


def asks(conninfo: str, stopped: Path, table: str) -> str:
    """Return what prevents a service from working on ``table``; empty if nothing does.

    It is stopped while the file ``stopped`` exists; otherwise the database is queried.
    """
    if stopped.exists():
        return "stopped"
    try:
        with psycopg.connect(
            conninfo,
            connect_timeout=_PATIENCE,
            application_name=f"admision-{table}",
            options=f"-c statement_timeout={_PATIENCE}s",
        ) as connection:
            connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(table)))
    except psycopg.Error:
        return "no database"
    return ""


class Service:
    """Answers ``GET /health``: 200 and UP if ``healthy`` and without ``trouble``, else 503 and DOWN."""

    def __init__(self, trouble: Callable[[], str] = lambda: "") -> None:
        self.healthy = True
        self._trouble = trouble
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_LOOK_EVERY,), name="mtn-demo-service", daemon=True
        )

    @property
    def url(self) -> str:
        """The address of the health check."""
        return f"http://{LOOPBACK}:{self._server.server_port}/health"

    def state(self) -> dict[str, str]:
        """Return the answer, as a mapping."""
        if not self.healthy:
            return {"status": "DOWN"}
        trouble = self._trouble()
        return {"status": "DOWN", "reason": trouble} if trouble else {"status": "UP"}

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
                state = service.state() if found else {"status": "DOWN"}
                body = json.dumps(state).encode()
                with suppress(ConnectionError):  # the client has not waited
                    self.send_response(200 if state["status"] == "UP" else 503 if found else 404)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing: stderr belongs to the program."""

        return Handler


class Services:
    """All six services on free ports of loopback, running within the ``with`` block.

    ``trouble``, if given, is called with the table of each service.
    """

    def __init__(self, trouble: Callable[[str], str] = lambda _table: "") -> None:
        self._trouble = trouble
        self._stack = ExitStack()
        self.all: tuple[Service, ...] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of the health checks."""
        return tuple(service.url for service in self.all)

    @property
    def named_urls(self) -> tuple[str, ...]:
        """The same, as the configuration names them."""
        return tuple(f"{name}={url}" for name, url in zip(TABLES, self.urls, strict=True))

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.all = tuple(stack.enter_context(Service(partial(self._trouble, table))) for table in TABLES)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
