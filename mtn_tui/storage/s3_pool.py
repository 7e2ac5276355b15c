"""HTTP connections to an S3 server: without retries, and with timeouts that fit uploads."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import Timeout

from mtn_tui.core.errors import ConfigError
from mtn_tui.core.i18n import _


def connections(
    *, secure: bool, ca_file: Path | None, connect_timeout: float, read_timeout: float
) -> urllib3.PoolManager:
    """Return a pool of up to 8 idle connections. Timeouts in seconds.

    ``connect_timeout`` bounds connecting and the TLS handshake, ``read_timeout``
    every wait for the server to take or to send more bytes. The system's
    authorities and certifi's are trusted, or ``ca_file``'s alone. Raises
    ConfigError for an unreadable ``ca_file``.
    """
    # urllib3 sends a body under the connect timeout; an uplink that stalls for 5 s is no dead server.
    # So it is given the read timeout for both, and only connecting itself is made shorter.
    pools = urllib3.PoolManager(
        maxsize=8,
        retries=False,
        timeout=Timeout(connect=read_timeout, read=read_timeout),
        ssl_context=_context(ca_file) if secure else None,
    )
    pools.pool_classes_by_scheme = _quick_to_connect(connect_timeout)
    return pools


def _quick_to_connect(seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    def connect(connection: HTTPConnection, by: Callable[[], None]) -> None:
        patience, connection.timeout = connection.timeout, seconds
        try:
            by()
        finally:
            connection.timeout = patience
        if connection.sock is not None:
            connection.sock.settimeout(patience)

    class Http(HTTPConnection):
        def connect(self) -> None:
            connect(self, super().connect)

    class Https(HTTPSConnection):
        def connect(self) -> None:
            connect(self, super().connect)

    class HttpPool(HTTPConnectionPool):
        ConnectionCls = Http

    class HttpsPool(HTTPSConnectionPool):
        ConnectionCls = Https

    return {"http": HttpPool, "https": HttpsPool}


def _context(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is None:
        context = ssl.create_default_context()
        # A Python that brings its own OpenSSL finds no system store.
        context.load_verify_locations(certifi.where())
        return context
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # SSLError is one
        raise ConfigError(
            _("S3_CA_FILE is {path}, which cannot be read as certificates: {reason}.").format(
                path=ca_file, reason=error.strerror or error
            ),
            _("Give a PEM file with the certificate of the authority that signed the server's."),
        ) from error
