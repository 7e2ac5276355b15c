"""A log is opened in $PAGER and the screen comes back, whatever the pager did to the terminal."""

from __future__ import annotations

import shutil
import sys
from contextlib import closing

import pytest

from tests.operation_fixtures import Practice
from tests.pty.terminal import Terminal

PAGER = """\
#!/bin/sh
echo "paging $2 with $(wc -l < "$2") lines, $1"
[ -n "$LESSSECURE" ] && echo no shell from here
stty raw -echo
printf '\\033[?25l\\033[31m'
echo ready
trap '' INT
dd bs=1 count=1 2>/dev/null
"""


OPENED = {"en": ("Backups", "follow on"), "es": ("Respaldos", "siguiendo")}
"""What stands on the first screen and on that of the logs."""


@pytest.fixture
def practice(pg18, new_database, practise) -> Practice:
    made = practise(new_database(pg18), MINIO_ENDPOINT="")
    (made.root / "logs" / "restore_20261124_030000.log").write_text(
        "2026-11-24T03:00:00+00:00 INFO  phase name=load\n" * 7
    )
    pager = made.root / "pager.sh"
    pager.write_text(PAGER)
    pager.chmod(0o755)
    return made


def opened(practice: Practice, *options: str, **more: str) -> Terminal:
    environment = {"PAGER": f"{practice.root}/pager.sh -x", **practice.environment, **more}
    environment.pop("PYTHONWARNINGS")
    terminal = Terminal([sys.executable, "-m", "mtn_tui", *options], environment)
    tab, follows = OPENED[environment["MTN_LANG"]]
    terminal.wait_for(tab)
    terminal.type("4")
    terminal.wait_for(follows)
    terminal.wait_for("phase name=load")
    return terminal


def test_the_pager_has_the_terminal_and_the_screen_comes_back(practice):
    with closing(opened(practice)) as terminal:
        terminal.type("o")
        terminal.wait_for("with 7 lines, -x")
        terminal.wait_for("ready")
        terminal.shown = ""
        terminal.type("\x03")  # in raw mode a byte like any other: it ends this pager, not us
        terminal.wait_for("follow on")
        terminal.wait_for("phase name=load")
        terminal.shown = ""
        terminal.type("l")
        terminal.wait_for("warnings and errors")
        terminal.type("q")
        assert terminal.ended() == 0
        assert terminal.sane


@pytest.mark.slow
def test_a_signal_that_is_meant_for_the_pager_leaves_the_screen_alone(practice):
    with closing(opened(practice, PAGER="sh -c 'echo paging; sleep 60'")) as terminal:
        terminal.type("o")
        terminal.wait_for("paging")
        terminal.shown = ""
        terminal.type("\x03")
        terminal.wait_for("follow on")
        terminal.type("q")
        assert terminal.ended() == 0
        assert terminal.sane


@pytest.mark.slow
def test_a_pager_that_is_not_there_is_told(practice):
    with closing(opened(practice, PAGER="/no/such/pager")) as terminal:
        terminal.type("o")
        terminal.wait_for("could not be started")
        terminal.type("\rq")  # it stands in a dialog
        assert terminal.ended() == 0
        assert terminal.sane


@pytest.mark.slow
def test_read_only_asks_the_pager_for_no_shell(practice):
    with closing(opened(practice, "--read-only")) as terminal:
        terminal.type("o")
        terminal.wait_for("no shell from here")
        terminal.wait_for("ready")
        terminal.shown = ""
        terminal.type("x")
        terminal.wait_for("follow on")
        terminal.type("q")
        assert terminal.ended() == 0


def test_less_opens_at_the_chosen_line(practice):
    less = practice.root / "less"
    less.write_text('#!/bin/sh\necho "asked: $*" | tr -s "/"\nsleep 0.1\n')
    less.chmod(0o755)
    path = f"{practice.root}:{practice.environment['PATH']}"
    with closing(opened(practice, PATH=path, PAGER="less -S")) as terminal:
        terminal.type("o")
        terminal.wait_for("asked: -S -n -Ps")
        terminal.wait_for("+288P /")
        terminal.shown = ""
        terminal.wait_for("follow on")
        terminal.type("q")
        assert terminal.ended() == 0


@pytest.mark.skipif(shutil.which("less") is None, reason="less is not installed")
@pytest.mark.parametrize("own", ["", "-M"], ids=["plain", "long prompt"])
@pytest.mark.parametrize("language", ["en", "es"])
def test_less_says_how_to_come_back(practice, language, own):
    told = {"en": "[q] back to mtn", "es": "[q] volver a mtn"}[language]
    with closing(opened(practice, PAGER="less", LESS=own, MTN_LANG=language)) as terminal:
        terminal.type("o")
        terminal.wait_for(told)
        terminal.shown = ""
        terminal.type("q")
        terminal.wait_for("phase name=load")
        terminal.type("q")
        assert terminal.ended() == 0
