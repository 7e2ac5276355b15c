"""All that can be done, once: keys, footer, ``?`` and ``:`` are made from this list.

Labels and sentences are translated each time the list is made, so that a change
of language is seen at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType

from mtn_tui.core.i18n import _
from mtn_tui.operations.incident.state import Step
from mtn_tui.ui import reasons

if TYPE_CHECKING:
    from mtn_tui.ui.app import MtnApp

FOOTER = 7
"""Keys in a footer, at most."""

BACKUPS, DETAILS, LOGS, JOBS, HELP = "backups", "details", "logs", "jobs", "help"
EMERGENCY, INCIDENT = "emergency", "incident"
"""Screens."""


def _never(_app: MtnApp) -> str:
    return ""


@dataclass(frozen=True)
class Action:
    """``screens`` it belongs to; to all where there are none. ``id`` is its name after ``:``.

    It is carried out by ``do_<id>`` of the screen, else of the app.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    screens: tuple[str, ...] = ()
    footer: bool = False
    why_not: Callable[[MtnApp], str] = _never
    """Why it can't be done now; empty where it can."""

    def belongs(self, screen: str) -> bool:
        return not self.screens or screen in self.screens


def actions() -> tuple[Action, ...]:
    """In the order of the footer and of the help."""
    return (
        Action("help", ("?", "f1"), _("Help"), _("Shows what can be done, and with which key."), footer=True),
        Action(
            "details",
            ("enter",),
            _("Details"),
            _("Shows all that is known of the chosen backup: its copies, and the rows of every table."),
            (BACKUPS,),
            why_not=reasons.no_backup,
        ),
        Action(
            "backup",
            ("b",),
            _("Back up"),
            _("Backs the whole database up, to disk and bucket, and reads it back."),
            (BACKUPS,),
            footer=True,
            why_not=reasons.no_backing_up,
        ),
        Action(
            "verify",
            ("v",),
            _("Verify"),
            _("Reads every copy of the chosen backup through, and records how far it is proven."),
            (BACKUPS, DETAILS),
            footer=True,
            why_not=lambda app: reasons.read_only(app) or reasons.no_backup(app),
        ),
        Action(
            "restore",
            ("R",),
            _("Restore"),
            _("Restores the chosen backup into a database that is not production; asks for its name."),
            (BACKUPS, DETAILS),
            footer=True,
            why_not=reasons.no_restoring,
        ),
        Action(
            "filter",
            ("/",),
            _("Filter"),
            _("Shows only some backups, such as: kind:full age:<7d proof:complete"),
            (BACKUPS,),
            footer=True,
        ),
        Action(
            "sort",
            ("o",),
            _("Order"),
            _("Orders the list by moment, by size or by how far they are proven."),
            (BACKUPS,),
        ),
        Action(
            "pin",
            ("p",),
            _("Pin"),
            _("Keeps the chosen backup whatever its age, or no longer."),
            (BACKUPS, DETAILS),
            footer=True,
            why_not=reasons.no_pinning,
        ),
        Action(
            "accept",
            ("a",),
            _("Accept"),
            _("Says of a suspect backup that somebody looked, and that it is right."),
            (BACKUPS, DETAILS),
            why_not=reasons.no_accepting,
        ),
        Action(
            "follow",
            ("f",),
            _("Follow"),
            _("Stays at the end of the logs while they grow, or no longer."),
            (LOGS,),
            footer=True,
        ),
        Action(
            "level",
            ("l",),
            _("Level"),
            _("Shows all lines, then warnings and errors, then errors only."),
            (LOGS,),
            footer=True,
        ),
        Action("source", ("s",), _("Source"), _("Shows one log only, or all."), (LOGS,), footer=True),
        Action(
            "search",
            ("/",),
            _("Search"),
            _("Shows only lines that a regular expression matches; case counts where it has a capital."),
            (LOGS,),
            footer=True,
        ),
        Action("error", ("e",), _("Next error"), _("Goes to the next error."), (LOGS,), footer=True),
        Action("error_before", ("E",), _("Error before"), _("Goes back to the error before."), (LOGS,)),
        Action("wrap", ("w",), _("Wrap"), _("Shows long lines whole, or cut at the edge."), (LOGS,)),
        Action(
            "copy",
            ("y",),
            _("Copy"),
            _("Sends the chosen line to the clipboard of your terminal, where it takes it."),
            (LOGS,),
            why_not=reasons.no_line,
        ),
        Action(
            "open",
            ("o",),
            _("Open"),
            _("Opens the file of the chosen line in $PAGER, and comes back."),
            (LOGS,),
            why_not=reasons.no_line,
        ),
        Action(
            "cancel",
            ("c",),
            _("Cancel"),
            _("Asks the chosen job to stop; it stops cleanly. Asks first."),
            (JOBS,),
            footer=True,
            why_not=reasons.no_cancelling,
        ),
        Action(
            "next",
            ("enter",),
            _("Next"),
            _("Does what the line above the job bar says: each step's next thing."),
            (EMERGENCY,),
            footer=True,
            why_not=reasons.no_next,
        ),
        Action(
            "note",
            ("n",),
            _("Note"),
            _("Writes a line into the incident's report, with the time and your name."),
            (EMERGENCY,),
            footer=True,
            why_not=reasons.not_at_it,
        ),
        Action(
            "called",
            ("c",),
            _("Called"),
            _("Marks somebody as called; asks whom."),
            (EMERGENCY,),
            footer=True,
            why_not=reasons.no_calling,
        ),
        Action(
            "incident",
            ("i",),
            _("Incident"),
            _("Shows all that has happened in the incident, as its report will have it."),
            (EMERGENCY,),
            footer=True,
            why_not=reasons.no_report,
        ),
        Action(
            "again",
            ("a",),
            _("Once more"),
            _("Looks again; of a step that is over, does it again, and all after it. Asks first."),
            (EMERGENCY,),
            why_not=reasons.not_at_it,
        ),
        Action(
            "skip",
            ("s",),
            _("Leave out"),
            _("Leaves a step out, with a reason that stands in the report."),
            (EMERGENCY,),
            why_not=reasons.no_skipping,
        ),
        Action(
            "take",
            ("t",),
            _("Take over"),
            _("Takes the incident over from whoever has it; they are told. Asks first."),
            (EMERGENCY,),
            why_not=reasons.no_taking,
        ),
        Action(
            "severity",
            ("v",),
            _("Severity"),
            _("In step 1, changes how severe it is: that decides whom to call, and when."),
            (EMERGENCY,),
            why_not=lambda app: reasons.only_in(app, Step.ASSESS),
        ),
        Action(
            "start",
            ("d",),
            _("Start the server"),
            _("In step 1, runs DATABASE_START_COMMAND. Asks first."),
            (EMERGENCY,),
            why_not=reasons.no_starting,
        ),
        Action(
            "yes",
            ("y",),
            _("Put in place"),
            _("In step 6, gives the restored database production's name, where nothing has it."),
            (EMERGENCY,),
            why_not=reasons.no_yes,
        ),
        Action(
            "tick",
            ("x",),
            _("Tick"),
            _("In step 7, says that you have seen what the cursor is on, with your name."),
            (EMERGENCY,),
            why_not=lambda app: reasons.only_in(app, Step.SERVICES),
        ),
        Action("backups", ("2",), _("Backups"), _("Shows the backups of both stores.")),
        Action(
            "emergency",
            ("3",),
            _("Emergency"),
            _("Restores step by step when the database is lost, or shows where that stands."),
        ),
        Action("logs", ("4",), _("Logs"), _("Shows every log and journal, merged by time.")),
        Action("jobs", ("j",), _("Jobs"), _("Shows what is running, and what ran."), footer=True),
        Action(
            "reload",
            ("r",),
            _("Read again"),
            _("Asks the stores again what they hold. That is done by itself after every job."),
        ),
        Action("command", (":",), _("Command"), _("Runs any of these by its name."), footer=True),
        Action("language", ("L",), _("Language"), _("Speaks Spanish instead of English, or the other way.")),
        Action("theme", ("T",), _("Theme"), _("Draws on a light ground instead of a dark one, or back.")),
        Action(
            "back",
            ("escape", "backspace"),
            _("Back"),
            _("Goes back to where you came from; on the list of backups, ends the filter."),
            footer=True,
        ),
        Action(
            "quit",
            ("q",),
            _("Quit"),
            _("Ends the program. Jobs go on unless you say else."),
            footer=True,
        ),
    )


