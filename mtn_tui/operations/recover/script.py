"""The script that copies rows back: plain SQL for psql, in a file that nobody else can read."""

from __future__ import annotations

import os
import secrets
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from psycopg import sql

from mtn_tui.core.clock import local_stamp
from mtn_tui.core.errors import MtnError
from mtn_tui.engine.statefiles import make_folder, refusal
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.recover.spool import Spool
from mtn_tui.operations.recover.trial import Batch
from mtn_tui.postgres.bulk import SETTINGS
from mtn_tui.postgres.cleared_links import Links

_KEPT_SECONDS = 30 * 86400
_NAME = "mtn_recover_{stamp}_{number}.sql"


def statements(
    database: str,
    source: str,
    batches: Sequence[Batch],
    spools: Mapping[int, Spool],
    links: Sequence[tuple[Links, Iterator[bytes]]],
    forward: Sequence[str],
) -> Iterator[bytes]:
    """The script, in pieces. It runs in ``database`` only, and wholly or not at all."""
    name = sql.Literal(database).as_string().strip()
    other = "RAISE EXCEPTION 'these rows are for another database'"
    guard = f"BEGIN IF current_database() <> {name} THEN {other}; END IF; END"
    comment = f"-- Rows of {source} that {database} has lost. They go in wholly or not at all."
    head = [
        comment.replace("\n", " "),
        r"\set ON_ERROR_STOP on",
        "BEGIN;",
        f"DO {sql.Literal(guard).as_string().strip()};",
        "SET LOCAL client_encoding = 'UTF8';",
        *(one.replace("SET ", "SET LOCAL ", 1) + ";" for one in SETTINGS if "search_path" not in one),
        "SET CONSTRAINTS ALL DEFERRED;",
    ]
    yield "\n".join([*head, ""]).encode(errors="surrogateescape")
    for batch in batches:
        yield f"COPY {batch.missing.target} FROM STDIN;\n".encode(errors="surrogateescape")
        yield from spools[batch.missing.number].read(batch.start, batch.end)
        yield b"\\.\n"
    for one, rows in links:
        yield f"{one.made};\nCOPY {one.temporary} ({one.columns}) FROM STDIN;\n".encode()
        yield from rows
        yield f"\\.\n{one.set_again};\n".encode()
    yield "".join(f"{one};\n" for one in [*forward, "COMMIT"]).encode(errors="surrogateescape")


def write(context: Context, pieces: Iterator[bytes]) -> Path:
    """Write the script into TEMP_DIR, mode 0600, and remove those of past months. Raises StorageError."""
    folder = context.settings.temp_dir
    path = folder / _NAME.format(stamp=local_stamp(context.clock.now()), number=secrets.token_hex(2))
    try:
        make_folder(folder)
        _sweep(folder)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, 0o600)
            file.writelines(pieces)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise refusal(error, path) from error
    except MtnError:
        path.unlink(missing_ok=True)
        raise
    return path


def command(context: Context, path: Path) -> str:
    """The line for a shell that runs the script."""
    options = context.server.options
    return shlex.join(["psql", "-X", *options, "-d", context.settings.db_name, "-f", str(path)])


def _sweep(folder: Path) -> None:
    for path in folder.glob(_NAME.format(stamp="*", number="*")):
        try:
            if time.time() - path.lstat().st_mtime > _KEPT_SECONDS:
                path.unlink(missing_ok=True)
        except (FileNotFoundError, PermissionError):
            continue  # gone meanwhile, or another operator's
