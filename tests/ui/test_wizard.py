"""The worst hour, from the first screen to healthy services."""

from __future__ import annotations

import shlex
from contextlib import closing
from datetime import timedelta
from email.header import decode_header, make_header

import pytest

from mtn_tui.core import suggested
from mtn_tui.demo.mail import MailServer
from mtn_tui.demo.services import Services
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common.production import PHRASE
from mtn_tui.operations.incident import messages
from mtn_tui.operations.incident.report import report
from mtn_tui.operations.incident.state import RecoveryMode, Step, StepStatus
from mtn_tui.operations.incident.steps import staging_of
from mtn_tui.operations.setup.init import write_contacts
from tests.one_database_fixtures import at_home, one_database_extensions
from tests.pg_fixtures import Database
from tests.ui.emergencies import at_the_wizard, beginning, brought_to, on_disk, wizard
from tests.ui.pilots import nothing_begins


def test_a_lost_database_is_healthy_again_by_what_the_screen_says(pg18, new_school, practise, tmp_path):
    with Services() as services, MailServer(tmp_path / "mail") as mail:
        restarted = tmp_path / "restarted"
        practice = practise(
            new_school(pg18),
            SERVICES_RESTART_COMMAND=f"touch {shlex.quote(str(restarted))}",
            SERVICE_HEALTH_URLS=" ".join(services.urls),
            SMTP_SERVER=mail.host,
            SMTP_PORT=str(mail.port),
            ALERT_EMAIL="admin@mtn.cl",
        )
        write_contacts(practice.config.with_name("contacts.toml"))
        practice.back_up()
        before = practice.source.dump()
        pg18.drop_database(practice.source.name)
        with beginning(practice) as begun:
            app = wizard(practice, begun)

            async def flow(operator):
                await operator.has_list()
                await operator.press("3")
                await operator.sees("Eight steps", "[enter] opens an incident")
                await operator.enters()
                await operator.sees("✖ incident 1, <1 min", "The database is gone.", "★ is proposed")
                await operator.enters()
                await operator.at(Step.NOTIFY)
                await operator.sees("CRITICAL: Database Down", "call now: Ingeniero", "DevOps; contacts.toml")
                await operator.press("n")
                await operator.type("Disco nuevo")
                await operator.press("enter")
                await operator.at(Step.NOTIFY)
                await operator.press("c", "down", "enter")
                await operator.until(lambda: on_disk(practice).called, "the call")
                (name,) = on_disk(practice).called.values()
                assert name.startswith("[")
                await operator.enters()
                await operator.sees("e-mail admin@mtn.cl: sent", "[enter] on to step 3")
                await operator.enters()
                await operator.at(Step.CHOOSE)
                await operator.sees("✔ complete", "You lose", "checks passed")
                await operator.enters()
                await operator.at(Step.STAGING)
                await operator.sees("Production is not touched.")
                await operator.enters()
                await operator.validates(practice)
                await operator.at(Step.PRODUCTION)
                await operator.sees(
                    "is not there", "[y] puts it in production", "Nothing is replaced", "About a second."
                )
                await operator.enters()
                assert begun.asked[-1][0] == "restore"
                await operator.reads()
                services.all[2].healthy = False
                await operator.press("y")
                await operator.until(lambda: on_disk(practice).step is Step.SERVICES, "production")
                await operator.sees("on to step 7")
                await operator.enters()
                await operator.at(Step.SERVICES)
                await operator.sees("Restarts them: touch", "✔ healthy", "✖ not healthy")
                await operator.enters()
                await operator.until(restarted.exists, "the command")
                services.all[2].healthy = True
                await operator.until(lambda: on_disk(practice).step is Step.REPORT, "services")
                await operator.at(Step.SERVICES)
                view = operator.app.navigator.step_view
                await operator.until(lambda: view.healthy, "what they answer after the restart")
                await operator.press("x", "down")
                await operator.sees("[✔] Users can log in, ana@db-host-1")
                await operator.at(Step.SERVICES)
                await operator.press("x")
                await operator.sees("[✔] A new application can be created", "[enter] on to the report")
                await operator.enters()
                await operator.at(Step.REPORT)
                await operator.sees("Database Restored", "within the RTO of 4 h")
                await operator.enters()
                await operator.sees("Incident 1 is closed", "The report:")
                await operator.enters()
                await operator.sees("Incidents before", "restore all of it")

            at_the_wizard(app, flow)
        assert practice.source.dump() == before
        assert restarted.exists()
        subjects = {str(make_header(decode_header(one["subject"]))) for one in mail.messages()}
        told = [part.get_payload(decode=True) for one in mail.messages() for part in one.walk()]
        assert any(b"Disco nuevo" in text for text in told if text)
        assert subjects == {"[MTN ✖] CRITICAL: Database Down", "[MTN ✔] Database Restored"}
        incident = on_disk(practice)
        assert not incident.is_open
        assert {state.standing for state in incident.steps.values()} == {StepStatus.DONE}
        (report,) = practice.context.settings.log_dir.glob("incident_*.md")
        assert "Users can log in" in report.read_text()
        assert str(report) == incident.steps[Step.REPORT].facts["path"]


