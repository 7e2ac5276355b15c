"""What has happened in a practice and when it is solved, or what the demo is."""

from __future__ import annotations

from datetime import datetime

from mtn_tui.core.i18n import _
from mtn_tui.demo.incidents import PracticeIncident
from mtn_tui.demo.scene import Scene
from mtn_tui.operations.common import labels


def story(incident: PracticeIncident, scene: Scene, at: datetime) -> list[str]:
    """Paragraphs in the language in use; ``at`` is when it happened."""
    told = [incident.said(), scene.said() or _("It has happened: the admission system is down.")]
    if not incident.of_backups:  # else the scene has said it
        told.append(
            _(
                "It is solved once the school works with all that could be saved, the alert and the "
                "all-clear are sent, and the incident is closed. [3] leads there, step by step."
            )
        )
    since = _("The time counts from {moment}.").format(moment=labels.moment(at, seconds=True))
    return [*told, since]


def of_the_demo() -> list[str]:
    """What the demo is, and what to try first: paragraphs in the language in use."""
    return [
        _(
            "A made-up school, its database, backups, bucket, mail and services, all on this machine "
            "and in a folder of its own. Whatever you do here harms nothing."
        ),
        _(
            "Try first: [1] whether all is well, [2] the backups ([b] makes one, [v] verifies one), "
            "[3] an emergency, step by step, [4] the logs. [?] says what every key does."
        ),
        # As it is typed once this is over: the demo's own configuration is no more.
        _("Incidents to practise: {command}").format(command="mtn demo --list"),
    ]
