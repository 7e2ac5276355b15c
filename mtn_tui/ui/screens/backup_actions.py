"""What can be done to the backup that a screen is about."""

from __future__ import annotations

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.inventory import labels as copy_labels
from mtn_tui.operations.inventory.marks import Marked, accept, pin
from mtn_tui.operations.inventory.model import Backup, CopyStatus
from mtn_tui.ui.actions import Action, read_only
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.screens.framed import Framed


class BackupScreen(Framed):
    """A screen that is about a backup."""

    @property
    def backup(self) -> Backup | None:
        """The backup that actions are performed on."""
        raise NotImplementedError

    @property
    def chosen(self) -> Backup:
        """The same, for an action that is only performed on one."""
        assert self.backup is not None  # noqa: S101 - why_not has looked
        return self.backup


def verifying_and_restoring() -> tuple[Action[BackupScreen], ...]:
    """The actions that read a backup, as jobs."""
    return (
        Action(
            "verify",
            ("v",),
            _("Verify"),
            _("Reads every copy of the chosen backup through, and records how far it is proven."),
            _verify,
            footer=True,
            why_not=lambda screen: read_only(screen) or no_backup(screen),
        ),
        Action(
            "restore",
            ("R",),
            _("Restore"),
            _("Restores the chosen backup into a database that is not production; asks for its name."),
            _restore,
            footer=True,
            why_not=_no_restoring,
        ),
        Action(
            "drill",
            ("D",),
            _("Drill"),
            _(
                "Restores the chosen backup beside production, queries it, measures that, and "
                "drops it. Asks first."
            ),
            _drill,
            why_not=_no_drilling,
        ),
    )


def marking() -> tuple[Action[BackupScreen], ...]:
    """The actions that write a mark beside a backup."""
    return (
        Action(
            "pin",
            ("p",),
            _("Pin"),
            _("Keeps the chosen backup whatever its age, or no longer."),
            _pin,
            why_not=_no_pinning,
        ),
        Action(
            "accept",
            ("a",),
            _("Accept"),
            _("Records that a suspect backup was looked at and is right."),
            _accept,
            why_not=_no_accepting,
        ),
    )


def no_backup(screen: BackupScreen) -> str:
    """Why nothing can be done to a backup; empty if one is chosen."""
    return "" if screen.backup else _("No backup is chosen.")


def _no_restoring(screen: BackupScreen) -> str:
    if why := read_only(screen) or no_backup(screen):
        return why
    backup = screen.chosen
    if backup.unusable:
        return _("It can't be restored: {reason}.").format(reason=backup.unusable)
    if (not backup.sound or backup.legacy) and (why := _while_asking(screen)):
        return why
    if not backup.sound:
        standings = ", ".join(sorted({copy_labels.standing(copy.condition) for copy in backup.copies}))
        return _("No copy of it can be restored: {standings}.").format(standings=standings)
    return ""


def _no_drilling(screen: BackupScreen) -> str:
    if why := _no_restoring(screen):
        return why
    return _("It is of the scripts: nothing says what should be in it.") if screen.chosen.legacy else ""


def _no_pinning(screen: BackupScreen) -> str:
    if why := read_only(screen) or no_backup(screen) or _while_asking(screen):
        return why
    if all(copy.standing is CopyStatus.UNFINISHED for copy in screen.chosen.copies):
        return _("It was never finished: there is nothing to keep.")
    return ""


def _no_accepting(screen: BackupScreen) -> str:
    if why := read_only(screen) or no_backup(screen) or _while_asking(screen):
        return why
    return "" if screen.chosen.suspect else _("It is not suspect: there is nothing to accept.")


def _while_asking(screen: BackupScreen) -> str:
    """Why a backup can't be judged yet: a store has not answered."""
    inventory = screen.host.state.inventory
    if inventory is None or not inventory.is_partial:
        return ""
    return _("{stores}: no answer yet").format(stores=labels.stores(inventory.pending))


def _verify(screen: BackupScreen) -> None:
    screen.host.start_job(["verify", screen.chosen.handle], labels.job("verify"))


def _drill(screen: BackupScreen) -> None:
    host, handle = screen.host, screen.chosen.handle

    def chosen(agreed: bool | None) -> None:
        if agreed:
            host.start_job(["drill", handle], labels.job("drill"))

    said = [
        _("The whole backup is loaded beside, on the same server, and dropped again. Nothing is replaced."),
        _("It takes the server's time and disk meanwhile: not during an emergency."),
    ]
    answers = [Answer(_("Not now"), False), Answer(_("Drill"), True)]
    host.open_screen(Ask(_("Run a restore drill with this backup?"), said, answers), chosen)


def _restore(screen: BackupScreen) -> None:
    from mtn_tui.ui.screens.target import Target

    backup, host = screen.chosen, screen.host

    def chosen(target: str | None) -> None:
        if target is None:
            return
        extra = ["--legacy"] if backup.legacy else []
        host.start_job(["restore", backup.handle, "--target", target, *extra], labels.job("restore"))

    host.open_screen(Target(backup), chosen)


def _pin(screen: BackupScreen) -> None:
    backup, context = screen.chosen, screen.host.context
    on = backup.pinned is None

    def work() -> str:
        done = pin(context, backup, on)
        said = _("Pinned: kept whatever its age") if on else _("No longer pinned")
        return _and_where(said, done)

    screen.host.change(work)


def _accept(screen: BackupScreen) -> None:
    backup, context = screen.chosen, screen.host.context
    screen.host.change(lambda: _and_where(_("Accepted: no longer suspect"), accept(context, backup)))


def _and_where(said: str, marked: Marked) -> str:
    """Names the stores that have the mark, and why another has not."""
    said += f" ({', '.join(labels.store(store) for store in marked.stores)})."
    for store, error in marked.failed.items():
        said += " " + _("Not in the {store}: {reason}").format(store=labels.store(store), reason=error.title)
    return said
