"""A hash of the schema, the same for two backups of the same schema."""

from __future__ import annotations

import hashlib

_DIFFERING = (b"--", b"\\restrict ", b"\\unrestrict ")


class SchemaHash:
    """SHA-256 of what ``pg_dump --schema-only`` writes, given in pieces of any size.

    Empty lines, comments and the lines with a random token, which differ from
    run to run, are left out.
    """

    def __init__(self) -> None:
        self._hashed = hashlib.sha256()
        self._begun = b""
        """The last line, not complete yet."""

    def add(self, text: bytes) -> None:
        """Add the next piece of the script, cut anywhere."""
        *lines, self._begun = (self._begun + text).split(b"\n")
        for line in lines:
            self._add_line(line)

    def hexdigest(self) -> str:
        """The hash of all that was added, in hex. Nothing may be added afterwards."""
        self._add_line(self._begun)
        self._begun = b""
        return self._hashed.hexdigest()

    def _add_line(self, line: bytes) -> None:
        if line and not line.startswith(_DIFFERING):
            self._hashed.update(line + b"\n")
