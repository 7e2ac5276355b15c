"""Dialogs of the databases that restores have replaced or left beside: which there are, and dropping one."""

from __future__ import annotations

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.restore.kept import Kept, drop_question, every_kept, names_known
from mtn_tui.postgres.connection import MAINTENANCE, connect
from mtn_tui.ui.actions import read_only_said
from mtn_tui.ui.host import Host
from mtn_tui.ui.screens.ask import Answer, Ask, Said


def show_kept(host: Host) -> None:
    """Ask the server which there are, and list them; the one that is chosen can be dropped."""
    context = host.context

    def look() -> list[Kept]:
        with connect(context.server, MAINTENANCE, "mtn kept") as server:
            return every_kept(server, context.settings, names_known(context.settings))

    def seen(found: list[Kept]) -> None:
        if not found:
            host.show_status(_("No restore has left a database behind."))
            return
        _list(host, found)

    host.look_first(_("Asking the server …"), look, seen)


def _list(host: Host, found: list[Kept]) -> None:
    title = _("Databases that restores have replaced or left beside")
    listed = {one.name: _line(host, one) for one in found}
    if host.read_only:
        host.open_screen(Said(title, [*listed.values(), read_only_said()]))
        return

    def chosen(name: str | None) -> None:
        if name:
            _ask(host, next(one for one in found if one.name == name))

    answers = [Answer(_("Back"), ""), *(Answer(line, name) for name, line in listed.items())]
    host.open_screen(
        Ask(title, [_("The one that is chosen can be dropped; that is asked first.")], answers), chosen
    )


def _line(host: Host, one: Kept) -> str:
    age = labels.age(one.since, host.context.clock.now()) if one.since else "—"
    return f"{one.name}  {age}  {labels.size(one.size)}"


def _ask(host: Host, one: Kept) -> None:
    def agreed(yes: bool | None) -> None:
        if yes:
            host.start_job(["kept", "drop", "--yes", "--", one.name], labels.job("kept-drop"))

    answers = [Answer(_("Not now"), False), Answer(_("Drop it"), True)]
    host.open_screen(Ask(drop_question(one), [], answers), agreed)
