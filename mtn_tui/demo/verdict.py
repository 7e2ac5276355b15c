"""Describes an evaluation: one line for each criterion, and the duration of each step."""

from __future__ import annotations

from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.demo.evaluation import Backups, Evaluation, Production
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.report import standing, title
from mtn_tui.operations.incident.report import way as way_words
from mtn_tui.operations.incident.state import RecoveryMode

Mark = tuple[bool, str]


def well(one: Evaluation) -> bool:
    """Return whether everything went well."""
    return all(ok for ok, _text in marks(one))


def lines(one: Evaluation) -> list[str]:
    """Return the evaluation as lines for people."""
    told = [f"{'✔' if ok else '✖'} {text}" for ok, text in marks(one)]
    steps = [_step(number, one) for number in range(len(one.steps))]
    if one.backups is not None:
        still = [f"⚠ {text}" for text in _open(one.backups)]
        return [_("Practice: {name}").format(name=one.name), "", *told, *still, "", _end_of_backups(one)]
    if not steps:
        steps = [_("No incident was begun: the screens lead through the steps, and keep the report.")]
    if well(one):
        end = _("All went well.")
    elif one.recovered:
        end = _("The school works again. What has a ✖ is worth another try.")
    else:
        end = _("The school does not work yet. Try again; nothing here was real.")
    return [_("Practice: {name}").format(name=one.name), "", *told, "", *steps, "", end]


def marks(one: Evaluation) -> list[Mark]:
    """Return each criterion: whether it is met, and a text."""
    if one.backups is not None:
        return [_mended(one), _services(one), _production(one), *_of_backups(one.backups)]
    return [
        _time(one),
        _services(one),
        _production(one),
        _way(one),
        *(_kept(one) if one.production is not Production.GONE else []),
        _alert(one),
        (one.all_clear, _("The all-clear arrived.") if one.all_clear else _("No all-clear arrived.")),
        (one.closed, _("The incident is closed.") if one.closed else _("The incident was not closed.")),
    ]


def _step(number: int, one: Evaluation) -> str:
    step = one.steps[number]
    took = labels.duration(step.seconds) if step.seconds is not None else "—"
    return f"  {int(step.step)} {title(step.step):<16} {standing(step.standing):<12} {took:>12}"


def _time(one: Evaluation) -> Mark:
    figures = {
        "target": labels.duration(one.target.total_seconds()),
        "rto": labels.duration(one.rto.total_seconds()),
    }
    if one.seconds is None:
        return False, _("Not healthy when you left.")
    time = labels.duration(one.seconds)
    if one.seconds <= one.target.total_seconds():
        text = _("Healthy after {time}: within the {target} of a practice, and the RTO of {rto}.")
    elif one.seconds <= one.rto.total_seconds():
        text = _("Healthy after {time}: within the RTO of {rto}; a practice should take {target}.")
    else:
        text = _("Healthy after {time}: over the RTO of {rto}.")
    return one.seconds <= one.rto.total_seconds(), text.format(time=time, **figures)


def _open(found: Backups) -> list[str]:
    """What lets the backups ail again, and is no part of the practice."""
    if found.is_scheduled:
        return []
    text = _(
        "Still open: no schedule starts the backups, so they will be missing again. Where you work, "
        "install it: {command}. The practice leaves the schedule of this machine alone."
    )
    return [text.format(command="mtn schedule install")]  # not with the practice's configuration


def _end_of_backups(one: Evaluation) -> str:
    if well(one) and one.backups is not None and _open(one.backups):
        return _("All that could be done here went well. What has a ⚠ is still open.")
    if well(one):
        return _("All went well.")
    if one.recovered:
        return _("The backups run again. What has a ✖ is worth another try.")
    return _("The backups are not in order yet. Try again; nothing here was real.")


def _mended(one: Evaluation) -> Mark:
    if one.seconds is None:
        return False, _("The backups were not in order when you left.")
    time, target = labels.duration(one.seconds), labels.duration(one.target.total_seconds())
    if one.seconds <= one.target.total_seconds():
        text = _("Backups in order after {time}: within the {target} of a practice.")
    else:
        text = _("Backups in order after {time}; a practice should take {target}.")
    return True, text.format(time=time, target=target)


def _of_backups(found: Backups) -> list[Mark]:
    if not found.lost:
        lost = _("No backup from before was lost.")
    else:
        lost = _("Backups from before were lost: {names}").format(names=", ".join(found.lost))
    return [*((False, text) for text in found.troubles), (not found.lost, lost)]


def _services(one: Evaluation) -> Mark:
    text = _("{healthy} of {count} services are healthy.")
    return one.healthy == one.services, text.format(healthy=one.healthy, count=one.services)


def _production(one: Evaluation) -> Mark:
    said = {
        Production.EQUAL: _("Production answers, and holds exactly the {rows:,} rows that it should."),
        Production.CHANGED: _("Production answers, and holds all that it should and what was written since."),
        Production.MISSING: _("Production answers, but rows are missing that it should hold."),
        Production.GONE: _("Production does not answer."),
    }[one.production]
    ok = one.production in (Production.EQUAL, Production.CHANGED)
    return ok, said.format(rows=Figure(one.rows))


def _way(one: Evaluation) -> Mark:
    if one.way is None:
        return False, _("Step 1 was not finished: the right way was “{right}”.").format(
            right=way_words(one.right_way)
        )
    if one.other_way:
        text = _("It can be repaired so: {way}. Copying back the lost rows would have kept what came after.")
        return True, text.format(way=way_words(one.right_way))
    if one.way is one.right_way:
        return True, _("The right way: {way}.").format(way=way_words(one.way))
    text = _("Not the right way: {way}. The right one was “{right}”.")
    return False, text.format(way=way_words(one.way), right=way_words(one.right_way))


def _kept(one: Evaluation) -> list[Mark]:
    return [*_backup(one), _rows(one)]


def _backup(one: Evaluation) -> list[Mark]:
    if one.restored == one.right_backup:
        text = _("The right backup: {name}").format(name=one.restored)
        return [(True, text)] if one.restored else []
    if one.right_way is RecoveryMode.BESIDE:
        return []
    if one.right_way is not RecoveryMode.RESTORE:
        return [(False, _("Restored from {name}, though nothing was lost.").format(name=one.restored))]
    if not one.restored:
        return [(False, _("Not restored; the right one was {name}").format(name=one.right_backup))]
    text = _("Restored from {name}; the right one was {right}")
    return [(False, text.format(name=one.restored, right=one.right_backup))]


def _rows(one: Evaluation) -> Mark:
    if not one.lost:
        return True, _("No row was lost.")
    lost = ngettext("{count:,} row was lost", "{count:,} rows were lost", one.lost).format(
        count=Figure(one.lost)
    )
    if one.other_way:
        return True, lost + ", " + _("written after the backup: this way gives them up.")
    if not one.needless:
        text = ngettext(
            "No more was lost than had to be: {count:,} row, written after the backup.",
            "No more was lost than had to be: {count:,} rows, written after the backup.",
            one.lost,
        )
        return True, text.format(count=Figure(one.lost))
    return False, lost + ", " + _("{count:,} of which could have been kept.").format(
        count=Figure(one.needless)
    )


def _alert(one: Evaluation) -> Mark:
    if not one.alert:
        return False, _("No alert of step 2 arrived.")
    text = ngettext(
        "The alert arrived ({count} mail in all).", "The alert arrived ({count} mails in all).", one.mails
    )
    return True, text.format(count=one.mails)
