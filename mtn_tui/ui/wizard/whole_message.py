"""``m``: what the server said, whole, where a page has room for its beginning only."""

from __future__ import annotations

from typing import Protocol

from mtn_tui.core.i18n import _
from mtn_tui.ui.actions import Action
from mtn_tui.ui.host import Place
from mtn_tui.ui.screens.ask import Said
from mtn_tui.ui.wizard.page import Page


class WithPage(Place, Protocol):
    """A screen with a page."""

    @property
    def page(self) -> Page:
        """Its page."""


def whole_message() -> Action[WithPage]:
    """The action that shows what the server said where a page has no room for it."""
    return Action(
        "message",
        ("m",),
        _("Whole message"),
        _("Shows what the server said whole, where the page has room for its beginning only."),
        lambda place: place.host.open_screen(Said(_("What the server said"), place.page.cut)),
        why_not=lambda place: "" if place.page.cut else _("Nothing that the server said is cut here."),
    )
