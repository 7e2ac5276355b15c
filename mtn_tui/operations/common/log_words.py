"""What a line of our own logs says, in words; in the log it is ``event field=value``, for programs."""

from __future__ import annotations

import re

from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.core.printable import one_line, printable
from mtn_tui.engine.joblog import fields_of
from mtn_tui.operations.common import labels

_OURS = re.compile(r'([a-z][a-z-]*)((?: \w+=(?:"(?:[^"\\]|\\.)*"|[^\s"=\\]*))+)')
_SENTENCES = ("title", "text", "reason")
_ABOUT = ("name", "path", "table", "tables", "columns", "target", "keys", "database", "store", "traceback")
"""What an event is about."""


def in_words(text: str) -> str:
    """What the text of a line says; the text itself where it is not in our form, or was shortened."""
    found = _OURS.fullmatch(text)
    if found is None:
        return text
    event, fields = found[1], {name: _flat(value) for name, value in fields_of(found[2]).items()}
    said = next((fields[name] for name in _SENTENCES if fields.get(name)), "")
    about = ", ".join(fields[name] for name in _ABOUT if fields.get(name))
    if "title" in fields:
        said, about = f"{said} {fields.get('hint', '')}".strip(), ""
    elif "text" in fields and event not in known():
        return said or text  # a warning is a whole sentence
    told = ": ".join(part for part in (about, said) if part)
    return f"{_label(event)}: {told}" if told else text


def _flat(value: str) -> str:
    return printable(one_line(value))


def _label(event: str) -> str:
    if event in [state.value for state in JobState]:
        return labels.state(JobState(event))
    return known().get(event) or event.replace("-", " ")


def known() -> dict[str, str]:
    """The events that a log has as a warning or an error, in words."""
    return {
        "another-key": _("Another key"),
        "bucket-not-asked": _("The bucket was not asked"),
        "card-not-left": _("The restore card was not left"),
        "causes-not-kept": _("What alerts have told was not kept"),
        "causes-not-known": _("What alerts have told is not known"),
        "dropped-to-make-room": _("Dropped to make room"),
        "failed-while-cancelling": _("Failed while it was cancelled"),
        "from-the-environment": _("Set by the environment"),
        "full-instead": _("A full instead of a differential"),
        "leftover": _("Left over"),
        "may-not-fit": _("It may not fit"),
        "name-not-claimed": _("The name was not claimed"),
        "no-file-lock": _("Without a lock file"),
        "no-keys": _("The keys of the rows were not kept"),
        "no-statistics": _("The statistics were not read"),
        "not-deleted": _("Not deleted"),
        "not-looked-for": _("Not looked for"),
        "not-swept": _("Not cleared away"),
        "not-taken-back": _("Not taken back"),
        "not-tried": _("Not tried"),
        "restore-refused": _("The restore was refused"),
        "rows-not-kept": _("The rows of the error were not kept"),
        "rows-not-on-a-standby": _("Rows that a standby does not have"),
        "scratch-left": _("A scratch database was left"),
        "sequences-behind": _("Sequences are behind their columns"),
        "store-not-compared": _("The store was not compared with what it was"),
        "store-not-remembered": _("The store was not remembered"),
        "unexpected": _("Unexpected error"),
        "upload-failed": _("The upload failed"),
    }
