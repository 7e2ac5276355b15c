"""A command that is longer than a line can be pasted: it goes on between its words."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from rich.cells import cell_len

from mtn_tui.ui.text.cells import command_lines


@pytest.mark.parametrize("width", [20, 30, 44, 58, 77])
@pytest.mark.parametrize(
    "command",
    [
        "psql -X -h db1 -p 5432 -U admin -d Admisión_MTN_DB -f temp/mtn_recover_20261124.sql",
        "psql -h 127.0.0.1 -p 5432 -d 'a base with blanks' -f /srv/mtn/x.sql",
        "mtn kept drop Admisión_MTN_DB_recovery__before_20261124_031242",
        "mtn --config /srv/respaldos/colegio_monte_tabor_y_nazaret/configuracion/backup.conf undo --yes",
        "mtn verify '/srv/backups of the school/the copy of the night before/x y.sql.gz' --all",
        """psql -f '/srv/what'"'"'s kept of the school after the night/of the incident/x.sql' -d x""",
    ],
)
def test_a_command_goes_on_between_its_words_and_the_shell_reads_its_lines_as_one(command, width):
    lines = command_lines(command, width)
    assert all(cell_len(line) <= width for line in lines)
    ran = subprocess.run(
        ["sh", "-c", "set -f; printf '%s\\n' " + "\n".join(lines)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == shlex.split(command)
    if max(map(len, shlex.split(command))) + 4 <= width:
        assert all(line.endswith(" \\") for line in lines[:-1]), "no word is broken"
