"""What an action is, and those of every screen.

Keys, footer, ``?`` and ``:`` are made from actions. A screen has its own beside
it; the app collects them. Labels and sentences are translated each time they are
listed, so that a change of language is seen at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType

from mtn_tui.core import i18n
from mtn_tui.core.i18n import _
from mtn_tui.ui.host import (
    BACKUPS,
    CHECKLIST,
    EMERGENCY,
    HELP,
    JOBS,
    KEPT,
    LOGS,
    PRACTICE,
    Host,
    Place,
    Practice,
)

PRACTICE_KEY = "P"

FOOTER = 7
"""Keys in a footer, at most."""

_SPARE = ("command", "jobs", "incident", "note", "quit", "called", "filter")
"""Actions that a footer can do without, the least needed first."""

_BACK = "back"
"""The action that every footer of a screen with a way back has."""

P_contra = TypeVar("P_contra", contravariant=True)


def _always_possible(_place: object) -> str:
    return ""


@dataclass(frozen=True)
class Action(Generic[P_contra]):
    """Something that can be done on a screen of type ``P_contra``. ``id`` is its name after ``:``."""

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    perform: Callable[[P_contra], object]
    """Performs it on the screen."""
    footer: bool = False
    why_not: Callable[[P_contra], str] = _always_possible
    """Why it can't be performed now; empty if it can."""
    footer_when_possible: bool = False
    """Whether the footer has it only where it can be performed."""
    shows_first: bool = False
    """Whether its screen is also opened only to look: then nothing is said of the key by which it is done."""
    also: str = ""
    """Other words that people type for it after ``:``, in the language in use."""


AnyAction: TypeAlias = Action[Any]
"""An action in a list; it is only performed on a screen that lists it."""


def read_only(place: Place) -> str:
    """Why nothing may be changed; empty if it may."""
    return read_only_said() if place.host.read_only else ""


def read_only_said() -> str:
    """Says that nothing may be changed."""
    return _("This screen was opened with --read-only: it changes nothing.")


def in_order(own: Iterable[AnyAction], host: Host | None = None) -> tuple[AnyAction, ...]:
    """A screen's own actions among the general ones, in the order of the footer and of the help.

    A general action is left out whose key means something else on this screen. ``host`` as for ``general``.
    """
    listed = tuple(own)
    taken = {key for one in listed for key in one.keys}
    first, *others = (one for one in general(host) if taken.isdisjoint(one.keys))
    return (first, *listed, *others)


def general(host: Host | None = None) -> tuple[Action[Place], ...]:
    """The actions of every screen; with the app, also the one that only a practice has."""
    practice = host.practice if host is not None else None
    return (*_always(), *((_practice(practice),) if practice is not None else ()))


def _practice(practice: Practice) -> Action[Place]:
    return Action(
        PRACTICE,
        (PRACTICE_KEY,),
        _("What is practised") if practice.is_judged else _("What this is"),
        _("Shows again what has happened, and when it is solved.")
        if practice.is_judged
        else _("Shows again what this demo is, and what to try."),
        lambda place: place.host.show(PRACTICE),
        also=_("story exercise incident"),
    )


