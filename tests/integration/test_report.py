"""Reports of real runs: journals, figures, stores, drills, alerts, incidents come together and are mailed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest

from mtn_tui.cli import output
from mtn_tui.core import i18n
from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import Locked, StorageUnavailable
from mtn_tui.core.models import Kind
from mtn_tui.demo.ports import free_port
from mtn_tui.operations.alerts.delivery import State
from mtn_tui.operations.alerts.message import Level
from mtn_tui.operations.alerts.notify import notify
from mtn_tui.operations.incident.file import open_incident
from mtn_tui.operations.incident.state import Actor
from mtn_tui.operations.reports import report as reports
from mtn_tui.operations.reports.facts import Outcome
from mtn_tui.operations.reports.period import Span
from tests.alert_fixtures import mail_server
from tests.alert_fixtures import place as place_without_server
from tests.operation_fixtures import Practice

pytestmark = pytest.mark.usefixtures("about_noon")
"""Late on a Sunday the week would be over before anything is overdue in it, or while it is being made."""


class InAWeek(SystemClock):
    """As it is in seven days: what happens now is of the last full week then."""

    def now(self):
        return super().now() + timedelta(days=7)


@pytest.fixture
def school(pg18, new_school):
    return new_school(pg18)


def later(practice: Practice):
    """The context of a report on what happens now."""
    return replace(practice.context, clock=InAWeek())


def fails(error: Exception):
    def body(_job):
        raise error

    return body


def run_and_fail(practice: Practice, kind: str, error: Exception) -> None:
    with pytest.raises(type(error)):
        practice.run(kind, fails(error))


def test_what_is_in_the_stores_in_journals_and_in_figures_is_one_report(school, practise, s3, capsys):
    practice = practise(school, s3)
    full = practice.back_up()
    diff = practice.back_up_changes()
    assert diff.manifest.kind is Kind.DIFF
    run_and_fail(practice, "backup-diff", StorageUnavailable("The disk is gone.", "Mount it."))
    run_and_fail(practice, "backup-diff", Locked("Another is running.", "Wait."))
    practice.here("drill")
    context = practice.context
    open_incident(context.state, school.name, Actor("ana", "db1", "s1"), context.clock).close("restored")
    open_incident(context.state, "another", Actor("ana", "db1", "s1"), context.clock)

    made = reports.report(later(practice), Span.WEEK)
    facts, figures = made.collected, made.figures
    assert facts.unknown == ()
    assert [one.outcome for one in facts.runs] == [
        Outcome.MADE,
        Outcome.MADE,
        Outcome.FAILED,
        Outcome.PASSED_OVER,
    ]
    assert [(one.made, one.moment, one.size, one.counts) for one in facts.runs[:2]] == [
        (one.manifest.kind, one.manifest.snapshot_at, one.manifest.size, True) for one in (full, diff)
    ]
    assert [one.reason for one in figures.failed] == ["The disk is gone."]
    assert (figures.kinds[Kind.FULL].made, figures.kinds[Kind.DIFF].made) == (1, 1)
    assert (figures.drills.passed, figures.drills.failed) == (1, 0)
    assert (
        figures.drills.usual
        == json.loads((practice.root / "logs" / "metrics" / "drill_latest.json").read_text())["rto_seconds"]
    )
    assert [(one.number, one.outcome) for one in facts.emergencies] == [(1, "restored")]
    assert [(one.store, one.count) for one in facts.stored] == [("bucket", 2), ("disk", 2)]

    output.as_json(made.facts())
    told = json.loads(capsys.readouterr().out)
    assert (told["kinds"]["diff"]["made"], told["failed"][0]["outcome"]) == (1, "failed")
    assert told["incidents"][0]["number"] == 1
    assert [one["store"] for one in told["stored"]] == ["bucket", "disk"]

    # The journals are pruned one day, then the figures too: less is known, and it is told.
    known = {(one.made, one.size, one.counts) for one in facts.runs if one.made}
    for path in (practice.root / "state" / "jobs").iterdir():
        path.unlink()
    without = reports.report(later(practice), Span.WEEK)
    assert {(one.made, one.size, one.counts) for one in without.collected.runs if one.made} == known
    assert without.figures.rpo.missed > 0
    for path in (practice.root / "logs" / "metrics").iterdir():
        path.unlink()
    without = reports.report(later(practice), Span.WEEK)
    assert {(one.made, one.size, one.counts) for one in without.collected.runs} == known
    assert (without.collected.recorded, without.figures.rpo.missed) == (None, 0)
    assert without.figures.rpo.held > 0
    assert without.figures.drills.passed == 1, "rto-tests.log is never pruned"


def test_what_is_damaged_or_can_not_be_read_does_not_count_and_is_told(school, practise):
    practice = practise(school, USE_MINIO="false", S3_BUCKET="", MINIO_ENDPOINT="")
    made = [practice.back_up().manifest, practice.ready_made()]
    metrics = practice.root / "logs" / "metrics"
    day = datetime.combine(practice.context.clock.now().astimezone().date(), time(12))
    (metrics / f"full-backup_{day:%Y%m%d_%H%M%S}.json").write_text("{")
    (metrics / f"drill_{day:%Y%m%d_%H%M%S}.json").write_text("[]")
    (metrics / "full-backup_20200101_000000.json").write_text("torn, and of no period")
    for manifest in made:
        beside = practice.payload(manifest).with_name(manifest.payload + ".manifest.json")
        beside.write_bytes(beside.read_bytes().replace(b'"rows":', b'"Rows":', 1))
    report = reports.report(later(practice), Span.WEEK)
    assert report.collected.unknown == (
        f"1 file of figures can't be read: {metrics}",
        "1 backup can't be trusted, and does not count: mtn list",
        "The record of 1 drill can't be read.",
    )
    assert report.figures.rpo.held == 0, "it is on record as proven, and is damaged since"
    assert not report.figures.well


def test_without_bucket_and_key_it_says_so_and_tells_what_is_known(school, practise):
    nowhere = f"http://127.0.0.1:{free_port()}"
    practice = practise(school, MINIO_ENDPOINT=nowhere, MINIO_ACCESS_KEY="a", MINIO_SECRET_KEY="b")
    run_and_fail(practice, "backup-full", StorageUnavailable("The disk is gone.", "Mount it."))
    told = reports.report(later(practice), Span.WEEK)
    assert ["bucket" in one for one in told.collected.unknown] == [True]
    practice.key_file.unlink()
    told = reports.report(later(practice), Span.WEEK)
    assert told.collected.unknown[0].startswith("The backups were not looked at: ")
    assert len(told.figures.failed) == 1
    assert "## Not known" in told.markdown


def test_the_command_prints_it_of_week_and_month_as_markdown_and_json_and_an_empty_one_says_so(
    school, practise
):
    practice = practise(school, USE_MINIO="false", S3_BUCKET="")
    out = practice.here("report").stdout
    assert out.startswith("# Weekly report: ")
    assert "? No backups are on record for this time." in out
    assert practice.here("report", "--month").stdout.startswith("# Monthly report: ")
    i18n.use("es")
    assert practice.here("report").stdout.startswith("# Informe semanal: ")
    i18n.use("en")
    told = json.loads(practice.here("report", "--week", "--json").stdout)
    assert (told["period"], told["empty"], told["well"]) == ("week", True, False)
    assert told["kinds"]["full"]["due"] == {"due": 7, "done": 0, "missed": 0, "unknown": 7}
    assert set(told["days"][0]["due"]) == {"full", "diff"}
    for options in ([], ["--scheduled"]):  # as each Monday, where a schedule was installed
        done = practice.here(*options, "report", "--week", "--mail", check=1)
        assert done.stdout == ""
        told = " ".join(done.stderr.split())
        assert told.startswith("warning: The report was not sent: no e-mail is configured. Set in ")
        assert f"{practice.config}: SMTP_SERVER ALERT_EMAIL." in told
    practice.here("--read-only", "report")
    practice.here("--read-only", "report", "--mail", check=64)


def test_by_mail_it_comes_as_text_and_as_tables_and_waits_where_no_server_answers(tmp_path):
    at = place_without_server(
        tmp_path, SMTP_SERVER="127.0.0.1", SMTP_PORT=str(free_port()), ALERT_EMAIL="a@mtn.cl"
    )
    made = reports.report(at.context, Span.MONTH)
    told = reports.send(at.context, made)
    assert [(one.channel, one.state) for one in told.outcomes] == [("mail", State.KEPT)]
    assert len(at.waiting) == 1
    with mail_server() as sink:
        at.configure(SMTP_PORT=str(sink.port))
        told = reports.send(at.context, made)
    assert [one.state for one in told.outcomes] == [State.SENT]
    (mail,) = sink.mails
    assert mail["Subject"].startswith("[MTN ⚠] Monthly report ")
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert made.markdown.strip() in text.replace("\r\n", "\n")
    assert ("<h2" in html, "# Monthly" in html, html.count("<h1")) == (True, False, 1)
    at.configure(ALERT_EMAIL="")
    assert reports.missing_to_send(at.context.settings) == ["ALERT_EMAIL"]


def test_alerts_are_those_of_the_log_and_what_did_not_arrive_is_named(tmp_path):
    at = place_without_server(tmp_path, SMTP_SERVER="127.0.0.1", ALERT_EMAIL="a@mtn.cl b@mtn.cl")
    at.clock.by = timedelta(days=-7)
    with mail_server() as sink:
        at.configure(SMTP_PORT=str(sink.port))
        sink.on_rcpt = lambda address: "550 unknown" if address == "b@mtn.cl" else None
        subject = 'CRITICAL: "quoted" = \\ñ\u202e'
        notify(at.context, Level.ERROR, subject, "x", pauses=(), sockets=())
        sink.on_rcpt = lambda _address: None
        notify(at.context, Level.SUCCESS, "Full backup done", "x", pauses=(), sockets=())
    at.clock.by = timedelta(0)
    found = reports.report(at.context, Span.WEEK).collected.alerts
    assert [(one.level, one.unsent) for one in found] == [("error", ("b@mtn.cl",)), ("success", ())]
    assert found[0].subject == 'CRITICAL: "quoted" = \\ñ\\u202e'
    at.clock.by = timedelta(days=7)
    assert reports.report(at.context, Span.WEEK).collected.alerts == ()
