"""The contacts of runbook section 9: people, their hours, and whom each severity notifies, and when.

They are configured in ``config/contacts.toml``. Everything except ``load`` is
a pure function of that file and of the time.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mtn_tui.core.errors import ConfigError
from mtn_tui.core.i18n import _
from mtn_tui.core.values import LONGEST, WrongValue, check_email

RUNBOOK = "9"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPANISH = {"lun": 0, "mar": 1, "mie": 2, "mié": 2, "jue": 3, "vie": 4, "sab": 5, "sáb": 5, "dom": 6}
_NUMBERS = {**{name: number for number, name in enumerate(_DAYS)}, **_SPANISH}
_RANGE = re.compile(
    r"([a-zéá]{3})(?:\s*-\s*([a-zéá]{3}))?\s+(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})", re.IGNORECASE
)
_ALWAYS = "24/7"
_BRACKETED = re.compile(r"\s*[\[<].*[\]>]\s*")
_UNBRACKETED = str.maketrans("", "", "[]")
_NO_NUMBER = re.compile(r"[xX]{2,}|(\d)\1{6,}")
"""``+56 9 XXXX XXXX``, ``+56 9 0000 0000``."""
_EXAMPLE = re.compile(r"@(?:.*\.)?example(?:\.\w+)*$|\.(?:test|invalid|example|localhost)$", re.IGNORECASE)
_DAY = 24 * 60
_WEEK = 7
_LARGEST = 1 << 18
_HORIZON = timedelta(days=9)
"""Hours recur weekly; if a clock change skips them once, the next ones are more than a week away."""


class Severity(StrEnum):
    """How severe an incident is, as contacts.toml spells it."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def unbracketed(name: str) -> str:
    """A name without the brackets of a role in its place: on screens and in reports these mean keys."""
    return name.translate(_UNBRACKETED)


@dataclass(frozen=True)
class Hours:
    """Spans of the week in minutes since Monday 00:00, local time; the end is exclusive.

    ``text`` is the original text. When the clock is set back, the repeated hour
    counts both times.
    """

    text: str
    spans: tuple[tuple[int, int], ...]

    def contain(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Return whether ``moment`` falls within these hours in the time zone ``zone``."""
        local = moment.astimezone(zone)
        minute = local.weekday() * _DAY + local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.spans)

    def next(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the first whole minute after ``moment`` within these hours, or ``moment`` itself if it is.

        None if there is none within the next nine days.
        """
        if self.contain(moment, zone):
            return moment
        at = moment.astimezone(UTC).replace(second=0, microsecond=0)
        last = at + _HORIZON
        while at < last:
            at += timedelta(minutes=1)
            if self.contain(at, zone):
                return at
        return None


def parse_hours(text: str) -> Hours:
    """Parse ``24/7``, or spans such as ``mon-fri 08:00-18:00, sat 10:00-13:00``; Spanish day names work too.

    A span may cross midnight (``fri 22:00-06:00``) and the end of the week.
    Raises WrongValue.
    """
    if text.strip() == _ALWAYS:
        return Hours(_ALWAYS, ((0, _WEEK * _DAY),))
    spans: list[tuple[int, int]] = []
    for part in text.split(","):
        spans += _spans(part.strip())
    return Hours(text.strip(), tuple(sorted(spans)))


def _spans(part: str) -> list[tuple[int, int]]:
    found = _RANGE.fullmatch(part)
    days = [_NUMBERS.get(name.lower()) for name in (found[1], found[2] or found[1])] if found else [None]
    if found is None or None in days:
        raise _not_hours()
    start, end = int(found[3]) * 60 + int(found[4]), int(found[5]) * 60 + int(found[6])
    if int(found[4]) > 59 or int(found[6]) > 59 or start >= _DAY or end > _DAY or start == end:
        raise _not_hours()
    first, last = days[0] or 0, days[1] or 0
    spans = []
    for number in range(first, first + (last - first) % _WEEK + 1):
        begins = (number % _WEEK) * _DAY + start
        ends = begins + (end - start) % _DAY if end != _DAY else begins + _DAY - start
        spans.append((begins, min(ends, _WEEK * _DAY)))
        if ends > _WEEK * _DAY:
            spans.append((0, ends - _WEEK * _DAY))
    return spans


def _not_hours() -> WrongValue:
    return WrongValue(
        _("must be hours of the week"),
        _('Write them like hours = "mon-fri 08:00-18:00", or "24/7"; separate several with commas.'),
    )


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError):
        raise WrongValue(
            _("must be a time zone that this machine knows"), _('Write it like zone = "America/Santiago".')
        ) from None
    return text


