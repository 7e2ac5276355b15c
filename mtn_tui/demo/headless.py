"""A full cycle on real servers: backs up a school, verifies, restores, and compares with the source."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from mtn_tui.core import operator
from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import ArchiveError
from mtn_tui.core.i18n import Figure, _
from mtn_tui.core.settings_file import load
from mtn_tui.demo import school
from mtn_tui.demo.stack import DATABASE, Stack, running
from mtn_tui.demo.workspace import Workspace
from mtn_tui.engine import host
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.backup.full import full_backup
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import open_stores
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.restore.restore import Request, restore
from mtn_tui.operations.verify.verify import verify
from mtn_tui.postgres.compare import Comparison, compare
from mtn_tui.postgres.dump import Dumper
from mtn_tui.postgres.tools import find_pg_dump

RESTORED = f"{DATABASE}_copy"

R = TypeVar("R")


@dataclass(frozen=True)
class Step:
    """A completed step: its name, duration in seconds, and figures by name."""

    name: str
    seconds: float
    figures: dict[str, int]


def practise(
    rows: int,
    on_step: Callable[[Step], None],
    on_view: Callable[[JobView], None],
    workspace: Workspace,
) -> Comparison:
    """Run the cycle with about ``rows`` rows in ``workspace``; its servers are stopped before this returns.

    Raises any error of a step; ArchiveError if a copy does not verify.
    """
    with running(workspace) as stack:
        return _Round(stack, on_step, on_view).run(rows)


class _Round:
    def __init__(
        self, stack: Stack, on_step: Callable[[Step], None], on_view: Callable[[JobView], None]
    ) -> None:
        self._stack = stack
        self._on_step = on_step
        self._on_view = on_view
        self._clock = SystemClock()

    def run(self, rows: int) -> Comparison:
        began = self._clock.monotonic()
        postgres = self._stack.postgres
        postgres.create_database(DATABASE)
        filled = school.build(postgres.conninfo(DATABASE), rows=rows, newest=self._clock.now())
        self._done("fill", began, rows=filled)
        context = self._configure()

        began = self._clock.monotonic()
        made = self._job(context, "backup-full", lambda job: full_backup(job, context))
        self._done("backup", began, sql=made.manifest.raw, bytes=made.manifest.size)

        began = self._clock.monotonic()
        backups = take_inventory(context.stores, context.key).backups
        verdicts = self._job(context, "verify", lambda job: verify(job, context, backups))
        for verdict in verdicts:
            if verdict.trouble:
                raise ArchiveError(verdict.trouble)
        self._done("verify", began, copies=len(verdicts))

        began = self._clock.monotonic()
        request = Request(backups[0], RESTORED)
        restored = self._job(context, "restore", lambda job: restore(job, context, request))
        self._done("restore", began, rows=restored.rows or 0)

        began = self._clock.monotonic()
        found = compare(context.server, DATABASE, RESTORED, self._schemas(context))
        self._done("compare", began, tables=found.tables, rows=found.rows)
        return found

    def _configure(self) -> Context:
        """Write the configuration, and read it as every command does."""
        settings = load(self._stack.configure(), {}).settings
        assert settings.state_dir is not None  # noqa: S101 - the stack has one of its own
        return Context(
            settings,
            open_stores(settings),
            settings.state_dir,
            operator.operator(os.environ),
            operator.host_name(),
        )

    def _job(self, context: Context, kind: str, body: Callable[[Job], R]) -> R:
        job = Job.create(context.jobs, kind=kind, subject=DATABASE, operator=context.operator)
        return host.run(job, body, self._on_view)

    def _schemas(self, context: Context) -> tuple[str, str]:
        tool = find_pg_dump(context.settings.pg_dump, 0)

        def schema(name: str) -> str:
            with Dumper(tool, context.server, name, "mtn demo").schema() as dumped:
                return b"".join(dumped).decode()

        return schema(DATABASE), schema(RESTORED)

    def _done(self, name: str, began: float, **figures: int) -> None:
        self._on_step(Step(name, self._clock.monotonic() - began, figures))


def said(step: Step) -> str:
    """Describe a step, without its duration."""
    figures = {name: Figure(count) for name, count in step.figures.items()}
    match step.name:
        case "fill":
            return _("a school filled with {rows:,} rows").format(**figures)
        case "verify":
            return _("copies read back, proven complete: {copies}").format(**figures)
        case "restore":
            return _("restored into another database, rows counted: {rows:,}").format(**figures)
        case "compare":
            return _("compared with the source: schema, tables: {tables}, rows: {rows:,}").format(**figures)
    return _("backed up to disk and to a bucket")
