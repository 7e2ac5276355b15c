"""Runbook 5.4: do both stores agree, does the bucket answer, has any upload broken off?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from mtn_tui.core.errors import StorageError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.models import BackupName
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.inventory.taking import PATIENCE
from mtn_tui.operations.sync.sync import lacking

_FOR_LONG = timedelta(days=1)
"""An upload that began before that has broken off."""


def copies(inspection: Inspection) -> Iterator[Check]:
    """Which backups a store lacks that it would keep, and since when. Unknown while one does not answer.

    Raises KeyFileError.
    """
    context, inventory = inspection.context, inspection.inventory
    if context.stores.bucket is None:
        yield Check("copies", Status.OK, _("There is no bucket: all backups are on this disk only."))
        return
    known = inspection.known
    silent = {store: (error.title, error.hint) for store, error in inventory.unreachable.items()}
    silent |= {store: (reason.says, "") for store, reason in known.blind.items()}
    for store, (reason, hint) in silent.items():
        text = _("What is in the {store} is not known: {reason}")
        text = text.format(store=labels.store(store), reason=reason)
        yield Check("copies", Status.UNKNOWN, text, hint or _("See all checks: mtn doctor"), "5.4")
    if silent:
        return
    found = lacking(inventory, known, context.stores)
    by_store = {name: [one.backup for one in found if one.store.name == name] for name in ("disk", "bucket")}
    figures = {f"backups_missing_in_{name}": float(len(alone)) for name, alone in by_store.items()}
    for name, alone in by_store.items():
        if alone:
            yield _missing(name, sorted(alone, key=lambda one: one.moment), figures)
    if not found:
        text = _("Disk and bucket have all the backups they should.")
        yield Check("copies", Status.OK, text, runbook="5.4", figures=figures)


def _missing(store: str, alone: Sequence[Backup], figures: dict[str, float]) -> Check:
    text = ngettext(
        "{count} backup is missing in the {store}, of {since}.",
        "{count} backups are missing in the {store}; the oldest of {since}, the newest of {newest}.",
        len(alone),
    ).format(
        count=len(alone),
        store=labels.store(store),
        since=labels.moment(alone[0].moment),
        newest=labels.moment(alone[-1].moment),
    )
    hint = _("Bring them there: mtn sync")
    return Check("copies", Status.WARN, text, hint, "5.4", fix=("sync",), figures=figures)


def bucket_answers(inspection: Inspection) -> Iterator[Check]:
    """Whether the bucket answers within seconds. Nothing is written. Without it backups go on, on disk."""
    stores = inspection.context.stores
    if stores.bucket is None:
        yield Check("bucket-answers", Status.OK, _("There is no bucket to ask."))
        return
    hurried = stores.bucket.hurried(PATIENCE)
    try:
        hurried.check()
    except StorageError as error:
        yield Check("bucket-answers", Status.WARN, error.title, error.hint, "5.4")
    else:
        text = _("The bucket {place} answers.").format(place=stores.bucket.place)
        yield Check("bucket-answers", Status.OK, text, runbook="5.4")
    finally:
        hurried.close()


def uploads(inspection: Inspection) -> Iterator[Check]:
    """Uploads of ours that broke off over a day ago: they take room that no listing shows.

    Raises StorageError.
    """
    context = inspection.context
    bucket = context.stores.bucket
    if bucket is None:
        yield Check("uploads", Status.OK, _("There is no bucket to ask."))
        return
    old = [
        one
        for one in bucket.unfinished()
        if one.started < inspection.now - _FOR_LONG and _is_ours(context, one.key)
    ]
    if not old:
        yield Check("uploads", Status.OK, _("No upload has broken off."), runbook="5.4")
        return
    first = min(old, key=lambda one: one.started)
    text = ngettext(
        "{count} upload has broken off, and takes room in the bucket: {key}, of {moment}.",
        "{count} uploads have broken off, and take room in the bucket; the oldest: {key}, of {moment}.",
        len(old),
    ).format(count=len(old), key=first.key, moment=labels.moment(first.started))
    hint = _("Any backup goes on with what jobs that are over have left, or removes it: mtn backup diff")
    yield Check("uploads", Status.WARN, text, hint, "5.4", fix=("backup", "diff"))


def _is_ours(context: Context, key: str) -> bool:
    name = BackupName.parse(key.rpartition("/")[2])
    return name is not None and (name.prefix, name.host) == (context.settings.backup_prefix, context.host)
