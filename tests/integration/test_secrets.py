"""With secrets in the configuration, none is ever seen: not in argv, not in any file, text or traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from mtn_tui.demo.ports import free_port
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.operations.backup.full import full_backup
from tests.operation_fixtures import Bucket, Practice

# However a text is quoted or encoded, letters and digits stay as they are: so each secret has such a core.
CORES = {
    "database": "Qx7dbPassCoreZ9",
    "wrong": "Qx7wrongCoreZ9",
    "passphrase": "Qx7passphraseCoreZ9",
    "bucket": "Qx7bucketCoreZ9",
    "mail": "Qx7mailCoreZ9",
}
ODD = "p'a\"s s\\w%rd$é€{}&;` "


def secret(which: str) -> str:
    return f"{ODD}{CORES[which]}{ODD}x"


def leaks(data: bytes | str) -> list[str]:
    """Which secrets are in there, in any form."""
    given = data.encode(errors="surrogateescape") if isinstance(data, str) else data
    return [which for which, core in CORES.items() if core.encode() in given]


@contextmanager
def watching_command_lines(seen: dict[bytes, None]):
    """Look at every process's argv, again and again."""
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("this system has no /proc")
    stop = threading.Event()

    def look():
        while not stop.wait(0.01):  # no program that is given a secret is as quick as that
            for process in Path("/proc").iterdir():
                if process.name.isdecimal():
                    try:
                        seen[(process / "cmdline").read_bytes()] = None
                    except OSError:
                        continue  # it has ended

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


@pytest.fixture
def guarded(pg18, new_database, practise, tmp_path) -> Practice:
    """An installation all of whose secrets are odd."""
    source = new_database(pg18)
    role = f"mtn_guarded_{os.getpid()}"
    password = secret("database").replace("'", "''")
    source.psql(
        f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{password}';"
        "CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 1000) g"
    )
    folder = tmp_path / "seaweed"
    folder.mkdir()
    server = SeaweedServer(folder, secret_key=secret("bucket")).start()
    bucket = Bucket(server.endpoint, server.bucket, server.access_key, server.secret_key)
    practice: Practice = practise(
        source,
        bucket,
        DB_USER=role,
        DB_PASSWORD=secret("database"),
        SMTP_PASSWORD=secret("mail"),
    )
    practice.key_file.write_text(secret("passphrase") + "\n")
    yield practice
    server.kill()
    source.psql(f"DROP ROLE {role}")


def test_no_secret_is_ever_seen(guarded):
    practice = guarded
    argv: dict[bytes, None] = {}
    said = []

    def run(*arguments, code, **changes):
        kept = dict(practice.values)
        practice.configure(**changes)
        has_children = arguments[0] in ("backup", "restore")
        done = (practice.mtn if has_children else practice.here)(*arguments, check=code)
        practice.configure(**kept)
        said.append((arguments, done.stdout + done.stderr))
        return done

    practice.made.append("mtn_guarded")
    with watching_command_lines(argv):
        made = json.loads(run("backup", "full", "--verbose", "--json", code=0).stdout)
        assert made["in_bucket"]
        run("list", code=0)
        run("show", made["id"], "--json", code=0)
        run("verify", "--all", code=0)
        run("restore", "--latest", "--target", "mtn_guarded", code=0)
        run("backup", "full", "--verbose", code=2, DB_PASSWORD=secret("wrong"))
        run("restore", "--latest", "--target", "mtn_guarded", "--drop", code=2, DB_PASSWORD=secret("wrong"))
        run("backup", "full", code=2, DB_NAME="mtn_not_there")
        run("backup", "full", code=2, DB_PORT=secret("database"))
        run("list", code=1, MINIO_SECRET_KEY=secret("wrong"))
        run("backup", "full", code=1, MINIO_SECRET_KEY=secret("wrong"))
        run("verify", "--all", code=3, MINIO_ENDPOINT=f"http://127.0.0.1:{free_port()}")
        run("list", code=2, MINIO_ENDPOINT=f"http://key:{secret('bucket')}@127.0.0.1")
        practice.key_file.write_text(secret("wrong") + "\n")
        run("verify", made["name"], code=3)
        practice.key_file.write_text(secret("passphrase") + "\n")
        run("job", "list", "--json", code=0)
    programs = {line.split(b"\0")[0].rpartition(b"/")[2] for line in argv}
    assert b"pg_dump" in programs, "nobody looked while it ran"
    assert [line for line in argv if leaks(line)] == []
    assert [(arguments, leaks(text)) for arguments, text in said if leaks(text)] == []
    files = [path for path in practice.root.rglob("*") if path.is_file() and "seaweed" not in path.parts]
    kinds = {"".join(path.suffixes[-2:]) for path in files}
    assert {".jsonl", ".log", ".json", ".manifest.json", ".proof.json", ".roles.enc"} <= kinds
    own = {practice.config, practice.key_file}
    assert [
        (path, leaks(path.read_bytes())) for path in files if path not in own and leaks(path.read_bytes())
    ] == []
    with closing(practice.context.stores.bucket) as bucket:
        for entry in bucket.list():
            with bucket.open(entry.key) as stream:
                assert leaks(stream.read()) == [], entry.key
    (roles,) = practice.backups.glob(f"{made['name']}.roles.enc")
    openssl = ["openssl", "enc", "-d", "-aes-256-cbc", "-pbkdf2", "-iter", "100000"]
    text = subprocess.run(
        [*openssl, "-pass", f"file:{practice.key_file}", "-in", roles],
        capture_output=True,
        check=True,
    ).stdout
    assert b"SCRAM-SHA-256$" in text
    assert leaks(text) == []


