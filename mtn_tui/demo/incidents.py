"""The incidents that can be practised, and how each is caused on the servers of the demo."""

from __future__ import annotations

import io
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from mtn_tui.core.clock import local_stamp
from mtn_tui.core.errors import NoSpace, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.demo.past import move_back
from mtn_tui.demo.scene import Point, Scene, holds, work_on
from mtn_tui.demo.school_life import delete_course, may_apply
from mtn_tui.demo.stack import DATABASE
from mtn_tui.operations.backup.room import SPARE
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.incident.state import RecoveryMode
from mtn_tui.operations.inventory.scan import take_inventory

_STALE = timedelta(days=2)
_OLD = timedelta(days=200)
"""Age of the log that fills the disk: older than retention keeps logs."""
_NEEDED = SPARE + (8 << 20)
"""Bytes, more than a backup wants to find free besides its own size."""
_LEFT = 1 << 20
"""Bytes that stay free: too few for a backup."""


@dataclass(frozen=True)
class PracticeIncident:
    """An incident that can be practised."""

    name: str
    """Never translated."""
    said: Callable[[], str]
    """Describes it in one line."""
    happen: Callable[[Scene], Scene]
    """Causes it, and returns the scene as it is then."""
    way: RecoveryMode
    """The right recovery mode."""
    back: int = 0
    """The backup to restore, counted from the newest; relevant only if the mode is a restore."""
    also: RecoveryMode | None = None
    """Another mode that repairs it, at the cost of what was written later."""
    day: bool = False
    """Whether the school has lived a day with differentials before it."""
    of_backups: bool = False
    """Whether the school goes on working, and it is the backups that have to be mended."""
    small_disk: bool = False
    """Whether backups and logs have to be on a small disk."""


def find(name: str) -> PracticeIncident:
    """Return an incident by name. Raises UsageError if there is none."""
    for one in INCIDENTS:
        if one.name == name:
            return one
    raise UsageError(
        _("There is no practice incident {name!r}.").format(name=name), _("mtn demo --list has them all.")
    )


def _lose_database(scene: Scene) -> Scene:
    scene.stack.postgres.drop_database(DATABASE)
    return scene


def _stop_server(scene: Scene) -> Scene:
    scene.stack.postgres.stop_for_others()
    return scene


def _corrupt_and_lose(scene: Scene) -> Scene:
    _flip_a_byte(scene, scene.points[0].name)
    return _lose_database(scene)


def _stop_bucket_and_lose(scene: Scene) -> Scene:
    scene.stack.seaweed.kill()
    return _lose_database(scene)


def _delete_course(scene: Scene) -> Scene:
    """Delete a course, go on working, and take a differential that has the loss in it."""
    context, before = scene.context, holds(scene.context)
    moment = context.clock.now()
    conninfo = scene.stack.postgres.conninfo(DATABASE)
    others = may_apply(conninfo)  # those of the course don't apply a second time
    course = delete_course(conninfo)
    lost = before.without(holds(context))
    work_on(scene.stack, others)
    held = holds(context)
    newest = Point(scene.back_up_changes(), held)
    work_on(scene.stack, others)

    def said() -> str:
        text = _("At {moment} somebody deleted all applications of {course}. The school goes on working.")
        return text.format(moment=labels.moment(moment, seconds=True), course=course)

    with (context.settings.log_dir / "school.log").open("a") as log:  # the screens show it among the logs
        log.write(f"{moment.astimezone().isoformat(timespec='seconds')} WARN  {said()}\n")
    return replace(
        scene,
        points=(newest, *scene.points),
        held=holds(context).plus(lost),
        deleted=frozenset(name for name, (rows, _digest) in lost.items() if rows > 0),
        said=said,
    )


