"""What an incident leaves on the server: databases that stay until somebody drops them."""

from __future__ import annotations

from collections.abc import Callable, Collection

from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.incident.state import Incident, RecoveryMode, Step, StepStatus
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, connect

_APPLICATION = "mtn remains"


def still_there(context: Context, names: Collection[str]) -> frozenset[str]:
    """Those of the databases ``names`` that the server has. Raises PostgresError if it can't be asked."""
    with connect(context.server, MAINTENANCE, _APPLICATION) as connection:
        return frozenset(databases.names(connection)).intersection(names)


def names(incident: Incident) -> list[str]:
    """The names of all databases that its restores and its swap have left, as its records have them."""
    return [*(name for name, _stays in _left(incident)), *_kept(incident, Step.PRODUCTION)]


def set_aside(incident: Incident) -> list[tuple[str, str]]:
    """The databases that restores of step 4 took the place of, each time it was done: a sentence, and what
    drops it."""
    return [labels.set_aside(name) for name in _kept(incident, Step.STAGING)]


def remains(incident: Incident, gone: Callable[[str], bool] = lambda _name: False) -> list[tuple[str, str]]:
    """All that stays beside production: the restored one in a recovery beside it, then what it replaced.

    A sentence, and what drops it; that is empty for those that are ``gone``, where the sentence says so.
    """
    return [(labels.dropped(name), "") if gone(name) else stays for name, stays in _left(incident)]


def _left(incident: Incident) -> list[tuple[str, tuple[str, str]]]:
    restored = incident.steps[Step.STAGING]
    database = restored.facts.get("database")
    stays = incident.way is RecoveryMode.BESIDE and restored.standing is StepStatus.DONE and database
    ours = [(str(database), labels.stays(str(database)))] if stays else []
    return [*ours, *((name, labels.set_aside(name)) for name in _kept(incident, Step.STAGING))]


def _kept(incident: Incident, step: Step) -> list[str]:
    ended = [one for one in incident.records if one.event == "done" and one.step is step]
    return list(dict.fromkeys(str(one.facts["kept"]) for one in ended if one.facts.get("kept")))
