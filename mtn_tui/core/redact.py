"""Masks secrets in every text that leaves the process."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

MASK = "•••"

_VALUE = r"""(?:'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|[^\s'",;&)}\]]+)"""
_PLAINLY_SECRET = (
    ("://", re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)", re.IGNORECASE)),
    *(
        (word, re.compile(rf"(\b\w*(?:{rest})\s*=\s*){_VALUE}", re.IGNORECASE))
        for word, rest in (("pass", "password|passwd|passphrase"), ("secret", "secret|secret_?key"))
    ),
    ("password", re.compile(r"(\bPASSWORD\s+)'(?:[^']|'')*'", re.IGNORECASE)),
    ("scram-sha-256$", re.compile(r"(SCRAM-SHA-256\$)[\w$:+/=]+")),
    ("md5", re.compile(r"(\bmd5)[0-9a-f]{32}\b")),
)
"""Passwords in addresses, connection strings, options and statements, and their hashes: what each
holds in small letters, without which it need not be looked for, and the pattern. Every line of a log
is looked through."""

_SHORT = 4
"""Characters; shorter secrets are masked as whole words only: masked within words they could be guessed."""


class Redactor:
    """Masks every known secret, also in its quoted and encoded forms."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()
        self._short: tuple[str, ...] = ()
        """Both with the longest first."""

    def add(self, secret: str) -> None:
        """Remember a secret. Blank ones are ignored, since masking them would mangle every text."""
        if not secret.strip():
            return
        forms = [form for form in _forms(secret) if form.strip()]
        if len(secret.strip()) < _SHORT:
            self._short = _longest_first(self._short, forms)
        else:
            self._secrets = _longest_first(self._secrets, forms)

    def __call__(self, text: str) -> str:
        """Mask the known secrets, and whatever is obviously one, such as ``password=…``."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        for secret in self._short:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
        folded = text.casefold()
        for word, pattern in _PLAINLY_SECRET:
            if word in folded:
                text = pattern.sub(rf"\1{MASK}", text)
        return text

    def within(self, value: object) -> object:
        """Mask secrets in each text of nested mappings and lists, so that the result is still valid JSON.

        Masked in the JSON text instead, a short secret could mangle a number, a bracket or a key.
        """
        match value:
            case str():
                return self(value)
            case Mapping():
                return {str(name): self.within(item) for name, item in value.items()}
            case list() | tuple():
                return [self.within(item) for item in value]
        return value


def _longest_first(known: tuple[str, ...], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*known, *more}, key=lambda one: (-len(one), one)))


def _forms(secret: str) -> Iterator[str]:
    """Yield the secret as it is, percent-encoded, and as quoted by Python, JSON, SQL, libpq and shells."""
    raw = secret.encode("utf-8", "surrogatepass")
    yield from (secret, secret.strip())
    yield from (quote(raw, safe=""), quote(raw), quote_plus(raw))
    yield from (repr(secret)[1:-1], ascii(secret)[1:-1], repr(raw)[2:-1])
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield secret.replace("'", "''")
    yield secret.replace("\\", "\\\\").replace("'", "\\'")
    yield shlex.quote(secret)
    yield "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in secret)


redact = Redactor()
"""The redactor of this process; reading settings registers their secrets."""
