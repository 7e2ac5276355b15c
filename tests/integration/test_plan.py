"""What a restore would do, and all that could be in its way, told before anything is made."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from mtn_tui.core.identity import ServerIdentity
from mtn_tui.engine.locks import FileLock, Holder, lock_path
from mtn_tui.operations.backup.make import OPERATION
from mtn_tui.operations.common import labels, production
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.restore.plan import plan
from mtn_tui.operations.restore.preflight.requirements import needs_of
from mtn_tui.operations.restore.request import Request
from tests.operation_fixtures import Practice, install
from tests.pg_fixtures import Database
from tests.swap_fixtures import AFTER, BEFORE, Live
from tests.swap_fixtures import production as made_production


def checks(practice: Practice, **request: object):
    """By id, of a restore of the newest backup into production."""
    wanted = Request(practice.inventory.latest(), practice.source.name, drop=True)
    return {check.id: check for check in plan(practice.context, replace(wanted, **request)).checks}


def test_that_production_is_made_of_a_backup_of_another_database_is_told(live, new_database):
    practice, name = live.practice, live.database.name
    other = new_database(live.database.server, name + "_else", script="CREATE TABLE t (x int)")
    practice.configure(DB_NAME=other.name)
    foreign = practice.back_up().manifest
    practice.configure(DB_NAME=name)
    command = ["restore", foreign.id, "--drop", "--dry-run", "--target"]
    said = practice.here(*command, name, check=1).stdout
    assert f"⚠ It is a backup of {other.name}, and {name} is production." in said
    assert "and mtn_test_of_it is production" not in practice.here(*command, "mtn_test_of_it").stdout


NEWER_BY_NO_DATE = {
    "a table without dates": "CREATE TABLE papers (x int); INSERT INTO papers VALUES (1)",
    "a clock behind the database's": "INSERT INTO applications SELECT 51, now() - interval '3 hours'",
    "dates that the application takes from elsewhere": "INSERT INTO applications VALUES (51, '2024-01-01')",
    "a name that has to be quoted": """
        CREATE TABLE "Papers" (created_at timestamptz); INSERT INTO "Papers" VALUES ('2024-01-01')
    """,
}


@pytest.mark.parametrize("work", NEWER_BY_NO_DATE.values(), ids=NEWER_BY_NO_DATE)
def test_what_is_newer_is_told_though_no_date_tells_it(live, work):
    live.database.psql(f"DELETE FROM applications WHERE id > 50; {work}")
    command = ["restore", "--latest", "--target", live.database.name, "--drop", "--dry-run"]
    said = live.practice.here(*command, check=1).stdout
    assert "It takes the place of something newer: in" in said
    assert "nothing that was created after" not in said
    assert "created since" not in said
    facts = json.loads(live.practice.here(*command, "--json", check=1).stdout)
    assert facts["overwrites_newer"] is True


def test_a_dry_run_tells_all_of_it_and_makes_nothing(live):
    before, journals = live.practice.databases(), len(live.practice.jobs)
    live.database.psql(f"ALTER DATABASE \"{live.database.name}\" SET TimeZone = 'America/Santiago'")
    command = ["restore", "--latest", "--target", live.database.name, "--drop", "--dry-run"]
    done = live.practice.here(*command, check=1)
    assert "PRODUCTION" in done.stdout
    assert f'--confirm "{live.words}"' in done.stdout
    assert "takes the place of something newer" in done.stdout
    facts = json.loads(live.practice.here(*command, "--json", check=1).stdout)
    manifest = live.practice.inventory.latest().manifest
    assert (facts["backup"], facts["store"], facts["bytes"]) == (manifest.id, "disk", manifest.size)
    assert facts["target"]["standing"] == "production"
    assert facts["target"]["system_identifier"] == live.words.rpartition(" ")[2]
    assert facts["lost"]["rows"] == 3
    assert facts["lost"]["minutes"] >= 0
    assert facts["overwrites_newer"] is True
    assert facts["kept"] == f"{live.database.name}__before_YYYYMMDD_HHMMSS"
    assert facts["moment"]["zone"] == "America/Santiago"
    assert facts["moment"]["database"].endswith(("-03:00", "-04:00"))
    for moment in (facts["moment"]["utc"], facts["moment"]["here"]):
        assert datetime.fromisoformat(moment) == manifest.snapshot_at
    moment = manifest.snapshot_at, "America/Santiago", facts["moment"]["database"]
    here, utc, there = labels.three_clocks(*moment)
    assert f"{here}  ({utc} · {there})" in done.stdout
    assert {check["status"] for check in facts["checks"]} == {"ok", "warn"}
    assert facts["seconds"] is None
    assert live.practice.databases() == before
    assert len(live.practice.jobs) == journals

    live.practice.restore("mtn_paced")
    facts = json.loads(live.practice.here(*command, "--json", "--confirm", live.words, check=1).stdout)
    assert facts["seconds"] > 0
    assert [check["id"] for check in facts["checks"] if check["status"] != "ok"] == ["newer"]
    new = json.loads(live.practice.here("restore", "--latest", "-t", "mtn_new", "--dry-run", "--json").stdout)
    assert (new["target"]["standing"], new["kept"], new["lost"]["rows"]) == ("new", "", None)


def test_what_is_said_of_something_newer_fits_the_database_that_is_replaced(live):
    """Backing up is advised for the one that is backed up, and for no other."""
    live.practice.configure(PRODUCTION_DATABASES="mtn_second")
    names = {
        live.database.name: "Back it up first: mtn backup full",
        "mtn_second": "It is kept as mtn_second__before_YYYYMMDD_HHMMSS; mtn undo brings it back.",
        "mtn_hint_test": "It is a database for trials: what is in it is not kept.",
    }
    for name, hint in names.items():
        if name != live.database.name:
            live.practice.restore(name).psql(AFTER)
        found = checks(live.practice, target=name)["newer"]
        assert (found.status, found.hint) == (Status.WARN, hint)
    found = checks(live.practice, target="mtn_second", in_place=True)["newer"]
    assert found.hint == "It is backed up before it is dropped."


@pytest.fixture(scope="module")
def seen(pg18, tmp_path_factory):
    """Production for every test that only looks at it."""
    name = f"mtn_seen_{os.getpid()}"
    pg18.create_database(name)
    yield made_production(install(tmp_path_factory.mktemp("seen"), Database(pg18, name)))
    pg18.drop_database(name)


def test_a_dry_run_ends_with_2_where_something_stops_it(seen):
    done = seen.practice.here("restore", "--latest", "--target", seen.database.name, "--dry-run", check=2)
    assert "exists already" in done.stdout
    assert "mtn restore --help" in done.stdout


@pytest.fixture
def busy(pg_busy, new_database, practise) -> Live:
    return made_production(practise(new_database(pg_busy, script=BEFORE)))


def assert_stops(live: Live, *said: str) -> None:
    """By a dry run and by the restore itself, which makes nothing."""
    before = live.practice.databases()
    options = ["restore", "--latest", "--target", live.database.name, "--drop", "--confirm", live.words]
    told = live.practice.here(*options, "--dry-run", check=2).stdout
    failed = live.practice.here(*options, check=2).stderr
    for words in said:
        assert words in told
        assert words in failed
    assert live.practice.databases() == before
    assert live.rows == 53


def test_a_prepared_transaction_is_named_with_its_end(busy):
    with busy.database.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE waiting ()")
        connection.execute("PREPARE TRANSACTION 'pay-1'")
    try:
        assert_stops(busy, "prepared transactions", "ROLLBACK PREPARED 'pay-1'")
    finally:
        busy.database.psql("ROLLBACK PREPARED 'pay-1'")


def test_a_logical_slot_is_named_with_its_end(busy):
    busy.database.psql("SELECT pg_create_logical_replication_slot('to_reports', 'pgoutput')")
    try:
        assert_stops(busy, "logical replication slots", "pg_drop_replication_slot('to_reports')")
    finally:
        busy.database.psql("SELECT pg_drop_replication_slot('to_reports')")


@pytest.fixture
def plain(pg18, new_database, practise):
    """Production of a plain owner, who may make databases."""
    role = f"mtn_plain_{os.getpid()}"
    source = new_database(pg18)
    source.psql(
        f"CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'llana-1';"
        f'ALTER DATABASE "{source.name}" OWNER TO {role};'
        f"GRANT ALL ON SCHEMA public TO {role}; SET ROLE {role}; {BEFORE}"
    )
    practice: Practice = practise(source, DB_USER=role, DB_PASSWORD="llana-1")
    practice.back_up()
    live = Live(practice)
    yield live, role
    for database in (source, *live.kept):
        database.psql(f"REASSIGN OWNED BY {role} TO {pg18.user}; DROP OWNED BY {role}")
    source.psql(f"DROP ROLE {role}")


def test_a_plain_owner_who_may_make_databases_replaces_production_and_undoes_it(plain):
    live, _role = plain
    live.database.psql("INSERT INTO applications VALUES (51)")
    name = live.database.name
    done = live.practice.here("restore", "--latest", "-t", name, "-d", "--confirm", live.words)
    assert "may not" not in done.stderr
    assert live.rows == 50
    live.practice.here("undo", "--confirm", live.words)
    assert live.rows == 51


def test_what_a_plain_owner_may_not_do_is_told_before(plain):
    live, role = plain
    options = {"confirm": live.words}
    assert checks(live.practice, **options)["owner"].status is Status.OK
    with live.database.connect():  # a superuser's session
        stubborn = checks(live.practice, **options)["sessions"]
    assert stubborn.status is Status.STOP
    assert "pg_signal_backend" in stubborn.hint
    live.database.psql(f'ALTER DATABASE "{live.database.name}" OWNER TO {live.database.server.user}')
    foreign = checks(live.practice, **options)["owner"]
    assert foreign.status is Status.STOP
    mend = f'ALTER DATABASE "{live.database.name}" OWNER TO "{role}";'
    assert mend in foreign.hint
    assert "GRANT" not in foreign.hint
    owner = f"mtn_owner_{os.getpid()}"
    live.database.psql(f'CREATE ROLE {owner}; ALTER DATABASE "{live.database.name}" OWNER TO {owner}')
    foreign = checks(live.practice, **options)["owner"]
    live.database.psql(f"{mend} DROP ROLE {owner}")
    assert mend in foreign.hint
    assert f'GRANT "{owner}" TO "{role}";' in foreign.hint
    assert checks(live.practice, **options)["owner"].status is Status.OK
    live.database.psql(f"ALTER ROLE {role} NOCREATEDB")
    refused = checks(live.practice, **options)["rights"]
    assert refused.status is Status.STOP
    assert f"ALTER ROLE {role} CREATEDB" in refused.hint


@pytest.mark.parametrize("operation", OPERATION.values())
def test_a_backup_of_the_target_that_runs_just_now_is_told(seen, operation):
    path = lock_path(seen.practice.context.locks, seen.database.name, operation)
    holder = Holder(operation, seen.database.name, "abcdefgh", "eva", "db-host-1", 1, datetime.now(UTC))
    with FileLock(path, holder):
        running = checks(seen.practice)["running"]
    assert running.status is Status.WARN
    assert "abcdefgh" in running.says
    assert checks(seen.practice)["running"].status is Status.OK


def test_another_server_than_the_one_production_was_last_seen_on_is_told(live, pg_busy):
    assert checks(live.practice)["identity"].status is Status.OK
    live.practice.configure(
        DB_PORT=str(pg_busy.port), DB_USER=pg_busy.user, DB_PASSWORD=pg_busy.password, DB_HOST=pg_busy.host
    )
    other = checks(live.practice)["identity"]
    assert other.status is Status.WARN
    assert live.words.rpartition(" ")[2] in other.says
    # Once production lives there, it is the server that is known.
    pg_busy.drop_database(live.database.name)
    live.practice.here("restore", "--latest", "--target", live.database.name, check=1)
    try:
        assert checks(live.practice)["identity"].status is Status.OK
        seen = production.last_seen(live.practice.context)
        assert seen is not None
        assert seen.port == pg_busy.port
    finally:
        pg_busy.drop_database(live.database.name)


def test_too_little_room_says_the_numbers_and_the_other_way(seen, monkeypatch):
    backup = seen.practice.inventory.latest()
    usage = shutil.disk_usage(seen.practice.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)  # others write to this disk, too
    size = int(seen.database.psql("SELECT pg_database_size(current_database())"))
    wanted = int((usage.free + size // 2 - (8 << 20)) / 1.3)
    manifest = replace(backup.manifest, sums=(wanted, backup.manifest.gzip))
    copies = tuple(replace(copy, manifest=manifest) for copy in backup.copies)
    room = checks(seen.practice, backup=replace(backup, copies=copies))["room"]
    assert room.status is Status.STOP
    assert f"has {labels.size(usage.free)} free; the restored database needs about" in room.says
    assert f"The present one, of {labels.size(size)}, stays beside it." in room.says
    assert "--in-place" in room.hint
    in_place = checks(seen.practice, backup=replace(backup, copies=copies), in_place=True)
    assert in_place["room"].status is Status.OK
    assert in_place["target"].status is Status.WARN


def test_the_room_that_a_differential_needs_is_that_of_its_full_too(pg18, new_school, practise):
    practice: Practice = practise(new_school(pg18))
    practice.back_up()
    practice.back_up_changes()
    differential = practice.inventory.backups[0]
    assert differential.base is not None
    room = checks(practice, backup=differential)["room"]
    assert (
        labels.size(int((differential.base.raw + differential.manifest.raw) * 1.3) + (8 << 20)) in room.says
    )


def test_a_locale_that_the_server_lacks_is_told(seen):
    backup = seen.practice.inventory.latest()
    server = replace(backup.manifest.server, locale_provider="c", collate="tlh_KX.UTF-8", ctype="C")
    assert isinstance(server, ServerIdentity)
    copies = tuple(replace(copy, manifest=replace(backup.manifest, server=server)) for copy in backup.copies)
    locale = checks(seen.practice, backup=replace(backup, copies=copies))["locale"]
    assert locale.status is Status.WARN
    assert "tlh_KX.UTF-8" in locale.says


def test_what_the_script_sets_and_whose_things_are_is_read_from_it():
    script = b"""
