"""A false alarm is closed without a word to those who were told nothing."""

from __future__ import annotations

from mtn_tui.core import contacts as people
from mtn_tui.demo.mail import MailServer
from mtn_tui.operations.incident.state import Step, StepStatus
from tests.ui.emergencies import at_the_wizard, on_disk, wizard
from tests.ui.incident_states import CONTACTS
from tests.ui.pilots import nothing_begins


async def up_to_the_alert(operator):
    """An incident is opened though nothing is wrong, and step 1 taken as it is proposed."""
    await operator.has_list()
    await operator.press("3")
    await operator.enters()
    await operator.sees("Nothing is wrong that can be seen from here.")
    await operator.enters()
    await operator.at(Step.NOTIFY)


def test_a_false_alarm_is_closed_quietly_and_no_step_that_did_nothing_is_called_done(
    pg18, new_school, practise, tmp_path
):
    with MailServer(tmp_path / "mail") as mail:
        told = {"SMTP_SERVER": mail.host, "SMTP_PORT": str(mail.port), "ALERT_EMAIL": "admin@mtn.cl"}
        practice = practise(new_school(pg18), **told)
        practice.config.with_name("contacts.toml").write_text(CONTACTS)
        practice.ready_made()

        async def flow(operator):
            await up_to_the_alert(operator)
            await operator.press("s", *"alarma", "enter")
            await operator.at(Step.SERVICES)
            await operator.sees("on to the report")
            await operator.enters()
            await operator.sees("Nobody has seen this yet.")
            await operator.press("down", "enter")
            await operator.at(Step.REPORT)
            await operator.sees("Close the incident?", "nobody is told that it is over")
            assert "admin@mtn.cl" not in operator.text()
            await operator.enters()
            await operator.sees("Incident 1 is closed")

        at_the_wizard(wizard(practice, nothing_begins), flow)
        assert list(mail.messages()) == []
    steps = on_disk(practice).steps
    done = [step for step, state in steps.items() if state.standing is StepStatus.DONE]
    assert done == [Step.ASSESS, Step.REPORT]
    (report,) = practice.context.settings.log_dir.glob("incident_*.md")
    lines = report.read_text().splitlines()
    assert [line.split(" | ")[2] for line in lines if line.startswith("| 4 | Staging")] == ["not needed"]
    assert "- left out: Not needed: nothing had to be restarted." in lines


def test_who_was_not_told_of_it_is_not_told_that_it_is_over(pg18, new_school, practise, tmp_path):
    """The CTO is due after an hour; the alert went out before."""
    with MailServer(tmp_path / "mail") as mail:
        practice = practise(new_school(pg18), SMTP_SERVER=mail.host, SMTP_PORT=str(mail.port))
        contacts = practice.config.with_name("contacts.toml")
        contacts.write_text(CONTACTS)
        practice.ready_made()

        async def flow(operator):
            await up_to_the_alert(operator)
            await operator.enters()
            await operator.sees("e-mail devops@mtn.cl: sent")
            await operator.enters()
            await operator.at(Step.SERVICES)
            await operator.press("x")
            await operator.sees("[✔] Users can log in")
            await operator.at(Step.SERVICES)
            await operator.enters()
            await operator.sees("Nobody has seen this yet.")
            await operator.press("down", "enter")
            await operator.at(Step.REPORT)
            session = operator.app.session
            session.contacts = people.parse(CONTACTS.replace("after = 60", "after = 0"), contacts)
            assert "María Paz Lira" in [call.person.name for call in session.calls().to_tell]
            await operator.enters()
            await operator.sees("Incident 1 is closed")

        at_the_wizard(wizard(practice, nothing_begins), flow)
        to = [one["To"] for one in mail.messages()]
    assert "devops@mtn.cl" in to
    assert "cto@mtn.cl" not in to
