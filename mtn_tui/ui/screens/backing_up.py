"""What is asked before a backup is made."""

from __future__ import annotations

from mtn_tui.archive.keys import with_its_key
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.operations.common import labels
from mtn_tui.operations.inventory import key_check
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.ui.actions import read_only
from mtn_tui.ui.host import Host, Place
from mtn_tui.ui.screens.ask import Answer, Ask


def back_up(host: Host) -> None:
    """Ask whether to make a full backup or a differential, and start the job that makes it."""
    running = _being_made(host)
    said = []
    answers: list[Answer[Kind | None]] = [Answer(_("Not now"), None)]
    for kind, what, label in (
        (Kind.FULL, _("Full: the whole database."), _("Full backup")),
        (Kind.DIFF, _("Differential: what has changed since the last full."), _("Differential")),
    ):
        if kind in running:
            said.append(_("{what} It is running already: job {id}.").format(what=what, id=running[kind]))
            continue
        said.append(_with_the_last(host, kind, what))
        answers.append(Answer(label, kind))
    said.append(_("The database is only read. The application goes on meanwhile."))

    def chosen(kind: Kind | None) -> None:
        if kind is not None:
            begin(host, kind)

    title = _("Back up {database}?").format(database=host.database)
    host.open_screen(Ask[Kind | None](title, said, answers), chosen)


def no_backing_up(place: Place) -> str:
    """Why no backup can be started; empty if one can."""
    if why := read_only(place):
        return why
    running = _being_made(place.host)
    if len(running) < len(Kind):
        return ""
    return _("A full and a differential are running already: jobs {ids}.").format(
        ids=", ".join(running.values())
    )


def begin(host: Host, kind: Kind) -> None:
    """Start a job that makes a backup. Asks first if the key is not that of the last backups."""

    def start(*options: str) -> None:
        host.start_job(["backup", kind.value, *options], labels.job(f"backup-{kind}"))

    def agreed(yes: bool | None) -> None:
        if yes:
            start("--key-is-meant")

    def compared(doubt: str) -> None:
        if not doubt:
            start()
            return
        title = _("Make a backup with this key all the same?")
        answers = [Answer(_("No"), False), Answer(_("Back up with this key"), True)]
        host.open_screen(Ask(title, [doubt, with_its_key()], answers), agreed)

    said = _("Comparing the key with that of the last backups …")
    host.check_first(said, lambda: key_check.before_asking(host.context), compared)


def _being_made(host: Host) -> dict[Kind, str]:
    """The kinds of backup that are being made of the database, and the jobs that make them."""
    found = {kind: host.state.running(f"backup-{kind}", host.database) for kind in Kind}
    return {kind: job.id for kind, job in found.items() if job is not None}


def _with_the_last(host: Host, kind: Kind, what: str) -> str:
    last = _last(host, kind)
    if last is not None:
        return _("{what} The last one, of {moment}, has {size}.").format(
            what=what, moment=labels.moment(last.moment), size=labels.size(last.size)
        )
    if kind is Kind.DIFF and host.state.inventory is not None and not _last(host, Kind.FULL):
        return _("{what} There is no full yet: it makes one.").format(what=what)
    return what


def _last(host: Host, kind: Kind) -> Backup | None:
    known = host.state.inventory.backups if host.state.inventory else []
    return next(
        (one for one in known if one.kind is kind and one.id and one.may_be_of(host.database)),
        None,
    )
