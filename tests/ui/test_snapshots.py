"""Every screen in every state, as approved pictures in ``snapshots/``: 80x24, Spanish, dark.

One normal state of each also in English, large and light, in ASCII, and without colour.
After a change that is meant: ``pytest -m "not soak" tests/ui/test_snapshots.py --snapshot-update``,
then look at each.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.errors import JobError
from mtn_tui.core.i18n import _
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health.runner import Look
from mtn_tui.operations.incident.state import RecoveryMode, Step
from mtn_tui.operations.inventory import scan
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens.logs import Logs
from mtn_tui.ui.screens.pruning import Pruning
from mtn_tui.ui.wizard.navigator import QUIET
from mtn_tui.ui.wizard.operations import WizardOperations
from tests.ui.incident_states import (
    BRUNO,
    DOWN,
    LOST,
    ROWS_LOST,
    SESSION,
    Canned,
    a_day,
    a_day_of_work,
    at,
    before,
    does_not_hold,
    newest_broken,
    no_backup,
    only_legacy,
    restore_failed,
    restoring,
)
from tests.ui.installed import ABSENT, MACHINE, NOW, ZONE, Folder, Installed
from tests.ui.looks import amiss, lifelike, no_server, overdue
from tests.ui.pictures import FOLDER, pictured
from tests.ui.pilots import LARGE, SMALL, Operator, looked
from tests.ui.states import (
    HOSTILE,
    at_work,
    chained,
    elsewhere,
    ended,
    failed,
    history,
    hostile,
    known_since,
    logged,
    long_kept,
    long_kept_in_an_incident,
    long_kept_unproven,
    lost,
    measured,
    nothing,
    scripts,
    shrunk,
    signed,
    spoilt,
    stopping,
    two_at_work,
    unproven,
    unreadable,
    usual,
    warned,
    without_its_full,
)

__all__ = ["pictured"]

Flow = Callable[[Operator], Awaitable[None]]


# What the operator does


async def looks(_operator: Operator) -> None:
    """Only looks."""


def presses(*keys: str) -> Flow:
    async def flow(operator: Operator) -> None:
        for key in keys:
            await operator.pilot.press(key)
            await settled(operator)

    return flow


def types(before: str, text: str, *after: str) -> Flow:
    async def flow(operator: Operator) -> None:
        await presses(*before.split())(operator)
        operator.app.focused.insert_text_at_cursor(text)
        await presses(*after)(operator)

    return flow


async def settled(operator: Operator) -> None:
    """What was asked of a thread has come."""
    screen = operator.app.screen
    if isinstance(screen, Pruning):
        await operator.until(lambda: screen._would or screen._trouble, "what would be deleted")
        await operator.pilot.pause()
    if isinstance(screen, Logs):
        await operator.until(lambda: screen._view is not None and not screen._searching, "the logs")
        await operator.pilot.pause()


def says(text: Callable[[], str], flow: Flow) -> Flow:
    """What is done by a thread is done once the job bar says so."""

    async def then(operator: Operator) -> None:
        await flow(operator)
        await operator.sees(text())

    return then


async def accepted(operator: Operator) -> None:
    """And the header has heard of it."""
    await says(lambda: _("Accepted: no longer suspect"), presses("a"))(operator)
    await operator.sees("✔ " + _("ok"))


def to_prune(*keys: str) -> Flow:
    """At what would be deleted, called by its name."""

    async def flow(operator: Operator) -> None:
        await types(":", "prune", "enter")(operator)
        await settled(operator)
        operator.app.status = None  # that it is done here
        operator.app.draw()
        await presses(*keys)(operator)

    return flow


async def which_logs(operator: Operator) -> None:
    await presses("4", "s")(operator)
    await operator.sees(_("Which logs?"))


def emergency(text: Callable[[], str], *keys: str) -> Flow:
    """At the wizard, once it has come to what is to be seen."""

    async def flow(operator: Operator) -> None:
        await operator.pilot.press("3")
        for key in keys:
            await quiet(operator)
            await operator.pilot.press(key)
        await quiet(operator)
        await operator.sees(text())
        operator.app.context.clock.at = NOW  # whether it was drawn before or after the last pause
        operator.app.draw()
        await operator.pilot.pause()

    return flow


async def as_it_was(operator: Operator) -> None:
    await operator.pilot.press("t")
    await operator.sees(_("restore it into {database}").format(database="Admisión_MTN_DB_recovery"))
    await operator.pilot.press("left")
    await operator.pilot.pause()


def typed_time(text: str, seen: Callable[[], str]) -> Flow:
    """At step 3, a moment typed."""

    async def flow(operator: Operator) -> None:
        await emergency(lambda: "14:30", "t")(operator)
        operator.app.focused.insert_text_at_cursor(text)
        await operator.pilot.press("enter")
        await operator.sees(seen())
        await quiet(operator)
        operator.app.context.clock.at = NOW
        operator.app.draw()
        await operator.pilot.pause()

    return flow


async def quiet(operator: Operator) -> None:
    """Nothing is being done, and the next Enter counts."""
    session, navigator = operator.app.session, operator.app.navigator
    await operator.until(lambda: navigator.drawn and not session.busy, "a pause")
    await operator.pilot.pause(0.1)
    await operator.until(lambda: navigator.drawn and not session.busy, "a pause")
    operator.app.context.clock.on(QUIET + 5)


# The pictures


@dataclass(frozen=True)
class Picture:
    name: str
    made: Callable[[Installed], None] = usual
    flow: Flow = looks
    bucket: str = "folder"
    disk_gone: bool = False
    no_key: bool = False
    read_only: bool = False
    canned: Canned = LOST
    """What the servers say to the wizard."""
    refused: bool = False
    """Whether no job can begin."""
    database: str = "Admisión_MTN_DB"
    start: str = "2"
    """The key of the screen that it begins at."""
    looks: Callable[[], dict[str, Look]] = lifelike
    """What the health checks say."""
    server_lost: bool = False
    size: tuple[int, int] = SMALL
    language: str = "es"
    look: str = "dark"

    @property
    def id(self) -> str:
        width, height = self.size
        return f"{self.name}_{width}x{height}_{self.language}_{self.look}"

    def others(self, *looks: str) -> list[Picture]:
        """The same state, as others see it."""
        return [
            replace(self, language="en"),
            replace(self, size=LARGE, look="light"),
            *(replace(self, look=look) for look in looks),
        ]


STEPS = [
    Picture("wizard_assess", at(Step.ASSESS), emergency(lambda: _("★ is proposed; the arrows choose."))),
    Picture("wizard_notify", at(Step.NOTIFY), emergency(lambda: _("send it"))),
    Picture("wizard_choose", at(Step.CHOOSE), emergency(lambda: _("You lose"))),
    Picture("wizard_staging", at(Step.STAGING), emergency(lambda: _("restore it"))),
    Picture("wizard_validate", at(Step.VALIDATE), emergency(lambda: _("accept it, and go on"))),
    Picture(
        "wizard_production",
        at(Step.PRODUCTION),
        emergency(lambda: "CONFIRM DELETE PRODUCTION"),
        canned=Canned(there=True),
    ),
    Picture("wizard_services", at(Step.SERVICES), emergency(lambda: _("healthy"))),
    Picture("wizard_report", at(Step.REPORT), emergency(lambda: _("send it, write the report and close"))),
]
(PRODUCTION,) = (one for one in STEPS if one.name == "wizard_production")

LISTS = [
    Picture("checklist_normal", signed, start="1"),
    Picture("backups_normal"),
]
TEXTS = [
    Picture("jobs_normal", history, presses("j")),
    Picture("details_normal", flow=presses("enter")),
    Picture("logs_normal", logged, presses("4")),
    Picture("help_normal", flow=presses("?")),
]

PRUNING = Picture("pruning_normal", long_kept, to_prune())

PICTURES = [
    *LISTS,
    *TEXTS,
    *(other for picture in LISTS for other in picture.others("ascii", "nocolor")),
    *(other for picture in TEXTS for other in picture.others()),
    # The checklist
    Picture("checklist_amiss", start="1", looks=amiss),
    Picture("checklist_server_lost", start="1", server_lost=True),
    Picture("checklist_fix_asked", start="1", looks=amiss, flow=presses("f")),
    Picture("checklist_sign_off", start="1", looks=amiss, flow=presses("a")),
    Picture("checklist_history", measured, presses("enter"), start="1", looks=amiss),
    Picture("checklist_prune_asked", long_kept, presses("f"), start="1", looks=overdue),
    # What would be deleted
    PRUNING,
    *PRUNING.others("ascii", "nocolor"),
    Picture("pruning_asked", long_kept, to_prune("d")),
    Picture("pruning_nothing", flow=to_prune()),
    Picture("pruning_waits", long_kept_in_an_incident, to_prune()),
    Picture("pruning_unproven", long_kept_unproven, to_prune()),
    Picture("pruning_bucket_silent", long_kept, to_prune(), bucket="silent"),
    Picture("pruning_no_key", long_kept, to_prune(), no_key=True),
    Picture("pruning_read_only", long_kept, to_prune("d"), read_only=True),
    # Dialogs
    Picture("command_open", flow=presses(":")),
    Picture("quit_running", at_work, presses("q")),
    # Backups
    Picture("backups_empty", nothing),
    Picture("backups_no_bucket", bucket=""),
    Picture("backups_bucket_silent", bucket="silent"),
    Picture("backups_disk_gone", disk_gone=True),
    Picture("backups_no_key", no_key=True),
    Picture("backups_unfolded", chained, presses("down")),
    Picture("backups_folded", chained, presses("space")),
    Picture("backups_without_full", without_its_full, presses("space", "down")),
    Picture("details_differential", chained, presses("down", "enter")),
    Picture("backups_suspect", shrunk),
    Picture("backups_accepted", shrunk, accepted),
    Picture("backups_copy_cut_short", spoilt),
    Picture("backups_found_changed", spoilt, presses("down")),
    Picture("backups_unfinished", spoilt, presses("down", "down")),
    Picture("backups_unproven", unproven),
    Picture("backups_legacy", scripts, presses("down", "down")),
    Picture("backups_legacy_read", scripts, presses("end")),
    Picture("backups_pinned", flow=says(lambda: _("Pinned: kept whatever its age"), presses("p"))),
    Picture("backups_end_of_list", flow=presses("end")),
    Picture("backups_largest_first", flow=presses("o")),
    Picture("backups_least_proven_first", spoilt, presses("o", "o")),
    Picture("backups_filter_begun", flow=presses("/")),
    Picture("backups_filter_typed", flow=types("/", "age:<3d")),
    Picture("backups_filter_wrong", flow=types("/", "proof:good")),
    Picture("backups_filter_kept", flow=types("/", "proof:restored", "enter")),
    Picture("backups_filter_nothing", flow=types("/", "kind:diff", "enter")),
    Picture("backups_read_only", read_only=True, flow=presses("b")),
    Picture("backups_job_running", at_work),
    Picture("backups_two_jobs_running", two_at_work),
    Picture("backups_job_failed", failed),
    Picture("backups_job_lost", lost),
    Picture("backups_job_warned", warned),
    Picture("backups_job_begun", flow=says(lambda: "q2nr5tdw", presses("b", "down", "enter"))),
    Picture("backups_backup_asked", flow=presses("b")),
    Picture("backups_backup_running", at_work, presses("b")),
    Picture("backups_hostile", hostile, presses("down"), database=HOSTILE[:40]),
    # Details
    Picture("details_suspect", shrunk, presses("enter")),
    Picture("details_pinned", flow=presses("down", "down", "down", "down", "down", "enter")),
    Picture("details_copy_cut_short", spoilt, presses("enter")),
    Picture("details_unfinished", spoilt, presses("down", "down", "enter")),
    Picture("details_legacy", scripts, presses("end", "enter")),
    Picture("details_hostile", hostile, presses("enter", "pagedown")),
    # Logs
    Picture("logs_none", nothing, presses("4")),
    Picture("logs_not_followed", logged, presses("4", "f")),
    Picture("logs_warnings", logged, presses("4", "l")),
    Picture("logs_errors", logged, presses("4", "l", "l")),
    Picture("logs_next_error", logged, presses("4", "E")),
    Picture("logs_first_error", logged, says(lambda: _("No error before this one."), presses(*"4EEE"))),
    Picture("logs_wrapped", logged, presses("4", "w")),
    Picture("logs_search_typed", logged, types("4 /", "upload|pg_dump")),
    Picture("logs_search_wrong", logged, types("4 /", "(", "enter")),
    Picture("logs_search_kept", logged, types("4 /", "upload|pg_dump", "enter")),
    Picture("logs_search_nothing", logged, types("4 /", "zzz", "enter")),
    Picture("logs_sources", logged, which_logs),
    Picture("logs_copied", logged, presses("4", "y")),
    Picture("logs_unreadable", unreadable, presses("4")),
    Picture("logs_hostile", hostile, presses("4")),
    # Jobs
    Picture("jobs_none", nothing, presses("j")),
    Picture("jobs_done", history, presses("j", "end")),
    Picture("jobs_failed", failed, presses("j")),
    Picture("jobs_cancelling", stopping, presses("j")),
    Picture("jobs_cancelled", history, presses("j", "down", "down", "down")),
    Picture("jobs_lost", lost, presses("j")),
    Picture("jobs_warned", warned, presses("j")),
    *(Picture("jobs_pruned", ended, presses("j"), **changes) for changes in ({}, {"language": "en"})),
    Picture("job_verified", ended, presses("j", "down", "enter")),
    Picture("jobs_elsewhere", elsewhere, presses("j", "c")),
    Picture("jobs_cancel_asked", at_work, presses("j", "c")),
    Picture("jobs_hostile", hostile, presses("j")),
    # The wizard
    *STEPS,
    *PRODUCTION.others(),
    Picture("wizard_none", before, emergency(lambda: _("Incidents before"))),
    Picture("wizard_read_only", before, emergency(lambda: _("Incidents before"), "enter"), read_only=True),
    Picture("wizard_server_down", at(Step.ASSESS), emergency(lambda: "systemctl"), canned=DOWN),
    Picture(
        "wizard_rows_lost",
        at(Step.ASSESS),
        emergency(lambda: _("★ is proposed; the arrows choose.")),
        canned=ROWS_LOST,
    ),
    Picture("wizard_notified", at(Step.NOTIFY), emergency(lambda: "guardia@mtn.cl: " + _("sent"), "enter")),
    *(
        Picture("wizard_a_day", a_day, emergency(lambda: _("You lose")), **changes)
        for changes in ({}, {"size": LARGE})
    ),
    Picture(
        "wizard_choose_beside",
        at(Step.CHOOSE, RecoveryMode.BESIDE),
        emergency(lambda: _("It lacks")),
        canned=ROWS_LOST,
    ),
    Picture("wizard_time_typed", a_day, typed_time("ayer 23:40", lambda: _("Nearest point"))),
    Picture("wizard_time_wrong", a_day, typed_time("23:40", lambda: "ayer 23:40")),
    Picture("wizard_week", a_day, emergency(lambda: _("You lose"), "z", "down")),
    Picture("wizard_only_legacy", only_legacy, emergency(lambda: _("You lose"))),
    Picture("wizard_no_backup", no_backup, emergency(lambda: "✖")),
    Picture("wizard_difference", a_day, emergency(lambda: "public.waiting_list", "d")),
    Picture("as_it_was", a_day_of_work, as_it_was),
    Picture("wizard_newest_broken", newest_broken, emergency(lambda: "5.3")),
    Picture("wizard_restoring", restoring, emergency(lambda: "r4mq2xab")),
    Picture(
        "wizard_does_not_hold",
        does_not_hold,
        emergency(lambda: _("back to step 3, to choose another backup")),
    ),
    Picture("wizard_restore_failed", restore_failed, emergency(lambda: _("restore again"))),
    Picture(
        "wizard_not_valid",
        at(Step.VALIDATE),
        emergency(lambda: _("It must not go into production.")),
        canned=Canned(problems=True),
    ),
    Picture(
        "wizard_doubts",
        at(Step.VALIDATE),
        emergency(lambda: _("accept it, with a reason")),
        canned=Canned(doubts=True),
    ),
    Picture("wizard_production_lost", at(Step.PRODUCTION), emergency(lambda: _("is not there"))),
    Picture(
        "wizard_services_ill",
        at(Step.SERVICES, RecoveryMode.LEAVE),
        emergency(lambda: _("not healthy"), "x", "down", "enter"),
        canned=Canned(healthy=4),
    ),
    Picture("wizard_beside", at(Step.PRODUCTION, RecoveryMode.BESIDE), emergency(lambda: "public.documents")),
    Picture(
        "wizard_left_null",
        at(Step.PRODUCTION, RecoveryMode.BESIDE),
        emergency(lambda: _("[enter] asks whether to set them again.")),
        canned=Canned(left_null=True),
    ),
    Picture(
        "wizard_left_null_asked",
        at(Step.PRODUCTION, RecoveryMode.BESIDE),
        emergency(lambda: _("Set them again"), "enter"),
        canned=Canned(left_null=True),
    ),
    Picture("wizard_closed", at(Step.REPORT), emergency(lambda: _("[i] reads the report here."), "enter")),
    Picture("wizard_others", at(Step.VALIDATE, who=BRUNO), emergency(lambda: "bruno@db2")),
    Picture("wizard_take_asked", at(Step.STAGING, who=BRUNO), emergency(lambda: _("Take it over"), "o")),
    Picture("wizard_called_asked", at(Step.NOTIFY), emergency(lambda: _("Whom have you called?"), "c")),
    Picture("wizard_back_at_step_3", at(Step.STAGING), emergency(lambda: "admision_mtn", "backspace")),
    Picture("incident_report", at(Step.PRODUCTION), emergency(lambda: "RTO", "i")),
    Picture("backups_incident_open", at(Step.STAGING)),
    # Over the screens
    Picture("help_end", flow=presses("?", "end")),
    Picture("help_of_logs", logged, presses("4", "?")),
    Picture("command_typed", flow=types(":", "re")),
    Picture("command_unknown", flow=types(":", "zzz")),
    Picture("restore_target", flow=presses("R")),
    Picture("restore_target_refused", flow=types("R ctrl+u", "Admisión_MTN_DB", "enter")),
    Picture("restore_target_legacy", scripts, presses("end", "R")),
    Picture("told_error", refused=True, flow=says(lambda: "7.1", presses("b", "down", "enter"))),
    Picture("quit_read_only", at_work, presses("q"), read_only=True),
]


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The operator's, whoever runs the tests: a time zone, and a terminal that shows colours."""
    with monkeypatch.context() as environment:
        environment.setenv("TZ", ZONE)
        environment.delenv("NO_COLOR", raising=False)
        time.tzset()
        yield
    time.tzset()


