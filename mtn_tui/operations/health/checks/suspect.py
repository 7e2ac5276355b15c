"""Backups that somebody should look at: suspect ones, and copies that do not hold."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.inspection import Inspection


def suspect(inspection: Inspection) -> Iterator[Check]:
    """Whether any backup has shrunk oddly or is broken. The newest of each is named."""
    backups = inspection.ours
    odd = [one for one in backups if one.suspect]
    broken = [one for one in backups if one.broken]
    if odd:
        text = ngettext(
            "{count} backup is suspect; {name} of {moment}: {reason}.",
            "{count} backups are suspect; the newest, {name} of {moment}: {reason}.",
            len(odd),
        ).format(
            count=len(odd), name=odd[0].handle, moment=labels.moment(odd[0].moment), reason=odd[0].suspect
        )
        hint = _("See whether rows are missing. If it is right so: mtn accept {name}").format(
            name=shlex.quote(odd[0].handle)
        )
        yield Check("suspect", Status.WARN, text, hint, "5.3")
    if broken:
        text = ngettext(
            "{count} backup has a broken copy: {name} of {moment}.",
            "{count} backups have a broken copy; the newest: {name} of {moment}.",
            len(broken),
        )
        if not broken[0].sound:
            text = ngettext(
                "{count} backup has no copy that can be restored: {name} of {moment}.",
                "{count} backups have broken copies; the newest has no other: {name} of {moment}.",
                len(broken),
            )
        text = text.format(count=len(broken), name=broken[0].handle, moment=labels.moment(broken[0].moment))
        text += " " + _("Broken: {stores}.").format(
            stores=labels.stores(one.store.name for one in broken[0].damaged)
        )
        hint = _("See what is wrong: mtn verify {name}. Restores skip it.").format(
            name=shlex.quote(broken[0].handle)
        )
        yield Check("suspect", Status.WARN, text, hint, "5.3")
    if not odd and not broken:
        text = ngettext("No suspect in {count} backup.", "No suspect in {count} backups.", len(backups))
        yield Check("suspect", Status.OK, text.format(count=len(backups)), runbook="5.3")
