"""A TCP proxy on loopback whose faults can be changed while it runs.

    with FaultProxy("127.0.0.1", server.port) as proxy:
        store = S3Storage(proxy.endpoint, …)
        proxy.hang()        # takes connections, answers nothing
        proxy.heal()        # passes everything again

Bytes of any protocol pass through, hang, are delayed or cut. A connection whose
first bytes are an HTTP request is read as HTTP, so that ``answer`` and
``shift_date`` work on it too. A new fault holds at once, also for the
connections that are open.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

_CHUNK = 1 << 16
_AHEAD = 1 << 18
"""Bytes of the server's that may wait here: a system that grows this by itself takes a whole dump in."""
_TICK = 0.02
_METHODS = (b"GET ", b"PUT ", b"POST", b"HEAD", b"DELE")


@dataclass(eq=False)
class Fault:
    """What is wrong now. The default is nothing."""

    hang: bool = False
    delay: float = 0.0
    """Seconds before each chunk that the server sends."""
    cut_up: int | None = None
    """A connection is reset once so many more bytes have gone to the server …"""
    cut_down: int | None = None
    """… or come from it."""
    cuts: int | None = None
    """How many connections are cut before the rest pass; None is all of them."""
    status: int | None = None
    """HTTP requests are answered with this status instead of being passed on …"""
    code: str = "SlowDown"
    """… and this S3 error code ("" for an HTML page, as a balancer would send)."""
    every: int = 1
    """Only each so-manieth request is answered like that."""
    of: Callable[[str, str], bool] = lambda method, path: True
    """Only requests whose method and path this is true for."""
    shift: timedelta = timedelta()
    """Added to the Date header of every HTTP answer."""
    seen: int = field(default=0, init=False)


