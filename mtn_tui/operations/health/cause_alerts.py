"""Tells people of the causes that ``causes`` finds: what was told is kept in the state folder.

``health/<database>.causes.json``, in the state folder or, where that takes no file, in a
spare one (see ``engine.recordplace``); the latest counts. Whoever looks has a turn for as
long as the messages take to send, so that two looks at once don't tell the same twice. A
crash before the end of the turn tells it again, and never loses it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mtn_tui.core import contacts
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.contacts import Call
from mtn_tui.core.errors import ConfigError
from mtn_tui.core.i18n import _
from mtn_tui.core.moments import read_moment
from mtn_tui.core.redact import redact
from mtn_tui.engine import recordplace
from mtn_tui.engine.locks import slug, turn
from mtn_tui.engine.statefiles import open_found, refusal, write_whole
from mtn_tui.operations.alerts.message import Level
from mtn_tui.operations.alerts.notify import SendResult, notify
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health.catalogue import BY_ID
from mtn_tui.operations.health.causes import Cause, Judged, judge
from mtn_tui.operations.health.runner import Result


@dataclass(frozen=True)
class Draft:
    """An alert that is to be sent."""

    level: Level
    subject: str
    body: str
    facts: tuple[tuple[str, str], ...] = ()
    to: tuple[str, ...] = ()
    """E-mail addresses besides ALERT_EMAIL."""

    def joined(self, other: Draft) -> Draft:
        """Both as one message, under this one's subject."""
        level = Level.ERROR if Level.ERROR in (self.level, other.level) else self.level
        to = tuple(dict.fromkeys((*self.to, *other.to)))
        return Draft(level, self.subject, f"{self.body}\n\n{other.body}", self.facts, to)


@contextmanager
def due(
    context: Context, results: Sequence[Result], held: frozenset[str] = frozenset()
) -> Iterator[tuple[Draft, ...]]:
    """Yields the alerts that these results call for, at most one of causes and one of recoveries.

    They are to be sent in the block; at its end they count as sent. None are due with
    ENABLE_MONITORING=false. ``held`` are checks that people hear of otherwise. Raises
    StorageError or Locked, at its end as well: then they are due again.
    """
    if not context.settings.enable_monitoring:
        yield ()
        return
    with turn(context.locks, f"{context.settings.db_name} causes"):
        known = load(context)
        people, trouble = _people(context)
        judged = judge(known, results, people, context.clock.now(), held)
        yield tuple(_drafts(context, judged, trouble))
        if judged.causes != known:
            _save(context, judged.causes)


def send(context: Context, draft: Draft, token: CancelToken | None = None) -> SendResult:
    """Send one; see ``notify``."""
    return notify(
        context, draft.level, draft.subject, draft.body, facts=draft.facts, to=draft.to, token=token
    )


def load(context: Context) -> tuple[Cause, ...]:
    """The causes that are known. Empty if there are none, or they can't be read."""
    latest: tuple[datetime, tuple[Cause, ...]] | None = None
    for folder in recordplace.folders(context.state, context.settings.temp_dir):
        try:
            with os.fdopen(open_found(_path(context, folder)), encoding="utf-8") as file:
                found = json.load(file)
            at = read_moment(found["at"])
            causes = tuple(_read(one) for one in found["causes"] if one["check"] in BY_ID)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        if latest is None or at > latest[0]:
            latest = (at, causes)
    return latest[1] if latest else ()


def _save(context: Context, causes: Iterable[Cause]) -> None:
    path = _path(context, context.record_place.folder or context.state)
    record = {"at": context.clock.now().isoformat(), "causes": [_record(one) for one in causes]}
    try:
        write_whole(path, json.dumps(record, ensure_ascii=False).encode() + b"\n")
    except OSError as error:
        raise refusal(error, path) from error


def _path(context: Context, folder: Path) -> Path:
    return folder / "health" / f"{slug(context.settings.db_name)}.causes.json"


def _record(one: Cause) -> dict[str, object]:
    return {
        "check": one.check,
        "finding": one.finding,
        "status": one.status.value,
        "since": one.since.isoformat(),
        "says": redact(one.says),
        "hint": redact(one.hint),
        "runbook": one.runbook,
        "announced": one.announced,
        "heard_of": one.heard_of,
        "told": dict(one.told),
        "before": dict(one.before),
    }


