"""Whose hands the incident is in, and what they can't do by mistake."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from textual import events

from mtn_tui.core.errors import StorageError
from mtn_tui.core.moments import with_offset
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common.production import PHRASE
from mtn_tui.operations.incident.file import IncidentFile
from mtn_tui.operations.incident.state import RecoveryMode, Step, StepStatus
from mtn_tui.operations.incident.steps import restore_arguments, staging_of
from mtn_tui.ui.named_screens import every_action
from mtn_tui.ui.screens.ask import ErrorDialog
from mtn_tui.ui.wizard.navigator import QUIET
from mtn_tui.ui.wizard.operations import WizardOperations
from tests.ui.emergencies import (
    AtTheWizard,
    at_the_wizard,
    beginning,
    brought_to,
    on_disk,
    opened,
    taken_by,
    wizard,
)
from tests.ui.pilots import SMALL, nothing_begins


def test_who_loses_the_incident_is_told_at_once_and_their_keys_do_nothing(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    first = wizard(practice, nothing_begins, "ana", stays=True)
    second = wizard(practice, nothing_begins, "bruno", stays=True)
    has_it, took_it, seen = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def ana():
        async with first.run_test(size=SMALL) as pilot:
            operator = AtTheWizard(first, pilot)
            await operator.has_list()
            await operator.press("3")
            await operator.enters()
            await operator.sees("★ is proposed")
            await operator.press("2")
            has_it.set()
            await took_it.wait()
            await operator.until(lambda: isinstance(first.screen, ErrorDialog), "the word of it")
            await operator.sees("bruno@db-host-1 has taken the incident over.")
            await operator.press("enter", "3")
            await operator.sees("bruno@db-host-1 has it since", "[o] takes it over")
            for keys in ("enter", "n", "a", "s", "y", "x"):
                await operator.press(keys)
                await operator.sees("bruno@db-host-1 has this incident.")
            seen.set()

    async def bruno():
        await has_it.wait()
        async with second.run_test(size=SMALL) as pilot:
            operator = AtTheWizard(second, pilot)
            await operator.has_list()
            await operator.sees("incident 1 is open: [3] continues it")
            await operator.press("3")
            await operator.sees("ana@db-host-1 has it since", "You follow it here.")
            await operator.press("o")
            await operator.sees("Take incident 1 over from ana@db-host-1?")
            await operator.press("enter")
            assert on_disk(practice).holder.operator == "ana"
            await operator.press("o", "down", "enter")
            await operator.until(lambda: second.session.mine, "the incident")
            took_it.set()
            await operator.sees("★ is proposed")
            await seen.wait()

    async def both():
        await asyncio.gather(ana(), bruno())

    asyncio.run(both())
    assert on_disk(practice).holder.operator == "bruno"


def test_left_at_any_step_it_is_where_it_was(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    for step in Step:
        if step is Step.VALIDATE:
            continue  # it goes on by itself: see the test of what is not valid
        brought_to(practice, step)
        app = wizard(practice, nothing_begins)

        async def flow(operator, step=step, app=app):
            await operator.has_list()
            number = on_disk(practice).number
            await operator.sees(
                f"✖ incident {number}, <1 min", f"incident {number} is open: [3] continues it"
            )
            await operator.press("3")
            await operator.at(step)
            await operator.until(lambda: app.session.mine, "the incident")
            await operator.sees(f"▶ {int(step)}")
            possible = [one for one in app.here.actions if not one.why_not(app.here)]
            keys = [key for one in possible for key in one.keys]
            assert len(set(keys)) == len(keys)

        at_the_wizard(app, flow)
        taken_by(practice).close("over")


def test_a_restore_goes_on_when_its_screen_is_left_and_the_next_screen_has_its_end(
    pg18, new_school, practise
):
    practice = practise(new_school(pg18))
    practice.ready_made()
    brought_to(practice, Step.STAGING)
    with beginning(practice) as begun:

        async def begins(operator):
            await operator.has_list()
            await operator.press("3")
            await operator.at(Step.STAGING)
            await operator.enters()
            await operator.until(lambda: on_disk(practice).steps[Step.STAGING].facts.get("job"), "the job")

        at_the_wizard(wizard(practice, begun), begins)
        assert on_disk(practice).steps[Step.STAGING].standing is StepStatus.RUNNING

        async def comes_back(operator):
            await operator.has_list()
            await operator.press("3")
            await operator.until(lambda: on_disk(practice).step is Step.VALIDATE, "its end")
            await operator.enters()
            await operator.sees("All is as the backup says.")

        at_the_wizard(wizard(practice, nothing_begins), comes_back)
    assert [one[0] for one in begun.asked] == ["restore"]


def test_a_job_whose_screen_was_killed_as_it_began_is_found(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    file = brought_to(practice, Step.STAGING)
    with beginning(practice) as begun:
        file.begin(Step.STAGING, job="")
        job_id = begun(restore_arguments(practice.context, file.state))

        async def flow(operator):
            await operator.has_list()
            await operator.press("3")
            await operator.until(lambda: on_disk(practice).step is Step.VALIDATE, "its end")

        at_the_wizard(wizard(practice, nothing_begins), flow)
    assert on_disk(practice).steps[Step.STAGING].facts["job"] == job_id


def test_a_restore_that_fails_is_said_with_what_to_do_and_can_be_tried_again(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    brought_to(practice, Step.STAGING)
    payload = practice.payload(practice.inventory.backups[0].manifest)
    data = payload.read_bytes()
    payload.write_bytes(
        data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]
    )
    with beginning(practice) as begun:
        app = wizard(practice, begun)

        async def flow(operator):
            await operator.has_list()
            await operator.press("3")
            await operator.at(Step.STAGING)
            await operator.enters()
            await operator.until(
                lambda: on_disk(practice).steps[Step.STAGING].standing is StepStatus.FAILED, "its failure"
            )
            await operator.sees("✖ 4 Staging", "[enter] restore again")
            payload.write_bytes(data)
            await operator.enters()
            await operator.until(lambda: on_disk(practice).step is Step.VALIDATE, "staging")

        at_the_wizard(app, flow)


def test_what_is_not_what_was_backed_up_does_not_get_past_step_5(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    staging = practice.restore(staging_of(practice.context, RecoveryMode.RESTORE))
    staging.psql("SET session_replication_role = replica; DELETE FROM interviews WHERE id % 2 = 0")
    brought_to(practice, Step.VALIDATE)
    app = wizard(practice, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.sees("It must not go into production.", "✖ 5 Validate")
        await operator.enters()
        await operator.press("s")
        await operator.sees("Step 5 is never left out where all is restored. [s] would leave it out.")
        await operator.press("backspace")
        await operator.at(Step.STAGING)
        await operator.press("backspace")
        await operator.at(Step.CHOOSE)
        await operator.sees("[a] does this one again")
        await operator.press("a")
        await operator.sees("Do step 3 again?", "Leave it as it is")
        await operator.press("down", "enter")
        await operator.sees("Restore to which moment?", "▶ 3 Choose backup", "· 4 Staging")

    at_the_wizard(app, flow)
    assert on_disk(practice).step is Step.CHOOSE


def test_a_step_that_is_over_is_done_again_by_its_own_job(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    brought_to(practice, Step.PRODUCTION)
    app = wizard(practice, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.at(Step.PRODUCTION)
        await operator.sees("The staging database is gone.")
        for step in (Step.VALIDATE, Step.STAGING):
            await operator.press("backspace")
            await operator.at(step)
        await operator.press("a", "enter")
        assert on_disk(practice).step is Step.PRODUCTION
        await operator.press("a", "down", "enter")
        await operator.sees("[enter] restore it", "▶ 4 Staging", "· 5 Validate")
        await operator.press("backspace", "backspace")
        await operator.at(Step.NOTIFY)
        await operator.press("a", "down", "enter")
        await operator.until(lambda: on_disk(practice).steps[Step.NOTIFY].facts.get("subject"), "the alert")

    at_the_wizard(app, flow)
    incident = on_disk(practice)
    assert (incident.step, incident.steps[Step.STAGING].facts["job"]) == (Step.STAGING, "")
    assert incident.steps[Step.CHOOSE].standing is StepStatus.DONE


def test_an_enter_that_is_held_down_does_one_thing(pg18, new_school, practise, monkeypatch):
    practice = practise(new_school(pg18))
    practice.ready_made()
    pg18.drop_database(practice.source.name)
    app = wizard(practice, nothing_begins)
    clock = app.context.clock
    began = clock.monotonic()

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.reads()
        monkeypatch.setattr(clock, "monotonic", lambda: began + clock.by)  # however slow the machine is
        monkeypatch.setattr(type(app), "key_age", 0.0)
        clock.on(1000)
        for gap in (0.0, QUIET - 0.1):
            for _number in range(10):
                await operator.press("enter")
                app.context.clock.on(gap)
            await operator.sees("★ is proposed")
        assert on_disk(practice).step is Step.ASSESS

    at_the_wizard(app, flow)


def test_an_enter_that_waited_for_a_slow_screen_counts_from_when_it_was_pressed(pg18, new_school, practise):
    """Held down, it repeats while the screen does not follow; each has its turn a second after the other."""
    practice = practise(new_school(pg18))
    practice.ready_made()
    pg18.drop_database(practice.source.name)
    app = wizard(practice, nothing_begins)
    said, show = [], app.show_status
    app.show_status = lambda text, tone="": (said.append(text), show(text, tone))  # it goes by itself

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.enters()
        await operator.at(Step.ASSESS)
        await operator.reads()
        for age in (2000.0, 1000.0):
            key = events.Key("enter", "\r")
            key.time -= age + QUIET
            app.context.clock.on(QUIET)
            app.post_message(key)
            await operator.settled()
        await operator.until(lambda: said, "that Enter has to wait")
        assert said[-1].startswith("Wait one second")
        assert on_disk(practice).step is Step.ASSESS
        await operator.enters()
        await operator.at(Step.NOTIFY)

    at_the_wizard(app, flow)


def test_what_is_pasted_into_the_field_does_nothing_of_itself(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.restore(staging_of(practice.context, RecoveryMode.RESTORE), closed=True)
    brought_to(practice, Step.PRODUCTION)
    app = wizard(practice, nothing_begins)
    rubbish = f"{PHRASE}!\ny\n"

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.sees(f"Type it out: {PHRASE}")
        await operator.until(lambda: app.focused is not None and app.focused.id == "phrase", "the field")
        app.post_message(events.Paste(rubbish))
        for _number in range(3):
            await operator.enters()
        for letter in rubbish:
            await operator.press("enter" if letter == "\n" else letter)
        await operator.press(*"y12", "enter")
        await operator.sees("That is not the phrase; capitals count. Nothing was done.")

    at_the_wizard(app, flow)
    assert on_disk(practice).step is Step.PRODUCTION


KEYS = [key for one in every_action() for key in one.keys if one.id != "quit"]
OTHERS = ["up", "down", "pageup", "pagedown", "home", "end", "left", "tab", "z", "é", "f5", "enter", "enter"]


@pytest.mark.sample("100-6")
@pytest.mark.parametrize("step", [None, Step.PRODUCTION])
@pytest.mark.parametrize("count", [100, pytest.param(500, marks=[pytest.mark.soak])])
def test_random_keys_destroy_nothing(pg18, new_school, practise, step, count):
    practice = practise(new_school(pg18))
    practice.ready_made()
    if step is not None:
        practice.restore(staging_of(practice.context, RecoveryMode.RESTORE), closed=True)
        brought_to(practice, step)
    begun: list[list[str]] = []

    def start(arguments):
        begun.append(list(arguments))
        return "aaaaaaaa"

    app, chance = wizard(practice, start), random.Random(int(step or 0))
    before = practice.databases()

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        for _number in range(count // 10):
            app.context.clock.on(QUIET)
            await operator.press(*chance.choices(KEYS + OTHERS, k=10))
            assert len(operator.lines()) == 24
        assert app.is_running

    at_the_wizard(app, flow)
    assert {one[0] for one in begun} <= {"backup", "drill", "verify", "restore", "services"}
    assert practice.databases() == before
    assert step is None or on_disk(practice).number == 1


def test_nothing_is_opened_with_read_only_and_an_incident_is_followed(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    app = wizard(practice, nothing_begins, read_only=True)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.enters()
        await operator.sees("opened with --read-only")
        opened(practice)
        await operator.sees("✖ incident 1", "ana@db-host-1 (pid 999999999) had it since")
        assert "[enter] continues it." not in operator.text()
        await operator.press("o")
        await operator.sees("opened with --read-only")

    at_the_wizard(app, flow)


def test_a_bug_on_a_thread_ends_the_program_and_leaves_the_incident_where_it_was(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()

    def fails(_context, _tell):
        raise ZeroDivisionError

    app = wizard(practice, nothing_begins, operations=replace(WizardOperations(), assess=fails))

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.enters()
        await operator.until(lambda: app.fault, "the fault")

    with pytest.raises(ZeroDivisionError):
        at_the_wizard(app, flow)
    assert on_disk(practice).step is Step.ASSESS


def test_nobody_is_told_of_an_end_that_cannot_be_written_down(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    brought_to(practice, Step.REPORT)
    practice.configure(LOG_DIR=str(practice.config / "logs"))  # below a file, where nobody can make a folder
    sent = []

    def sends(_context, alert, _to):
        sent.append(alert)
        return {}

    app = wizard(practice, nothing_begins, operations=replace(WizardOperations(), send=sends))

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.sees("Tell people, and close the incident?")
        await operator.enters()
        await operator.until(lambda: isinstance(app.screen, ErrorDialog), "the word of it")
        await operator.press("escape")
        step = Step.REPORT
        await operator.until(
            lambda: on_disk(practice).steps[step].standing is StepStatus.FAILED, "its failure"
        )
        await operator.until(lambda: "may have arrived" not in operator.text(), "the page")

    at_the_wizard(app, flow)
    assert sent == []
    assert on_disk(practice).is_open


def test_step_6_shows_what_is_true_as_it_is_come_to(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    brought_to(practice, Step.PRODUCTION)
    looked = []

    def target(*about):
        looked.append(about)
        return WizardOperations().target(*about)

    app = wizard(practice, nothing_begins, operations=replace(WizardOperations(), target=target))

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.sees("The staging database is gone.")
        assert len(looked) == 1
        await operator.press("escape")
        await operator.until(lambda: app.navigator.viewing is not Step.PRODUCTION, "the step before")
        await operator.enters()
        await operator.until(lambda: len(looked) == 2, "another look")
        await operator.sees("The staging database is gone.")

    at_the_wizard(app, flow)


def test_services_that_can_not_be_asked_are_asked_again(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.configure(SERVICE_HEALTH_URLS="http://127.0.0.1:9/health")
    practice.ready_made()
    brought_to(practice, Step.SERVICES)
    asked = []

    def health(context):
        asked.append(context)
        if len(asked) == 1:
            raise StorageError("The certificate can't be read.", "Do this.")
        return WizardOperations().health(context)

    app = wizard(practice, nothing_begins, operations=replace(WizardOperations(), health=health))

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.until(lambda: isinstance(app.screen, ErrorDialog), "the word of it")
        await operator.sees("The certificate can't be read.")
        await operator.press("escape")
        await operator.until(lambda: len(asked) > 1, "asked again")

    at_the_wizard(app, flow)


def test_a_restore_of_another_database_is_not_taken_for_step_4(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    file = brought_to(practice, Step.STAGING)
    file.begin(Step.STAGING)
    for subject in ("elsewhere", staging_of(practice.context, RecoveryMode.RESTORE)):
        job = Job.create(
            practice.context.jobs, kind="restore", subject=subject, operator="eva", host="db-host-1"
        )
        job.close()
    app = wizard(practice, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.until(lambda: on_disk(practice).steps[Step.STAGING].facts.get("job"), "the job")

    at_the_wizard(app, flow)
    assert on_disk(practice).steps[Step.STAGING].facts["job"] == job.id


def test_incidents_that_can_not_be_read_are_not_said_to_be_none(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.context.state.mkdir(parents=True, exist_ok=True)
    (practice.context.state / "incidents").write_bytes(b"")
    for command in ("show", "export"):
        told = practice.here("incident", command, check=2).stderr
        assert "incidents could not be used: Not a directory" in told
    app = wizard(practice, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.sees("could not be used: Not a directory", "mtn doctor")
        assert "There was no incident yet." not in operator.text()
        await operator.enters()
        await operator.sees("✖ incident 1")

    at_the_wizard(app, flow)
    assert f"Incident 1: {practice.source.name}, open" in practice.here("incident", "show").stdout


def test_an_incident_that_can_not_be_read_holds_up_no_other(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    folder = practice.context.state / "incidents"
    folder.mkdir(parents=True)
    (folder / "0001.jsonl").symlink_to("nowhere")
    app = wizard(practice, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.sees("could not be used: Too many levels of symbolic")
        assert "There was no incident yet." not in operator.text()
        await operator.enters()
        await operator.at(Step.ASSESS)

    at_the_wizard(app, flow)
    assert on_disk(practice).number == 2
    told = practice.here("incident", "show")
    assert "Incident 2" in told.stdout
    assert "0001.jsonl could not be used" in told.stderr
    assert "0001.jsonl could not be used" in practice.here("incident", "show", "1", check=2).stderr


def test_whom_to_call_is_shown_with_the_whole_number_and_a_long_list_scrolls_to_its_end(
    pg18, new_school, practise
):
    practice = practise(new_school(pg18))
    people = "".join(
        f"""