def _flip_a_byte(scene: Scene, name: str) -> None:
    """Change one byte in the middle of every copy of a backup, leaving its size and metadata."""
    context = scene.context
    backups = take_inventory(context.stores, context.key).backups
    for copy in next(one for one in backups if str(one.name) == name).copies:
        with copy.store.open(copy.key) as stream:
            data = bytearray(stream.read())
        data[len(data) // 2] ^= 1
        if copy.store.name == "disk":
            (context.settings.backup_dir / copy.key).write_bytes(data)
        else:
            seaweed = scene.stack.seaweed
            seaweed.client().put_object(seaweed.bucket, copy.key, io.BytesIO(data), len(data))


def _run_nothing(scene: Scene) -> Scene:
    """Move all backups into the past, as if nothing had run since."""
    renamed = move_back(scene.context, _STALE)

    def said() -> str:
        text = _(
            "No backup has run for {time}. The school works, and what it writes now would be lost."
            " It is solved once a full backup of today is proven. What is wrong: {command}"
        )
        time = labels.duration(_STALE.total_seconds())
        return text.format(time=time, command=_command(scene.context, "check"))

    points = tuple(replace(one, name=renamed[one.name]) for one in scene.points)
    return replace(scene, points=points, said=said)


def _command(context: Context, *words: str) -> str:
    """A command of the demo's installation, for another terminal."""
    options = ["--config", str(context.configuration)] if context.configuration else []
    return shlex.join(["mtn", *options, *words])


def _fill_disk(scene: Scene) -> Scene:
    """Leave an old log that takes nearly all of the disk, and let a backup fail for it."""
    context, disk = scene.context, scene.stack.disk
    assert disk is not None  # noqa: S101 - the incident says that it needs one
    scene.back_up_changes()  # what one has needed is what the next has to find free
    newest = take_inventory(context.stores, context.key).latest(None)
    when = context.clock.now() - _OLD
    log = context.settings.log_dir / f"full-backup_{local_stamp(when)}.log"
    with log.open("wb") as file:
        file.write(b"This log was never rotated.\n")
        os.posix_fallocate(file.fileno(), file.tell(), _NEEDED + 4 * newest.size)
    os.utime(log, (when.timestamp(), when.timestamp()))
    disk.limit(_LEFT)

    def said() -> str:
        text = _(
            "The disk of the backups is full: the last one failed. The school works."
            " It is solved once there is room again, no backup is lost, and a new one is proven."
            " What retention would delete: {command}"
        )
        return text.format(command=_command(context, "prune", "--dry-run"))

    try:
        scene.back_up_changes()
    except NoSpace:
        return replace(scene, said=said)
    raise RuntimeError("The disk is not full.")


INCIDENTS = (
    PracticeIncident(
        "lost-database",
        lambda: _("Somebody has dropped the database."),
        _lose_database,
        RecoveryMode.RESTORE,
    ),
    PracticeIncident(
        "database-down",
        lambda: _("The database server has stopped."),
        _stop_server,
        RecoveryMode.LEAVE,
    ),
    PracticeIncident(
        "corrupt-backup",
        lambda: _("The database is gone, and the newest backup is damaged, on disk and in the bucket."),
        _corrupt_and_lose,
        RecoveryMode.RESTORE,
        back=1,
    ),
    PracticeIncident(
        "s3-down",
        lambda: _("The database is gone, and the bucket does not answer."),
        _stop_bucket_and_lose,
        RecoveryMode.RESTORE,
    ),
    PracticeIncident(
        "bad-delete",
        lambda: _("Somebody has deleted a course's applications, and the school goes on working."),
        _delete_course,
        RecoveryMode.BESIDE,
        back=1,
        also=RecoveryMode.RESTORE,
        day=True,
    ),
    PracticeIncident(
        "stale",
        lambda: _("No backup has run for two days; the school works."),
        _run_nothing,
        RecoveryMode.LEAVE,
        of_backups=True,
    ),
    PracticeIncident(
        "disk-full",
        lambda: _("The disk of the backups is full, and they fail; the school works."),
        _fill_disk,
        RecoveryMode.LEAVE,
        of_backups=True,
        small_disk=True,
    ),
)
