"""What can be done on the checklist: mend, look again, sign off."""

from __future__ import annotations

from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.operations.audit.record import unrecorded
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.health import sign_off as signing
from mtn_tui.operations.health.picture import Picture, Row
from mtn_tui.ui.actions import read_only, shown_key
from mtn_tui.ui.host import PRUNING
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.text import by_hand, health

_NOT_NOW, _LOOK, _RUN = "not now", "look", "run"
"""What is answered before a job starts."""


class ChecksScreen(Framed):
    """A screen of checks, one of which is chosen."""

    @property
    def picture(self) -> Picture | None:
        """What is known by now."""
        return self.host.state.health

    @property
    def row(self) -> Row | None:
        """The chosen check; None if nothing is known yet."""
        raise NotImplementedError


def nothing_known() -> str:
    """Why nothing can be done yet."""
    return _("No check is chosen.")


def what_fix_does(row: Row) -> str:
    """The key that does something about a check, and what it would do; empty if there is none."""
    fix = health.fix_of(row)
    if fix:
        name = labels.job(health.job_kind(fix))
        return f"{shown_key('f')} " + _("runs: {job} (mtn {command})").format(job=name, command=" ".join(fix))
    if row.check.emergency and row.status is Status.FAIL:
        return f"{shown_key('3')} " + _("leads through the emergency, step by step")
    return ""


def what_instead(row: Row) -> str:
    """Why no key does anything about a check, and what to type where something has to be done."""
    if row.known is None:
        return _("Not looked at yet: [r] looks.")
    if row.well:
        return _("Nothing to mend: it is ok.")
    return by_hand.why_no_key(row.known.result.leading)


def no_fixing(screen: ChecksScreen) -> str:
    """Why ``f`` does nothing; empty if it does something."""
    if why := read_only(screen):
        return why
    row = screen.row
    if row is None:
        return nothing_known()
    fix = health.fix_of(row)
    if fix:
        kind, host = health.job_kind(fix), screen.host
        running = host.state.running(kind, host.database)
        return _("It is running already: job {id}.").format(id=running.id) if running else ""
    return what_fix_does(row) or what_instead(row)


def fix(screen: ChecksScreen) -> None:
    """Start the job that mends the chosen check; ask first if that costs something.

    Before something is deleted, what would go can be looked at.
    """
    row, host = screen.row, screen.host
    assert row is not None  # noqa: S101 - why_not has looked
    command = health.fix_of(row)
    name = labels.job(health.job_kind(command))

    def start() -> None:
        if command[0] == "backup":
            from mtn_tui.ui.screens import backing_up

            backing_up.begin(host, Kind(command[1]))
        else:
            host.start_job(list(command), name)

    if not health.asks_first(command):
        start()
        return

    def chosen(answer: str | None) -> None:
        if answer == _LOOK:
            host.show(PRUNING)
        elif answer == _RUN:
            start()

    said = [row.known.result.leading.says if row.known else "", health.cost(command)]
    look = [Answer(_("See first what would go"), _LOOK)] if command == ("prune",) else []
    answers = [Answer(_("Not now"), _NOT_NOW), *look, Answer(health.do_it(command), _RUN)]
    host.open_screen(Ask(_("Run it now: {job}?").format(job=name), said, answers), chosen)


def no_rechecking(screen: ChecksScreen) -> str:
    """Why ``r`` does nothing; empty if it does something."""
    row = screen.row
    if row is None:
        return nothing_known()
    if row.check.writes:
        return _("It writes a few bytes into the store: mtn doctor does that.")
    return ""


def recheck(screen: ChecksScreen) -> None:
    """Look at the chosen check again."""
    assert screen.row is not None  # noqa: S101 - why_not has looked
    screen.host.recheck(screen.row.check.id)
    told = _("Looking again: {check}. {key} looks at all.")
    screen.host.show_status(told.format(check=screen.row.check.title(), key=shown_key("R")))


def recheck_all(screen: ChecksScreen) -> None:
    """Look at all of them again, and at the stores."""
    screen.host.reload()
    screen.host.show_status(_("Looking at every check again."))


def sign_off(screen: ChecksScreen) -> None:
    """Ask for a name and a note, and sign the morning off."""
    from mtn_tui.ui.screens.sign_off import NamePrompt, NotePrompt

    host, picture = screen.host, screen.picture
    if picture is None:
        host.show_status(nothing_known(), "warn")
        return

    def noted(name: str, note: str | None) -> None:
        if note is None:
            return
        context = host.context

        def sign() -> tuple[str, str]:
            signed, error = signing.sign(context, name, note, picture.statuses)
            if error:
                return unrecorded(error), "warn"
            return _("Signed off by {name}.").format(name=signed.name), "good"

        host.write_down(sign, lambda said: host.show_status(*said))

    def named(name: str | None) -> None:
        if name is not None:
            host.open_screen(NotePrompt(name), lambda note: noted(name, note))

    host.open_screen(NamePrompt(picture), named)
