"""``mtn demo --list`` and ``--incident``: practise an incident on temporary servers."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mtn_tui.cli import diagnostics, output, screens
from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _

if TYPE_CHECKING:
    from mtn_tui.demo.incidents import PracticeIncident
    from mtn_tui.demo.scene import Scene


@dataclass(frozen=True)
class Happened:
    """An incident in progress."""

    incident: PracticeIncident
    scene: Scene
    at: datetime
    mails: Counter[str]
    """Subjects of the mails that had arrived before it."""

    def story(self) -> list[str]:
        """What has happened and when it is solved, in the language in use."""
        from mtn_tui.demo.story import story

        return story(self.incident, self.scene, self.at)


def list_incidents(*, as_json: bool) -> None:
    """Print the incidents that can be practised."""
    from mtn_tui.demo.incidents import INCIDENTS

    if as_json:
        output.as_json([{"name": one.name, "said": one.said()} for one in INCIDENTS])
        return
    width = max(len(one.name) for one in INCIDENTS)
    output.lines(f"{one.name:<{width}}  {one.said()}" for one in INCIDENTS)


def find(name: str) -> PracticeIncident:
    """Return an incident by name. Raises UsageError if there is none, or without a terminal."""
    from mtn_tui.demo import incidents

    found = incidents.find(name)
    # Stdout may be redirected, for instance with --json: the screens are drawn on stderr.
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            _("A practice incident needs a terminal: it is you who practises."),
            _("mtn demo --headless shows what the program does by itself."),
        )
    screens.must_be_able_to_draw()
    return found


def begin(incident: PracticeIncident, scene: Scene) -> Happened:
    """Make the incident happen; the time counts from here."""
    from mtn_tui.demo.scene import subjects

    mails = subjects(scene.stack)
    scene = incident.happen(scene)
    happened = Happened(incident, scene, scene.context.clock.now(), mails)
    for paragraph in happened.story():
        diagnostics.say(paragraph)
    diagnostics.say(_("The screens show this again: [P], or [:] and its name, “What is practised”."))
    return happened


def tell(happened: Happened, *, as_json: bool) -> int:
    """Print the evaluation. Returns 0: all went well. 1: the school works again. 2: it does not."""
    from mtn_tui.demo import verdict
    from mtn_tui.demo.evaluation import evaluate

    found = evaluate(happened.scene, happened.incident, happened.at, happened.mails)
    well = verdict.well(found)
    if as_json:
        output.as_json({**found.facts(), "well": well})
    else:
        output.prose(verdict.lines(found))
    return 0 if well else 1 if found.recovered else 2
