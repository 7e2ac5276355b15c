"""Secrets never leave the process: every text that does goes through here."""

from __future__ import annotations

from urllib.parse import quote

MASK = "•••"


class Redactor:
    """Replaces every known secret, also in its percent-encoded and quoted forms."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def add(self, secret: str) -> None:
        """Remember a secret. Blank ones are ignored: replacing them would mangle everything."""
        if not secret.strip():
            return
        self._secrets |= {secret, quote(secret, safe=""), repr(secret)[1:-1], secret.replace("'", "''")}

    def __call__(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text


redact = Redactor()
"""The process's own; settings register what they read."""
