"""What the health checks say to the screens: an installation on disk has no server to be asked.

Of its backups and its key they say what is so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.models import Rung
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health import registry
from mtn_tui.operations.health.catalogue import CHECKS
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.runner import Look
from mtn_tui.postgres.connect_errors import Attempt, explain

REAL = {name: registry.LOOKS[name] for name in ("full", "key", "key-of-backups", "suspect")}
"""Those that need no server, and by which the header tells an installation from another."""

_HOUR = 3600.0


def saying(check_id: str, *findings: Check) -> dict[str, Look]:
    """One check that says this."""

    def look(_inspection: Inspection) -> Iterable[Check]:
        return findings

    return {check_id: look}


def calm() -> dict[str, Look]:
    """All is well."""
    looks: dict[str, Look] = {}
    for one in CHECKS:
        looks |= saying(one.id, Check(one.id, Status.OK, "ok"))
    return looks | {"objectives": _objectives}


def lifelike() -> dict[str, Look]:
    """As a healthy server, disk and bucket would have it, in the language of the moment."""
    return calm() | {"differentials": _differentials} | {name: _usual(name) for name in _USUAL} | REAL


def amiss() -> dict[str, Look]:
    """No full for two days, no server, and alerts that nobody has read."""

    def full(_inspection: Inspection) -> Iterator[Check]:
        moment = _inspection.now.replace(hour=5, minute=0, second=4, day=22)
        text = _("{age} old, of {moment}, {size}; the limit is {limit} h. Proven: {proven}.").format(
            age=labels.age(moment, _inspection.now),
            moment=labels.moment(moment),
            size=labels.size(4_200_000_000),
            limit=26,
            proven=labels.proven(Rung.COMPLETE),
        )
        hint = _("Make one now: mtn backup full. Then see why the last did not run: mtn job list")
        short = _("{age} old, ✔ {rung}, limit {limit} h").format(
            age=labels.age(moment, _inspection.now), limit=26, rung=labels.rung(Rung.COMPLETE)
        )
        yield Check("full", Status.FAIL, text, hint, "6.2", fix=("backup", "full"), short=short)

    def alerts(_inspection: Inspection) -> Iterator[Check]:
        text = _("Nobody has confirmed yet that an alert by {channel} arrives.")
        hint = _("Send one: mtn notify --test. Then with the token that arrives: mtn notify --ack TOKEN")
        yield Check("alerts", Status.WARN, text.format(channel=labels.channel("mail")), hint, "6.3")

    return lifelike() | {"full": full, "alerts": alerts}


def overdue() -> dict[str, Look]:
    """What retention should have deleted days ago is still there."""

    def retention(_inspection: Inspection) -> Iterator[Check]:
        text = ngettext(
            "{count} copy should have been deleted over {days} days ago, {size}: {name}.",
            "{count} copies should have been deleted over {days} days ago, {size}; the oldest: {name}.",
            6,
        ).format(count=6, days=2, size=labels.size(19_000_000_000), name="q7kx2mam")
        hint = _("See what would go, and why: mtn prune --dry-run")
        yield Check("retention", Status.WARN, text, hint, "4.3", fix=("prune",))

    return lifelike() | {"retention": retention}


def no_server(_inspection: Inspection) -> Iterator[Check]:
    """The server does not answer."""
    down = explain(Attempt("db1:5432", "admision", "admision", "connection refused"))
    yield Check("server", Status.FAIL, down.title, down.hint, down.runbook)


def _objectives(inspection: Inspection) -> Iterator[Check]:
    text = _("RPO {now} of {target}: what was written since {moment} would be lost.").format(
        now=labels.duration(41 * 60), target=labels.duration(_HOUR), moment=labels.moment(inspection.now)
    )
    figures = {"rpo_seconds": 41 * 60.0, "rpo_target_seconds": _HOUR}
    short = _("RPO {now} of {target}").format(now=labels.minutes(41), target=labels.duration(_HOUR))
    short += " · " + _("RTO {now} of {target}").format(
        now=labels.minutes(11), target=labels.duration(4 * _HOUR)
    )
    yield Check("rpo", Status.OK, text, runbook="4.1", figures=figures, short=short)


def _differentials(inspection: Inspection) -> Iterator[Check]:
    text = _("{count} of {due} due today").format(count=7, due=7)
    text += ", " + _("the last {age} ago, of {moment}.").format(
        age=labels.age(inspection.now, inspection.now), moment=labels.moment(inspection.now)
    )
    short = (
        _("{count} of {due} due today").format(count=7, due=7)
        + ", "
        + _("last {age} ago").format(age=labels.age(inspection.now, inspection.now))
    )
    yield Check("differentials", Status.OK, text, runbook="4.1", short=short)


def _usual(name: str) -> Look:
    def look(_inspection: Inspection) -> Iterator[Check]:
        yield Check(name, Status.OK, _(_USUAL[name]).format(**_FACTS))

    return look


_FACTS = {
    "path": Path("/srv/mtn/config/backup.conf"),
    "folder": Path("/srv/mtn/state"),
    "name": "mtn",
    "version": "15.14",
    "host": "db1",
    "port": 5432,
    "database": "Admisión_MTN_DB",
    "place": "mtn-backups @ s3.mtn.cl",
    "count": 3,
    "major": 15,
    "tables": "users 812, applications 1,204, interviews 640",
}
_USUAL: Mapping[str, str] = {
    "configuration": "The configuration is {path}.",
    "environment": "No setting is taken from the environment.",
    "state": "Jobs are recorded in {folder}.",
    "server": "PostgreSQL {version} answers at {host}:{port}, and has the database {database}.",
    "rows": "As many rows as in the backups of the last week: {tables}.",
    "role": "The role {name} may read all tables and restore.",
    "leftovers": "No killed job has left anything on the server.",
    "stores": "{place} is the same store as before, as far as is known.",
    "machine": "Jobs go on when their operator logs out.",
}
"""By the words that the checks themselves say."""
