"""Runbook 9: are the people to call filled in, or still those of the example?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mtn_tui.core import contacts as people
from mtn_tui.core.contacts import Person
from mtn_tui.core.errors import ConfigError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.inspection import Inspection

_NAME = "contacts"

_BRACKETED = re.compile(r"\s*[\[<].*[\]>]\s*")
_NO_NUMBER = re.compile(r"[xX]{2,}|(\d)\1{6,}")
"""``+56 9 XXXX XXXX``, ``+56 9 0000 0000``."""
_EXAMPLE = re.compile(r"@(?:.*\.)?example(?:\.\w+)*$|\.(?:test|invalid|example|localhost)$", re.IGNORECASE)


def contacts(inspection: Inspection) -> Iterator[Check]:
    """Who of contacts.toml can't be called, for what is filled in is a placeholder."""
    path = inspection.context.settings.contacts_file
    try:
        found = people.load(path).people
    except ConfigError as error:
        yield Check(_NAME, Status.WARN, error.title, error.hint, "9")
        return
    empty = {key: missing for key, one in found.items() if (missing := unfilled(one))}
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


def unfilled(person: Person) -> list[str]:
    """What of a person is a placeholder, in words; both ways to reach them, where there is none."""
    missing = []
    if _BRACKETED.fullmatch(person.name):
        missing.append(_("name"))
    if person.email and _EXAMPLE.search(person.email):
        missing.append(_("e-mail"))
    if person.phone and _NO_NUMBER.search(re.sub(r"[\s()./-]", "", person.phone)):
        missing.append(_("phone"))
    if not person.email and not person.phone:
        missing += [_("e-mail"), _("phone")]
    return missing
