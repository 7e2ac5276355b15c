"""``mtn doctor --bundle``: an archive for support, without secrets, without rows, and without the key.

It holds what the doctor found, the versions, the configuration with its secrets
masked, the last jobs and what their journals say. Logs are left out: those of
the scripts, and of psql, may quote rows.
"""

from __future__ import annotations

import io
import json
import os
import platform
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path

from pydantic import SecretStr

from mtn_tui import __version__
from mtn_tui.core.errors import MtnError, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.redact import MASK, redact
from mtn_tui.core.settings import SECRET_KEYS
from mtn_tui.core.settings_file import Loaded
from mtn_tui.core.traces import text_of
from mtn_tui.engine.jobview import JobView, list_jobs
from mtn_tui.engine.journal import find_journal
from mtn_tui.engine.logs.lines import read_record
from mtn_tui.engine.statefiles import refusal
from mtn_tui.operations.common.checks import Check
from mtn_tui.operations.common.context import Context
from mtn_tui.postgres.tools import find_pg_dump

_JOBS = 50
_LINES = 200
"""The last ones of each job."""
_LIBRARIES = ("psycopg", "psycopg-binary", "minio", "textual", "pydantic", "cryptography", "click")


def write(path: Path, findings: Sequence[Check], loaded: Loaded | None, context: Context | None) -> list[str]:
    """Write the archive, for the present user only; return the names of what is in it.

    ``loaded`` and ``context`` are None where there is no configuration to go by.
    Raises UsageError if the file exists, else StorageError if it can't be written.
    """
    now = context.clock.now() if context else datetime.now().astimezone()
    folder = f"mtn-{now.astimezone():%Y%m%d_%H%M%S}"
    members = {f"{folder}/{name}": text for name, text in _members(findings, loaded, context)}
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, text in members.items():
            content = redact(text).encode(errors="backslashreplace")
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o600, int(now.timestamp())
            archive.addfile(entry, io.BytesIO(content))
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data.getvalue())
    except FileExistsError:
        raise UsageError(
            _("There is a file already: {path}").format(path=path), _("Name another, or remove it.")
        ) from None
    except OSError as error:
        raise refusal(error, path) from error
    return list(members)


def _members(
    findings: Sequence[Check], loaded: Loaded | None, context: Context | None
) -> Iterator[tuple[str, str]]:
    yield "doctor.json", _json([{**one.facts(), "figures": dict(one.figures)} for one in findings])
    yield "versions.json", _json(_versions(loaded))
    if loaded is not None:
        yield "backup.conf", "\n".join(_configuration(loaded)) + "\n"
    if context is not None:
        try:
            jobs = list_jobs(context.job_folders, limit=_JOBS)
            yield "jobs.json", _json([_job(one) for one in jobs])
            yield "journals.txt", "".join(line + "\n" for one in jobs for line in _journal(context, one))
        except (MtnError, OSError) as error:
            yield "not-included.txt", f"{text_of(error)}\n"


def _json(value: object) -> str:
    return json.dumps(redact.within(value), ensure_ascii=False, indent=1) + "\n"


def _versions(loaded: Loaded | None) -> Mapping[str, object]:
    try:
        tool = find_pg_dump(loaded.settings.pg_dump if loaded else None, 0)
        pg_dump = f"{tool.version} ({tool.path})"
    except MtnError as error:
        pg_dump = error.title
    return {
        "mtn": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "pg_dump": pg_dump,
        **{name: metadata.version(name) for name in _LIBRARIES},
    }


def _configuration(loaded: Loaded) -> Iterator[str]:
    """Each key that is set, with its value and where it comes from; of a secret only that it is set."""
    for key, origin in sorted(loaded.origins.items()):
        value = getattr(loaded.settings, key.lower())
        if key in SECRET_KEYS or isinstance(value, SecretStr):
            value = MASK
        yield f"{key}={value}  # {origin}"


def _job(one: JobView) -> Mapping[str, object]:
    return {
        "id": one.id,
        "kind": one.kind,
        "database": one.subject,
        "operator": one.operator,
        "host": one.host,
        "state": one.state.value,
        "phase": one.phase,
        "started": one.started.isoformat() if one.started else None,
        "ended": one.ended.isoformat() if one.ended else None,
        "exit_code": one.exit_code,
        "error": one.error,
        "title": one.title,
        "hint": one.hint,
        "warnings": list(one.warnings),
    }


def _journal(context: Context, one: JobView) -> list[str]:
    """What a job did, and before it which job it is; only its last lines where there are many."""
    lines = find_journal(context.job_folders, one.id).read_bytes().splitlines()
    heads = [head for line in lines if (head := read_record(line, len(line))) is not None]
    told = [f"== {one.id} {one.kind} {one.subject}"]
    for head in heads[-_LINES:]:
        at, level = head.moment or "", head.level.name if head.level else ""
        told.append(f"{at} {level:<5} {head.text}")
    return [*told, ""]