def app_of(picture: Picture, context: Context, operations: WizardOperations | None = None) -> MtnApp:
    def begin(_arguments: object) -> str:
        if picture.refused:
            title = _("The job could not be started: its command ended with exit code {code}.")
            raise JobError(title.format(code=2), _("It said nothing."), "7.1")
        return "q2nr5tdw"

    app = MtnApp(
        context,
        begin,
        read_only=picture.read_only,
        ascii=picture.look == "ascii",
        light=picture.look == "light",
        machine=MACHINE,
        session=SESSION,
        operations=operations,
    )
    app.title = "mtn"
    return app


def installed_as(picture: Picture) -> Installed:
    """The installation that is in the state of the picture."""
    made = Installed(
        Path("mtn"),
        bucket=picture.bucket,
        disk=ABSENT / "backups" if picture.disk_gone else None,
        key_file=ABSENT / "config" / ".encryption.key" if picture.no_key else None,
        database=picture.database,
    )
    picture.made(made)
    return made


QUICK = (
    *("normal_80x24", "hostile", "assess", "a_day_80x24", "choose_80x24", "production_80x24", "restoring"),
    *("validate", "wizard_services_80x24", "notify", "wizard_report", "closed", "rows_lost", "newest_broken"),
    *("wizard_none", "pruning_asked", "jobs_failed", "backups_empty", "backups_suspect", "incident_open"),
)
"""Parts of the names of those that are quick: each page, those of the README, and more. All take minutes."""


