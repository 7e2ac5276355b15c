"""Which of PostgreSQL's programs are found."""

import os
from pathlib import Path

import pytest

from mtn_tui.core.paths import is_file
from mtn_tui.postgres import tools


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
