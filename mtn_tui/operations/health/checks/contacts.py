"""Runbook 9: are the people to call filled in, or still those of the example?"""

from __future__ import annotations

from collections.abc import Iterator

from mtn_tui.core import contacts as people
from mtn_tui.core.errors import ConfigError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.inspection import Inspection

_NAME = "contacts"


def contacts(inspection: Inspection) -> Iterator[Check]:
    """Who of contacts.toml can't be called, for what is filled in is a placeholder."""
    path = inspection.context.settings.contacts_file
    try:
        found = people.load(path).people
    except ConfigError as error:
        yield Check(_NAME, Status.WARN, error.title, error.hint, "9")
        return
    empty = {key: missing for key, one in found.items() if (missing := one.unfilled())}
    if not found or empty:
        text = _("{empty} of {count} people in {path} can't be called: {names}.").format(
            path=path,
            count=len(found),
            empty=len(empty),
            names="; ".join(f"{key} ({', '.join(missing)})" for key, missing in empty.items()) or "—",
        )
        short = _("{empty} of {count} people can't be called").format(empty=len(empty), count=len(found))
        hint = _("Fill in their real names, addresses and telephone numbers: {path}").format(path=path)
        yield Check(_NAME, Status.WARN, text, hint, "9", short=short)
        return
    text = ngettext("{path} has {count} person to call.", "{path} has {count} people to call.", len(found))
    yield Check(_NAME, Status.OK, text.format(path=path, count=len(found)), runbook="9")