FAULT = """
import json, shlex, sys
from urllib.parse import quote
from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.session import Session
from pathlib import Path

session = Session(Path(sys.argv[1]), None, True)
context = session.context
values = [context.settings.db_password, context.settings.minio_secret_key, context.settings.smtp_password]
secrets = [value.get_secret_value() for value in values] + [context.key.passphrase.decode()]

def fails(job):
    for value in secrets:
        for form in (str, repr, ascii, json.dumps, quote, shlex.quote, str.encode):
            job.note("info", "a-note", text=f"{form(value)}", within=[{"deep": form(value)}])
            job.warn("a-warning", f"warned of {form(value)}")
            output.line(f"{form(value)}")
            output.as_json({"value": [str(form(value))]})
            diagnostics.say(f"{form(value)}")
    raise RuntimeError("; ".join(f"{value} {value!r} {value.encode()!r}" for value in secrets))

print(repr(context), repr(context.settings), context.server, context.key, repr(session))
from mtn_tui.operations.common.metrics import begin_log
from mtn_tui.engine.jobs import Job

def body(job):
    begin_log(job, context, "fault", context.clock.now())
    fails(job)

try:
    session.host("backup-full", "x", body)
except RuntimeError as error:
    diagnostics.fault(error)
"""


def test_not_even_a_fault_of_the_program_shows_one(guarded):
    """Everything that goes out is masked, whatever form the text has when it gets there."""
    practice = guarded
    done = subprocess.run(
        [sys.executable, "-c", FAULT, practice.config],
        env=practice.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "RuntimeError" in done.stderr
    assert "•••" in done.stdout
    assert leaks(done.stdout) == leaks(done.stderr) == []
    journals = list((practice.root / "state" / "jobs").iterdir())
    logs = list((practice.root / "logs").glob("fault_*.log"))
    assert len(journals) == len(logs) == 1
    for path in (*journals, *logs):
        text = path.read_text()
        assert "a-warning" in text
        assert leaks(text) == [], path


def test_a_password_that_looks_like_a_figure_leaves_every_json_whole(pg18, new_database, practise):
    source = new_database(pg18)
    role = f"mtn_weak_{os.getpid()}"
    source.psql(f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '1'; CREATE TABLE t AS SELECT 1 AS id")
    try:
        practice: Practice = practise(source, DB_USER=role, DB_PASSWORD="1")
        context = practice.context
        practice.run("backup-full", lambda job: full_backup(job, context), context)
        figures = json.loads((practice.root / "logs/metrics/full-backup_latest.json").read_text())
        assert figures["status"] == "success"
        assert figures["encrypted_size_bytes"] == practice.inventory.latest().size
        (facts,) = json.loads(practice.mtn("list", "--json").stdout)
        assert facts["size"] == figures["encrypted_size_bytes"]
    finally:
        source.psql(f"DROP ROLE {role}")