class FaultProxy:
    def __init__(self, target_host: str, target_port: int, *, tls: ssl.SSLContext | None = None) -> None:
        """``tls`` makes it a TLS server in front of a plain target."""
        self._target = (target_host, target_port)
        self._tls = tls
        self._fault = Fault()
        self._lock = threading.Lock()
        self._closing = False
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self.requests: list[tuple[str, str]] = []
        """(method, path with query) of every HTTP request so far."""
        self.down = 0
        """Bytes that went to clients so far."""
        self.port = 0
        self._listen()

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def heal(self) -> None:
        self.set(Fault())

    def refuse(self) -> None:
        """Close the port and every connection."""
        self._fault = Fault()
        self._deafen()
        self._drop_all()

    def hang(self) -> None:
        self.set(Fault(hang=True))

    def delay(self, seconds: float) -> None:
        self.set(Fault(delay=seconds))

    def cut(self, *, up: int | None = None, down: int | None = None, cuts: int | None = None) -> None:
        self.set(Fault(cut_up=up, cut_down=down, cuts=cuts))

    def answer(
        self,
        status: int,
        code: str = "SlowDown",
        *,
        every: int = 1,
        of: Callable[[str, str], bool] = lambda method, path: True,
    ) -> None:
        self.set(Fault(status=status, code=code, every=every, of=of))

    def shift_date(self, by: timedelta) -> None:
        self.set(Fault(shift=by))

    def set(self, fault: Fault) -> None:
        """Any mixture of faults."""
        self._fault = fault
        if self._listener is None:
            self._listen()

    def close(self) -> None:
        self._closing = True
        self._deafen()
        self._drop_all()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        listener.settimeout(_TICK)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._acceptor = self._run(self._accept, listener)

    def _deafen(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._acceptor.join()  # the port stays open as long as somebody waits on it
            listener.close()

    def _run(self, work: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True, name="fault-proxy")
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()
        return thread

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                client, _address = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            client.setblocking(True)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(client)
            self._run(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        Connection(self, client).run()

    def _drop_all(self) -> None:
        with self._lock:
            for one in self._open:
                _reset(one)

    def _track(self, one: socket.socket) -> None:
        with self._lock:
            self._open.add(one)
            if self._closing:
                _reset(one)

    def _forget(self, one: socket.socket) -> None:
        with self._lock:
            self._open.discard(one)
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # a close alone reaches nobody while a thread reads from it
            one.close()


class _Cut(Exception):
    """This connection ends here."""


class Connection:
    """One client's connection and the one to the server behind it."""

    def __init__(self, proxy: FaultProxy, client: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server: socket.socket | None = None
        self._counted: Fault | None = None
        self._up = 0
        self._down = 0

    def run(self) -> None:
        try:
            self._serve()
        except _Cut:
            for one in (self._client, self._server):
                if one is not None:
                    _reset(one)
        except (OSError, EOFError, ValueError):
            pass  # either side went away: so goes the other
        finally:
            for one in (self._client, self._server):
                if one is not None:
                    self._proxy._forget(one)

    def _serve(self) -> None:
        if self._proxy._tls is not None:
            plain = self._client
            self._client = self._proxy._tls.wrap_socket(plain, server_side=True)
            self._proxy._track(self._client)
            with self._proxy._lock:
                self._proxy._open.discard(plain)
        first = self._client.recv(_CHUNK)
        if not first:
            return
        if first.startswith(_METHODS):
            self._serve_http(Reader(self._client, first))
        else:
            self._serve_bytes(first)

    def _connected(self) -> socket.socket:
        if self._server is None:
            self._server = socket.socket()
            self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _AHEAD)
            self._server.connect(self._proxy._target)
            self._server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._proxy._track(self._server)
        return self._server

    def _serve_bytes(self, first: bytes) -> None:
        server = self._connected()
        self._proxy._run(self._pump_down, server)
        chunk = first
        while chunk:
            self._send_up(chunk)
            chunk = self._client.recv(_CHUNK)
        server.shutdown(socket.SHUT_WR)
        while server.fileno() != -1 and self._client.fileno() != -1 and not self._proxy._closing:
            threading.Event().wait(_TICK)  # the other direction ends both

    def _pump_down(self, server: socket.socket) -> None:
        try:
            while chunk := server.recv(_CHUNK):
                self._send_down(chunk)
            self._client.shutdown(socket.SHUT_WR)
        except _Cut:
            _reset(self._client)
            _reset(server)
        except OSError:
            pass
        finally:
            with contextlib.suppress(OSError):
                self._client.shutdown(socket.SHUT_RDWR)
            server.close()

    def _serve_http(self, client: Reader) -> None:
        while True:
            head = client.head()
            if head is None:
                return
            method, path = head.split(b" ", 2)[0].decode(), head.split(b" ", 2)[1].decode()
            length = int(_header(head, b"content-length") or 0)
            self._wait_out_hang()
            self._proxy.requests.append((method, path))
            if self._is_answered_for(method, path):
                client.skip(length)
                self._answer(method, path)
                continue
            self._connected()
            try:
                self._send_up(head)
                client.copy(length, self._send_up)
            except (BrokenPipeError, ConnectionResetError):
                self._pass_answer(method)  # the server answered before it had all
                return
            if not self._pass_answer(method):
                return

    def _pass_answer(self, method: str) -> bool:
        """Whether the connection goes on."""
        server = Reader(self._connected())
        head = server.head()
        if head is None:
            raise _Cut
        status = int(head.split(b" ", 2)[1])
        self._send_down(_with_date(head, self._fault().shift))
        if method == "HEAD" or status in (204, 304):
            return True
        if b"chunked" in (_header(head, b"transfer-encoding") or b"").lower():
            server.copy_chunked(self._send_down)
            return True
        length = _header(head, b"content-length")
        if length is None:
            server.copy(None, self._send_down)
            return False
        server.copy(int(length), self._send_down)
        return True

    def _is_answered_for(self, method: str, path: str) -> bool:
        fault = self._fault()
        if fault.status is None or not fault.of(method, path):
            return False
        with self._proxy._lock:
            fault.seen += 1
            return fault.seen % fault.every == 0

    def _answer(self, method: str, path: str) -> None:
        fault = self._fault()
        kind = "application/xml" if fault.code else "text/html"
        body = (
            f'<?xml version="1.0"?><Error><Code>{fault.code}</Code><Message>as staged</Message>'
            f"<Resource>{path.partition('?')[0]}</Resource></Error>"
            if fault.code
            else "<html><body>as staged</body></html>"
        ).encode()
        head = (
            f"HTTP/1.1 {fault.status} Staged\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            f"Date: {format_datetime(datetime.now(UTC) + fault.shift, usegmt=True)}\r\n\r\n"
        ).encode()
        self._send_down(head + (b"" if method == "HEAD" else body))

    def _fault(self) -> Fault:
        fault = self._proxy._fault
        if fault is not self._counted:
            self._counted, self._up, self._down = fault, 0, 0
        return fault

    def _wait_out_hang(self) -> None:
        hung = False
        while self._fault().hang and not self._proxy._closing:
            hung = True
            threading.Event().wait(_TICK)
        # A client that has given up must not have its request carried out after all, later.
        if hung and _has_left(self._client):
            raise _Cut

    def _send_up(self, chunk: bytes) -> None:
        self._wait_out_hang()
        fault = self._fault()
        chunk, ends = self._allowed(fault, chunk, fault.cut_up, self._up)
        self._connected().sendall(chunk)
        self._up += len(chunk)
        if ends:
            raise _Cut

    def _send_down(self, chunk: bytes) -> None:
        self._wait_out_hang()
        fault = self._fault()
        if fault.delay:
            threading.Event().wait(fault.delay)
        chunk, ends = self._allowed(fault, chunk, fault.cut_down, self._down)
        self._client.sendall(chunk)
        self._down += len(chunk)
        with self._proxy._lock:
            self._proxy.down += len(chunk)
        if ends:
            raise _Cut

    def _allowed(self, fault: Fault, chunk: bytes, limit: int | None, so_far: int) -> tuple[bytes, bool]:
        if limit is None or so_far + len(chunk) <= limit:
            return chunk, False
        with self._proxy._lock:
            if fault.cuts is not None:
                if fault.cuts == 0:
                    return chunk, False
                fault.cuts -= 1
        return chunk[: limit - so_far], True


class Reader:
    """HTTP framing over a socket."""

    def __init__(self, source: socket.socket, ahead: bytes = b"") -> None:
        self._source = source
        self._ahead = ahead

    def head(self) -> bytes | None:
        """Everything up to the empty line; None at the end of the connection."""
        while b"\r\n\r\n" not in self._ahead:
            more = self._source.recv(_CHUNK)
            if not more:
                return None
            self._ahead += more
        head, _, self._ahead = self._ahead.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def copy(self, length: int | None, send: Callable[[bytes], None]) -> None:
        left = length
        while left is None or left:
            chunk = self._ahead or self._source.recv(_CHUNK)
            if not chunk:
                if left is None:
                    return
                raise EOFError
            part = chunk if left is None else chunk[:left]
            self._ahead = chunk[len(part) :]
            send(part)
            left = None if left is None else left - len(part)

    def skip(self, length: int) -> None:
        self.copy(length, lambda _chunk: None)

    def copy_chunked(self, send: Callable[[bytes], None]) -> None:
        while True:
            line = self._line()
            send(line)
            size = int(line.split(b";")[0], 16)
            self.copy(size + 2, send)
            if size == 0:
                return

    def _line(self) -> bytes:
        while b"\r\n" not in self._ahead:
            more = self._source.recv(_CHUNK)
            if not more:
                raise EOFError
            self._ahead += more
        line, _, self._ahead = self._ahead.partition(b"\r\n")
        return line + b"\r\n"


def _header(head: bytes, name: bytes) -> bytes | None:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None


def _with_date(head: bytes, shift: timedelta) -> bytes:
    date = _header(head, b"date")
    if not shift or date is None:
        return head
    moved = format_datetime(parsedate_to_datetime(date.decode()) + shift, usegmt=True)
    return head.replace(date, moved.encode(), 1)


def _has_left(client: socket.socket) -> bool:
    """Whether the other end has closed, even where bytes of its are still unread."""
    if client.fileno() == -1:
        return True
    poll = select.poll()
    poll.register(client, getattr(select, "POLLRDHUP", 0))
    return bool(poll.poll(0))


def _reset(one: socket.socket) -> None:
    """End a connection as a crash does, and wake whoever waits on it."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