def _email(text: str) -> str:
    return check_email(text) if text else text


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


Text = Annotated[str, Field(min_length=1)]


class Person(_Strict):
    """A person to notify. ``level`` is their level in the runbook, None for those above it."""

    key: str
    """The name by which escalation steps refer to this person."""
    name: Text
    role: Text
    level: Annotated[int, Field(ge=1, le=9)] | None = None
    email: Annotated[str, AfterValidator(_email)] = ""
    phone: str = ""
    hours: Annotated[Hours, BeforeValidator(lambda text: parse_hours(str(text)))] = parse_hours(_ALWAYS)

    def unfilled(self) -> list[str]:
        """What is still a placeholder, in words; both ways to reach them, where there is none."""
        missing = []
        if self.is_role:
            missing.append(_("name"))
        if self.email and _EXAMPLE.search(self.email):
            missing.append(_("e-mail"))
        if self.phone and not self.number:
            missing.append(_("phone"))
        if not self.email and not self.phone:
            missing += [_("e-mail"), _("phone")]
        return missing

    @property
    def is_role(self) -> bool:
        """Whether its name is still a placeholder."""
        return bool(_BRACKETED.fullmatch(self.name))

    @property
    def called(self) -> str:
        """The name as screens show it: a role in place of one has no brackets there, which mean keys."""
        return unbracketed(self.name)

    @property
    def number(self) -> str:
        """The telephone number; empty if there is none, or a placeholder."""
        return "" if _NO_NUMBER.search(re.sub(r"[\s()./-]", "", self.phone)) else self.phone

    @property
    def reached_by(self) -> str:
        """The telephone number, or the address of who has none."""
        if self.phone and not self.number:
            return _("no number yet: contacts.toml")
        return self.phone or self.email


class Step(_Strict):
    """Whom to notify ``after`` so many minutes from the start of an incident."""

    after: Annotated[int, Field(ge=0, le=LONGEST)]
    tell: Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Rule(_Strict):
    """What a severity demands: the time to respond, and the escalation steps."""

    respond_within: Annotated[int, Field(gt=0, le=LONGEST)]
    """Minutes."""
    steps: Annotated[tuple[Step, ...], BeforeValidator(_listed)] = ()


class Contacts(_Strict):
    """The parsed contacts.toml."""

    zone: Annotated[str, AfterValidator(_zone)]
    """The time zone of all hours in the file."""
    people: Mapping[str, Person]
    severity: Mapping[Annotated[Severity, Field(strict=False)], Rule]


@dataclass(frozen=True)
class Call:
    """A person to notify, and when."""

    person: Person
    due: datetime
    """UTC."""
    reachable: bool
    """Whether they are within their hours now, or at the due time if that is later."""
    back_at: datetime | None
    """When their hours next begin, in UTC; None if reachable."""

    def is_due(self, now: datetime) -> bool:
        """Return whether this person should have been notified by ``now``."""
        return self.due <= now


def who_to_tell(contacts: Contacts, severity: Severity, since: datetime, now: datetime) -> tuple[Call, ...]:
    """Return the calls to make for an incident that began at ``since``, in their order.

    People outside their hours are included with ``reachable`` false, so that this
    can be reported. A person named by several steps appears once, with the
    earliest call. Overdue calls are included.
    """
    rule = contacts.severity.get(severity)
    zone = ZoneInfo(contacts.zone)
    calls: dict[str, Call] = {}
    for step in sorted(rule.steps if rule else (), key=lambda step: step.after):
        due = since.astimezone(UTC) + timedelta(minutes=step.after)
        for key in step.tell:
            person = contacts.people[key]
            at = max(due, now.astimezone(UTC))
            reachable = person.hours.contain(at, zone)
            back = None if reachable else person.hours.next(at, zone)
            calls.setdefault(key, Call(person, due, reachable, back))
    return tuple(calls.values())


def next_escalation(calls: tuple[Call, ...], now: datetime) -> datetime | None:
    """Return when the next person is to be notified; None if nobody is left."""
    return min((call.due for call in calls if not call.is_due(now)), default=None)


