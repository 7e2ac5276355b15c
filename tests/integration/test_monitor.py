"""``mtn monitor`` on a real installation: its output, files and pings."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mtn_tui.demo.ports import LOOPBACK, free_port
from mtn_tui.operations.health import last_known, monitor
from mtn_tui.operations.health.catalogue import CHECKS
from tests.operation_fixtures import Practice
from tests.plugin_output import exposition, plugin


@pytest.fixture
def small(pg18, new_database):
    database = new_database(pg18)
    database.psql("CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 50) g")
    return database


@dataclass
class Pinged:
    """A service in healthchecks.io's form, which keeps what it is told."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    """The next ones; then 200."""
    pings: list[tuple[str, str]] = field(default_factory=list)
    """Path and body."""


@contextmanager
def pinged() -> Iterator[Pinged]:
    service = Pinged()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            service.pings.append((self.path, body))
            self.send_response(service.answers.pop(0) if service.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args):
            """Nothing: stderr is the program's."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    service.url = f"http://{LOOPBACK}:{server.server_port}/ping-me-not?create=1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_full_run_leaves_a_report_the_json_and_the_metrics_and_remembers_its_results(small, practise):
    practice: Practice = practise(small)
    practice.ready_made()
    done = practice.here("monitor", check=1)
    read = plugin(done.stdout)
    assert (read.status, done.stderr) == (1, "")
    assert read.text.startswith("RPO and RTO: RTO unknown"), "no drill was made yet"
    assert read.data["full_age"][1:] == ("s", "", "93600")
    assert len(read.more) == len(CHECKS)
    (report,) = (practice.root / "logs").glob("backup-report_*.txt")
    assert report.read_text().splitlines()[0] == "Overall status: WARNING"
    metrics = practice.root / "logs" / "metrics"
    latest = json.loads((metrics / "backup-status_latest.json").read_text())
    assert (latest["overall_status"], latest["full_backup_status"]) == ("WARNING", "FRESH")
    assert latest["full_backups_7days"] == 1
    found = exposition((metrics / "mtn.prom").read_text())
    of = ("database", small.name)
    assert found["mtn_backups"][of, ("store", "disk"), ("kind", "full")] == 1.0
    assert set(last_known.load(practice.context)) == {one.id for one in CHECKS}
    assert practice.jobs == [], "it is no job: every quarter of an hour there would be one more"


def test_a_quick_run_writes_the_metrics_and_no_report(small, practise):
    practice: Practice = practise(small)
    practice.ready_made()
    read = plugin(practice.here("monitor", "--quick", check=1).stdout)
    assert len(read.more) == len([one for one in CHECKS if one.decides and not one.writes])
    assert list((practice.root / "logs").glob("backup-report_*")) == []
    assert [one.name for one in (practice.root / "logs" / "metrics").iterdir()] == ["mtn.prom"]
    told = json.loads(practice.here("monitor", "--quick", "--json", check=1).stdout)
    assert (told["overall_status"], told["quick"]) == ("WARNING", True)


def test_without_a_backup_it_is_critical_and_without_a_configuration_unknown(small, practise, tmp_path):
    practice: Practice = practise(small)
    assert plugin(practice.here("monitor", "--quick", check=2).stdout).status == 2
    practice.config.write_text("DB_PORT=none\n")
    done = practice.here("monitor", check=3)
    assert plugin(done.stdout).status == 3


def test_read_only_writes_nothing_and_tells_nobody(small, practise):
    with pinged() as service:
        practice: Practice = practise(small, PING_URL=service.url)
        practice.ready_made()
        before = {one for one in practice.root.rglob("*") if "cache" not in one.parts}
        plugin(practice.here("--read-only", "monitor", check=1).stdout)
        assert service.pings == []
    after = {one for one in practice.root.rglob("*") if "cache" not in one.parts}
    assert {one for one in after - before if "locks" not in one.parts} == set()


def test_each_run_is_pinged_at_its_start_and_its_end_and_a_critical_one_as_failed(small, practise):
    with pinged() as service:
        practice: Practice = practise(small, PING_URL=service.url)
        practice.here("monitor", "--quick", check=2)
        practice.ready_made()
        practice.here("monitor", check=1)
    assert [path for path, _body in service.pings] == [
        "/ping-me-not/start?create=1",
        "/ping-me-not/fail?create=1",
        "/ping-me-not/start?create=1",
        "/ping-me-not?create=1",
    ]
    assert service.pings[1][1].startswith("MTN CRITICAL - ")
    assert service.pings[3][1].startswith("MTN WARNING - ")


def test_a_ping_that_fails_is_tried_once_more_and_then_a_warning_that_hides_the_address(small, practise):
    with pinged() as service:
        practice: Practice = practise(small, PING_URL=service.url)
        practice.ready_made()
        service.answers = [503]
        done = practice.here("monitor", "--quick", check=1)
        assert [path.count("start") for path, _body in service.pings] == [1, 1, 0]
        assert done.stderr == ""
        service.answers = [404] * 4
        done = practice.here("monitor", "--quick", check=1)
    assert done.stderr.count("was not taken: 404") == 2
    practice.configure(PING_URL=f"http://{LOOPBACK}:{free_port()}/ping-me-not")
    done = practice.here("monitor", "--quick", check=1)
    assert done.stderr.count("got no answer") == 2
    assert "ping-me-not" not in done.stderr


def test_what_fails_in_each_run_is_mailed_by_cron_every_six_hours_only(small, practise):
    practice: Practice = practise(small, PING_URL=f"http://{LOOPBACK}:{free_port()}")
    practice.ready_made()
    metrics = practice.context.settings.metrics_dir
    assert practice.here("--scheduled", "monitor", "--quick", check=1).stderr == ""
    shutil.rmtree(metrics)
    metrics.touch()  # no figures can be written
    assert practice.here("--scheduled", "monitor", "--quick", check=None).stderr == ""
    told = practice.here("--scheduled", "monitor", check=None).stderr
    assert ("got no answer" in told, "The report was not written" in told) == (True, True)


def test_a_run_that_finds_another_ends_quietly_with_what_is_known(small, practise):
    with pinged() as service:
        practice: Practice = practise(small, PING_URL=service.url)
        context = practice.context
        with monitor.only_one(context, quick=True):
            assert plugin(practice.here("monitor", "--quick", check=3).stdout).status == 3
        practice.here("monitor", "--quick", check=2)
        service.pings.clear()
        with monitor.only_one(context, quick=True):
            done = practice.here("monitor", "--quick", check=2)
            assert service.pings == []
            assert (plugin(done.stdout).status, done.stderr) == (2, "")


def test_what_doctor_finds_is_remembered(small, practise):
    practice: Practice = practise(small)
    practice.here("doctor", check=None)
    assert set(last_known.load(practice.context)) == {one.id for one in CHECKS}