def test_production_that_is_there_needs_the_phrase_and_nothing_else_will_do(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.source.psql("DROP TABLE interviews CASCADE")
    with beginning(practice) as begun:
        app = wizard(practice, begun)

        async def flow(operator):
            await operator.has_list()
            await operator.press("3")
            await operator.enters()
            await operator.sees("main tables in it can't be read", "★ is proposed")
            await operator.enters()
            await operator.at(Step.NOTIFY)
            await operator.press("s")
            await operator.sees("Why is step 2 left out?")
            await operator.type("sola de guardia")
            await operator.press("enter")
            await operator.at(Step.CHOOSE)
            await operator.sees("checks passed")
            await operator.enters()
            await operator.at(Step.STAGING)
            await operator.enters()
            await operator.validates(practice)
            await operator.sees("Replace PRODUCTION", f"Type it out: {PHRASE}", "mtn undo; kept as")
            asked = len(begun.asked)
            field = app.screen.query_one("#phrase")
            await operator.until(lambda: app.focused is field, "the field")
            for wrong in ("", PHRASE.lower(), PHRASE + " ", PHRASE[:-1], "rm -rf / && DROP DATABASE;"):
                field.value = wrong
                await operator.enters()
            assert len(begun.asked) == asked
            await operator.press("escape")
            await operator.at(Step.VALIDATE)
            assert not app.screen.query("#phrase")
            await operator.enters()
            await operator.sees(f"Type it out: {PHRASE}")
            await operator.until(lambda: app.focused is not None and app.focused.id == "phrase")
            await operator.type(PHRASE)
            await operator.enters()
            await operator.until(lambda: on_disk(practice).step is Step.SERVICES, "production")
            await operator.sees("what was there before is kept as"[:14])

        at_the_wizard(app, flow)
    assert practice.source.psql("SELECT count(*) > 0 FROM interviews") == b"t\n"
    incident = on_disk(practice)
    assert incident.steps[Step.NOTIFY].reason == "sola de guardia"
    practice.made.append(str(incident.steps[Step.PRODUCTION].facts["kept"]))
    assert practice.made[-1] in practice.databases()


def test_what_was_not_validated_never_takes_the_name_of_what_was(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    (older,) = practice.inventory.backups
    practice.source.psql("CREATE TABLE since (id int)")
    practice.back_up()
    practice.source.psql("DROP TABLE interviews CASCADE")
    before = practice.source.dump()
    brought_to(practice, Step.STAGING)
    with beginning(practice) as begun:
        app = wizard(practice, begun)

        async def flow(operator):
            await operator.has_list()
            await operator.press("3")
            await operator.at(Step.STAGING)
            await operator.enters()
            await operator.validates(practice)
            await operator.sees(f"Type it out: {PHRASE}")
            staging = staging_of(practice.context, RecoveryMode.RESTORE)
            practice.mtn("restore", older.handle, "--target", staging, "--drop")
            await operator.until(lambda: app.focused is not None and app.focused.id == "phrase")
            await operator.type(PHRASE)
            await operator.enters()
            await operator.sees("is not the database that was validated", "steps 4 and 5")

        at_the_wizard(app, flow)
    assert on_disk(practice).steps[Step.PRODUCTION].standing is StepStatus.FAILED
    assert practice.source.dump() == before
    kept = f"{practice.source.name}__before_"
    assert not [name for name in practice.databases() if name.startswith(kept)]


def test_rows_that_are_lost_are_restored_beside_and_copied_back_by_keys_alone(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()

    def applications():
        return practice.source.psql("SELECT * FROM applications ORDER BY id")

    before = applications()
    practice.source.psql("SET session_replication_role = replica; DELETE FROM applications WHERE id % 2 = 0")
    with beginning(practice) as begun:
        app = wizard(practice, begun)

        async def flow(operator):
            await operator.chooses("Rows are missing in applications")
            await operator.sees("checks passed", "_recovery")
            await operator.enters()
            await operator.at(Step.STAGING)
            await operator.enters()
            await operator.validates(practice)
            await operator.at(Step.PRODUCTION)
            await operator.sees("public.applications", "Comes back", "psql -X")
            await operator.enters()
            await operator.sees("rows back into")
            await operator.press("down", "enter")
            await operator.until(lambda: on_disk(practice).step is Step.SERVICES, "the rows")

        at_the_wizard(app, flow)
    incident = on_disk(practice)
    assert incident.way is RecoveryMode.BESIDE
    assert incident.steps[Step.PRODUCTION].facts["rows"] > 0
    assert [one[0] for one in begun.asked] == ["restore", "recover"]
    assert applications() == before
    drop = suggested.command("kept", "drop", staging_of(practice.context, RecoveryMode.BESIDE))
    assert drop in messages.last_alert(practice.context, incident).body
    assert drop in report(incident, practice.context.clock.now(), timedelta(hours=1))


def test_rows_lost_before_the_newest_backup_are_back_by_enter_alone(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.back_up()
    practice.source.psql("UPDATE users SET email = 'x' || email")
    whole = practice.back_up_changes().manifest
    had = whole.rows()["public.applications"]
    practice.source.psql("DELETE FROM applications WHERE id % 2 = 0")
    practice.back_up()
    with beginning(practice) as begun:
        app = wizard(practice, begun)

        async def flow(operator):
            await operator.chooses(f"{had // 2} rows that were there are gone, 0 new since")
            await operator.sees("★ The last one that still has the rows of: applications", "Will take")
            assert app.navigator.step_view.backup.id == whole.id
            await operator.enters()
            await operator.at(Step.STAGING)
            await operator.enters()
            await operator.has_staging(practice)
            await operator.at(Step.VALIDATE)
            await operator.sees(
                f"applications has {had} rows here. In production, by step 1: {had // 2} rows"
            )
            await operator.enters()
            await operator.at(Step.PRODUCTION)
            await operator.sees("public.applications", "Comes back")
            await operator.enters()
            await operator.sees("rows back into", "Copy the rows only; [a] can set the references later")
            await operator.press("down", "down", "enter")
            await operator.until(lambda: on_disk(practice).step is Step.SERVICES, "the rows")
            await operator.sees("references that are still NULL", "[a] looks once more")
            await operator.press("a", "down", "enter")
            await operator.sees("No row of", "references to deleted rows", "or leave them NULL")
            await operator.enters()
            await operator.sees("references again?", "Set them again")
            await operator.press("down", "enter")
            await operator.until(lambda: on_disk(practice).step is Step.SERVICES, "the references")
            await operator.sees("on to step 7", "references set again: ")
            await operator.press("a", "down", "enter")
            await operator.sees("No row of", "[backspace] goes back: in step 3")
            assert "come back from this backup" not in operator.text()
            await operator.enters()
            await operator.leaves_services_out()
            await operator.sees(f"✔ applications has {had} rows again. When step 1 looked, {had // 2} rows")
            await operator.sees("Lost rows are back")
            await operator.enters()
            await operator.until(lambda: not on_disk(practice).is_open, "the end")

        at_the_wizard(app, flow)
    (text,) = [one.read_text() for one in practice.context.settings.log_dir.glob("incident_*.md")]
    assert f"✔ applications has {had} rows again" in text
    copied = on_disk(practice).steps[Step.PRODUCTION].facts
    assert copied["rows"] > had // 2, "though the step was done again"
    assert (copied["linked"] > 0, copied["not_linked"]) == (True, 0)
    assert "and is lost" not in text


def test_who_was_told_of_another_way_than_is_gone_is_told_anew_if_one_wants(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.source.psql("SET session_replication_role = replica; DELETE FROM applications WHERE id % 2 = 0")
    app = wizard(practice, nothing_begins)

    def told():
        return on_disk(practice).steps[Step.NOTIFY].facts["subject"]

    async def once_more(operator, way):
        await operator.press("backspace", "backspace", "a", "down", "enter")
        await operator.sees("★ is proposed", "Rows are missing in applications")
        ways = list(RecoveryMode)
        while app.navigator.step_view.index != ways.index(way):
            await operator.press("up" if way is RecoveryMode.RESTORE else "down")
        await operator.enters()
        await operator.until(lambda: on_disk(practice).step is Step.CHOOSE, "step 3 again")

    async def flow(operator):
        await operator.chooses("Rows are missing in applications")
        await once_more(operator, RecoveryMode.BESIDE)
        await operator.at(Step.CHOOSE)
        await once_more(operator, RecoveryMode.RESTORE)
        await operator.at(Step.NOTIFY)
        await operator.sees("They were told otherwise. [a] tells them")
        assert "Rows are missing" in told()
        await operator.press("a", "down", "enter")
        told_way = RecoveryMode.RESTORE.value
        await operator.until(
            lambda: on_disk(practice).steps[Step.NOTIFY].facts.get("way") == told_way, "the other alert"
        )
        assert "Rows are missing" in told(), "what was found is so whichever way is gone"
        await operator.enters()
        await operator.at(Step.CHOOSE)

    at_the_wizard(app, flow)


def test_a_backup_from_after_the_loss_is_told_of_at_every_step_and_never_ends_as_if_all_were_well(
    pg18, new_school, practise
):
    practice = practise(new_school(pg18))
    practice.back_up()
    practice.source.psql("DELETE FROM applications WHERE id % 2 = 0")
    short = practice.back_up().manifest
    now = short.rows()["public.applications"]
    with beginning(practice) as begun:
        app = wizard(practice, begun)

        async def flow(operator):
            await operator.chooses("rows that were there are gone")
            await operator.sees("★ The last one that still has the rows", "Will take")
            await operator.press("right")
            await operator.sees("public.documents: ", "steps towards it", "checks passed")
            assert app.navigator.step_view.backup.id == short.id
            assert "★" not in operator.text()
            await operator.enters()
            await operator.sees("Take another one than ★?", "newer, and may lack the rows")
            await operator.press("down", "enter")
            await operator.at(Step.STAGING)
            await operator.enters()
            await operator.has_staging(practice)
            await operator.at(Step.VALIDATE)
            await operator.sees(f"applications has {now} rows here too,", "accept it, with a reason")
            await operator.enters()
            await operator.press("enter")
            await operator.sees("Type a few words first.")
            await operator.type("I know")
            await operator.press("enter")
            await operator.at(Step.PRODUCTION)
            await operator.sees("No row of", "0 come back from this backup", "no lost row is back")
            await operator.enters()
            await operator.sees("No lost row is back.")
            await operator.press("enter")
            assert on_disk(practice).step is Step.PRODUCTION
            await operator.enters()
            await operator.press("down", "enter")
            await operator.leaves_services_out()
            await operator.sees(f"applications still lacks rows: it has {now}.", "Rows are still missing")
            await operator.enters()
            await operator.sees("Rows are still missing.", "Close it anyway")
            await operator.press("enter")
            assert on_disk(practice).is_open
            await operator.enters()
            await operator.press("down", "enter")
            await operator.until(lambda: not on_disk(practice).is_open, "the end")

        at_the_wizard(app, flow)
    assert on_disk(practice).steps[Step.REPORT].facts["subject"] == "Rows are still missing"


def test_a_server_that_is_down_is_started_and_looked_at_again(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    port = practice.values["DB_PORT"]
    practice.configure(DB_PORT="9", DATABASE_START_COMMAND="systemctl start postgresql")
    asked = []

    def start(arguments):
        asked.append(list(arguments))
        return "aaaaaaaa"

    app = wizard(practice, start)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.enters()
        await operator.sees("The server does not answer.", "[u] starts the server: systemctl start")
        await operator.press("u")
        await operator.sees("Start the database server?")
        await operator.press("enter")
        assert asked == []
        await operator.press("u", "down", "enter")
        await operator.until(lambda: asked == [["services", "--start-database"]], "the start")
        practice.configure(DB_PORT=port)
        object.__setattr__(app.context.settings, "db_port", int(port))
        await operator.press("a")
        await operator.sees("It works again. When the incident was opened: PostgreSQL at")
        await operator.press("g")
        await operator.sees("How severe is it?", "Leave it critical")
        await operator.press("down", "enter")
        await operator.sees("Severity changed to high")
        await operator.enters()
        await operator.at(Step.NOTIFY)
        await operator.sees("HIGH: The admission system was down")
        await operator.enters()
        await operator.sees("It reached nobody")
        await operator.enters()
        await operator.at(Step.SERVICES)

    at_the_wizard(app, flow)
    incident = on_disk(practice)
    assert (incident.way, incident.severity) == (RecoveryMode.LEAVE, "high")


def test_a_server_is_left_down_only_by_saying_so(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.configure(DB_PORT="9", DATABASE_START_COMMAND="systemctl start postgresql")
    asked = []

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.enters()
        await operator.sees("[enter] start the server, and look again")
        for _twice in range(2):
            await operator.enters()
            await operator.sees("Start the database server?")
            await operator.press("enter")
        assert on_disk(practice).step is Step.ASSESS
        await operator.enters()
        await operator.sees("Leave it down, and go on to step 2, Notify")
        await operator.press("down", "down", "enter")
        await operator.at(Step.NOTIFY)

    at_the_wizard(wizard(practice, asked.append), flow)
    assert asked == []
    assert on_disk(practice).way is RecoveryMode.LEAVE


def test_a_start_that_is_over_before_it_is_seen_is_looked_after_too(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    port = practice.values["DB_PORT"]
    practice.configure(DB_PORT="9", DATABASE_START_COMMAND="systemctl start postgresql")

    def start(_arguments):
        object.__setattr__(app.context.settings, "db_port", int(port))
        jobs = practice.context.jobs
        with closing(Job.create(jobs, kind="database-start", subject="", operator="ana")) as job:
            job.start()
            job.end()
        return job.id

    app = wizard(practice, start)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.enters()
        await operator.sees("[enter] start the server, and look again")
        await operator.press("u", "down", "enter")
        await operator.sees("It works again.")

    at_the_wizard(app, flow)


def test_mail_and_report_tell_of_the_database_that_was_down_and_that_it_was_started(
    pg18, new_school, practise, tmp_path
):
    with MailServer(tmp_path / "mail") as mail:
        told = {"SMTP_SERVER": mail.host, "SMTP_PORT": str(mail.port), "ALERT_EMAIL": "admin@mtn.cl"}
        practice = practise(new_school(pg18), **told)
        practice.ready_made()
        port = practice.values["DB_PORT"]
        practice.configure(DB_PORT="9", DATABASE_START_COMMAND="systemctl start postgresql")

        def start(_arguments):
            object.__setattr__(app.context.settings, "db_port", int(port))
            jobs = practice.context.jobs
            with closing(Job.create(jobs, kind="database-start", subject="", operator="ana")) as job:
                job.start()
                job.end()
            return job.id

        app = wizard(practice, start)

        async def flow(operator):
            await operator.has_list()
            await operator.press("3")
            await operator.enters()
            await operator.sees("[enter] start the server, and look again")
            await operator.press("u", "down", "enter")
            await operator.sees("It works again.")
            await operator.enters()
            await operator.at(Step.NOTIFY)
            await operator.sees("When the incident was opened:")
            await operator.enters()
            await operator.sees("e-mail admin@mtn.cl: sent")
            await operator.enters()
            await operator.at(Step.SERVICES)
            await operator.press("x", "down")
            await operator.at(Step.SERVICES)
            await operator.press("x")
            await operator.sees("[enter] on to the report")
            await operator.enters()
            await operator.at(Step.REPORT)
            await operator.enters()
            await operator.sees("Incident 1 is closed")

        at_the_wizard(app, flow)
        bodies = [body_of(one) for one in mail.messages()]
    (report,) = practice.context.settings.log_dir.glob("incident_*.md")
    assert len(bodies) == 2
    for text in (*bodies, report.read_text()):
        assert "127.0.0.1:9 does not answer" in text, text
        assert "PostgreSQL was started" in text, text
        assert "Nothing is wrong" not in text, text


def body_of(message) -> str:
    parts = [part.get_payload(decode=True) for part in message.walk()]
    return " ".join(" ".join(part.decode() for part in parts if part).split())


@pytest.mark.slow
def test_a_plain_owner_agrees_to_what_cannot_be_had(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    pg18.drop_database(practice.source.name)
    everybody = Database(pg18, "postgres")
    everybody.psql("CREATE ROLE mtn_plain LOGIN CREATEDB PASSWORD 'hace-1'")
    practice.configure(DB_USER="mtn_plain", DB_PASSWORD="hace-1")
    brought_to(practice, Step.CHOOSE)
    try:
        with beginning(practice) as begun:

            async def flow(operator):
                await operator.has_list()
                await operator.press("3")
                await operator.at(Step.CHOOSE)
                await operator.sees("who is no superuser, can't give", "though parts will be missing")
                await operator.enters()
                await operator.sees("can't restore everything.", "All of it will belong to mtn_plain.")
                await operator.press("enter")
                assert on_disk(practice).step is Step.CHOOSE
                await operator.enters()
                await operator.sees("can't restore everything.")
                await operator.press("down", "enter")
                await operator.at(Step.STAGING)
                await operator.enters()
                await operator.validates(practice)
                await operator.at(Step.PRODUCTION)
                await operator.sees("[y] puts it in production")
                await operator.reads()
                await operator.press("y")
                await operator.until(lambda: on_disk(practice).step is Step.SERVICES, "production")

            at_the_wizard(wizard(practice, begun), flow)
        owners = practice.source.psql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        assert owners == b"mtn_plain\n"
    finally:
        pg18.drop_database(practice.source.name)
        everybody.psql("DROP OWNED BY mtn_plain; DROP ROLE mtn_plain")


@pytest.mark.slow
def test_an_extension_that_no_new_database_can_have_is_left_out_once_that_is_agreed_to(
    pg18, pg_workspace, new_school, practise
):
    source = new_school(pg18)
    with one_database_extensions(pg18, pg_workspace):
        at_home(source)
        source.psql("CREATE EXTENSION pg_cron; INSERT INTO cron.job (command) VALUES ('VACUUM')")
        practice = practise(source)
        practice.back_up()
        pg18.drop_database(source.name)
        brought_to(practice, Step.CHOOSE)
        with beginning(practice) as begun:

            async def flow(operator):
                await operator.has_list()
                await operator.press("3")
                await operator.at(Step.CHOOSE)
                await operator.sees("Left out, as asked: pg_cron.", "though parts will be missing")
                await operator.enters()
                await operator.sees("cron.job (1", "Restore without pg_cron")
                await operator.press("enter")
                assert on_disk(practice).step is Step.CHOOSE
                await operator.enters()
                await operator.sees("can't restore everything.")
                await operator.press("down", "enter")
                await operator.at(Step.STAGING)
                await operator.enters()
                await operator.has_staging(practice)
                await operator.at(Step.VALIDATE)
                await operator.sees("It is without the extensions pg_cron")

            at_the_wizard(wizard(practice, begun), flow)


@pytest.mark.slow
def test_a_file_of_the_scripts_can_be_restored_when_there_is_nothing_else(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.legacy_backup()
    pg18.drop_database(practice.source.name)
    with beginning(practice) as begun:
        app = wizard(practice, begun)

        async def flow(operator):
            await operator.has_list()
            await operator.press("3")
            await operator.enters()
            await operator.sees("And there is no proven backup that could be restored.")
            await operator.press("up", "up")
            await operator.enters()
            await operator.at(Step.NOTIFY)
            await operator.enters()
            await operator.sees("It reached nobody")
            await operator.enters()
            await operator.sees("nothing vouches for its contents", "[enter] take this one")
            await operator.enters()
            await operator.at(Step.STAGING)
            await operator.enters()
            await operator.has_staging(practice)
            await operator.sees("Accepting it needs a reason", "nothing can be compared")
            await operator.enters()
            await operator.sees("Why is that all right?")
            await operator.type("solo hay esto")
            await operator.press("enter")
            await operator.at(Step.PRODUCTION)

        at_the_wizard(app, flow)
    assert "--legacy" in begun.asked[0]
    assert any("solo hay esto" in record.text for record in on_disk(practice).records)
