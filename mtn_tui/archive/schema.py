"""A hash of the schema, the same for two backups of the same schema."""

from __future__ import annotations

import hashlib

from mtn_tui.archive.statements import PsqlCommand, Pushed


class SchemaHash:
    """SHA-256 of the statements that ``pg_dump --schema-only`` writes, given in pieces of any size.

    The comments between them and the lines with a random token, which differ from
    run to run, are left out. What a statement quotes counts to the last line:
    a function's body has comments of its own.
    """

    def __init__(self) -> None:
        self._hashed = hashlib.sha256()
        self._statements = Pushed()

    def add(self, text: bytes) -> None:
        """Add the next piece of the script, cut anywhere."""
        for event in self._statements.add(text):
            if not isinstance(event, PsqlCommand):
                self._hashed.update(event.sql + b";\n")

    def hexdigest(self) -> str:
        """The hash of all that was added, in hex. Nothing may be added afterwards."""
        self._hashed.update(self._statements.end())
        return self._hashed.hexdigest()
