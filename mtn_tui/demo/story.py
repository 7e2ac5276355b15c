"""What has happened in a practice and when it is solved: before the screens open, and again inside."""

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
