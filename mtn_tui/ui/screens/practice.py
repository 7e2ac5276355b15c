"""Dialogs of a practice or demo: first and by its key what it is; and whether it ends."""

from __future__ import annotations

from collections.abc import Sequence

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.common import labels
from mtn_tui.ui.host import Host, Practice
from mtn_tui.ui.screens.ask import Answer, Said
from mtn_tui.ui.screens.jobs_asked import JobsAsked, said_of_ended


def begin(host: Host) -> None:
    """Show first of all what is practised, if anything is, and how to read it again."""
    practice = host.practice
    if practice is None:
        return
    again = _("[P] shows this again. [q] ends the practice, and tells how it went.")
    if not practice.is_judged:
        again = _("[P] shows this again. [q] ends it, and deletes it all.")
        if practice.keeps:
            again = _("[P] shows this again. [q] ends it; the folder with everything in it stays.")
    host.open_screen(Said(_title(practice), [*practice.story(), again], _("Begin")))


def show_story(host: Host) -> None:
    """Show what is practised, if anything is."""
    if host.practice is not None:
        host.open_screen(Said(_title(host.practice), host.practice.story()))


def _title(practice: Practice) -> str:
    return _("What is practised") if practice.is_judged else _("A demo: nothing here is real")


def ask_to_end(host: Host, jobs: Sequence[JobView]) -> None:
    """Ask before a practice or demo ends, however far it is: its servers go with it, and its jobs."""

    def chosen(ends: bool | None) -> None:
        if ends:
            host.end()

    host.open_screen(End(host, jobs), chosen)


class End(JobsAsked[bool]):
    """Asks whether the practice or demo ends, and says which ``jobs`` are cancelled by it."""

    def asked(
        self, running: list[JobView], ended: list[JobView]
    ) -> tuple[str, list[str], list[Answer[bool]]]:
        """What is removed, what is still open, and what runs."""
        host, practice = self._host, self._host.practice
        assert practice is not None  # noqa: S101 - only then it is asked
        title, goes_on = _("End the practice?"), _("Go on practising")
        said = [_("Every practice asks this. It is judged as it stands now, and its servers are removed.")]
        if not practice.is_judged:
            title, goes_on = _("End the demo?"), _("Go on")
            said = [_("Its school, its backups and its servers are deleted: nothing of it stays.")]
            if practice.keeps:
                said = [_("Its servers stop. The folder with everything in it stays.")]
        if host.incident is not None and host.incident.is_open:
            said.insert(0, _("Incident {number} is still open.").format(number=host.incident.number))
        said = [*said_of_ended(ended), *said]
        if running:
            text = ngettext(
                "A job is running, and is cancelled: {jobs}.",
                "Jobs are running, and are cancelled: {jobs}.",
                len(running),
            )
            said.insert(
                0, text.format(jobs=", ".join(f"{labels.job(job.kind)} ({job.id})" for job in running))
            )
        return title, said, [Answer(goes_on, False), Answer(_("End it"), True)]
