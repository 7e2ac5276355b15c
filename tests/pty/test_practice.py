"""The worst hour as an operator has it: from the first screen to a school that works, by keys alone."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.pty.incidents import opens_an_incident, reads_the_story
from tests.pty.terminal import Terminal

ENTER, UP, DOWN, LEFT = "\r", "\x1b[A", "\x1b[B", "\x1b[D"
PHRASE = "CONFIRM DELETE PRODUCTION"


class Practice:
    """Somebody at the demo's screens, and what they are told at the end."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.told: dict[str, object] = {}

    def enters(self, *what: str) -> None:
        """Each in turn, once the screen says that Enter does it."""
        for one in what:
            self.terminal.press(one, ENTER)

    def begins(self) -> None:
        reads_the_story(self.terminal, "What is practised")
        self.terminal.press("▸1 Checklist", "3")
        opens_an_incident(self.terminal)

    def tells_people(self) -> None:
        self.enters("send it", "on to step")

    def brings_back(self) -> None:
        """Steps 4 to 6."""
        self.enters("[enter] restore it", "on to step 5", "accept it, and go on")
        self.terminal.press("[y] puts it in production", "y")
        self.enters("on to step 7")

    def copies_back(self) -> None:
        """Step 6, beside production."""
        self.terminal.wait_for("[enter] copy")
        while not self.terminal.shows("Copy them back"):
            self.terminal.read_for(1)
            self.terminal.type(ENTER)
            self.terminal.read_for(1, "[enter] copy")
        self.terminal.wait_for("and set the references again")
        self.terminal.type(DOWN + ENTER)
        self.enters("on to step 7")

    def ends(self, *, restarts: bool = True) -> None:
        """Steps 7 and 8."""
        if restarts:
            self.enters("restart the services")
        self.terminal.wait_for("on to the report")
        self.terminal.tick("Users can log in", "x")
        self.terminal.tick("A new application", DOWN, "x")
        self.enters("on to the report", "write the report and close")
        self.terminal.wait_for("Incident 1 is closed")


@contextmanager
def practice(incident: str, tmp_path, rows: int = 500) -> Iterator[Practice]:
    environment = {**os.environ, "HOME": str(tmp_path), "MTN_LANG": "en"}
    demo = f"{sys.executable} -m mtn_tui demo --rows {rows} --incident {incident} --json > {tmp_path}/told"
    with closing(Terminal(["/bin/sh", "-c", demo], environment)) as terminal:
        made = Practice(terminal)
        yield made
        terminal.type("q")
        terminal.wait_for("End the practice?")
        terminal.type(DOWN + ENTER)
        code = terminal.ended()
        made.told = json.loads((tmp_path / "told").read_text())
        assert code == 0, made.told


def well(told: dict[str, object]) -> bool:
    return bool(told["well"] and told["alert"] and told["all_clear"] and told["closed"])


@pytest.mark.slow
def test_a_lost_database_is_restored(tmp_path):
    with practice("lost-database", tmp_path) as made:
        made.begins()
        made.enters("nothing is replaced yet")
        made.tells_people()
        made.enters("take this one")
        made.brings_back()
        made.ends()
    assert well(made.told)
    assert made.told["production"] == "equal"
    assert made.told["seconds"] < made.told["target"]


@pytest.mark.slow
def test_a_server_that_is_down_is_started(tmp_path):
    with practice("database-down", tmp_path) as made:
        made.begins()
        made.terminal.wait_for("[u] starts the server")
        made.terminal.type("u")
        made.terminal.wait_for("Start the database server?")
        made.terminal.type(DOWN + ENTER)
        made.terminal.wait_for("PostgreSQL answers.")
        made.enters("no restore: on to step 2")
        made.tells_people()
        made.ends(restarts=False)
    assert well(made.told)
    assert (made.told["production"], made.told["lost"]) == ("equal", 0)


@pytest.mark.soak  # tests/ui/test_wizard_incidents.py does the same without the demo
def test_where_the_newest_backup_is_damaged_the_one_before_it_is_restored(tmp_path):
    with practice("corrupt-backup", tmp_path) as made:
        made.begins()
        made.enters("nothing is replaced yet")
        made.tells_people()
        made.enters("take this one", "[enter] restore it")
        made.terminal.wait_for("was changed after it was written")
        made.terminal.wait_for("✖ 4 Staging")
        made.enters("back to step 3, to choose another backup", "take this one")
        made.brings_back()
        made.ends()
    assert well(made.told)
    assert made.told["needless"] == 0


@pytest.mark.soak  # as above
def test_without_the_bucket_the_disk_is_enough(tmp_path):
    with practice("s3-down", tmp_path) as made:
        made.begins()
        made.enters("nothing is replaced yet")
        made.tells_people()
        made.enters("take this one")
        made.brings_back()
        made.ends()
    assert well(made.told)


@pytest.mark.slow
def test_a_course_that_was_deleted_is_copied_back_and_what_was_written_since_is_kept(tmp_path):
    with practice("bad-delete", tmp_path, rows=2000) as made:
        made.begins()
        made.enters("production is left as it is")
        made.tells_people()
        made.enters("take this one", "[enter] restore it", "on to step 5", "accept it, and go on")
        made.copies_back()
        made.ends(restarts=False)
    assert well(made.told)
    assert (made.told["way"], made.told["lost"]) == ("beside", 0)


@pytest.mark.soak  # integration/test_bad_delete.py judges the same, ui/test_wizard_moments.py does it
def test_a_course_that_was_deleted_is_restored_to_the_minute_before_and_what_was_written_since_is_lost(
    tmp_path,
):
    with practice("bad-delete", tmp_path, rows=2000) as made:
        made.begins()
        made.terminal.press("production is left as it is", UP)
        made.enters("nothing is replaced yet")
        made.tells_people()
        made.enters("take this one", "[enter] restore it", "on to step 5", "accept it, and go on")
        made.terminal.wait_for("Type it out")
        made.terminal.type(PHRASE)
        made.terminal.press("Type it out", ENTER)
        made.enters("on to step 7")
        made.ends()
    assert well(made.told)
    assert (made.told["way"], made.told["needless"], made.told["production"]) == ("restore", 0, "equal")
    assert made.told["lost"] > 0
