"""Dialogs of a practice: what has happened and when it is solved; and whether it ends."""

from __future__ import annotations

from collections.abc import Sequence

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.common import labels
from mtn_tui.ui.host import Host
from mtn_tui.ui.screens.ask import Answer, Ask, Said


def show_story(host: Host) -> None:
    """Show what is practised, if anything is."""
    if host.practice is not None:
        host.open_screen(Said(_("What is practised"), host.practice()))


def ask_to_end(host: Host, jobs: Sequence[JobView]) -> None:
    """Ask before a practice ends, whichever it is and however far: its servers go with it, and its jobs."""

    def chosen(ends: bool | None) -> None:
        if ends:
            host.end()

    said = [_("Every practice asks this. It is judged as it stands now, and its servers are removed.")]
    if host.incident is not None and host.incident.is_open:
        said.insert(0, _("Incident {number} is still open.").format(number=host.incident.number))
    if jobs:
        running = ", ".join(f"{labels.job(job.kind)} ({job.id})" for job in jobs)
        text = ngettext(
            "A job is running, and is cancelled: {jobs}.",
            "Jobs are running, and are cancelled: {jobs}.",
            len(jobs),
        )
        said.insert(0, text.format(jobs=running))
    answers = [Answer(_("Go on practising"), False), Answer(_("End it"), True)]
    host.open_screen(Ask(_("End the practice?"), said, answers), chosen)
