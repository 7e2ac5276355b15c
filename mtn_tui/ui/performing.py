"""Does what a key or a name asks for on the screen that the operator is on, or says why not."""

from __future__ import annotations

from mtn_tui.core.i18n import _
from mtn_tui.ui.actions import shown_key
from mtn_tui.ui.host import Host
from mtn_tui.ui.named_screens import of_another_screen
from mtn_tui.ui.screens.framed import Framed


def perform(host: Host, here: Framed, action_id: str) -> bool:
    """Perform an action, say why not, or lead to the screen that has it; whether it was performed."""
    action = next((one for one in here.actions if one.id == action_id), None)
    if action is None:
        name, action = of_another_screen(action_id)
        host.show(name)
        if action.shows_first:
            return False
        key, label = shown_key(action.keys[0]), action.label.lower()
        host.show_status(_("It is done here: {key} {action}").format(key=key, action=label))
        return False
    if why := action.why_not(here):
        host.show_status(why, "warn")
        return False
    action.perform(here)
    return True
