"""Says how to get one database out of a script of several, or of one that makes its database itself."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from mtn_tui.archive.statements import Event, PsqlCommand
from mtn_tui.core.i18n import _
from mtn_tui.operations.inventory.model import Copy
from mtn_tui.postgres.connection import MAINTENANCE

_CONNECT = re.compile(rb"\\c(?:onnect)?\s+(?:-reuse-previous=\w+\s+)?(.*\S)\s*")


def connected_to(line: bytes) -> str:
    """The database that a ``\\connect`` names, without login and password; empty for any other command.

    pg_dump writes most names as they are, others as ``"dbname='…'"``.
    """
    match = _CONNECT.fullmatch(line)
    if match is None:
        return ""
    given = match[1].decode(errors="replace")
    if given[0] in "'\"":
        quote = given[0]
        given = given[1:].removesuffix(quote).replace(quote * 2, quote)
    elif "=" not in given and "://" not in given:
        given = given.split()[0]
    if "=" not in given and "://" not in given:
        return given
    try:
        return str(conninfo_to_dict(given).get("dbname") or "")
    except ProgrammingError:
        return ""


def how_to_take_one(events: Iterable[Event], copy: Copy, database: str) -> str:
    """The hint for a file of which ``events`` are what is left; ``database`` is the one that is wanted.

    Empty if they connect to none.
    """
    found: dict[str, int] = {}
    for one in events:
        if isinstance(one, PsqlCommand) and (name := connected_to(one.line)):
            found[name] = one.number + 1
    if not found:
        return ""
    wanted = database if database in found else ""
    others = [name for name in found if name not in (MAINTENANCE, "template1")]
    wanted = wanted or [*others, *found][0]
    path = getattr(copy.store, "root", None)
    file = shlex.quote(str(path / copy.key) if path else copy.key.rpartition("/")[2])
    reading = f"zcat {file}"
    if file.strip("'").endswith(".gpg"):
        cipher = "openssl enc -d -aes-256-cbc -pbkdf2 -iter 100000"
        reading = f'{cipher} -pass "file:$ENCRYPTION_KEY_FILE" -in {file} | zcat'
    elif not file.strip("'").endswith(".gz"):
        reading = f"cat {file}"
    cut = f"{found[wanted]},${{p;/^-- PostgreSQL database dump complete/q;}}"
    new = shlex.quote(re.sub(r"[^\w.-]", "_", wanted).lstrip("-") + ".sql.gz")
    command = f"(echo '-- PostgreSQL database dump'; {reading} | sed -n '{cut}') | gzip > {new}"
    text = _(
        "It is of a whole server (pg_dumpall), or makes its database itself (pg_dump "
        "-C). It holds: {names}. To get one of them, without its CREATE DATABASE and "
        "\\connect: {command}  Then: --file {new}"
    )
    return text.format(names=", ".join(found), command=command, new=new)
