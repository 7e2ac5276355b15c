"""Whether something half-made may be removed: who began it, and whether that job is over.

See ``sweep`` for the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from mtn_tui.core.errors import NotFound, StorageError, UsageError
from mtn_tui.core.models import KEYS, MANIFEST, PROOF, ROLES, BackupName
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import JobView, read_job
from mtn_tui.engine.journal import find_journal, journals_in
from mtn_tui.operations.backup.restore_card import NAME as CARD
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.installation import Mark, mark_of
from mtn_tui.storage.base import NEVER, Entry
from mtn_tui.storage.local import CHECK

if TYPE_CHECKING:
    from mtn_tui.storage.listing import Unfinished
    from mtn_tui.storage.s3 import S3Storage

LONGEST_RUN = timedelta(days=7)
"""No dump holds its snapshot open for as long. UPLOAD_DEADLINE_MINUTES is added, for the upload after it."""

_AFTERWARDS = timedelta(minutes=10)
"""How far clocks of hosts that share a folder may differ, and a journal may lag behind its job."""

_CLAIMING = b'"event": "making"'


class Ownership:
    """Decides what one run may remove. Reads the journals once, when they are first needed."""

    def __init__(self, job: Job, context: Context) -> None:
        self._context = context
        self._mark = mark_of(job, context)
        upload = timedelta(minutes=context.settings.upload_deadline_minutes)
        self._began_before = context.clock.now() - LONGEST_RUN - upload
        self.finished: set[str] = set()
        """Names of backups that have a manifest in some store."""

    def note_finished(self, entries: Iterable[Entry]) -> None:
        """Note which backups are finished, from what a store holds."""
        self.finished |= {
            base(entry.key).removesuffix(MANIFEST) for entry in entries if entry.key.endswith(MANIFEST)
        }

    def may_remove_part(self, final: str, modified: datetime) -> bool:
        """Whether a ``.part`` that nobody has locked may go; ``final`` is the name it would have got."""
        if final == CARD or final.startswith(CHECK):
            return self._is_old(modified)
        name = _backup_of(final)
        return name is not None and self._decide(self._by_claim(name, modified), name, modified)

    def may_abort(self, bucket: S3Storage, upload: Unfinished) -> bool:
        """Whether an unfinished upload may be aborted. Raises StorageError if its mark can't be read."""
        name = _backup_of(base(upload.key))
        if name is None:
            return False
        mark = _mark_on(bucket, name.key + ROLES)
        verdict = self._by_claim(name, upload.started) if mark is None else self._by_mark(mark)
        return self._decide(verdict, name, upload.started)

    def goes_on(self, upload: Unfinished, is_there: Callable[[str], bool]) -> bool:
        """Whether a sync goes on with an unfinished upload: its backup is finished, and not in the bucket.

        ``is_there`` says whether the bucket has a key; raises what that raises.
        """
        name = _backup_of(base(upload.key))
        if name is None or str(name) not in self.finished or self._is_old(upload.started):
            return False
        return not is_there(name.key + MANIFEST)

    def may_remove_object(self, bucket: S3Storage, name: BackupName, entries: Mapping[str, Entry]) -> bool:
        """Whether the files of a backup without a manifest, in ``entries``, may go from the bucket."""
        there = [key for key in (name.key, name.key + ROLES) if key in entries]
        modified = max(entries[key].modified for key in there)
        marks = [_mark_on(bucket, key) for key in there]
        if any(marks):
            # Where only one of them bears a mark, they are not of the same job.
            verdicts = {self._by_mark(mark) if mark else None for mark in marks}
        else:
            verdicts = {self._by_claim(name, modified)}
        verdict = False if False in verdicts else None if None in verdicts else True
        return self._decide(verdict, name, modified)

    def may_remove_file(self, name: BackupName, entries: Mapping[str, Entry]) -> bool:
        """As ``may_remove_object``, on disk, where files bear no marks."""
        there = [key for key in (str(name), str(name) + ROLES) if key in entries]
        modified = max(entries[key].modified for key in there)
        return self._decide(self._by_claim(name, modified), name, modified)

    def _decide(self, verdict: bool | None, name: BackupName, modified: datetime) -> bool:
        """``verdict`` comes from our journals; where they know nothing (None), age decides."""
        settings = self._context.settings
        if verdict is not None:
            return verdict
        if (name.prefix, name.host) != (settings.backup_prefix, self._context.host):
            return False
        return self._is_old(modified) and any(one > name.stamp for one in self._stamps(name))

    def _is_old(self, modified: datetime) -> bool:
        return modified != NEVER and modified < self._began_before

    def _stamps(self, like: BackupName) -> Iterable[datetime]:
        """The stamps of finished backups of the same kind, host and prefix."""
        for text in self.finished:
            name = BackupName.parse(text)
            if name and (name.prefix, name.host, name.kind) == (like.prefix, like.host, like.kind):
                yield name.stamp

    def _by_mark(self, mark: Mark) -> bool | None:
        """Whether the job that put it there is over; False for another installation's, None if unknown."""
        if mark.installation != self._mark.installation:
            return False
        view = self._job(mark.job)
        if view is not None:
            return view.state.over
        return None if mark.database == self._mark.database else False

    def _by_claim(self, name: BackupName, modified: datetime) -> bool | None:
        """Whether the job of ours that claimed the name is over; None if there is none.

        What was written after its end is another's: names come again where a clock is set back.
        """
        claims = [view for view in self._claims.get(str(name), ()) if not _ended_before(view, modified)]
        return all(view.state.over for view in claims) if claims else None

    @cached_property
    def _claims(self) -> dict[str, list[JobView]]:
        claims: dict[str, list[JobView]] = {}
        for path in journals_in(self._context.job_folders):
            try:
                if _CLAIMING not in path.read_bytes():
                    continue
                view = read_job(path)
            except (OSError, StorageError, UsageError):
                continue  # another operator's, closed to us: then nothing is known of it
            for name in view.made:
                claims.setdefault(name, []).append(view)
        return claims

    def _job(self, job_id: str) -> JobView | None:
        try:
            return read_job(find_journal(self._context.job_folders, job_id))
        except (StorageError, UsageError):
            return None


def _ended_before(view: JobView, modified: datetime) -> bool:
    ended = view.ended or view.updated
    return view.state.over and ended is not None and modified > ended + _AFTERWARDS


def base(key: str) -> str:
    """The file's name in a key: what follows the last slash."""
    return key.rpartition("/")[2]


def _backup_of(name: str) -> BackupName | None:
    """The backup that a file of that name belongs to."""
    for suffix in (MANIFEST, PROOF, ROLES, KEYS, ""):
        if name.endswith(suffix):
            return BackupName.parse(name.removesuffix(suffix))
    return None


def _mark_on(bucket: S3Storage, key: str) -> Mark | None:
    try:
        return Mark.parse(bucket.mark(key))
    except NotFound:
        return None
