"""The incidents that can be practised, and how each is caused on the servers of the demo."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.demo.scene import Point, Scene, holds, work_on
from mtn_tui.demo.school_life import delete_course, may_apply
from mtn_tui.demo.stack import DATABASE
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.state import RecoveryMode
from mtn_tui.operations.inventory.scan import take_inventory


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
    said = _("At {moment} somebody deleted all applications of {course}. The school goes on working.")
    said = said.format(moment=labels.moment(moment, seconds=True), course=course)
    with (context.settings.log_dir / "school.log").open("a") as log:  # the screens show it among the logs
        log.write(f"{moment.astimezone().isoformat(timespec='seconds')} WARN  {said}\n")
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


INCIDENTS = (
    PracticeIncident(
        "lost-database",
        lambda: _("Somebody has dropped the database."),
        _lose_database,
        RecoveryMode.RESTORE,
    ),
    PracticeIncident(
        "database-down",
        lambda: _("The database's server has stopped."),
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
)
