"""Opens screens by their names, and lists the actions of all.

Most screens are imported when the first of them is opened, so that the checklist
appears sooner.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from textual.app import App
from textual.screen import Screen

from mtn_tui.ui.actions import AnyAction, general
from mtn_tui.ui.host import (
    AS_IT_WAS,
    BACKUPS,
    CHECKLIST,
    EMERGENCY,
    HELP,
    JOBS,
    KEPT,
    PRACTICE,
    PRUNING,
    Host,
)
from mtn_tui.ui.screens.checklist import Checklist
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.screens.practice import show_story
from mtn_tui.ui.wizard.navigator import Navigator


def bring_to_front(app: App[None], name: str, here: Framed, navigator: Navigator) -> None:
    """Show the screen of this name; ``here`` is the one that the operator is on."""
    if name == PRACTICE:
        show_story(here.host)
        return
    if name == KEPT:
        from mtn_tui.ui.screens.kept import show_kept

        show_kept(here.host)
        return
    if name in (JOBS, HELP):  # they stand above any other
        if here.where != name:
            app.push_screen(_new_screen(name, here, navigator))
        return
    if not any(_is(screen, name) for screen in app.screen_stack):
        app.push_screen(_new_screen(name, here, navigator))
    while not _is(app.screen, name):
        app.pop_screen()
    if isinstance(app.screen, Checklist):
        app.screen.show_the_worst()


def _is(screen: Screen[Any], name: str) -> bool:
    return isinstance(screen, Framed) and screen.where == name


def _new_screen(name: str, here: Framed, navigator: Navigator) -> Framed:
    from mtn_tui.ui.screens.backup_actions import BackupScreen
    from mtn_tui.ui.screens.backups import Backups
    from mtn_tui.ui.screens.help import Help
    from mtn_tui.ui.screens.jobs import Jobs
    from mtn_tui.ui.screens.logs import Logs
    from mtn_tui.ui.screens.pruning import Pruning
    from mtn_tui.ui.wizard.as_it_was import AsItWas
    from mtn_tui.ui.wizard.screen import Emergency

    if name == HELP:
        return Help(here.own_actions, partial(every_action, here.host))
    if name == EMERGENCY:
        return Emergency(navigator)
    if name == BACKUPS:
        return Backups()
    if name == PRUNING:
        return Pruning()
    if name == AS_IT_WAS:
        return AsItWas(navigator.session, here.backup if isinstance(here, BackupScreen) else None)
    return Jobs() if name == JOBS else Logs()


def open_palette(app: App[None], here: Framed, perform: Callable[[str], None]) -> None:
    """Open the list of all actions; ``perform`` takes the id of the one that is chosen."""
    from mtn_tui.ui.screens.command import CHECK, Command

    def chosen(action_id: str | None) -> None:
        if action_id and action_id.startswith(CHECK):
            if here.where != CHECKLIST:
                perform(CHECKLIST)
            if isinstance(app.screen, Checklist):
                app.screen.choose(action_id.removeprefix(CHECK))
        elif action_id:
            perform(action_id)

    app.push_screen(Command(here, partial(every_action, here.host)), chosen)


def _screens() -> tuple[type[Framed], ...]:
    """The screens with actions of their own, in the order of the help."""
    from mtn_tui.ui.screens.backups import Backups
    from mtn_tui.ui.screens.jobs import Jobs
    from mtn_tui.ui.screens.logs import Logs
    from mtn_tui.ui.screens.pruning import Pruning
    from mtn_tui.ui.wizard.screen import Emergency

    return (Checklist, Backups, Logs, Jobs, Pruning, Emergency)


def every_action(host: Host | None = None) -> tuple[AnyAction, ...]:
    """The actions of all screens, in the order of the help; ``host`` as for ``actions.general``."""
    first, *others = general(host)
    return (first, *(one for screen in _screens() for one in screen.own_actions()), *others)


def of_another_screen(action_id: str) -> tuple[str, AnyAction]:
    """The name of the screen that has this action, and the action."""
    return next(
        (screen.where, one) for screen in _screens() for one in screen.own_actions() if one.id == action_id
    )
