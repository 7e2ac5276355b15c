"""What is printed at 80 columns: help whose summaries are whole, and texts that break between words only."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import pytest

from mtn_tui.core.i18n import LANGUAGES
from tests.integration.test_cli import commands
from tests.terminal_output import shown_on
from tests.warm import Command

INFINITIVE = re.compile(r"\w+(?:[aei]r|[aei]rlo|[aei]rla)\b")


HELP_OF_EACH = """
import sys
from mtn_tui.cli import app
for path in sys.argv[1:]:
    print("\\f", flush=True)
    app.run([*path.split(), "--help"])
    sys.stdout.flush()
"""


def at_80(*words: str, **environment: str) -> str:
    """What the program prints on a terminal of 80 columns."""
    return on_a_terminal(["-m", "mtn_tui", *words], environment)


def on_a_terminal(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """What Python prints on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    child = Command(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", **environment},
    )
    os.close(theirs)
    shown = shown_on(ours)
    child.wait()
    return shown.replace("\r\n", "\n")


def summaries(text: str) -> dict[str, str]:
    """The commands of a help text, with what stands beside them."""
    _head, _title, listed = re.split(r"^(Commands|Comandos):\n", text, maxsplit=1, flags=re.MULTILINE)
    rows = re.findall(r"^  (\S+) +(\S.*)$", listed.split("\n\n")[0], flags=re.MULTILINE)
    return dict(rows)


@pytest.mark.sample("es")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_summary_fits_its_line_at_80_columns(language):
    groups = [path for path, one in commands().items() if isinstance(one, click.Group)]
    told = on_a_terminal(["-c", HELP_OF_EACH, *groups], {"MTN_LANG": language}).split("\f")[1:]
    for path, text in zip(groups, told, strict=True):
        said = summaries(text.lstrip("\n"))
        below = [one for one in commands() if one and one.rpartition(" ")[0] == path]
        assert set(said) == {one.rpartition(" ")[2] for one in below}, path
        for name, summary in said.items():
            assert not summary.endswith("..."), (path, name, summary)
            assert summary.endswith("."), (path, name, summary)
            if language == "es":
                assert not INFINITIVE.match(summary), (path, name, summary)


def words(text: str) -> set[str]:
    return set(text.split())


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_doctor_and_errors_break_between_words_only(language, tmp_path: Path):
    nowhere = tmp_path / "a folder" / ("a-name-that-is-longer-than-a-line-" * 3) / "backup.conf"
    for line in (["doctor"], ["verify"], ["backup"]):
        line = ["--lang", language, "--config", str(nowhere), *line]  # noqa: PLW2901
        shown = at_80(*line)
        with Command(
            [sys.executable, "-m", "mtn_tui", *line],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
        ) as piped:
            assert words(shown) == words("".join(piped.communicate())), line
        for one in shown.splitlines():
            assert len(one) < 80 or len(one.split()) == 1, one
