"""The wizard on real terminals: what becomes of them, of who sits there, and of what a hand does."""

from __future__ import annotations

import shlex
import socket
import string
from contextlib import closing
from email.header import decode_header, make_header

import pytest

from mtn_tui.core.models import JobState
from mtn_tui.demo.mail import MailServer
from mtn_tui.demo.services import Services
from mtn_tui.engine.process import this_host
from mtn_tui.operations.common.production import PHRASE
from mtn_tui.operations.incident.state import Step, StepStatus
from tests.faults.test_killed_jobs import chance
from tests.pty.incidents import (
    BACK,
    DOWN,
    ENTER,
    Screens,
    closed,
    left_at,
    on_disk,
    opened,
    opens_an_incident,
    renaming_held,
    staging,
)
from tests.pty.standing import Hold, begun, hang_up, kill, over, say_hangup, terminate
from tests.pty.terminal import Terminal

__all__ = ["chance"]

FAULTS = (kill, hang_up, say_hangup, terminate)


@pytest.mark.slow
@pytest.mark.parametrize(
    "first", [0, *(pytest.param(number, marks=[pytest.mark.soak]) for number in range(1, len(FAULTS)))]
)
def test_whatever_becomes_of_the_screen_in_any_step_the_next_one_is_where_it_was(
    pg18, new_school, practise, tmp_path, first
):
    go, restarted = tmp_path / "go", tmp_path / "restarted"
    wait = f"until [ -e {shlex.quote(str(go))} ]; do sleep 0.05; done; touch {shlex.quote(str(restarted))}"
    with (
        Services(lambda _table: "" if restarted.exists() else "stopped") as services,
        MailServer(tmp_path / "mail") as mail,
        socket.create_server(("127.0.0.1", 0)) as silent,
    ):
        practice = practise(
            new_school(pg18),
            SERVICES_RESTART_COMMAND=wait,
            SERVICE_HEALTH_URLS=" ".join(services.urls),
            SMTP_SERVER=mail.host,
            SMTP_PORT=str(silent.getsockname()[1]),
            ALERT_EMAIL="admin@mtn.cl",
        )
        practice.ready_made()
        before = practice.source.dump()
        pg18.drop_database(practice.source.name)
        practice.made.append(staging(practice).name)
        with closing(Screens(practice, FAULTS[first:] + FAULTS[:first])) as screens:
            screens.enters("opens an incident")
            screens.terminal.wait_for("restore all of it; nothing is replaced yet")
            screens.ends_and_is_where_it_was("The database is gone.")
            screens.enters("restore all of it; nothing is replaced yet", "send it")

            screens.reaches(Step.NOTIFY, StepStatus.RUNNING)
            practice.configure(SMTP_PORT=str(mail.port))
            screens.ends_and_is_where_it_was("It was being sent when that screen")
            screens.enters("send it", "on to step 3")

            screens.terminal.wait_for("take this one")
            screens.ends_and_is_where_it_was("You lose")
            screens.enters("take this one")

            with closing(Hold(practice, "restore")) as hold:
                screens.enters("[enter] restore it")
                job = begun(practice, "restore")
                screens.ends_and_is_where_it_was("Restoring to", job.id)
                hold.close()
            screens.reaches(Step.VALIDATE)
            screens.enters("on to step 5")

            screens.terminal.wait_for("accept it, and go on")
            screens.ends_and_is_where_it_was("All is as the backup says.")
            screens.enters("accept it, and go on")

            with renaming_held(staging(practice)) as somebody_waits:
                screens.terminal.press("[y] puts it in production", "y")
                job = begun(practice, "promote")
                screens.terminal.until(somebody_waits, "the job to be about to rename")
                screens.reaches(Step.PRODUCTION, StepStatus.RUNNING)
                screens.ends()
            assert over(practice, job).state is JobState.SUCCEEDED
            screens.again()
            screens.reaches(Step.SERVICES)
            screens.enters("on to step 7", "restart the services")

            job = begun(practice, "services-restart")
            screens.ends_and_is_where_it_was("Do the services work again?", job.id)
            go.touch()
            screens.reaches(Step.REPORT)
            screens.terminal.until(lambda: not screens.terminal.shows("not healthy"), "all to be healthy")
            screens.terminal.tick("Users can log in", "x")
            screens.terminal.tick("A new application", DOWN + "x")
            screens.enters("on to the report")

            screens.terminal.wait_for("write the report and close")
            screens.ends_and_is_where_it_was("Database Restored")
            screens.enters("write the report and close")
            screens.terminal.wait_for("Incident 1 is closed")
        subjects = [str(make_header(decode_header(one["subject"]))) for one in mail.messages()]
    assert practice.source.dump() == before
    assert [name for name in practice.databases() if practice.source.name in name] == [practice.source.name]
    assert [job.kind for job in practice.jobs] == ["services-restart", "promote", "restore"]
    assert restarted.exists()
    assert set(subjects) == {"[MTN ✖] CRITICAL: Database Down", "[MTN ✔] Database Restored"}
    incident = on_disk(practice)
    assert not incident.is_open
    assert {state.standing for state in incident.steps.values()} == {StepStatus.DONE}
    (report,) = practice.context.settings.log_dir.glob("incident_*.md")
    assert str(report) == incident.steps[Step.REPORT].facts["path"]
    assert "Users can log in" in report.read_text()


