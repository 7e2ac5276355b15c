"""Opens the connections that a restore loads over, and collects the statements that they skip."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from mtn_tui.core.i18n import _
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.restore.request import Request
from mtn_tui.postgres import search_path
from mtn_tui.postgres.load import LoadConnection
from mtn_tui.postgres.load_without import Without, load_connection
from mtn_tui.postgres.search_path import SearchPath
from mtn_tui.postgres.server import Server


@dataclass
class Loaders:
    """The connections of one restore. What several of them meet at the same time is reported once."""

    job: Job
    context: Context
    application: str
    skipped: set[str] = field(default_factory=set)
    """Statements that the server would not take."""
    disowned: set[str] = field(default_factory=set)
    """Statements about roles that were skipped."""
    on_path: list[str] = field(default_factory=list)
    """Statements that went through on the search path only."""
    without: Without = field(default_factory=lambda: Without(frozenset()))
    telling: threading.Lock = field(default_factory=threading.Lock)

    def open(
        self, request: Request, database: str, login: Server | None = None, *, searching: bool = True
    ) -> LoadConnection:
        """Open a connection into ``database``, as ``login`` or else as the operator."""
        return load_connection(
            self.without,
            login or self.context.server,
            database,
            self.application,
            self._tell_skipped,
            self.disowned.add if request.no_owner else None,
            self._path(request) if searching else None,
            self.job.token,
        )

    def _path(self, request: Request) -> SearchPath:
        """The schemas to search: those asked for, else the backup's; none for an unsigned file."""
        given, manifest = request.search_path, request.backup.manifest
        schemas = given
        if not schemas and manifest is not None:
            schemas = manifest.search_path or search_path.of_properties(manifest.properties)
        return SearchPath(schemas, always=bool(given), used=self._tell_path)

    def _tell_path(self, statement: str) -> None:
        """Warn once for each statement. Thread-safe."""
        with self.telling:
            if statement in self.on_path:
                return
            self.on_path.append(statement)
        text = _("{statement} needed a search_path: a function of it names something without its schema.")
        self.job.warn("search-path", text.format(statement=statement), statement=statement)

    def _tell_skipped(self, statement: str) -> None:
        """Warn once for each statement, though every connection meets it."""
        if statement not in self.skipped:
            self.skipped.add(statement)
            self.job.warn("skipped", _("The server did not take: {statement}").format(statement=statement))
