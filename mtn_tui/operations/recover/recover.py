"""``mtn recover``: rows that production has lost come back from a database that was restored beside it.

Nothing that is there is changed or overwritten: only rows whose keys are missing are written, as
the application itself would write them, under all foreign keys, checks and triggers. A dry run does
the same, and rolls it back.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import MtnError, PostgresError, Refused, UsageError
from mtn_tui.core.i18n import Figure, _
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import advisory_key
from mtn_tui.engine.statefiles import make_folder, refusal
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.locking import operation_lock
from mtn_tui.operations.common.metrics import begin_log
from mtn_tui.operations.recover import script
from mtn_tui.operations.recover.earlier import database_oid, left_by
from mtn_tui.operations.recover.found import MissingRows, Recovery, Request, named, refused_text
from mtn_tui.operations.recover.spool import Spool
from mtn_tui.operations.recover.trial import Trial
from mtn_tui.postgres import databases
from mtn_tui.postgres.advisory import advisory_lock
from mtn_tui.postgres.cleared_links import Links, cleared_links, written_by
from mtn_tui.postgres.connection import MAINTENANCE, Connection, application, connect, translated
from mtn_tui.postgres.identity import server_identity
from mtn_tui.postgres.leaf_tables import Table
from mtn_tui.postgres.missing_rows import Both, both
from mtn_tui.postgres.missing_rows import run as run_statement
from mtn_tui.postgres.owned_sequences import set_forward
from mtn_tui.postgres.references import in_order, references


@dataclass
class _Run:
    """One comparison with its trial, within a transaction."""

    context: Context
    request: Request
    token: CancelToken
    between: Both
    folder: Path
    phase: Callable[..., None] = lambda name, **more: None
    advance: Callable[[int], None] = lambda count: None
    spools: dict[int, Spool] = field(default_factory=dict)
    trial: Trial | None = None
    forward: list[str] = field(default_factory=list)
    links: list[Links] = field(default_factory=list)
    """Those that are set again."""

    def run(self, *, samples: bool) -> Recovery:
        """Compare, choose, and write; the transaction is still open then."""
        live, between = self.between.live, self.between
        self.phase("compare", unit="items")
        compared = between.compare()
        known = references(live, compared.compared)
        named = {one.oid for one in compared.compared}
        if self.request.tables:
            named = {one.oid for one in _named(compared.compared, self.request.tables)}
            wanted = [one for one in compared.missing if one.table.oid in named]
            between.choose(wanted, compared, known)
        by_oid = {one.table.oid: one for one in compared.missing}
        ordered = [by_oid[oid] for oid in in_order(by_oid, known)]
        chosen = {one.number: between.chosen(one) for one in ordered}
        total = sum(chosen.values())
        if self.request.expected is not None and total != self.request.expected:
            raise Refused(
                _("Rows missing now: {now:,}, not the {then:,} that were looked at.").format(
                    now=Figure(total), then=Figure(self.request.expected)
                ),
                _("Look again, then decide."),
                "5.2",
            )
        shown = {one.number: tuple(between.sample(one)) if samples else () for one in ordered}
        for one in ordered:
            self.spools[one.number] = Spool(self.folder / f"{one.number}.rows")
            self.spools[one.number].fill(between.rows(one) if chosen[one.number] else ())
        source = database_oid(between.restored)
        back: frozenset[str] = frozenset()
        if any(one.cleared for one in known):  # else no journal need be read
            back = left_by(self.context, self.context.settings.db_name, source)
        links = cleared_links(between, compared, known, dict.fromkeys(named, back))
        self.phase("copy-back", total=total, unit="rows")
        self.trial = Trial(live, ordered, self.spools, known, self.token, self.advance)
        self.trial.run()
        written = dict.fromkeys(chosen, 0)
        for batch in self.trial.batches:
            written[batch.missing.number] += batch.rows
        self.links = links if self.request.links else []
        linked = sum(run_statement(live, one.set_again) for one in self.links)
        left = [] if self.request.links else [one.parent.oid for one in links if not one.earlier]
        transactions = written_by(between, [by_oid[oid] for oid in dict.fromkeys(left)])
        self.forward = set_forward(live, [one.table for one in ordered if written[one.number]])
        return Recovery(
            self.request.source,
            self.context.settings.db_name,
            tuple(
                MissingRows(
                    one.table.label,
                    one.table.name,
                    one.rows,
                    chosen[one.number],
                    written[one.number],
                    shown[one.number],
                )
                for one in ordered
            ),
            compared.keyless,
            compared.gone,
            tuple(self.trial.conflicts),
            tuple((one.child.label, one.rows) for one in links),
            linked,
            compared.unfit,
            sum(one.rows for one in links if one.earlier),
            tuple(transactions),
            source,
            (
                *(f"COPY {one.missing.target} FROM STDIN" for one in self.trial.batches),
                *(one.set_again for one in self.links),
                *self.forward,
            ),
        )


def look(
    context: Context, request: Request, token: CancelToken | None = None, *, keep_script: bool = True
) -> Recovery:
    """Say what is missing, and try to write it; all is rolled back.

    With ``keep_script`` the script that would do it is left in TEMP_DIR, unless rows are refused
    and the rest was not asked for. Raises PostgresError, Refused, StorageError.
    """
    with _open(context, request, token or CancelToken(), "mtn recover") as run:
        found = run.run(samples=True)
        if not keep_script or run.trial is None or not found.changes or _stops(found, request):
            return found
        path = script.write(
            context,
            script.statements(
                found.target,
                found.source,
                run.trial.batches,
                run.spools,
                [(one, one.text(run.between)) for one in run.links],
                run.forward,
            ),
        )
    return replace(found, script=path, command=script.command(context, path))


def recover(job: Job, context: Context, request: Request) -> Recovery:
    """Copy the rows back, all of them or none. Raises what stood in the way; nothing is changed then."""
    begin_log(job, context, "recover", context.clock.now())
    target, name = context.settings.db_name, application("recover", job.id, context.host)
    job.phase("prepare", unit="items")
    with ExitStack() as held:
        held.enter_context(operation_lock(job, context, target, "recover"))
        run = held.enter_context(_open(context, request, job.token, name))
        run.phase, run.advance = job.phase, job.advance
        here = server_identity(run.between.live)
        key = advisory_key(here.system_identifier, target, "recover")
        held.enter_context(advisory_lock(context.server, key, name, job.token))
        done = run.run(samples=False)
        if _stops(done, request):
            raise _refusal(done)
        with translated():
            for statement in run.forward:
                run.between.live.execute(statement.encode())
            job.token.check()
            run.between.live.execute("COMMIT")
    if done.conflicts:
        job.confide(named(done.conflicts))
        job.warn("refused", refused_text(done))
    job.result(done.facts())
    return done


def _stops(found: Recovery, request: Request) -> bool:
    return bool(found.conflicts) and not request.leave_refused


def _refusal(found: Recovery) -> PostgresError:
    error = PostgresError(
        refused_text(found) + " " + _("Nothing was changed."),
        _("--leave-refused copies the others back, rows: {rows:,}.").format(rows=Figure(found.rows)),
        "5.2",
    )
    error.private = named(found.conflicts)
    error.facts = found.facts()
    return error


def _named(compared: Sequence[Table], wanted: Sequence[str]) -> list[Table]:
    """The tables that were named, with or without their schema. Raises UsageError if one is not there."""
    found = []
    for name in wanted:
        same = [
            one for one in compared if name in (one.name, f"{one.schema}.{one.name}", one.quoted, one.label)
        ]
        if not same:
            raise UsageError(
                _("There is no table {name} with a key in both databases.").format(name=name),
                _("The list without --table has them all."),
            )
        if len(same) > 1:
            raise UsageError(
                _("Several schemas have a table {name}.").format(name=name),
                _("Name it with its schema: {example}").format(example=same[0].label),
            )
        found.append(same[0])
    return found


def check_asked(context: Context, request: Request) -> None:
    """Raise UsageError if rows can't be copied back from a database of that name, or not those of a table."""
    with connect(context.server, MAINTENANCE, "mtn recover") as server:
        _check_source(server, request.source, context.settings.db_name)
    if request.tables:
        with _open(context, request, CancelToken(), "mtn recover") as run:
            pairs, _keyless, _gone = run.between.paired()
            _named([here for here, _there in pairs], request.tables)


