"""mtn doctor --bundle and --try; and the troubles of runbook 7: each is found, and its fix works."""

from __future__ import annotations

import io
import json
import stat
import tarfile
from pathlib import Path

import pytest

from mtn_tui.demo.ports import free_port
from mtn_tui.operations.common import production
from tests.operation_fixtures import KEY, Practice

ROW = "Soto Pérez, Ana, 12.345.678-9"
SECRETS = {
    "SMTP_PASSWORD": "of the mail 8f3a",
    "WEBHOOK_URL": "https://hooks.example.cl/services/T01/8c1f",
    "SERVICE_HEALTH_URLS": "http://probe:of-probes-77@127.0.0.1:1/health",
    "SERVICES_STOP_COMMAND": "systemctl stop x --password=of-commands-55",
}


@pytest.fixture
def small(pg18, new_database):
    return new_database(pg18, script="CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 50) g")


def findings(practice: Practice, *words: str) -> dict[str, dict[str, str]]:
    """The worst of each check, by its name."""
    said = json.loads(practice.here("doctor", "--json", *words, check=None).stdout)
    order = ["ok", "warn", "unknown", "fail"]
    return {one["check"]: one for one in sorted(said, key=lambda one: order.index(one["status"]))}


def members(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        found = [(one, archive.extractfile(one)) for one in archive.getmembers()]
        assert {one.mode for one, _file in found} == {0o600}
        return {one.name.rpartition("/")[2]: file.read().decode() for one, file in found if file}


def test_the_bundle_tells_all_but_secrets_rows_and_the_key(small, practise, tmp_path):
    practice: Practice = practise(small, MINIO_ENDPOINT="", **SECRETS)
    small.psql(f"CREATE TABLE p AS SELECT '{ROW}' AS name")
    practice.ready_made()
    practice.run("verify", lambda job: job.warn("odd", f"password='{SECRETS['SMTP_PASSWORD']}' is wrong"))
    log = practice.root / "logs" / "restore_20261127_020000.log"
    log.write_text(f"ERROR: duplicate key\nDETAIL: Key (name)=({ROW}) already exists.\n")
    target = tmp_path / "support.tar.gz"
    done = practice.here("doctor", "--bundle", str(target), check=None)
    assert str(target) in done.stderr
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    found = members(target)
    assert set(found) == {"doctor.json", "versions.json", "backup.conf", "jobs.json", "journals.txt"}
    assert {one["id"] for one in json.loads(found["doctor.json"])} >= {"server", "disk", "key", "services"}
    assert json.loads(found["versions.json"])["pg_dump"].startswith("18")
    assert f"DB_NAME={small.name}  # {practice.config}:" in found["backup.conf"]
    assert "SMTP_PASSWORD=•••" in found["backup.conf"]
    (job,) = json.loads(found["jobs.json"])
    assert (job["kind"], job["database"]) == ("verify", small.name)
    assert "odd" in found["journals.txt"]
    whole = "\n".join(found.values())
    secrets = (practice.values["DB_PASSWORD"], SECRETS["SMTP_PASSWORD"], "T01/8c1f", "77@", "commands-55")
    for secret in (*secrets, KEY, ROW, "12.345.678-9"):
        assert secret not in whole

    practice.here("doctor", "--bundle", str(target), check=64)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    practice.here("doctor", "--bundle", str(tmp_path / "link"), check=64)
    assert not (tmp_path / "elsewhere").exists()
    practice.here("doctor", "--bundle", str(tmp_path / "nowhere" / "x"), check=2)


def test_without_a_configuration_there_is_a_bundle_all_the_same(small, practise, tmp_path):
    practice: Practice = practise(small, DB_PORT="many")
    target = tmp_path / "support.tar.gz"
    practice.here("doctor", "--bundle", str(target), check=2)
    found = members(target)
    assert set(found) == {"doctor.json", "versions.json"}
    assert "DB_PORT" in found["doctor.json"]


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(line + "\n" for line in lines)))


