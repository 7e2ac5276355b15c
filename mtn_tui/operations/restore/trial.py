"""The test load: after a full, once for each schema, whether a backup of it loads on this server.

It loads into a scratch database, which is dropped, and is a job of its own: the backup is done and
reported by then, and nothing changes that. What it shows is not a rung but a mark beside the copies:
*loads here*, or why not.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

from mtn_tui.archive.proof import Proof, Tried
from mtn_tui.core.errors import MtnError, PostgresError, ServerLost
from mtn_tui.core.i18n import _
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import lease
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.metrics import begin_log
from mtn_tui.operations.inventory.model import Backup, Copy
from mtn_tui.operations.inventory.proof_file import amend
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.restore.leftovers import LOADING, sweep_over
from mtn_tui.operations.restore.sample import ROWS, load_sample
from mtn_tui.operations.verify.read_through import archive_of
from mtn_tui.operations.verify.verify import record_tried
from mtn_tui.postgres import databases, search_path
from mtn_tui.postgres import roles as server_roles
from mtn_tui.postgres.connection import MAINTENANCE, application, connect
from mtn_tui.postgres.load_advice import is_of_an_extension
from mtn_tui.postgres.load_without import Without, load_connection
from mtn_tui.postgres.one_database import only_in_one
from mtn_tui.postgres.search_path import SearchPath
from mtn_tui.postgres.standby import read_only

KIND = "test-load"

_NOTHING_OF_THE_BACKUPS = ("25006", "40", "53", "55", "57", "42501")
"""SQLSTATEs of a server that is busy, full or only read, and of a user who may not do all that is needed."""


@dataclass(frozen=True)
class Trial:
    """What a test load has shown."""

    backup: Backup
    loads: bool | None
    """None if nothing can be said."""
    reason: str
    without: tuple[str, ...] = ()
    """Extensions that no new database can have, which were left out."""
    where: str = ""
    """The server, with its port."""

    def facts(self) -> dict[str, object]:
        """For the journal."""
        backup = self.backup
        return {
            "id": backup.id,
            "name": str(backup.name),
            "loads": self.loads,
            "reason": self.reason,
            "without": list(self.without),
            "where": self.where,
            "rows_of_each": ROWS,
        }


def due(context: Context, backup_id: str) -> Backup | None:
    """The backup, if it is to be tried: none of its schema has loaded here, and we may make databases.

    If one has loaded, its mark is copied to this backup.
    """
    if not context.settings.enable_test_load:
        return None
    inventory = take_inventory(context.stores, context.key, context.cache)
    backup = inventory.find(backup_id)
    if backup.manifest is None:
        return None
    if tried := _tried_before(inventory.backups, backup):
        for copy in backup.usable:
            amend(context, copy, lambda proof: replace(proof, loads=tried))
        return None
    with connect(context.server, MAINTENANCE, "mtn") as server:
        able = server_roles.rights(server).createdb and read_only(server) is None
        return backup if able else None


def _tried_before(backups: tuple[Backup, ...], backup: Backup) -> Tried | None:
    def of(one: Backup) -> tuple[object, ...]:
        about = one.manifest
        return (about.database, about.server.version, about.schema_hash) if about else ()

    same = (one.loads for one in backups if of(one) == of(backup))
    return next((tried for tried in same if tried and not tried.reason), None)


def test_load(job: Job, context: Context, backup: Backup) -> Trial:
    """Load a few rows of it, and keep what came of it beside its copies. Raises Cancelled."""
    begin_log(job, context, KIND, context.clock.now())
    job.files(str(backup.name), of=backup.id)
    job.phase("prepare", unit="items")
    who = application(KIND, job.id, context.host)
    scratch = databases.scratch_name(context.settings.db_name, LOADING, job.id)
    copy = next(one for one in backup.usable if one.manifest is not None)
    reason, of_the_backup = "", True
    without: tuple[str, ...] = ()
    try:
        with (
            lease(context.locks, str(backup.name)),
            connect(context.server, MAINTENANCE, who, token=job.token) as server,
        ):
            for name in sweep_over(context, server, lambda text: job.note("warn", "leftover", reason=text)):
                job.note("info", "swept", name=name)
            assert copy.manifest is not None  # noqa: S101 - it was chosen so
            databases.create(server, scratch, copy.manifest.server)
            without = tuple(only_in_one(server, [one.name for one in copy.manifest.extensions]))
            _load(job, context, copy, scratch, who, Without(frozenset(without)))
    except PostgresError as error:
        job.token.check()
        reason, of_the_backup = error.title, not _is_of_the_server(error)
        if error.private:
            job.confide(error.private)
    except MtnError as error:
        job.token.check()
        reason, of_the_backup = error.title, False
    finally:
        _drop(job, context, scratch, who)
    where = f"{context.server.host}:{context.server.port}"
    trial = Trial(backup, None if reason and not of_the_backup else not reason, reason, without, where)
    _tell(job, context, trial)
    job.result(trial.facts())
    return trial


def _load(job: Job, context: Context, copy: Copy, scratch: str, who: str, without: Without) -> None:
    archive = archive_of(copy, context.key)
    about = archive.manifest
    path = about.search_path or search_path.of_properties(about.properties)
    on_path = SearchPath(path, used=lambda statement: job.note("info", "search-path", statement=statement))
    skipped: Callable[[str], None] = lambda text: job.note("info", "skipped", statement=text)  # noqa: E731
    disowned: Callable[[str], None] = lambda _text: None  # noqa: E731 - whose it would be is not tried
    job.phase("load", total=len(about.sections), unit="items")
    opened = load_connection(without, context.server, scratch, who, skipped, disowned, on_path, job.token)
    with closing(opened) as connection, job.token.calling(connection.cancel):
        load_sample(archive, connection, job.token, job.advance)


def _drop(job: Job, context: Context, scratch: str, who: str) -> None:
    """Drop the scratch database, also when cancelled; if the server is gone, the next job does it."""
    try:
        with connect(context.server, MAINTENANCE, who) as server:
            databases.drop(server, scratch)
    except PostgresError as error:
        job.note("warn", "scratch-left", name=scratch, reason=error.title)


def _is_of_the_server(error: PostgresError) -> bool:
    if isinstance(error, ServerLost) or is_of_an_extension(error):
        return True
    return error.sqlstate.startswith(_NOTHING_OF_THE_BACKUPS)


def _tell(job: Job, context: Context, trial: Trial) -> None:
    name = str(trial.backup.name)
    if trial.loads is None:
        job.note("warn", "not-tried", name=name, reason=trial.reason)
        return
    where = trial.where
    if trial.without:
        where = _("{where}, without {names}").format(where=where, names=", ".join(trial.without))
    tried = Tried(context.clock.now(), where, trial.reason)

    def change(proof: Proof) -> Proof:
        return replace(proof, loads=tried)

    record_tried(job, context, trial.backup, change)
    if trial.reason:
        text = _("{name} does not load on this server: {reason}")
        job.warn("does-not-load", text.format(name=name, reason=trial.reason), name=name)
    else:
        job.note("info", "loads-here", name=name, without=list(trial.without))
