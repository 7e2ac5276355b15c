"""Which of PostgreSQL's programs are found."""

import os
from pathlib import Path

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.errors import ConfigError, MtnError, NoSpace, PostgresError, ServerLost
from mtn_tui.core.paths import is_file
from mtn_tui.operations.schedule.machine import read_crontab, write_crontab
from mtn_tui.postgres import tools
from mtn_tui.postgres.tools import Child


def test_a_folder_on_path_that_may_not_be_searched_holds_no_program(monkeypatch, tmp_path):
    """su and sudo leave root's folders on PATH."""
    barred, open_one = tmp_path / "root's", tmp_path / "bin"
    for folder in (barred, open_one):
        folder.mkdir()
        (folder / "pg_dump").touch()
    monkeypatch.setenv("PATH", f"{barred}{os.pathsep}{open_one}")
    asked = Path.is_file

    def as_another_user(path):
        if path.parent == barred:
            raise PermissionError(13, "Permission denied", str(path))
        return asked(path)

    monkeypatch.setattr(Path, "is_file", as_another_user)
    assert open_one / "pg_dump" in tools._candidates("pg_dump")
    assert barred / "pg_dump" not in tools._candidates("pg_dump")


@pytest.mark.skipif(os.geteuid() == 0, reason="root searches every folder")
def test_what_lies_in_a_folder_that_may_not_be_searched_is_no_file(tmp_path):
    folder = tmp_path / "barred"
    folder.mkdir()
    (folder / "it").touch()
    folder.chmod(0)
    try:
        assert not is_file(folder / "it")
    finally:
        folder.chmod(0o700)


def program(folder: Path, name: str, script: str) -> Path:
    """A program that says and does only that."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


CHILDREN = [
    ("", "pg_dump falló (código de salida 3).", PostgresError),
    ("pg_dump: error: query failed: ERROR: x", "pg_dump falló (código de salida 3).", PostgresError),
    ("pg_dumpall: error: No space left on device", "pg_dumpall encontró el disco lleno.", NoSpace),
    ("psql: server closed the connection unexpectedly", "psql perdió el servidor.", ServerLost),
    (
        "pg_dump: error: permission denied for table a",
        "pg_dump falló: el usuario mtn no puede leer toda la base de datos.",
        PostgresError,
    ),
    (
        "pg_dump: error: canceling statement due to conflict with recovery",
        "El servidor canceló pg_dump: estorbaba a los cambios de su primario.",
        PostgresError,
    ),
]


@pytest.mark.parametrize(("words", "ours", "kind"), CHILDREN, ids=lambda value: str(value)[:40])
def test_what_a_program_said_follows_our_own_sentence_and_is_marked(tmp_path, words, ours, kind):
    i18n.use("es")
    name = words.partition(":")[0] or "pg_dump"
    path = program(tmp_path, name, f'echo "{words}" >&2; exit 3' if words else "exit 3")
    with Child([str(path)], {"PGUSER": "mtn"}) as child, pytest.raises(MtnError) as raised:
        list(child)
    assert type(raised.value) is kind
    assert raised.value.title == (f"{ours} {name} dijo: {words}" if words else ours)
    assert words == "" or words not in raised.value.hint


def test_what_crontab_said_follows_our_own_sentence_too(tmp_path, monkeypatch):
    i18n.use("es")
    program(tmp_path, "crontab", 'test "$1" = - || exit 0; echo "not allowed" >&2; exit 1')
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ConfigError, match=r"^No se pudo escribir el crontab\. crontab dijo: not allowed$"):
        write_crontab(b"", b"x")
    program(tmp_path, "crontab", 'echo "not allowed" >&2; exit 1')
    with pytest.raises(ConfigError, match=r"^No se puede leer el crontab\. crontab dijo: not allowed$"):
        read_crontab()
