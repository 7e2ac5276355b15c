"""Through a pooler that shares sessions nothing is dumped or loaded, and nothing is left in them."""

from __future__ import annotations

import psycopg
import pytest

from mtn_tui.core.errors import PostgresError
from mtn_tui.postgres.advisory import advisory_lock
from mtn_tui.postgres.connection import connect


def through(practice, login):
    practice.configure(DB_PORT=str(login.port))


@pytest.mark.parametrize("more", [{}, {"server_round_robin": 1}, {"default_pool_size": 1}])
@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_that_shares_sessions_is_refused_before_a_lock_is_taken(mode, more, pg18, pooled):
    login = pooled(mode, **more)
    with pytest.raises(PostgresError) as caught, advisory_lock(login, 4711, "mtn backup x@y"):
        pytest.fail("the lock was taken")
    assert f"DB_PORT={pg18.login.port}" in caught.value.hint
    with psycopg.connect(pg18.conninfo("postgres"), autocommit=True) as connection:
        held = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"
        ).fetchone()
    assert held == (0,)


def test_a_backup_and_a_restore_name_the_direct_port(pg18, new_school, practise, pooled):
    practice = practise(new_school(pg18))
    practice.back_up()
    through(practice, pooled("transaction"))
    for command in (["backup", "full"], ["restore", "--latest", "--target", "prueba"]):
        done = practice.mtn(*command, check=2)
        assert "transaction pooling" in done.stderr, done.stderr
        assert f"DB_PORT={pg18.login.port}" in done.stderr


def test_what_only_looks_goes_on_and_leaves_nothing_in_the_shared_session(pg18, new_database, pooled):
    database = new_database(pg18)
    login = pooled("transaction", default_pool_size=1)
    with database.connect() as connection:
        connection.execute(f"ALTER DATABASE \"{database.name}\" SET statement_timeout = '5s'")
    for _time in range(10):  # psycopg would prepare what is asked often, and another session not know it
        with connect(login, database.name) as connection:
            assert connection.execute("SHOW statement_timeout").fetchone() == ("5s",)


def test_a_session_pooler_is_as_good_as_none(pg18, new_school, practise, pooled):
    practice = practise(new_school(pg18))
    through(practice, pooled("session"))
    done = practice.back_up()
    assert done.rung.proven
    restored = practice.restore()
    with restored.connect() as connection:
        assert connection.execute("SELECT count(*) > 0 FROM students").fetchone() == (True,)