def load(path: Path | None) -> Contacts:
    """Read CONTACTS_FILE.

    Raises ConfigError, with the line and a fix, if it can't be read or is invalid,
    and if ``path`` is None: the configured file is not used, since others could change it.
    """
    if path is None:
        raise ConfigError(
            _("CONTACTS_FILE is not used: others could change it."), _("mtn doctor says who."), RUNBOOK
        )
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError(
            _("There is no file of contacts at {path}.").format(path=path),
            _("Correct CONTACTS_FILE; or let mtn init in another folder write one, and fill it in there."),
            RUNBOOK,
        ) from None
    except OSError as error:
        raise ConfigError(
            _("The contacts {path} cannot be read: {reason}.").format(path=path, reason=error.strerror),
            _("Correct CONTACTS_FILE, or the permissions of the file."),
            RUNBOOK,
        ) from None
    try:
        if len(data) > _LARGEST:
            raise ValueError
        text = data.decode("utf-8-sig")
    except ValueError:
        raise ConfigError(
            _("{path} is no file of contacts: it is too large, or not text in UTF-8.").format(path=path),
            _("See how it looks in the example that mtn init writes."),
            RUNBOOK,
        ) from None
    return parse(text, path)


def parse(text: str, path: Path) -> Contacts:
    """Parse and check the text of a contacts file; ``path`` is for messages. Raises ConfigError."""
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also raised for endless numbers and nested brackets
        raise ConfigError(
            _("{path} is not TOML: {reason}.").format(path=path, reason=error),
            _("Correct that line. Texts go in double quotes, as in the example that mtn init writes."),
            RUNBOOK,
        ) from None
    people = found.get("people")
    if isinstance(people, dict):
        for key, person in people.items():
            if isinstance(person, dict):
                person["key"] = key
    try:
        contacts = Contacts.model_validate(found)
    except ValidationError as error:
        raise _wrong(error, text, path) from None
    for severity, rule in contacts.severity.items():
        for step in rule.steps:
            for key in step.tell:
                if key not in contacts.people:
                    raise _at(
                        text,
                        path,
                        ("severity", severity.value, "steps"),
                        _("names {name}, who is not in it").format(name=key),
                        _("Add [people.{name}], or name another: {known}").format(
                            name=key, known=", ".join(contacts.people)
                        ),
                    )
    return contacts


def _wrong(error: ValidationError, text: str, path: Path) -> ConfigError:
    detail = error.errors(include_url=False, include_input=False)[0]
    place = tuple(str(part) for part in detail["loc"] if part != "[key]")
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, WrongValue):
        return _at(text, path, place, cause.reason, cause.fix)
    fix = _("See how it looks in the example that mtn init writes.")
    if detail["type"] == "missing":
        return _at(text, path, place, _("is missing"), fix)
    if detail["type"] == "extra_forbidden":
        return _at(text, path, place, _("is not known here"), _("Remove it, or correct its name."))
    return _at(text, path, place, _("can't be used: {reason}").format(reason=detail["msg"]), fix)


def _at(text: str, path: Path, place: tuple[str, ...], reason: str, fix: str) -> ConfigError:
    line = _line_of(text, place)
    title = _("{path}, line {line}: {key} {reason}.") if line else _("{path}: {key} {reason}.")
    return ConfigError(title.format(path=path, line=line, key=".".join(place), reason=reason), fix, RUNBOOK)


def _line_of(text: str, place: tuple[str, ...]) -> int:
    """Return the line number, from 1, of the deepest part of ``place`` that can be found; 0 if none.

    tomllib reports no positions, so this searches for table headers and keys.
    """
    best, depth = 0, 0
    table: tuple[str, ...] = ()
    here: tuple[str, ...]
    for number, line in enumerate(text.splitlines(), 1):
        header = re.fullmatch(r"\s*\[+\s*([^\]]+?)\s*\]+\s*(?:#.*)?", line)
        if header:
            table = tuple(part.strip(" \"'") for part in header[1].split("."))
            here = table
        elif assigned := re.match(r"\s*[\"']?([\w-]+)[\"']?\s*=", line):
            here = (*table, assigned[1])
        else:
            continue
        if len(here) > depth and here == place[: len(here)]:
            best, depth = number, len(here)
    return best
