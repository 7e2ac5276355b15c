"""What is hard to undo is typed out on a terminal, beneath what it is about; a job carries the answer."""

from __future__ import annotations

import socket

import pytest

from tests.operation_fixtures import Bucket
from tests.pty.standing import at_a_terminal
from tests.swap_fixtures import count


@pytest.mark.slow
def test_production_is_replaced_once_the_phrase_is_typed_and_not_by_anything_else(live):
    command = ["restore", "--latest", "--target", live.database.name, "--drop"]
    for typed in ("\r", "y\r", "confirm delete production\r"):
        with at_a_terminal(live.practice, *command) as terminal:
            terminal.wait_for("CONFIRM DELETE PRODUCTION")
            assert live.words.rpartition(" ")[2] in terminal.shown
            terminal.type(typed)
            assert terminal.ended() == 64
            assert "Nothing was changed" in terminal.shown
    assert live.rows == 53
    assert live.practice.jobs == []
    with at_a_terminal(live.practice, *command) as terminal:
        terminal.wait_for("CONFIRM DELETE PRODUCTION")
        terminal.type("CONFIRM DELETE PRODUCTION\r")
        assert terminal.ended() == 0
        assert "kept as" in terminal.shown
    assert live.rows == 50
    with at_a_terminal(live.practice, "undo") as terminal:
        terminal.wait_for("CONFIRM DELETE PRODUCTION")
        terminal.type("CONFIRM DELETE PRODUCTION\r")
        assert terminal.ended() == 0
    assert live.rows == 53
    (kept,) = live.kept
    for typed, left in (("\r", 1), ("y\r", 0)):
        with at_a_terminal(live.practice, "kept", "drop", kept.name) as terminal:
            terminal.wait_for("be brought back")
            terminal.type(typed)
            assert terminal.ended() == (64 if left else 0)
        assert len(live.kept) == left


@pytest.mark.sample("y\\r-1")
@pytest.mark.parametrize(("answer", "code"), [("\r", 2), ("y\r", 1)])
def test_another_backup_than_the_one_that_was_named_is_used_once_that_is_said(live, answer, code):
    wanted = live.practice.ready_made()
    path = live.practice.payload(wanted)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    live.practice.made.append("mtn_asked")
    with at_a_terminal(live.practice, "restore", wanted.id, "--target", "mtn_asked") as terminal:
        terminal.wait_for("[y/N]")
        terminal.type(answer)
        assert terminal.ended() == code
    assert ("mtn_asked" in live.practice.databases()) is (code == 1)
    if code == 1:
        restored = type(live.database)(live.database.server, "mtn_asked")
        assert count(restored) == 50
        assert any("is used instead" in text for text in live.practice.jobs[0].warnings)


def test_a_list_says_which_store_it_waits_for(pg18, new_database, practise):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bucket = Bucket(f"127.0.0.1:{silent.getsockname()[1]}", "mtn-backups", "access", "secret")
        with at_a_terminal(practise(new_database(pg18), bucket), "list") as terminal:
            terminal.wait_for("Waiting for: bucket")
            silent.close()
            assert terminal.ended() == 1
        assert "The bucket is not in this list" in terminal.shown


@pytest.mark.slow
def test_who_may_make_no_login_is_asked_before_a_file_is_loaded_with_all_of_his_rights(
    pg18, new_database, practise
):
    source = new_database(pg18)
    source.psql(
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE ROLE mtn_asks LOGIN CREATEDB PASSWORD 'x'"
    )
    practice = practise(source, DB_USER="mtn_asks", DB_PASSWORD="x")
    path = practice.root / "x.sql"
    path.write_bytes(source.run("pg_dump", "--no-owner"))
    command = ["restore", "--legacy", "--file", str(path), "--target", "mtn_loaded_by_ours"]
    try:
        for answer, code in (("\r", 2), ("y\r", 1)):
            with at_a_terminal(practice, *command) as terminal:
                terminal.wait_for("all rights of mtn_asks? [y/N]")
                assert "may not make roles" in terminal.shown
                terminal.type(answer)
                assert terminal.ended() == code
            assert ("mtn_loaded_by_ours" in practice.databases()) is (code == 1)
    finally:
        pg18.drop_database("mtn_loaded_by_ours")
        source.psql("DROP ROLE mtn_asks")


def test_which_of_two_equal_times_is_meant_is_asked(pg18, new_database, practise):
    """Clocks were set back from midnight to 23:00. What is said of that time tells which was chosen."""
    practice = practise(new_database(pg18))
    practice.ready_made()
    command = ["restore", "--at", "2025-04-05 23:30", "--target", "mtn_never_made"]
    for answer, chosen in (("1\r", "2025-04-05 23:30 -03"), ("2\r", "2025-04-05 23:30 -04")):
        with at_a_terminal(practice, *command, TZ="America/Santiago") as terminal:
            terminal.wait_for("2  2025-04-05 23:30 -04")
            terminal.type(answer)
            assert terminal.ended() == 64
            assert f"There is no backup of {chosen} or before" in " ".join(terminal.shown.split())
    with at_a_terminal(practice, *command, TZ="America/Santiago") as terminal:
        terminal.wait_for("2  2025-04-05 23:30 -04")
        terminal.type("\r")
        assert terminal.ended() == 64
        assert "Which one?" in terminal.shown
