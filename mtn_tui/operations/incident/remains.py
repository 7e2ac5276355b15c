"""What an incident leaves on the server: databases that stay until somebody drops them."""

from __future__ import annotations

from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.state import Incident, RecoveryMode, Step, StepStatus


def set_aside(incident: Incident) -> list[tuple[str, str]]:
    """The databases that restores of step 4 took the place of, each time it was done: a sentence, and what
    drops it."""
    restored = [one for one in incident.records if one.event == "done" and one.step is Step.STAGING]
    names = dict.fromkeys(str(one.facts["kept"]) for one in restored if one.facts.get("kept"))
    return [labels.set_aside(name) for name in names]


def remains(incident: Incident) -> list[tuple[str, str]]:
    """All that stays beside production: the restored one in a recovery beside it, then what it replaced."""
    restored = incident.steps[Step.STAGING]
    database = restored.facts.get("database")
    stays = incident.way is RecoveryMode.BESIDE and restored.standing is StepStatus.DONE and database
    return [*([labels.stays(str(database))] if stays else []), *set_aside(incident)]