def _check_source(server: Connection, source: str, target: str) -> None:
    if source == target:
        raise UsageError(
            _("{source} is production itself.").format(source=target),
            _("Name the database that was restored beside it."),
            "5.2",
        )
    if databases.oid(server, source) is None:
        raise UsageError(
            _("There is no database {source} to copy rows back from.").format(source=source),
            _("Restore a backup from before the loss: mtn restore ID --target {source} --closed").format(
                source=shlex.quote(source)
            ),
            "5.2",
        )


@contextmanager
def _open(context: Context, request: Request, token: CancelToken, name: str) -> Iterator[_Run]:
    """Connect to both databases, with a private folder for the rows."""
    target = context.settings.db_name
    folder = context.settings.temp_dir
    with ExitStack() as held:
        try:
            make_folder(folder)
            private = held.enter_context(TemporaryDirectory(prefix="mtn_recover_", dir=folder))
        except OSError as error:
            raise refusal(error, folder) from error
        live = held.enter_context(connect(context.server, target, name, own_session=True, token=token))
        _check_source(live, request.source, target)
        restored = held.enter_context(
            connect(context.server, request.source, name, own_session=True, token=token)
        )
        between = held.enter_context(both(live, restored))
        run = _Run(context, request, token, between, Path(private))
        try:
            yield run
        except MtnError:
            token.check()
            raise
