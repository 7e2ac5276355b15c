"""Real ends of the ways to people: mail servers with and without TLS, a webhook, a system log."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mtn_tui.core.clock import SystemClock
from mtn_tui.core.settings_file import load
from mtn_tui.core.shellconf import quote
from mtn_tui.demo.ports import LOOPBACK, free_port
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import open_stores


class Moving(SystemClock):
    """The real time, moved on by the test."""

    def __init__(self):
        self.by = timedelta(0)

    def now(self):
        return super().now() + self.by


@dataclass
class Place:
    """A configuration in a folder of the test's own, and no server of its own."""

    root: Path
    values: dict[str, str]
    clock: Moving = field(default_factory=Moving)

    @property
    def config(self) -> Path:
        return self.root / "config" / "backup.conf"

    def configure(self, **changes: str) -> None:
        self.values.update(changes)
        self.config.parent.mkdir(exist_ok=True)
        self.config.write_text("".join(f"{name}={quote(value)}\n" for name, value in self.values.items()))
        self.config.chmod(0o600)

    @property
    def context(self) -> Context:
        settings = load(self.config, {}).settings
        return Context(settings, open_stores(settings), self.root / "state", "ana", "db1", self.clock)

    @property
    def waiting(self) -> list[Path]:
        return sorted((self.root / "state" / "notices").glob("*/*.jsonl"))


def place(root: Path, **values: str) -> Place:
    made = Place(
        root,
        {
            "DB_NAME": "Admisión_MTN_DB",
            "DB_USER": "admin",
            "BACKUP_DIR": str(root / "backups"),
            "STATE_DIR": str(root / "state"),
        },
    )
    made.configure(**values)
    return made


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the test's own authority")])
        made = self._builder(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self._certificate = made.sign(self._key, hashes.SHA256())
        self.file = folder / "ca.pem"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, *names: str) -> ssl.SSLContext:
        """What a server of these names, or addresses, speaks TLS with."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server")])
        alternatives = [_alternative(name) for name in names]
        made = self._builder(subject, key.public_key()).add_extension(
            x509.SubjectAlternativeName(alternatives), critical=False
        )
        certificate = made.sign(self._key, hashes.SHA256())
        both = self.folder / "server.pem"
        both.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(both)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@dataclass
class Sink:
    """A mail server that keeps what it takes. What it says can be changed while it runs."""

    port: int
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    """Recipient and mail, in the order in which they came."""
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    on_mail: Callable[[str], str | None] = lambda _sender: None
    on_rcpt: Callable[[str], str | None] = lambda _address: None
    on_data: Callable[[], str | None] = lambda: None
    """Runs once the mail has been taken; returns what is answered instead of 250."""
    slow: float = 0.0

    async def handle_MAIL(self, _server, _session, envelope, sender, options):
        if answer := self.on_mail(sender):
            return answer
        envelope.mail_from = sender
        return "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, options):
        answer = self.on_rcpt(address)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        await asyncio.sleep(self.slow)
        self.taken += [(address, envelope.content) for address in envelope.rcpt_tos]
        return self.on_data() or "250 OK, taken"

    def authenticate(self, _server, _session, _envelope, _mechanism, data):
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(data, policy=policy.default) for _address, data in self.taken]

    @property
    def to(self) -> list[str]:
        return [address for address, _data in self.taken]


PASSWORD = "geheim-wört"


@contextmanager
def mail_server(
    port: int = 0,
    *,
    host: str = LOOPBACK,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    login: bool = False,
    **more: object,
) -> Iterator[Sink]:
    """``more`` is for aiosmtpd."""
    sink = Sink(port or free_port())
    if starttls:
        more |= {"tls_context": starttls, "require_starttls": True}
    if login:
        more |= {
            "authenticator": sink.authenticate,
            "auth_required": True,
            "auth_require_tls": bool(starttls),
        }
    controller = Controller(sink, host, sink.port, ssl_context=tls, ready_timeout=60, **more)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()


@dataclass
class Hook:
    """A webhook that keeps what it is sent."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b"ok"
    posts: list[tuple[str, dict[str, str], dict[str, object]]] = field(default_factory=list)
    """Path, headers, JSON."""


@contextmanager
def webhook(tls: ssl.SSLContext | None = None) -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            data = self.rfile.read(int(self.headers["Content-Length"]))
            hook.posts.append((self.path, dict(self.headers), json.loads(data)))
            self.send_response(hook.status)
            for name, value in hook.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(hook.answer)))
            self.end_headers()
            self.wfile.write(hook.answer)

        def log_message(self, *_args):
            """Nothing: stderr is the program's."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, _request, _address):
            """Nothing: a client that does not trust us hangs up."""

    server = Server((LOOPBACK, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    hook.url = f"{'https' if tls else 'http'}://{LOOPBACK}:{server.server_port}/hooks/T0PSECRETPATH"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def system_log(path: Path, kind: socket.SocketKind = socket.SOCK_DGRAM) -> Iterator[list[bytes]]:
    """A socket like /dev/log; what came is there after the block."""
    lines: list[bytes] = []
    with ExitStack() as stack:
        log = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
        log.bind(str(path))
        log.settimeout(10)
        if kind is socket.SOCK_STREAM:
            log.listen(5)
        yield lines
        while True:
            log.settimeout(0.2)
            try:
                if kind is socket.SOCK_DGRAM:
                    lines.append(log.recv(1 << 16))
                else:
                    with log.accept()[0] as one:
                        lines.append(one.recv(1 << 16))
            except TimeoutError:
                return
