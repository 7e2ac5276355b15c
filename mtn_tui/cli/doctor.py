"""``mtn doctor``."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import MtnError, UsageError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.redact import redact
from mtn_tui.core.settings import SECRET_KEYS
from mtn_tui.core.settings_file import load
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health import doctor as doctors
from mtn_tui.operations.health import labels, support, trial
from mtn_tui.operations.health.runner import EXIT, WORST, Result, worst

_ORDER = (Status.OK, *reversed(WORST))
"""What is well first, the worst last: that is what a terminal still shows at the end."""

_NAMED = 6
"""Checks that are named of which the same is to be said."""


@click.command(
    short_help=_("See whether all that is needed is there, and mend it."),
    help=_("See whether all is there that backups and restores need, and how to fix what is not."),
)
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar=_("FILE"),
    help=_("Also write an archive for support (.tar.gz), without secrets and without rows."),
)
@click.option(
    "--try",
    "tried",
    multiple=True,
    metavar="KEY[=VALUE]",
    help=_("Only try a new value of this key (DB_…, MINIO_…, S3_…, AWS_…); secrets are asked for."),
)
@as_json
@click.pass_obj
def doctor(session: Session, bundle: Path | None, tried: Sequence[str], as_json: bool) -> int:
    """Exit code 0: all is well. 1: there is a warning. 2: a check fails. 3: a check has no result."""
    if tried and bundle:
        raise UsageError(_("--try and --bundle don't go together."), _("Run one after the other."))
    results = _tried(session, tried) if tried else _results(session, bundle)
    findings = _flat(results)
    if as_json:
        output.as_json([_facts(one) for one in findings])
    elif worst(findings) is not Status.OK or not session.quiet:
        _print(results)
    if tried:
        _what_next(session, tried, worst(findings))
    return EXIT[worst(findings)]


def _results(session: Session, bundle: Path | None) -> list[Result]:
    try:
        loaded, context = session.loaded, session.quiet_context
    except MtnError as error:
        found = doctors.without_configuration(error)
        if bundle:
            _bundled(bundle, support.write(bundle, _flat(found), None, None))
        return found
    found = doctors.examine(loaded, context)
    if bundle:
        _bundled(bundle, support.write(bundle, _flat(found), loaded, context))
    return found


def _bundled(path: Path, names: Sequence[str]) -> None:
    text = _("Written: {path} ({names}). Read it before you send it.")
    diagnostics.say(text.format(path=path, names=", ".join(name.rpartition("/")[2] for name in names)))


def _flat(results: Iterable[Result]) -> list[Check]:
    return [found for result in results for found in result.findings]


def _tried(session: Session, tried: Sequence[str]) -> list[Result]:
    given = dict(_asked(one) for one in tried)
    loaded = load(session.loaded.path, {**os.environ, **given})
    return trial.attempt(given, loaded, session.quiet_context)


def _asked(one: str) -> tuple[str, str]:
    """The key and its new value, which is asked for, or read from stdin, where it is secret or left out."""
    key, given, value = one.partition("=")
    if key in SECRET_KEYS and given:
        redact.add(value)
        raise UsageError(
            _("The value of {key} is secret: others could see it here.").format(key=key),
            _("Write --try {key} alone. Its value is asked for, or read from stdin, one per line.").format(
                key=key
            ),
        )
    trial.require_known([key])
    if given:
        return key, value
    if sys.stdin.isatty():
        value = click.prompt(key, hide_input=key in SECRET_KEYS, err=True)
    else:
        value = sys.stdin.readline().rstrip("\r\n")
    if key in SECRET_KEYS:
        redact.add(value)
    if not value:
        raise UsageError(
            _("There is no value of {key} to try.").format(key=key), _("Give it on stdin, one per line.")
        )
    return key, value


def _what_next(session: Session, tried: Sequence[str], status: Status) -> None:
    keys = ", ".join(one.partition("=")[0] for one in tried)
    path = session.loaded.path
    if status in (Status.OK, Status.WARN):
        text = _("What was tried works. Put it into {path} ({keys}), then: mtn backup full")
    else:
        text = _("What was tried does not work. {path} is as it was ({keys}).")
    diagnostics.say(text.format(path=shlex.quote(str(path)), keys=keys))


def _facts(one: Check) -> dict[str, str]:
    return {"check": one.id, "status": one.status.value, "title": one.says, "hint": one.hint}


def _print(results: Sequence[Result]) -> None:
    """A line for each check under its name, what is wrong at the end, and each trouble once."""
    under = 2 + labels.words_width() + 2
    said: dict[tuple[str, str], list[Result]] = {}
    for one in sorted(results, key=lambda one: _ORDER.index(one.status)):
        alike = (one.leading.says, one.leading.hint) if one.status is not Status.OK else (one.check.id, "")
        said.setdefault(alike, []).append(one)
    for first, *others in said.values():
        head = f"{first.status.glyph} {labels.word(first.status).ljust(labels.words_width())}  "
        bad = [found for found in first.findings if found.status in WORST]
        says = first.leading.says if bad else " ".join(found.says for found in first.findings)
        output.prose([f"{head}{first.check.title()}: {says}"], under)
        output.prose(" " * under + hint for hint in first.leading.hint.splitlines())
        for found in bad:
            if found is not first.leading:
                output.prose([" " * under + f"{found.status.glyph} {found.says}"])
                output.prose(" " * under + hint for hint in found.hint.splitlines())
        if others:
            output.prose([" " * under + _as_well(others)])


def _as_well(others: Sequence[Result]) -> str:
    """Name the checks of which the same is to be said, or count them where they are many."""
    if len(others) > _NAMED:
        text = ngettext(
            "The same goes for {count} more check.", "The same goes for {count} more checks.", len(others)
        )
        return text.format(count=len(others))
    text = _("The same goes for: {names}")
    return text.format(names=", ".join(one.check.title() for one in others))
