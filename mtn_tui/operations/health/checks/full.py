"""Runbook 4.1: is the last full backup fresh? 6.2: without one of the last 26 hours it is critical."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.core.moments import is_future
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.inventory.model import Backup

LIMIT = timedelta(hours=26)
"""Age of the newest proven full, by runbook 4.1 and 6.2."""

_MAKE = ("backup", "full")


def full(inspection: Inspection) -> Iterator[Check]:
    """How old the newest proven full is, and how far it is proven; newer ones that are not are named.

    Those of the future are named where there is no other.
    """
    every = [one for one in inspection.ours if one.kind is Kind.FULL and one.usable]
    fulls = [one for one in every if not is_future(one.moment, inspection.now)]
    newest = next((one for one in fulls if one.proven), None)
    if newest is None and (ahead := next((one for one in every if one.proven), None)) is not None:
        yield of_the_future("full", ahead)
        return
    if newest is None:
        says = _("There is no full backup yet.")
        hint = _("Make one: mtn backup full")
        if fulls:
            says = _("No full backup is proven; the newest, of {moment}, is only: {rung}.").format(
                moment=labels.moment(fulls[0].moment), rung=labels.rung(fulls[0].rung)
            )
            hint = _("Read it back: mtn verify {name}. Or make one: mtn backup full").format(
                name=shlex.quote(fulls[0].handle)
            )
        yield Check("full", Status.FAIL, says, hint, "4.1", fix=_MAKE)
        return
    age = max(inspection.now - newest.moment, timedelta(0))
    figures = {"full_age_seconds": age.total_seconds(), "full_size_bytes": float(newest.size)}
    told = {
        "age": labels.age(inspection.now - age, inspection.now),
        "moment": labels.moment(newest.moment),
        "size": labels.size(newest.size),
        "limit": str(int(LIMIT.total_seconds() // 3600)),
        "rung": labels.rung(newest.sound[0].rung),
        "proven": labels.proven(newest.sound[0].rung),
    }
    text = _("{age} old, of {moment}, {size}; the limit is {limit} h. Proven: {proven}.").format(**told)
    short = _("{age} old, ✔ {rung}, limit {limit} h").format(**told)
    ok = Check(
        "full",
        Status.OK,
        text,
        runbook="4.1",
        figures=figures,
        short=short,
        aged=newest.moment,
        age=told["age"],
    )
    if age > LIMIT:
        hint = _("Make one now: mtn backup full. Then see why the last did not run: mtn job list")
        if fulls[0] is not newest:
            text += " " + _("A newer one, of {moment}, is not proven.").format(
                moment=labels.moment(fulls[0].moment)
            )
        since = newest.moment + LIMIT
        yield replace(ok, status=Status.FAIL, says=text, hint=hint, runbook="6.2", fix=_MAKE, since=since)
    else:
        yield ok


def of_the_future(name: str, newest: Backup) -> Check:
    """The finding ``name`` where all that could be judged is of the future: a clock is or was wrong."""
    says = _("The newest backup is of {moment}, in the future: nobody knows how old it is.").format(
        moment=labels.moment(newest.moment)
    )
    hint = _(
        "See that this machine's clock and the server's are right (“timedatectl”). Then: mtn backup full"
    )
    return Check(name, Status.UNKNOWN, says, hint, "4.1", fix=_MAKE)