def test_a_new_password_is_tried_before_it_replaces_the_old(small, practise, monkeypatch):
    name = f"renewed_{small.name}"
    small.psql(
        f'CREATE ROLE "{name}" SUPERUSER LOGIN PASSWORD \'the new one\'; GRANT pg_read_all_data TO "{name}"'
    )
    try:
        practice: Practice = practise(small, MINIO_ENDPOINT="", DB_USER=name, DB_PASSWORD="the old one")
        before = practice.config.read_bytes()
        typed(monkeypatch, "not this one")
        assert "does not work" in practice.here("doctor", "--try", "DB_PASSWORD", check=2).stderr
        typed(monkeypatch, "the new one")
        done = practice.here("doctor", "--try", "DB_PASSWORD")
        assert "PostgreSQL 18" in done.stdout
        assert f"Put it into {practice.config}" in done.stderr
        assert "the new one" not in done.stdout + done.stderr
        assert practice.config.read_bytes() == before
        typed(monkeypatch, "the new one")
        refused = practice.here("doctor", "--try", "DB_PASSWORD", "--try", f"DB_PORT={free_port()}", check=2)
        assert "does not answer" in refused.stdout
        assert production.last_seen(practice.context) is None, "what is only tried is not remembered"
        practice.configure(DB_PASSWORD="the new one")
        practice.back_up()
    finally:
        small.psql(f'DROP OWNED BY "{name}"; DROP ROLE "{name}"')


def test_new_keys_of_the_bucket_are_tried_by_all_that_a_backup_does(small, practise, s3, monkeypatch):
    practice: Practice = practise(small, s3, MINIO_ACCESS_KEY="old", MINIO_SECRET_KEY="old")
    typed(monkeypatch, s3.secret_key)
    words = ["doctor", "--try", f"MINIO_ACCESS_KEY={s3.access_key}", "--try", "MINIO_SECRET_KEY"]
    done = practice.here(*words)
    assert "can be written, read and cleared" in done.stdout
    assert "PostgreSQL" not in done.stdout
    typed(monkeypatch, "wrong again")
    assert "does not work" in practice.here(*words, check=2).stderr
    assert json.loads(practice.here("doctor", "--try", "MINIO_BUCKET=not-there", "--json", check=2).stdout)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["DB_PASSWORD=visible-to-all"], "others could see it"),
        (["LOG_DIR=/tmp"], "none of the keys"),
        (["DB_PASSWORD"], "no value"),
        (["DB_HOST=x", "--bundle", "y"], "don't go together"),
    ],
)
def test_what_cannot_be_tried_is_said(small, practise, monkeypatch, words, said):
    practice: Practice = practise(small, MINIO_ENDPOINT="")
    typed(monkeypatch)
    refused = practice.here("doctor", "--try", *words, check=64)
    assert said in refused.stderr
    assert "visible-to-all" not in refused.stderr


def test_backups_of_size_zero(small, practise):
    """7.4: of ours, and of the scripts, whose name alone would make it the newest."""
    practice: Practice = practise(small, MINIO_ENDPOINT="")
    made = practice.payload(practice.ready_made())
    content = made.read_bytes()
    for empty in (made, practice.backups / "admision_mtn_full_h_20261127_020000.sql.gz.gpg"):
        empty.write_bytes(b"")
        told = findings(practice)["suspect"]
        assert told["status"] == "warn"
        assert "mtn verify" in told["hint"]
        practice.here(*told["hint"].split(": ")[1].split(". ")[0].split()[1:], check=2)
        if empty == made:
            empty.write_bytes(content)
            practice.here("verify", "--all")
        else:
            empty.unlink()
        assert findings(practice)["suspect"]["status"] == "ok"


def test_a_key_that_is_not_found(small, practise):
    """7.2: putting the copy back is the fix, and a new one is not made."""
    practice: Practice = practise(small, MINIO_ENDPOINT="")
    practice.ready_made()
    kept = practice.key_file.rename(practice.root / "in the safe")
    assert findings(practice)["key"]["status"] == "fail"
    assert "kept elsewhere" in findings(practice)["key"]["hint"]
    practice.here("backup", "full", check=2)
    assert not practice.key_file.exists()
    kept.rename(practice.key_file)
    told = findings(practice)
    assert (told["key"]["status"], told["key-of-backups"]["status"]) == ("ok", "ok")


def test_a_server_that_refuses_the_connection(small, practise):
    """7.3: by its port."""
    practice: Practice = practise(small, MINIO_ENDPOINT="", DB_PORT=str(free_port()))
    told = findings(practice)["server"]
    assert told["status"] == "fail"
    assert "DB_PORT" in told["hint"]
    practice.configure(DB_PORT=str(small.server.port))
    assert findings(practice)["server"]["status"] == "ok"
