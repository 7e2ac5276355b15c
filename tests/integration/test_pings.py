"""What a service elsewhere answers to a ping, where its status alone does not tell."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mtn_tui.demo.ports import LOOPBACK
from mtn_tui.operations.health.ping import ping
from tests.alert_fixtures import place


@contextmanager
def answering(body: bytes, *, endless: bool = False) -> Iterator[str]:
    """The address of a service that always answers 200 and this; ``endless``: and never ends."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 40 if endless else len(body)))
            self.end_headers()
            self.wfile.write(body)
            while endless and not over.wait(0.05):
                try:
                    self.wfile.write(b".")
                except OSError:
                    return  # the client has hung up

        def log_message(self, *_args):
            """Nothing: stderr is the program's."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}/ping"
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("body", [b"OK (not found)", b"OK (rate limited)", b"OK (rate-limited)\n"])
def test_a_check_that_the_service_does_not_have_is_no_success(tmp_path, body):
    with answering(body) as url:
        failed = ping(place(tmp_path, PING_URL=url).context.settings)
    assert failed is not None
    assert body.decode().strip() in failed.title


@pytest.mark.parametrize("body", [b"OK", b"", b"{}", b"\xff\xfe", b"OK (created)"])
def test_any_other_answer_with_status_200_is(tmp_path, body):
    with answering(body) as url:
        assert ping(place(tmp_path, PING_URL=url).context.settings) is None


def test_an_answer_that_never_ends_holds_up_nothing(tmp_path):
    with answering(b"OK", endless=True) as url:
        settings = place(tmp_path, PING_URL=url).context.settings
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(ping(settings)), daemon=True)
        waiting.start()
        waiting.join(10)
        assert answers == [None]
