"""Types of configuration values, with their checks, from which ``Settings`` is built."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from mtn_tui.core.i18n import _

LONGEST_NAME = 63
"""Maximum bytes of a database's name; PostgreSQL truncates longer ones (NAMEDATALEN - 1)."""

_ENDPOINT = re.compile(r"(?:(https?)://)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?/?")


_CONNECTION = re.compile(
    r"^\s*(?:jdbc:|r2dbc:)?postgres(?:ql)?(?:\+\w+)?://"
    r"|^[^/\s]*:[^/\s]*@[^/\s]*/"
    r"|://[^/\s]*:[^/\s]*@"
    r"|(?:^|[\s;?&])(?:password|pwd|sslpassword|passfile)\s*=",
    re.IGNORECASE,
)
"""A URL of PostgreSQL's, one with a password, or ``password=…`` as libpq, JDBC and ODBC have it. Any other
text may be the name of a database, even ``host=x``."""


@dataclass(frozen=True)
class Endpoint:
    """Address of an S3 server, and whether it uses TLS."""

    host: str
    """``name:port``; the port is optional."""
    secure: bool


class WrongValue(ValueError):
    """Says what a value must be, completing a sentence that begins with its key, and how to fix it.

    Neither text contains the value.
    """

    def __init__(self, reason: str, fix: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix


def parse_endpoint(text: str) -> Endpoint:
    """Parse ``http://host:port``, ``https://…`` or ``host:port``, which means http as in the scripts.

    Raises WrongValue.
    """
    match = _ENDPOINT.fullmatch(text.strip())
    if match is None or int(match[3] or 1) not in range(1, 65536):
        raise WrongValue(
            _("must be the address of an S3 server, without a folder or a password"),
            _('Write it like MINIO_ENDPOINT="http://localhost:9000".'),
        )
    return Endpoint(match[2] + (f":{match[3]}" if match[3] else ""), match[1] == "https")


def _endpoint(text: str) -> str:
    parse_endpoint(text)
    return text.strip()


def words(text: str) -> tuple[str, ...]:
    """Split a list at commas if it contains any, else at blanks."""
    parts = text.split(",") if "," in text else text.split()
    return tuple(part.strip() for part in parts if part.strip())


def _words(value: object) -> object:
    return words(value) if isinstance(value, str) else value


def _each(check: Callable[[str], str]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    return lambda values: tuple(check(value) for value in values)


def _trimmed(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _host(text: str) -> str:
    if not text.startswith("/") and any(mark in text for mark in ("://", "@", "=")):
        raise WrongValue(
            _("must be the name or the address of a server, or the folder of its Unix socket"),
            _('Write it like DB_HOST="localhost"; DB_PORT, DB_USER and DB_PASSWORD say the rest.'),
        )
    return text


def is_connection_string(text: str) -> bool:
    """Return whether libpq, JDBC or ODBC would take ``text`` for a whole connection."""
    return _CONNECTION.search(text) is not None


def _database(name: str) -> str:
    if is_connection_string(name):
        raise WrongValue(
            _(
                "must be the bare name of a database; it is a whole connection string, perhaps "
                "with a password"
            ),
            _("Write the name alone; DB_HOST, DB_PORT, DB_USER and DB_PASSWORD say the rest."),
        )
    if not name.strip() or len(name.encode()) > LONGEST_NAME or "\0" in name:
        raise WrongValue(
            _("must be the name of a database, of at most {limit} bytes").format(limit=LONGEST_NAME),
            _("List the names on the server with: psql -l"),
        )
    return name


def _unconnected(value: object) -> object:
    """Refuse a connection string before it is split as a list."""
    if isinstance(value, str) and is_connection_string(value):
        _database(value)
    return value


def _user(text: str) -> str:
    if is_connection_string(text) or re.search(r":.*@", text):
        raise WrongValue(
            _("must be the bare name of a user, without a password"),
            _('Write it like DB_USER="admin"; the password is DB_PASSWORD\'s.'),
        )
    return text


def _mail_server(text: str) -> str:
    if any(mark in text for mark in ("://", "@", "/", "=")):
        raise WrongValue(
            _("must be the name or the address of a mail server"),
            _('Write it like SMTP_SERVER="smtp.gmail.com"; SMTP_USER and SMTP_PASSWORD say the rest.'),
        )
    return text


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[^\W_](?:[\w.-]{0,98}\w)?", text) or re.search(r"_(full|diff)_", f"_{text}_"):
        raise WrongValue(
            _("must be letters, digits and - _ . to begin a file name with, without the words full and diff"),
            _('Write it like BACKUP_PREFIX="admision_mtn".'),
        )
    return text


def _bucket(name: str) -> str:
    if name and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{2,62}", name):
        raise WrongValue(
            _("must be the bare name of a bucket: 3 to 63 letters, digits, dots and hyphens"),
            _("Leave out s3:// and any folder."),
        )
    return name


def named_url(text: str) -> tuple[str, str]:
    """Split ``users=http://localhost:8082/health`` into the name of the service, which may be empty, and
    the address of its health check."""
    name, equals, url = text.partition("=")
    return (name, url) if equals and re.fullmatch(r"[^\W_][\w.-]*", name) else ("", text)


def _url(text: str) -> str:
    _name, url = named_url(text)
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise WrongValue(
            _("must be web addresses, separated by blanks or commas"),
            _('Write it like SERVICE_HEALTH_URLS="users=http://localhost:8082/health".'),
        )
    return text


def check_email(text: str) -> str:
    """Return ``text`` if it looks like an e-mail address; raises WrongValue otherwise."""
    if not re.fullmatch(r"[^\s@<>,;\x00-\x1f]+@[^\s@<>,;\x00-\x1f]+", text):
        raise WrongValue(
            _("must be e-mail addresses, separated by blanks or commas"),
            _('Write it like ALERT_EMAIL="admin@mtn.cl".'),
        )
    return text


def _one_email(text: str) -> str:
    try:
        return check_email(text)
    except WrongValue:
        raise WrongValue(
            _("must be one e-mail address"), _('Write it like MAIL_FROM="backups@mtn.cl".')
        ) from None


def is_loopback(host: str) -> bool:
    """Return whether traffic to ``host`` never leaves this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _webhook(secret: SecretStr | None) -> SecretStr | None:
    try:
        parts = urlsplit(secret.get_secret_value()) if secret else None
        good = parts is None or (
            bool(parts.hostname)
            and parts.port != 0
            and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")))
        )
    except ValueError:
        good = False
    if not good:
        raise WrongValue(
            _("must be a web address that begins with https://"),
            _("Copy it whole from the service that gave it. http:// will do for this machine only."),
        )
    return secret


def scratch_name(name: str, ending: str) -> str:
    """Return ``name`` with ``ending``, the name shortened to fit the length that PostgreSQL allows."""
    room = LONGEST_NAME - len(ending.encode())
    return name.encode()[:room].decode(errors="ignore") + ending


Whole = Annotated[int, BeforeValidator(_trimmed)]
LONGEST = 999_999
"""Maximum of days, hours or minutes: more is never intended, and would overflow dates."""

Number = Annotated[float, BeforeValidator(_trimmed), Field(allow_inf_nan=False)]
Switch = Annotated[bool, BeforeValidator(_trimmed)]
Port = Annotated[Whole, Field(ge=1, le=65535)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Host = Annotated[str, AfterValidator(_host)]
Database = Annotated[str, AfterValidator(_database)]
Databases = Annotated[Words, BeforeValidator(_unconnected), AfterValidator(_each(_database))]
User = Annotated[str, Field(min_length=1), AfterValidator(_user)]
MailServer = Annotated[str, AfterValidator(_mail_server)]
Prefix = Annotated[str, AfterValidator(_prefix)]
Bucket = Annotated[str, BeforeValidator(_trimmed), AfterValidator(_bucket)]
Address = Annotated[str, AfterValidator(_endpoint)]
Email = Annotated[str, BeforeValidator(_trimmed), AfterValidator(_one_email)]
Emails = Annotated[Words, AfterValidator(_each(check_email))]
Urls = Annotated[Words, AfterValidator(_each(_url))]
Webhook = Annotated[SecretStr | None, AfterValidator(_webhook)]