@pytest.mark.slow
def test_a_second_operator_takes_over_and_the_first_is_told_and_can_do_nothing(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.made.append(staging(practice).name)
    left_at(practice, Step.STAGING)
    with (
        closing(Hold(practice, "restore")) as hold,
        closing(opened(practice, "ana")) as ana,
        closing(opened(practice, "beto")) as beto,
    ):
        ana.press("[enter] restore it", ENTER)
        job = begun(practice, "restore")
        beto.wait_for(f"ana@{this_host()} has it since")
        beto.wait_for(job.id)
        beto.type("n")
        beto.wait_for(f"ana@{this_host()} has this incident.")
        takes_over(beto, "ana")
        ana.wait_for(f"beto@{this_host()} has taken the incident over.")
        done = len(on_disk(practice).records)
        ana.type(ENTER)
        ana.wait_for(f"beto@{this_host()} has it since")
        ana.type(ENTER + "asncyxvd")
        ana.wait_for(f"beto@{this_host()} has this incident.")
        ana.press("has it since", "i")
        ana.press("Still open", BACK)
        assert len(on_disk(practice).records) == done
        hold.close()
        assert over(practice, job).state is JobState.SUCCEEDED
        beto.until(lambda: on_disk(practice).step is Step.VALIDATE, "its end")
        beto.press("on to step 5", ENTER)
        beto.press("accept it, and go on", ENTER)
        ana.wait_for("▶ 6 Production")
        beto.wait_for(f"Type it out: {PHRASE}")
        beto.type(PHRASE)
        beto.wait_for(f" {PHRASE} ")
        takes_over(ana, "beto")
        beto.wait_for(f"ana@{this_host()} has taken the incident over.")
        beto.type(ENTER * 3)
        beto.wait_for(f"ana@{this_host()} has it since")
        ana.wait_for(f"Type it out: {PHRASE}")
    incident = on_disk(practice)
    assert [one.who.operator for one in incident.records if one.event == "took"] == ["ana", "beto", "ana"]
    assert incident.steps[Step.VALIDATE].who.startswith("beto@")
    assert incident.steps[Step.PRODUCTION].standing is StepStatus.PENDING
    assert [job.kind for job in practice.jobs] == ["restore"]


def takes_over(terminal: Terminal, holder: str) -> None:
    terminal.type("o")
    terminal.wait_for(f"over from {holder}@")
    terminal.type(DOWN + ENTER)
    terminal.wait_for("[a] once more")


RUBBISH = (
    f"{PHRASE[:-1]}\r\n{PHRASE.lower()}\n{PHRASE} ;\r\x1b[A\x1b[B\x1bOP\x1b[31mDROP DATABASE\x1b[0m;\n"
    f'\x1b]0;{PHRASE}\x07\ty\r\n\n --target=x --confirm "{PHRASE}"\r\x1b\x1by\ré ñ 😀\r\r'
)
"""What a hand may have in its clipboard; random text comes after it."""


@pytest.mark.slow
def test_an_enter_held_down_and_a_paste_replace_nothing_at_any_step(pg18, new_school, practise, chance):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.source.psql("CREATE TABLE precious AS SELECT 42 AS answer; DROP TABLE interviews CASCADE")
    practice.made.append(staging(practice).name)
    all_of_it = "SELECT oid, answer FROM pg_database, precious WHERE datname = current_database()"
    before = practice.source.psql(all_of_it)
    rubbish = RUBBISH + "".join(chance.choices(string.printable, k=300))
    pasted = f"\x1b[200~{rubbish.replace(chr(27), '')}\x1b[201~"
    every = [
        "opens an incident",
        "restore all of it; nothing is replaced yet",
        "send it",
        "on to step 3",
        "take this one",
        "[enter] restore it",
        "on to step 5",
        "accept it, and go on",
    ]
    with closing(Screens(practice, [kill])) as screens:
        for what in every:
            screens.terminal.wait_for(what)
            screens.terminal.type(pasted)
            if what == every[0]:
                opens_an_incident(screens.terminal)
            else:
                screens.terminal.press(what, ENTER * 50)
        screens.terminal.wait_for(f"Type it out: {PHRASE}")
        screens.terminal.type(pasted + ENTER * 50)
        screens.terminal.wait_for("That is not the phrase; capitals count. Nothing was done.")
        screens.terminal.type(rubbish)
        screens.terminal.type(ENTER * 50)
        screens.ends()
    assert practice.source.psql(all_of_it) == before
    closed(practice)
    left_at(practice, Step.SERVICES)
    with closing(opened(practice)) as terminal:
        terminal.wait_for("on to the report, though")
        terminal.type(pasted + ENTER * 50)
        terminal.press("Do the services work again?", "i")
        terminal.press("Still open", BACK)
        terminal.tick("Users can log in", "x")
        terminal.tick("A new application", DOWN + "x")
        for what in ("on to the report", "write the report and close"):
            terminal.wait_for(what)
            terminal.type(pasted)
            terminal.press(what, ENTER * 50)
        terminal.wait_for("is closed")
    assert practice.source.psql(all_of_it) == before
    assert "promote" not in [job.kind for job in practice.jobs]
