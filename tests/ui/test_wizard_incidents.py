"""A lost database whose newest backup is damaged, or whose bucket is silent: healthy again all the same."""

from __future__ import annotations

from email.header import decode_header, make_header
from email.message import Message

import pytest

from mtn_tui.demo.mail import MailServer
from mtn_tui.operations.incident.state import Step, StepStatus
from tests.ui.emergencies import at_the_wizard, beginning, on_disk, wizard


def damage(practice, backup) -> None:
    payload = practice.payload(backup.manifest)
    data = bytearray(payload.read_bytes())
    data[len(data) // 2] ^= 1
    payload.write_bytes(data)


def subject_of(message: Message) -> str:
    return str(make_header(decode_header(message["subject"])))


def said_in(message: Message) -> str:
    """The text of a mail, without the breaks of its lines."""
    (part,) = [one for one in message.walk() if one.get_content_type() == "text/plain"]
    return " ".join(part.get_payload(decode=True).decode().split())


@pytest.mark.sample("corrupt-backup")
@pytest.mark.parametrize("what", ["corrupt-backup", "s3-down"])
def test_production_is_whole_again_and_people_were_told(what, pg18, new_school, practise, s3, tmp_path):
    with MailServer(tmp_path / "mail") as mail:
        bucket = s3 if what == "s3-down" else None
        told = {"SMTP_SERVER": mail.host, "SMTP_PORT": str(mail.port), "ALERT_EMAIL": "admin@mtn.cl"}
        practice = practise(new_school(pg18), bucket, **told)
        practice.back_up()
        before = practice.source.dump()
        if what == "corrupt-backup":
            practice.source.psql("CREATE TABLE written_since (id int)")
            practice.back_up()
            newest = practice.inventory.backups[0]
            damage(practice, newest)
        else:
            practice.configure(MINIO_ENDPOINT="http://127.0.0.1:9")
        pg18.drop_database(practice.source.name)
        with beginning(practice) as begun:

            async def flow(operator):
                await operator.has_list()
                await operator.press("3")
                await operator.enters()
                await operator.sees("The database is gone.", "★ is proposed")
                if what == "s3-down":
                    await operator.sees("not looked into: bucket")
                await operator.enters()
                await operator.at(Step.NOTIFY)
                await operator.enters()
                await operator.sees("[enter] on to step 3")
                await operator.enters()
                await operator.at(Step.CHOOSE)
                await operator.sees("checks passed")
                await operator.enters()
                await operator.at(Step.STAGING)
                await operator.enters()
                if what == "corrupt-backup":
                    await operator.sees("was changed after it was written", "✖ 4 Staging")
                    await operator.sees(
                        "No copy of this backup can be restored", "✖ disk: ", "is proven, and"
                    )
                    await operator.sees("[enter] leads back to step 3")
                    assert "mtn restore" not in operator.text()
                    await operator.sees("[enter] back to step 3, to choose another backup")
                    await operator.at(Step.STAGING)
                    await operator.enters()
                    await operator.until(lambda: on_disk(practice).step is Step.CHOOSE, "step 3 again")
                    await operator.sees("✖", "checks passed")
                    await operator.enters()
                    await operator.at(Step.STAGING)
                    await operator.enters()
                await operator.validates(practice)
                await operator.at(Step.PRODUCTION)
                await operator.sees("[y] puts it in production")
                await operator.reads()
                await operator.press("y")
                await operator.until(lambda: on_disk(practice).step is Step.SERVICES, "production")
                await operator.sees("on to step 7")
                await operator.enters()
                await operator.at(Step.SERVICES)
                await operator.press("x")
                await operator.sees("[✔] Users can log in")
                await operator.at(Step.SERVICES)
                await operator.press("down", "x")
                await operator.sees("[✔] A new application can be created", "[enter] on to the report")
                await operator.enters()
                await operator.at(Step.REPORT)
                await operator.sees("Database Restored")
                await operator.enters()
                await operator.sees("Incident 1 is closed")

            at_the_wizard(wizard(practice, begun), flow)
        assert practice.source.dump() == before
        subjects = {subject_of(one) for one in mail.messages()}
        assert {"[MTN ✖] CRITICAL: Database Down", "[MTN ✔] Database Restored"} <= subjects
        assert ("[MTN ✖] CRITICAL: corrupted backup" in subjects) == (what == "corrupt-backup")
        steps = on_disk(practice).steps
        assert {state.standing for state in steps.values()} == {StepStatus.DONE}
        (report,) = practice.context.settings.log_dir.glob("incident_*.md")
        wrong = "127.0.0.1:9"
        if what == "corrupt-backup":
            wrong = f"{newest.name}: disk: The backup was changed after it was written."
        (last,) = [
            one
            for one in mail.messages()
            if "Database Restored" in str(make_header(decode_header(one["subject"])))
        ]
        for told in (said_in(last), report.read_text().replace("\\", "")):
            assert wrong in told, told
        assert "The database is gone" in said_in(last)
        assert str(steps[Step.CHOOSE].facts["name"]).replace("_", r"\_") in report.read_text()