[people.p{number}]
name = "[Administrador de Sistemas {number}], de turno"
role = "Operaciones y servicios internos (First Responder)"
phone = "+56 9 1234 50{number}"
"""
        for number in range(10, 30)
    )
    keys = ", ".join(f'"p{number}"' for number in range(10, 30))
    practice.config.with_name("contacts.toml").write_text(
        f'zone = "America/Santiago"\n{people}\n[severity.critical]\nrespond_within = 30\n'
        f"steps = [{{ after = 0, tell = [{keys}] }}]\n"
    )
    opened(practice)
    app = wizard(practice, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.until(lambda: app.session.mine and app.session.contacts and not app.session.busy)
        await operator.sees("★ is proposed")
        await operator.press("c")
        await operator.sees("Whom have you called?", "Nobody yet", "+56 9 1234 5010")
        for number in range(10, 30):
            await operator.press("down")
            assert f"+56 9 1234 50{number}" in operator.text()
        await operator.press("enter")
        await operator.until(lambda: on_disk(practice).called, "the call")
        assert list(on_disk(practice).called) == ["p29"]

    at_the_wizard(app, flow)


def test_after_an_incident_was_put_away_another_one_is_opened_only_by_saying_so(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    file = opened(practice)
    app = wizard(practice, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.sees("★ is proposed")  # or the end of its look would be in the way of an enter
        IncidentFile(file.path, app.session.actor, app.context.clock).close("restored")
        await operator.sees("Incident 1 is closed")
        await operator.enters()
        await operator.sees("Incidents before")
        for _number in range(3):
            await operator.enters()
            await operator.sees("Open a new incident?", "Incident 1 is closed.")
            await operator.press("enter")
            await operator.sees("Incidents before")
        assert not on_disk(practice).is_open
        await operator.enters()
        await operator.press("down", "enter")
        await operator.sees("✖ incident 2")

    at_the_wizard(app, flow)
    assert on_disk(practice).number == 2


def test_two_backups_of_one_minute_are_told_apart_in_step_3(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.ready_made()
    newer, older = (with_offset(one.moment) for one in practice.inventory.backups)
    assert newer != older
    brought_to(practice, Step.CHOOSE)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.at(Step.CHOOSE)
        await operator.sees(newer)
        await operator.press("left")
        await operator.sees(older)

    at_the_wizard(wizard(practice, nothing_begins), flow)
