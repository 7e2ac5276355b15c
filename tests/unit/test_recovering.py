"""What is shown to be pasted into a shell means the same there, whatever the database is called."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest

from mtn_tui.ui.wizard.recovering import lines

LAST = 'psql() { shift "$(($# - 1))"; printf %s "$1"; }; '
"""A psql that prints the last it is given."""


@pytest.mark.parametrize("name", ["Admisión_MTN_DB", 'a"b', "$(exit 3)", "`exit 3`", "it's", "a b\\"])
def test_a_name_reaches_psql_as_it_is(name):
    settings = SimpleNamespace(db_host="db1", db_port=5432, db_user="m t$n", db_name=name)
    pasted = [line for line in lines(SimpleNamespace(settings=settings), "users") if line.startswith("psql")]
    told = [subprocess.run(["sh", "-c", LAST + line], capture_output=True, check=True) for line in pasted]
    assert [one.stdout.decode() for one in told] == [f"{name}_recovery", name]