@pytest.mark.sample(*QUICK)
@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.id)
def test_a_screen_looks_as_approved(picture, tmp_path, monkeypatch, pictured, looks):
    monkeypatch.chdir(tmp_path)  # a path on a picture is the same wherever this runs
    i18n.use(picture.language)
    if picture.look == "nocolor":
        monkeypatch.setenv("NO_COLOR", "1")
    made = installed_as(picture)
    app = app_of(picture, made.context, picture.canned.operations(made))
    looks.update(picture.looks())
    if picture.server_lost or (picture.name.startswith("wizard") and picture.canned in (LOST, DOWN)):
        looks["server"] = no_server
    jobs = len(list((made.root / "state" / "jobs").glob("*")))

    async def flow(pilot) -> None:
        operator = Operator(app, pilot)
        if picture.start != "1":  # that one is there from the beginning
            await operator.pilot.press(picture.start)
        await looked(operator)
        await operator.has_list()
        await operator.until(lambda: len(app.state.jobs) == jobs, "its jobs")
        await picture.flow(operator)
        await settled(operator)

    looks_as_approved = pictured(app, terminal_size=picture.size, run_before=flow)
    assert app.fault is None
    assert looks_as_approved, f"snapshots/{picture.id}.svg is another: see the report named below"


SLOW = (Picture("backups_reading"), Picture("backups_awaited"), Picture("backups_awaited", language="en"))

