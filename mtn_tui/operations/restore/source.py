"""What a restore loads: a copy that reads back whole, of the backup asked for or of one before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from mtn_tui.archive.reader import check_size
from mtn_tui.core.errors import ArchiveError, Changed, MtnError, StorageError, Truncated
from mtn_tui.core.i18n import _
from mtn_tui.core.stopwatch import Stopwatch
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import lease
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Status, raise_first
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.fallback import minutes_between, use_another, why_broken
from mtn_tui.operations.inventory.model import Backup, Copy
from mtn_tui.operations.restore import unsigned
from mtn_tui.operations.restore.preflight import preflight
from mtn_tui.operations.restore.preflight.preflight import (
    check_backup,
    check_usable,
)
from mtn_tui.operations.restore.request import Request
from mtn_tui.operations.verify.read_through import archive_of
from mtn_tui.operations.verify.verify import record_fall
from mtn_tui.postgres.connection import Connection

_SAID_WHEN_MET = ("left-out", "settings", "tablespaces", "locale", "subscriptions")
"""Checks whose warnings the load gives itself, if they come true."""


@dataclass
class Source:
    """Finds the copy to load, before anything is loaded."""

    job: Job
    context: Context
    request: Request
    """Names the backup that is used, once ``settle`` has returned."""
    watch: Stopwatch
    about_to_read: Callable[[Backup], None] = lambda _backup: None
    """Called before a backup is read through, once the server may take it."""
    fallen_back: list[str] = field(default_factory=list)
    """What was said of backups that did not hold."""

    def settle(self, server: Connection, held: ExitStack) -> tuple[Copy, ...]:
        """The copies to load: of the backup that was asked for or, where that is allowed, of one before it.

        Of a differential they are two: its full's, and its own.
        """
        job, context, request = self.job, self.context, self.request
        if request.instead_of is not None:
            self._fall_back(request.instead_of, request.backup, why_broken(request.instead_of))
        left = [request.backup, *request.earlier]
        while True:
            backup = left.pop(0)
            self.request = replace(request, backup=backup)
            job.files(str(backup.name), of=backup.id)
            check_backup(backup, legacy_allowed=request.legacy)
            try:
                check_usable(backup)
            except ArchiveError as error:
                self._go_on_with(left, error)
                continue
            for one in backup.chain:
                held.enter_context(lease(context.locks, str(one.name)))
            self._look_ahead(server)
            self.about_to_read(backup)
            copies: list[Copy] = []
            try:
                with self.watch.timing("check"):
                    for one in backup.chain:
                        copies.append(self._readable_copy(one, server))
                return tuple(copies)
            except (ArchiveError, StorageError) as error:
                # What builds on the same full would only read it once more.
                bad = backup.chain[len(copies)].name
                left = [other for other in left if bad not in [part.name for part in other.chain]]
                self._go_on_with(left, error)

    def _go_on_with(self, left: Sequence[Backup], error: ArchiveError | StorageError) -> None:
        """Raise why the present backup does not hold, unless another may be used without asking.

        A store that does not answer may do so in a minute, so its error is always raised.
        """
        broken, other = self.request.backup, next(iter(left), None)
        if other is not None and self.request.fall_back and isinstance(error, ArchiveError):
            self._fall_back(broken, other, error.title)
            return
        if other is not None:
            error.hint = use_another(broken, other, self.request.target, error.hint)
        raise error

    def _look_ahead(self, server: Connection) -> None:
        checks = preflight.server_checks(server, self.context, self.request)
        self.job.note("info", "preflight", **{check.id: check.status.value for check in checks})
        raise_first(checks)
        for check in checks:
            if check.status is Status.WARN and check.id not in _SAID_WHEN_MET:
                self.job.warn("doubt", check.says)

    def _fall_back(self, broken: Backup, used: Backup, reason: str) -> None:
        """Warn which backup is used instead, and what that loses; an alert says so once the job ends."""
        told = _("{broken} is unusable: {reason} {used} is used instead, which is {time} older.")
        older = labels.between(used.moment, broken.moment)
        said = told.format(broken=broken.name, reason=reason, used=used.name, time=older)
        self.fallen_back.append(said)
        self.job.warn(
            "backup-fallen-back",
            said,
            broken=str(broken.name),
            used=str(used.name),
            minutes=minutes_between(broken, used),
        )

    def _readable_copy(self, backup: Backup, server: Connection) -> Copy:
        """The first copy that reads back whole. Those that do not are passed over, with a warning."""
        for broken in backup.copies:
            if broken.trouble is not None:
                self._pass_over(broken, broken.trouble)
        copies = backup.usable
        for left, copy in zip(reversed(range(len(copies))), copies, strict=True):
            try:
                self._check(copy, server)
                return copy
            except (ArchiveError, StorageError) as error:
                # Of a file that nothing signs, the error may be of its contents, with bytes that are whole.
                if isinstance(error, Truncated | Changed) or (
                    isinstance(error, ArchiveError) and copy.manifest is not None
                ):
                    record_fall(self.job, self.context, copy, error)
                if not left:
                    if len(backup.copies) > 1 and isinstance(error, Truncated | Changed):
                        error.hint = _none_holds(backup)
                    raise
                self._pass_over(copy, error)
        raise AssertionError("unreachable: check_request made sure of a copy")

    def _pass_over(self, copy: Copy, error: MtnError) -> None:
        self.job.warn(
            "copy-passed-over",
            _("The copy in {place} can't be used: {reason} The other one is used.").format(
                place=copy.store.place, reason=error.title
            ),
        )

    def _check(self, copy: Copy, server: Connection) -> None:
        """Read every byte before anything is loaded: size and hash, or a legacy file's own checksums."""
        job = self.job
        job.phase(f"check-{copy.store.name}", total=copy.size)
        if copy.manifest is None:
            named = unsigned.examine(
                copy,
                self.context.key,
                self.context.settings.db_name,
                as_operator=self.request.as_operator,
                token=job.token,
                advance=job.advance,
            )
            unsigned.check_roles(server, named, no_owner=self.request.no_owner)
            return
        check_size(copy.store.stat(copy.key).size, copy.manifest)
        archive = archive_of(copy, self.context.key)
        with copy.store.open(copy.key) as stream:
            for piece in archive.pieces(stream):
                job.token.check()
                job.advance(len(piece))


def _none_holds(backup: Backup) -> str:
    """What to do where every copy was read and none of them holds."""
    text = _("No copy of {name} can be trusted ({stores}): use the backup before it.")
    stores = labels.stores(copy.store.name for copy in backup.copies)
    return text.format(name=backup.handle, stores=stores)
