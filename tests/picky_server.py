"""A real S3 server behind a gate that answers some requests itself, as other servers and proxies would."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mtn_tui.demo.seaweed import SeaweedServer

_OURS = ("content-type", "transfer-encoding", "connection", "date")


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    """With its query."""
    headers: dict[str, str]
    """By names in lower case."""
    size: int
    """Bytes of the body."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes | Iterable[bytes] = b""
    """Pieces are sent in chunks, until the client has had enough."""
    type: str = "application/xml"
    headers: dict[str, str] = field(default_factory=dict)


Rule = Callable[[Asked], Answer | None]


class PickyServer:
    """``rule`` answers a request, or lets it pass to the real server by None."""

    def __init__(self, behind: SeaweedServer) -> None:
        self.rule: Rule
        self.hidden: tuple[str, ...] = ()
        """Headers of the real server that it leaves out, in lower case."""
        self.change: Callable[[bytes], bytes] | None
        """Makes another body of what the real server answers to a GET."""
        self.remake: Callable[[Answer], Answer]
        """Makes another answer of the real server's."""
        self.oblige()
        self.asked: list[Asked] = []
        self.sent = 0
        """Bytes of answers in pieces that clients have taken."""
        picky = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, len(body))
                picky.asked.append(asked)
                found = picky.rule(asked) or self.passed_on(body)
                self.send_response_only(found.status)
                if "Date" not in found.headers:
                    self.send_header("Date", self.date_time_string())
                if found.type:
                    self.send_header("Content-Type", found.type)
                for name, value in found.headers.items():
                    self.send_header(name, value)
                if isinstance(found.body, bytes):
                    if "Content-Length" not in found.headers:
                        self.send_header("Content-Length", str(len(found.body)))
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(found.body)
                else:
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    self.send_pieces(found.body)

            def send_pieces(self, pieces: Iterable[bytes]) -> None:
                self.close_connection = True
                try:
                    for piece in pieces:
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                        picky.sent += len(piece)
                    self.wfile.write(b"0\r\n\r\n")
                except OSError:
                    return  # it has had enough

            def passed_on(self, body: bytes) -> Answer:
                connection = http.client.HTTPConnection("127.0.0.1", behind.port)
                try:
                    connection.request(self.command, self.path, body, dict(self.headers.items()))
                    told = connection.getresponse()
                    kept = {
                        name: value
                        for name, value in told.getheaders()
                        if name.lower() not in (*_OURS, *picky.hidden)
                    }
                    said = told.read()
                    if picky.change is not None and self.command == "GET":
                        said = picky.change(said)
                        kept = {name: value for name, value in kept.items() if name != "Content-Length"}
                    return picky.remake(Answer(told.status, said, told.getheader("Content-Type", ""), kept))
                finally:
                    connection.close()

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.endpoint = f"127.0.0.1:{self._server.server_port}"

    def oblige(self) -> None:
        """Answer as the real server does."""
        self.rule, self.change, self.remake = lambda _asked: None, None, lambda found: found

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def refusal(code: str, message: str = "", more: str = "") -> bytes:
    """An error as S3 words it."""
    return f"<Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>".encode()