HANGING = (
    Picture("checklist_first_time", start="1"),
    Picture("checklist_last_known", known_since, start="1"),
    Picture("checklist_last_known", known_since, start="1", language="en"),
)


@pytest.mark.parametrize("picture", SLOW, ids=lambda picture: picture.id)
def test_the_list_before_the_stores_have_answered(picture, tmp_path, pictured, monkeypatch):
    """At first nothing is known yet; soon, what one of them holds."""
    in_part = picture != SLOW[0]
    monkeypatch.setattr(scan, "_SOON", 0.1 if in_part else 60)
    i18n.use(picture.language)
    made = Installed(tmp_path / "mtn")
    usual(made)
    answers = threading.Event()

    class Slow(Folder):
        def list(self, prefix: str = ""):
            answers.wait()
            return super().list(prefix)

    context = made.context
    slow = Slow(made.root / "bucket", "bucket", "mtn-backups @ s3.mtn.cl")
    app = app_of(picture, replace(context, stores=replace(context.stores, open_bucket=lambda: slow)))

    async def flow(pilot) -> None:
        await pilot.press("2")
        await Operator(app, pilot).until(lambda: app.state.jobs and bool(app.state.inventory) is in_part)

    try:
        assert pictured(app, terminal_size=picture.size, run_before=flow)
    finally:
        answers.set()


@pytest.mark.parametrize("picture", HANGING, ids=lambda picture: picture.id)
def test_the_checklist_before_anything_was_looked_at(picture, tmp_path, pictured, monkeypatch, looks):
    """The first time nothing is known; later, what it came to last."""
    monkeypatch.chdir(tmp_path)
    i18n.use(picture.language)
    made = Installed(Path("mtn"))
    picture.made(made)
    answers = threading.Event()
    looks |= {name: lambda _inspection: answers.wait(60) and [] for name in looks}
    app = app_of(picture, made.context)

    async def flow(pilot) -> None:
        operator = Operator(app, pilot)
        await operator.has_list()
        await operator.until(lambda: app.state.health and any(one.looking for one in app.state.health.rows))
        await operator.pilot.pause()

    try:
        assert pictured(app, terminal_size=picture.size, run_before=flow)
    finally:
        answers.set()


def test_there_is_no_picture_of_what_is_no_state_any_more():
    states = {f"{picture.id}.svg" for picture in (*PICTURES, *SLOW, *HANGING)}
    assert {path.name for path in FOLDER.glob("*")} <= states
