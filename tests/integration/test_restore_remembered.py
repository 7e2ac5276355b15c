"""A restore that fails for what is in the backup is remembered with it; what its target lacks is not."""

from __future__ import annotations

import json
import os

import pytest

from mtn_tui.archive import proof as proofs
from mtn_tui.core.errors import PostgresError, ServerLost
from mtn_tui.core.models import PROOF, Rung
from mtn_tui.operations.restore.choice import Wanted, choose_point
from mtn_tui.postgres.load_advice import lies_in_the_script
from tests.operation_fixtures import Practice


def refused_with(sqlstate, *, in_a_function=False, doing="COPY t", kind=PostgresError):
    error = kind("x")
    error.sqlstate, error.in_a_function, error.doing = sqlstate, in_a_function, doing
    return error


@pytest.mark.parametrize(
    ("error", "backups"),
    [
        (refused_with("23505"), True),
        (refused_with("23514"), True),
        (refused_with("22P02"), True),
        (refused_with("P0001"), True),
        (refused_with("42883", in_a_function=True), True),
        (refused_with("42P07"), True),
        (refused_with("42883"), False),  # an extension that is not here
        (refused_with("42704"), False),  # a role, a tablespace
        (refused_with("42501"), False),
        (refused_with("22023"), False),  # a setting that this server does not know
        (refused_with("53200"), False),
        (refused_with("53300"), False),
        (refused_with("55P03"), False),
        (refused_with("57014"), False),
        (refused_with("40P01"), False),
        (refused_with("58P01"), False),
        (refused_with("0A000"), False),
        (refused_with("XX001"), False),
        (refused_with("23505", doing=""), False),  # nothing of the script's
        (refused_with("08006", kind=ServerLost), False),
    ],
)
def test_only_what_lies_in_the_script_is_held_against_the_backup(error, backups):
    assert lies_in_the_script(error) is backups


@pytest.fixture
def unloadable(pg18, new_database):
    """A database that goes on working, and whose dump cannot be loaded into this server."""
    database = new_database(pg18)
    database.psql(
        "CREATE FUNCTION norm(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN x; END';"
        "CREATE TABLE t (name text CHECK (norm(name) <> '')); INSERT INTO t VALUES ('pupil-Qx7')"
    )
    return database


def break_it(database):
    database.psql(
        "CREATE OR REPLACE FUNCTION norm(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
        " $$BEGIN RAISE EXCEPTION 'not %', x; END$$"
    )


def test_it_is_listed_and_the_latest_is_the_one_before_it_which_is_said(unloadable, practise, s3):
    practice: Practice = practise(unloadable, s3)
    good = practice.back_up().manifest
    break_it(unloadable)
    bad = practice.back_up().manifest
    target = f"remembered_{os.getpid()}"
    practice.made.append(target)
    failed = practice.here("restore", bad.id, "--target", target, check=2)
    assert "PL/pgSQL function public.norm(text) line 1 at RAISE" in failed.stderr
    assert good.payload in failed.stderr, "the one before it is offered"
    assert "Runbook" not in failed.stderr
    assert "pupil-Qx7" not in failed.stderr
    (facts, earlier) = json.loads(practice.here("list", "--json").stdout)
    assert (facts["id"], earlier["refused"]) == (bad.id, None)
    assert facts["refused"]["reason"].startswith("PostgreSQL refused: COPY public.t. The server said: ")
    assert facts["refused"]["where"].endswith(target)
    assert facts["rung"] == "complete"
    assert "RESTORE FAILED" in practice.here("list").stdout.splitlines()[1]
    assert "Restore failed" in practice.here("show", bad.id).stdout
    found = practice.inventory.find(bad.id)
    assert [bool(copy.proof.refused) for copy in found.copies] == [True, True]
    assert "pupil-Qx7" not in (practice.backups / (bad.payload + PROOF)).read_text()
    chosen = choose_point(practice.context, Wanted(latest=True))
    assert (chosen.backup.id, chosen.newer_broken.id) == (good.id, bad.id)
    done = practice.here("restore", "--latest", "--target", target, check=1)
    assert f"{bad.payload} is unusable: restoring it failed" in " ".join(done.stderr.split())
    assert good.payload in done.stdout
    assert practice.inventory.find(good.id).rung is Rung.COMPLETE  # its copy in the bucket was not used
    practice.here("verify", bad.id)
    assert practice.inventory.find(bad.id).refused, "reading it through shows nothing of loading it"


def test_a_restore_that_goes_well_ends_it(unloadable, practise):
    practice: Practice = practise(unloadable)
    made = practice.back_up().manifest
    path = practice.backups / (made.payload + PROOF)
    proof = proofs.load(path.read_bytes())
    tried = proofs.Tried(practice.context.clock.now(), "db:5432 x", "no")
    path.write_bytes(proofs.encode(proofs.replace(proof, refused=tried)))
    assert practice.inventory.latest().refused == tried
    practice.restore()
    assert practice.inventory.latest().refused is None
    assert practice.inventory.latest().rung is Rung.RESTORED


def test_where_no_other_is_proven_the_refused_one_is_still_the_latest(unloadable, practise):
    practice: Practice = practise(unloadable)
    break_it(unloadable)
    made = practice.back_up().manifest
    with pytest.raises(PostgresError):
        practice.restore()
    assert practice.inventory.latest().id == made.id


def test_a_target_that_has_no_connection_left_demotes_no_backup(unloadable, practise):
    practice: Practice = practise(unloadable)
    made = practice.back_up().manifest
    role = f"mtn_few_{os.getpid()}"
    unloadable.psql(f"CREATE ROLE {role} LOGIN CREATEDB CONNECTION LIMIT 2 PASSWORD 'x'")
    try:
        practice.configure(DB_USER=role, DB_PASSWORD="x")
        said = practice.here("restore", made.id, "--target", f"few_{os.getpid()}", "--no-owner", check=2)
        assert "too many connections for role" in said.stderr
        assert practice.inventory.find(made.id).refused is None
    finally:
        unloadable.psql(f"DROP ROLE {role}")


def test_a_proof_of_before_is_read_and_one_of_now_by_those_before():
    old = proofs.as_json(proofs.Proof("ab"))
    assert {"refused", "loads"} <= old.keys()
    del old["refused"], old["loads"]
    assert proofs.from_json(old) == proofs.Proof("ab")
