"""Can the bucket take a backup, and give it back? Tried by doing all that a backup does, with a few bytes."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mtn_tui.core.errors import MtnError, NotFound, StorageError, StorageUnavailable
from mtn_tui.core.i18n import _
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.storage.base import BUCKETS, NEVER, Entry

if TYPE_CHECKING:
    from mtn_tui.storage.s3 import S3Storage

PROBES = "mtn-check/"
"""Prefix of the objects that the bucket is tried with; each run has names of its own."""

_LEFT_BEHIND = timedelta(hours=1)
"""A probe older than this was left behind by a run that ended early."""

_DATA = b"mtn doctor\n"
_SKEW_WARNED = timedelta(minutes=1)
_SKEW_WRONG = timedelta(minutes=5)
"""S3 refuses at 15 minutes; see ``storage.s3_errors``."""


def bucket(context: Context) -> Iterator[Check]:
    """List, put what must be new, upload in parts, look for what is missing, read, delete; and the clocks.

    Yields a check for each that is refused. Raises StorageError if the bucket
    does not answer at all, or nothing can be put into it.
    """
    store = context.stores.bucket
    if store is None:
        yield Check(
            "bucket",
            Status.WARN,
            _("There is no bucket: if this machine is lost, so are its backups."),
            _("Set MINIO_ENDPOINT and its keys, or USE_MINIO=false and S3_BUCKET for AWS."),
        )
        return
    store.check()
    before = context.clock.now()
    probe = f"{PROBES}doctor-{secrets.token_hex(4)}"
    made = _put(store, probe)
    after = context.clock.now()
    findings = [*_tried(store, made)]
    if not findings:
        said = _("The bucket {place} can be written, read and cleared, also in parts.")
        if not store.refuses_taken_names:
            said += " " + _("It can't refuse a name that is taken: each write looks for it first.")
        findings = [Check("bucket", Status.OK, said.format(place=store.place))]
    yield from findings
    yield _clocks(made, before - timedelta(seconds=1), after)


def _put(store: S3Storage, probe: str) -> Entry:
    try:
        return store.put(probe, io.BytesIO(_DATA), len(_DATA), exclusive=True)
    except StorageUnavailable:
        raise
    except StorageError:
        return store.put(probe, io.BytesIO(_DATA), len(_DATA))


def _tried(store: S3Storage, probe: Entry) -> Iterator[Check]:
    """Try the other calls that backups and restores need; yield a check for each that is refused."""
    in_parts = probe.key + "-parts"
    steps: list[tuple[Callable[[], object], Status, str]] = [
        (lambda: store.put_in_parts(in_parts, _DATA), Status.FAIL, _("Backups are sent in parts.")),
        (
            lambda: _missing(store, probe.key),
            Status.FAIL,
            _("Each write first checks that the name is free."),
        ),
        (lambda: _read(store, probe.key), Status.FAIL, _("Backups are read back, and restored from here.")),
        (store.unfinished, Status.WARN, _("Uploads that broke off stay there, and take room.")),
        (lambda: store.delete(in_parts), Status.WARN, _("Old backups stay for ever.")),
        (lambda: store.delete(probe.key), Status.WARN, _("Old backups stay for ever.")),
        (lambda: _sweep(store, probe.modified), Status.WARN, _("Old backups stay for ever.")),
    ]
    told: set[str] = set()
    for step, status, means in steps:
        try:
            step()
        except MtnError as error:
            if error.title not in told:
                told.add(error.title)
                yield Check("bucket", status, f"{error.title} {means}", error.hint)


def _missing(store: S3Storage, probe: str) -> None:
    with suppress(NotFound):
        store.stat(probe + "-missing")


def _sweep(store: S3Storage, now: datetime) -> None:
    """Delete probes that earlier runs left behind; ``now`` is the server's own time."""
    for entry in list(store.list(PROBES)):
        if NEVER < entry.modified < now - _LEFT_BEHIND:
            store.delete(entry.key)


def _read(store: S3Storage, probe: str) -> None:
    with store.open(probe, 4, 6) as stream:
        if stream.read() != _DATA[4:10]:
            raise StorageError(
                _("The bucket {place} gave back other bytes than were stored.").format(place=store.place),
                _("Do not keep backups in it before that is understood."),
                BUCKETS,
            )


def _clocks(made: Entry, earliest: datetime, latest: datetime) -> Check:
    """How far the server's clock, by which ``made`` was written between the two, is from ours."""
    if made.modified == NEVER:
        return Check(
            "clock",
            Status.UNKNOWN,
            _("The bucket's server does not tell its time (Last-Modified)."),
            _("See that both clocks are set by NTP (“timedatectl”): requests 15 min off are refused."),
        )
    ahead = max(earliest - made.modified, made.modified - latest)
    if ahead > _SKEW_WARNED:
        return Check(
            "clock",
            Status.FAIL if ahead > _SKEW_WRONG else Status.WARN,
            _("This machine's clock and the bucket's are {seconds} s apart.").format(
                seconds=f"{ahead.total_seconds():.0f}"
            ),
            _("Set the clock (“timedatectl”, “sntp”); S3 accepts no request that is 15 min off."),
        )
    return Check("clock", Status.OK, _("This machine's clock agrees with the bucket's."))
