"""Messages about problems in a configuration: what is wrong, where, why, and how to fix it.

The messages never contain a value, since it might be a secret.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic.fields import FieldInfo

from mtn_tui.core.errors import ConfigError
from mtn_tui.core.i18n import _
from mtn_tui.core.shell_value import Assigned
from mtn_tui.core.values import WrongValue


@dataclass(frozen=True)
class Notice:
    """A remark about a configuration that works: what it is about, and what to do."""

    title: str
    hint: str = ""
    standing: bool = False
    """Whether it does no harm and can stay so: ``mtn doctor`` tells it, not each command."""


class Problems:
    """Collects the wrong values of a configuration, so that all are reported at once, and their origins."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.origins: dict[str, str] = {}
        self.outside: set[str] = set()
        """Keys whose values come from the environment."""
        self._found: dict[str, tuple[str, str]] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, key: str, reason: str, fix: str) -> None:
        """Record a problem of ``key``; only the first one of each key is kept.

        ``reason`` completes a sentence that begins with the key; ``fix`` says what to do.
        """
        where = self.origins.get(key, str(self.path))
        if key in self.outside:
            fix = _("Change the environment variable {key}, or unset it.").format(key=key)
        title = _("{key} {reason} ({where}).").format(key=key, reason=reason, where=where)
        self._found.setdefault(key, (title, fix))

    def error(self) -> ConfigError:
        """Return one ConfigError that lists every problem and its fix."""
        titles = [title for title, _fix in self._found.values()]
        fixes = dict.fromkeys(fix for _title, fix in self._found.values() if fix)
        if len(titles) > 1:
            titles.insert(0, _("{count} values are wrong:").format(count=len(titles)))
        return ConfigError("\n".join(titles), "\n".join(fixes))


def explained(key: str, field: FieldInfo, kind: str, cause: object) -> tuple[str, str]:
    """Return why the value of ``key`` is invalid, and a fix; ``kind`` is pydantic's error type."""
    if isinstance(cause, WrongValue):
        return cause.reason, cause.fix
    if kind == "missing":
        example = "Admisión_MTN_DB" if key == "DB_NAME" else "admin"
        return _("is not set"), _("Add a line like {line}").format(line=f'{key}="{example}"')
    limits = {
        word: getattr(it, word) for it in field.metadata for word in ("ge", "gt", "le") if hasattr(it, word)
    }
    if field.annotation is bool:
        reason = _("must be true or false")
    elif "gt" in limits:
        reason = _("must be a number above {low}, {high} at most").format(low=limits["gt"], high=limits["le"])
    elif "ge" in limits and field.annotation is float:
        reason = _("must be a number from {low} to {high}").format(low=limits["ge"], high=limits["le"])
    elif "ge" in limits:
        reason = _("must be a whole number from {low} to {high}").format(low=limits["ge"], high=limits["le"])
    else:
        return _("holds something that cannot be used"), ""
    if field.default is None:
        return reason, _("Remove the line.")
    example = {"True": "true", "False": "false"}.get(str(field.default), str(field.default))
    return reason, _("Write for example {line}").format(line=f'{key}="{example}"')


def doubts(
    assigned: Mapping[str, Assigned], known: Collection[str], secret: Collection[str]
) -> Iterator[Notice]:
    """Yield a notice for each key without effect and for each reference to an unset variable."""
    used = frozenset[str]().union(*(found.refers for found in assigned.values()))
    for key, found in assigned.items():
        if key not in known and key not in used:
            near = difflib.get_close_matches(key, known, 1)
            yield Notice(
                _("{key} (line {line}) is no setting of this program, and has no effect.").format(
                    key=key, line=found.line
                ),
                _("Did you mean {near}?").format(near=near[0]) if near else _("Remove the line."),
                standing=not near,
            )
        if found.unset and key in secret:
            yield Notice(
                _(
                    "{key} (line {line}) holds a $ and a name that is set nowhere; a shell leaves both out."
                ).format(key=key, line=found.line),
                _("Where the characters themselves are meant, put the value in single quotes."),
            )
        elif found.unset and key in known:
            names = ", ".join(f"${name}" for name in sorted(found.unset))
            yield Notice(
                _("{key} (line {line}) refers to {names}, which is set nowhere and so is empty.").format(
                    key=key, line=found.line, names=names
                ),
                _("Set it above that line, or write the value out."),
            )