def _always() -> tuple[Action[Place], ...]:
    return (
        Action(
            "help",
            ("?", "f1"),
            _("Help"),
            _("Shows what can be done, and with which key."),
            lambda place: place.host.show(HELP),
            footer=True,
        ),
        Action(
            CHECKLIST,
            ("1",),
            _("Checklist"),
            _("Shows whether all is well, what is not, and what fixes it."),
            lambda place: place.host.show(CHECKLIST),
            also=_("status health warnings everything okay"),
        ),
        Action(
            BACKUPS,
            ("2",),
            _("Backups"),
            _("Shows the backups of both stores."),
            lambda place: place.host.show(BACKUPS),
        ),
        Action(
            EMERGENCY,
            ("3",),
            _("Emergency"),
            _("Restores step by step when the database is lost, or shows where that stands."),
            lambda place: place.host.show(EMERGENCY),
            also=_("incident report call undo restart restore deleted lost missing gone"),
        ),
        Action(
            LOGS,
            ("4",),
            _("Logs"),
            _("Shows every log and journal, merged by time."),
            lambda place: place.host.show(LOGS),
            also=_("log journal"),
        ),
        Action(
            JOBS,
            ("j",),
            _("Jobs"),
            _("Shows what is running, and what ran."),
            lambda place: place.host.show(JOBS),
            footer=True,
        ),
        Action(
            KEPT,
            ("K",),
            _("Kept databases"),
            _("Lists the databases that restores replaced or left beside, and drops one. Asks first."),
            lambda place: place.host.show(KEPT),
            also=_("drop recovery staging undo"),
        ),
        Action(
            "reload",
            ("r",),
            _("Read again"),
            _("Asks the stores again what they hold. This also happens after every job."),
            _reload,
        ),
        Action(
            "command",
            (":",),
            _("Command"),
            _("Runs any of these by its name."),
            lambda place: place.host.show_palette(),
            footer=True,
        ),
        Action(
            "language",
            ("L",),
            _("Language"),
            _("Switches from English to Spanish, or back."),
            _switch_language,
        ),
        Action(
            "theme",
            ("T",),
            _("Theme"),
            _("Draws on a light ground instead of a dark one, or back."),
            lambda place: place.host.switch_theme(),
        ),
        Action(
            "back",
            ("escape", "backspace"),
            _("Back"),
            _("Goes back to where you came from; on the list of backups, ends the filter."),
            lambda place: place.back(),
            footer=True,
        ),
        Action(
            "quit",
            ("q",),
            _("Quit"),
            _("Ends the program. Jobs go on unless you say otherwise."),
            lambda place: place.host.leave(),
            footer=True,
        ),
    )


def _reload(place: Place) -> None:
    place.host.reload()
    place.host.show_status(_("Asking the stores."))


def _switch_language(place: Place) -> None:
    speaking = i18n.use("en" if i18n.language() == "es" else "es")
    place.host.reload()  # what checks and stores have said is in the other language
    place.host.show_status({"en": "English", "es": "Español"}[speaking])


def footer(
    listed: Iterable[AnyAction],
    hidden: Sequence[str],
    width: int,
    possible: Callable[[AnyAction], bool],
) -> list[AnyAction]:
    """The listed actions that have room in a footer of ``width`` cells, without the ``hidden`` ones.

    ``possible`` tells whether one can be performed now. The way back is always among them; where not all
    have room, general ones are left out first: ``?`` has them.
    """
    wanted = [
        one
        for one in listed
        if one.id not in hidden and (one.footer or (one.footer_when_possible and possible(one)))
    ]
    shown, room = list[AnyAction](), width
    for one in sorted(wanted, key=_need):
        if len(shown) < FOOTER and cell_len(in_footer(one)) <= room:
            shown.append(one)
            room -= cell_len(in_footer(one))
    return [one for one in wanted if one in shown]


def _need(one: AnyAction) -> int:
    """An action's place in a footer with too little room: the way back comes first."""
    if one.id == _BACK:
        return 0
    return 1 + len(_SPARE) - _SPARE.index(one.id) if one.id in _SPARE else 1


def in_footer(one: AnyAction) -> str:
    """An action's key and label, as a footer has them."""
    return f" {shown_key(one.keys[0])} {one.label.lower()}"


def bindings(listed: Sequence[AnyAction]) -> list[BindingType]:
    """The keys of these actions."""
    return [Binding(key, f"app.perform('{one.id}')", show=False) for one in listed for key in one.keys]


def shown_key(key: str) -> str:
    """A key as every text writes it: ``[enter]``, so that ``[y]`` and ``[a]`` are no words."""
    name = key.upper() if key.startswith("f") and key[1:].isdigit() else key
    return f"[{'esc' if key == 'escape' else name}]"
