"""What can be done to the backup that a screen is about."""

from __future__ import annotations

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.inventory.marks import Marked, accept, pin
from mtn_tui.ui.screens.framed import Framed


class ActsOnBackup(Framed):
    """``backup`` is not None where these are called: the registry has looked."""

    def do_verify(self) -> None:
        assert self.backup is not None  # noqa: S101
        self.mtn.start_job(["verify", self.backup.handle], labels.job("verify"))

    def do_restore(self) -> None:
        from mtn_tui.ui.screens.target import Target

        backup = self.backup
        assert backup is not None  # noqa: S101

        def chosen(target: str | None) -> None:
            if target is None:
                return
            extra = ["--legacy"] if backup.legacy else []
            arguments = ["restore", backup.handle, "--target", target, *extra]
            self.mtn.start_job(arguments, labels.job("restore"))

        self.app.push_screen(Target(backup), chosen)

    def do_pin(self) -> None:
        backup, context = self.backup, self.mtn.context
        assert backup is not None  # noqa: S101
        on = backup.pinned is None

        def work() -> str:
            done = pin(context, backup, on)
            said = _("Pinned: kept whatever its age") if on else _("No longer pinned")
            return _and_where(said, done)

        self.mtn.change(work)

    def do_accept(self) -> None:
        backup, context = self.backup, self.mtn.context
        assert backup is not None  # noqa: S101
        self.mtn.change(lambda: _and_where(_("Accepted: no longer suspect"), accept(context, backup)))


def _and_where(said: str, marked: Marked) -> str:
    """Also where it could not be written down, and why."""
    said += f" ({', '.join(labels.store(store) for store in marked.stores)})."
    for store, error in marked.failed.items():
        said += " " + _("Not in the {store}: {reason}").format(store=labels.store(store), reason=error.title)
    return said