SET statement_timeout = 0;
SET transaction_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE FUNCTION public.f() RETURNS void LANGUAGE sql AS $$ SET not_this = 1; ALTER TABLE x OWNER TO nobody $$;
SET default_tablespace = 'Fast "disk"';
SET default_tablespace = '';
CREATE TABLE public.t (x int);
ALTER TABLE public.t OWNER TO "O'Higgins; ""B"" ";
ALTER FUNCTION public.f() OWNER TO admin;
"""
    needs = needs_of([script])
    assert needs.settings == ("statement_timeout", "transaction_timeout", "default_tablespace")
    assert needs.tablespaces == ('Fast "disk"',)
    assert needs.owners == ('O\'Higgins; "B" ', "admin")


def test_a_setting_that_an_older_server_does_not_know_is_told_before(pg18, pg_system, new_database, practise):
    practice: Practice = practise(new_database(pg18))
    practice.source.psql(BEFORE)
    practice.back_up()
    practice.configure(DB_PORT=str(pg_system.port), DB_USER=pg_system.user, DB_PASSWORD=pg_system.password)
    found = checks(practice)
    assert found["settings"].status is Status.WARN
    assert "transaction_timeout" in found["settings"].says
    assert found["version"].status is Status.WARN
    assert found["target"].status is Status.OK


def test_of_a_file_that_nothing_signs_nothing_is_said_twice(seen):
    name = seen.practice.legacy_backup().name
    command = ["restore", name, "--target", "mtn_new", "--legacy", "--dry-run"]
    said = seen.practice.here(*command, check=1).stdout.split("\n\n", 1)[1].splitlines()
    assert len(said) == len(set(said)), said
    assert sum("what a file of the scripts needs" in line for line in said) == 1
    facts = json.loads(seen.practice.here(*command, "--json", check=1).stdout)
    assert {"settings", "tablespaces", "privileges"} <= {one["id"] for one in facts["checks"]}


def test_where_the_server_is_gone_a_dry_run_says_that(live):
    live.practice.configure(DB_PORT="1")
    done = live.practice.here("restore", "--latest", "--target", "x", "--dry-run", check=2)
    assert "does not answer" in done.stderr
    assert done.stdout == ""
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(live.database.server.conninfo("x", port=1))
