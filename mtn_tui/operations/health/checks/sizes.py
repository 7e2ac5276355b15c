"""Runbook 8.2: what takes which room, by kind, and what the last week has added."""

from __future__ import annotations

import os
from collections.abc import Iterator

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.models import Kind
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.growth import WEEK
from mtn_tui.operations.health.inspection import Inspection

_NAME = "sizes"


def sizes(inspection: Inspection) -> Iterator[Check]:
    """The backups in each store, of all databases, and the logs. Raises KeyFileError."""
    context, inventory = inspection.context, inspection.inventory
    for store in context.stores:
        if error := inventory.unreachable.get(store.name):
            text = _("The {store} does not answer: {reason}")
            text = text.format(store=labels.store(store.name), reason=error.title)
            yield Check(_NAME, Status.UNKNOWN, text, error.hint, "8.2")
            continue
        there = [(one, copy.size) for one in inventory.backups if (copy := one.copy_in(store.name))]
        fulls = [size for one, size in there if one.kind is Kind.FULL]
        differentials = [size for one, size in there if one.kind is Kind.DIFF]
        week = sum(size for one, size in there if inspection.now - one.moment <= WEEK)
        text = _("{store}: {fulls}; {differentials}; {week} of it from the last 7 days.").format(
            store=labels.store(store.name),
            fulls=ngettext("{count} full, {size}", "{count} fulls, {size} in all", len(fulls)).format(
                count=len(fulls), size=labels.size(sum(fulls))
            ),
            differentials=ngettext(
                "{count} differential, {size}", "{count} differentials, {size} in all", len(differentials)
            ).format(count=len(differentials), size=labels.size(sum(differentials))),
            week=labels.size(week),
        )
        figures = {
            f"{store.name}_fulls_bytes": float(sum(fulls)),
            f"{store.name}_differentials_bytes": float(sum(differentials)),
            f"{store.name}_last_week_bytes": float(week),
        }
        yield Check(_NAME, Status.OK, text, runbook="8.2", figures=figures)
    yield _logs(inspection)


def _logs(inspection: Inspection) -> Check:
    settings = inspection.context.settings
    total = 0
    for folder in {settings.log_dir, settings.metrics_dir}:
        try:
            with os.scandir(folder) as entries:
                total += sum(one.stat(follow_symlinks=False).st_size for one in entries if one.is_file())
        except FileNotFoundError:
            continue  # no run has made it yet, or a file went meanwhile
        except OSError as error:
            text = _("{folder} can't be looked at: {reason}.").format(folder=folder, reason=error.strerror)
            return Check(_NAME, Status.UNKNOWN, text, _("See its owner and mode."), "7.1")
    text = _("Logs and metrics: {size}.").format(size=labels.size(total))
    return Check(_NAME, Status.OK, text, runbook="8.2", figures={"logs_bytes": float(total)})
