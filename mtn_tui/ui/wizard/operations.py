"""The operations that the wizard runs, given to it so that pictures of it need no servers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from mtn_tui.operations.common.checks import Check
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.incident import loss, messages
from mtn_tui.operations.incident.assess import Assessment, assess
from mtn_tui.operations.incident.messages import Alert
from mtn_tui.operations.incident.remains import still_there
from mtn_tui.operations.incident.steps import Planning
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.inventory.select import choose
from mtn_tui.operations.recover.found import Recovery
from mtn_tui.operations.recover.found import Request as RecoverRequest
from mtn_tui.operations.recover.recover import look as look_beside
from mtn_tui.operations.restore.lost_rows import RowsNow, rows_now
from mtn_tui.operations.restore.plan import Target, look_at, plan
from mtn_tui.operations.restore.validate import Validated, validate
from mtn_tui.operations.services.health import Answer, health


def _chosen(context: Context, handle: str) -> Backup:
    return choose(context, wanted=handle).backup


def _health(context: Context) -> tuple[Answer, ...]:
    settings = context.settings
    return health(settings.service_health_urls, settings.alert_ca_file)


def _rows(context: Context, backup: Backup) -> RowsNow | None:
    return rows_now(context, backup, "mtn difference")


@dataclass(frozen=True)
class WizardOperations:
    """Operations that may take long: each runs on a background thread."""

    assess: Callable[[Context, Callable[[Check], None]], Assessment] = assess
    find: Callable[[Context, str], Backup] = _chosen
    plan: Planning = plan
    target: Callable[[Context, str, Backup], Target] = look_at
    rows: Callable[[Context, Backup], RowsNow | None] = _rows
    validate: Callable[[Context, str, Backup], Validated] = validate
    recovery: Callable[[Context, RecoverRequest], Recovery] = look_beside
    recount: Callable[[Context], Mapping[str, int]] = loss.recount
    still_there: Callable[[Context, Collection[str]], frozenset[str]] = still_there
    health: Callable[[Context], tuple[Answer, ...]] = _health
    send: Callable[[Context, Alert, Sequence[str]], dict[str, object]] = messages.send