_NOT_IN_FOOTER = {
    BACKUPS: ("jobs", "back", "command"),
    DETAILS: ("jobs", "command"),
    HELP: ("help", "jobs"),
    LOGS: ("jobs", "back", "command"),
    EMERGENCY: ("jobs", "command"),
}


def footer(screen: str) -> list[Action]:
    """What the footer of a screen shows."""
    hidden = _NOT_IN_FOOTER.get(screen, ())
    shown = [one for one in of(screen) if one.footer and one.id not in hidden and one.id != screen]
    return shown[:FOOTER]


def of(screen: str) -> list[Action]:
    return [one for one in actions() if one.belongs(screen)]


def find(name: str) -> Action | None:
    """By what was typed after ``:``, an action's id or its label in the reader's language."""
    wanted = name.strip().casefold()
    for one in actions():
        if wanted in (one.id, one.label.casefold()):
            return one
    return None


def bindings(screens: Iterable[str]) -> list[BindingType]:
    """The keys of what belongs to ``screens``; of what belongs everywhere where there are none."""
    wanted = set(screens)
    chosen = [one for one in actions() if (wanted & set(one.screens) if wanted else not one.screens)]
    return [Binding(key, f"app.perform('{one.id}')", show=False) for one in chosen for key in one.keys]


def shown_key(key: str) -> str:
    """As people write it."""
    return {"enter": "enter", "escape": "esc", "backspace": "backspace"}.get(
        key, key.upper() if key.startswith("f") and key[1:].isdigit() else key
    )