def _read(record: Mapping[str, Any]) -> Cause:
    return Cause(
        str(record["check"]),
        str(record["finding"]),
        Status(record["status"]),
        read_moment(record["since"]),
        str(record["says"]),
        str(record["hint"]),
        str(record["runbook"]),
        announced=bool(record["announced"]),
        heard_of=bool(record["heard_of"]),
        told={str(key): str(to) for key, to in record["told"].items()},
        before={str(key): str(to) for key, to in record["before"].items()},
    )


def _people(context: Context) -> tuple[contacts.Contacts | None, str]:
    try:
        return contacts.load(context.settings.contacts_file), ""
    except ConfigError as error:
        return None, error.title


def _drafts(context: Context, judged: Judged, trouble: str) -> Iterator[Draft]:
    if judged.alerts:
        yield _alert(context, judged, trouble)
    if judged.recovered:
        yield _recovery(context, judged.recovered)


def _alert(context: Context, judged: Judged, trouble: str) -> Draft:
    alerts, now = judged.alerts, context.clock.now()
    critical = any(one.status is Status.FAIL for one in alerts)
    if len(alerts) == 1:
        text = f"{_title(alerts[0])}: {alerts[0].says}"
    else:
        text = _("{count} problems: {titles}").format(count=len(alerts), titles=_titles(alerts))
    if all(one.announced for one in alerts):
        lasted = (now - min(one.since for one in alerts)).total_seconds()
        text = _("not solved for {time}: {text}").format(time=labels.duration(lasted), text=text)
    subject = (_("CRITICAL: {text}") if critical else _("WARNING: {text}")).format(text=text)
    lines = []
    for one in alerts:
        since = _("Since {moment}.").format(moment=labels.moment(one.since))
        section = _("(runbook {section})").format(section=one.runbook) if one.runbook else ""
        head = f"{one.status.glyph} {_title(one)}: {one.says}"
        lines += [" ".join(filter(None, (head, since, section))), *one.hint.splitlines(), ""]
    lines += _who(judged, trouble)
    to = (*(call.person.email for call in judged.tell), *judged.also.values())
    sections = dict.fromkeys(one.runbook for one in alerts if one.runbook)
    facts = [(_("Runbook"), ", ".join(sections))] if sections else []
    return Draft(
        Level.ERROR if critical else Level.WARNING,
        subject,
        "\n".join(lines).strip(),
        (*facts, (_("See"), "mtn check")),
        tuple(dict.fromkeys(filter(None, to))),
    )


def _who(judged: Judged, trouble: str) -> Iterator[str]:
    mailed = [call.person.name for call in judged.tell if call.person.email]
    if mailed:
        yield _("Notified: {names}").format(names=", ".join(mailed))
    without = [
        f"{call.person.name} {call.person.phone}".strip() for call in judged.tell if not call.person.email
    ]
    if without:
        yield _("No e-mail address, to be called: {names}").format(names=", ".join(without))
    if judged.off_duty:
        yield _("Off duty, not notified: {names}").format(names=", ".join(map(_back, judged.off_duty)))
    if judged.next_at is not None:
        text = _("Unless it is solved by then, others are notified from {moment} on.")
        yield text.format(moment=labels.moment(judged.next_at))
    if trouble:
        yield _("No contact was notified: {reason}").format(reason=trouble)


def _back(call: Call) -> str:
    if call.back_at is None:
        return call.person.name
    return _("{name} (from {moment} on)").format(name=call.person.name, moment=labels.moment(call.back_at))


def _recovery(context: Context, recovered: Sequence[Cause]) -> Draft:
    now = context.clock.now()
    lines = []
    for one in recovered:
        lasted = labels.duration(max((now - one.since).total_seconds(), 0.0))
        text = _("{title} is ok again. Since {moment}, for {time}, it was: {says}")
        lines.append(
            f"{Status.OK.glyph} "
            + text.format(title=_title(one), moment=labels.moment(one.since), time=lasted, says=one.says)
        )
    to = [address for one in recovered for address in one.everyone.values() if address]
    return Draft(
        Level.SUCCESS,
        _("Solved: {titles}").format(titles=_titles(recovered)),
        "\n".join(lines),
        ((_("See"), "mtn check"),),
        tuple(dict.fromkeys(to)),
    )


def _title(one: Cause) -> str:
    return BY_ID[one.check].title()


def _titles(causes: Iterable[Cause]) -> str:
    return ", ".join(dict.fromkeys(map(_title, causes)))
