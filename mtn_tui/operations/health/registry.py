"""The functions that look, by the ids of the catalogue. Everything that judges health goes through these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mtn_tui.core.errors import MtnError
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health.checks.alerts import alerts
from mtn_tui.operations.health.checks.bucket import bucket
from mtn_tui.operations.health.checks.configuration import configuration, environment
from mtn_tui.operations.health.checks.contacts import contacts
from mtn_tui.operations.health.checks.copies import bucket_answers, copies, uploads
from mtn_tui.operations.health.checks.differentials import differentials
from mtn_tui.operations.health.checks.disk import disk, server_disk
from mtn_tui.operations.health.checks.drill import drill
from mtn_tui.operations.health.checks.errors import errors
from mtn_tui.operations.health.checks.folders import folders
from mtn_tui.operations.health.checks.full import full
from mtn_tui.operations.health.checks.horizon import horizon
from mtn_tui.operations.health.checks.key import key, key_of_backups
from mtn_tui.operations.health.checks.key_elsewhere import key_elsewhere
from mtn_tui.operations.health.checks.last_runs import last_runs
from mtn_tui.operations.health.checks.leftovers import leftovers
from mtn_tui.operations.health.checks.machine import machine
from mtn_tui.operations.health.checks.monitoring import monitoring
from mtn_tui.operations.health.checks.objectives import objectives
from mtn_tui.operations.health.checks.permissions import permissions
from mtn_tui.operations.health.checks.retention import retention
from mtn_tui.operations.health.checks.role import role
from mtn_tui.operations.health.checks.rows import rows
from mtn_tui.operations.health.checks.same_stores import same_stores
from mtn_tui.operations.health.checks.schedule import schedule
from mtn_tui.operations.health.checks.server import pg_dump, server
from mtn_tui.operations.health.checks.services import services
from mtn_tui.operations.health.checks.sizes import sizes
from mtn_tui.operations.health.checks.state import state
from mtn_tui.operations.health.checks.suspect import suspect
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.runner import Look


def _failing(name: str, look: Callable[[Context], Iterable[Check]]) -> Look:
    """A look by the context alone, whose error is what it has found."""

    def looked(inspection: Inspection) -> Iterator[Check]:
        try:
            yield from look(inspection.context)
        except MtnError as error:
            yield Check(name, Status.FAIL, error.title, error.hint, error.runbook)

    return looked


LOOKS: dict[str, Look] = {
    "full": full,
    "differentials": differentials,
    "objectives": objectives,
    "errors": errors,
    "monitoring": monitoring,
    "last-runs": last_runs,
    "disk": disk,
    "server-disk": server_disk,
    "sizes": sizes,
    "drill": drill,
    "bucket-answers": bucket_answers,
    "copies": copies,
    "uploads": uploads,
    "retention": retention,
    "schedule": schedule,
    "configuration": configuration,
    "environment": environment,
    "key": _failing("key", key),
    "key-of-backups": key_of_backups,
    "key-elsewhere": key_elsewhere,
    "folders": _failing("folders", folders),
    "permissions": permissions,
    "state": _failing("state", state),
    "server": _failing("server", server),
    "rows": rows,
    "role": _failing("role", role),
    "horizon": horizon,
    "leftovers": _failing("leftovers", leftovers),
    "pg_dump": _failing("pg_dump", pg_dump),
    "bucket": _failing("bucket", bucket),
    "stores": same_stores,
    "suspect": suspect,
    "alerts": _failing("alerts", alerts),
    "contacts": contacts,
    "services": services,
    "machine": lambda _inspection: machine(),
}
"""By the ids of ``catalogue.CHECKS``."""
