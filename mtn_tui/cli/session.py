"""What every command shares: the configuration, and running jobs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mtn_tui.cli import diagnostics, following, output
from mtn_tui.cli.output import to_nowhere
from mtn_tui.cli.progress import Watcher
from mtn_tui.core import operator, outside, paths
from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import MtnError, Refused
from mtn_tui.core.finding import find_configuration, load_found
from mtn_tui.core.i18n import _
from mtn_tui.core.settings_file import Loaded
from mtn_tui.engine import detached, host
from mtn_tui.engine.jobs import Job, new_job_id
from mtn_tui.engine.journal import find_journal
from mtn_tui.operations import job_outcomes
from mtn_tui.operations.announced import announced
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.manifest_cache import Cache
from mtn_tui.operations.common.stores import open_stores
from mtn_tui.operations.job_outcomes import Facts


@dataclass
class Session:
    """The global options of one invocation."""

    config: Path | None
    lang: str | None
    no_input: bool
    read_only: bool = False
    ascii: bool = False
    light: bool = False
    scheduled: bool = False
    quiet: bool = False
    verbose: bool = False

    @cached_property
    def loaded(self) -> Loaded:
        """The configuration. Raises ConfigError."""
        return load_found(find_configuration(self.config, os.environ), os.environ)

    @cached_property
    def context(self) -> Context:
        """The context; warnings about the configuration are printed once, without standing ones."""
        of_environment = outside.notices(self.loaded.outside, self.loaded.path)
        for notice in () if self.scheduled else (*self.loaded.warnings, *of_environment):
            if not notice.standing:
                diagnostics.warning(notice.title, notice.hint)
        return self.quiet_context

    @cached_property
    def quiet_context(self) -> Context:
        """The context, without printing warnings, for callers that report them otherwise."""
        settings = self.loaded.settings
        return Context(
            settings=settings,
            stores=open_stores(settings),
            state=paths.state_dir(settings.state_dir, os.environ),
            operator=operator.operator(os.environ),
            host=operator.host_name(),
            cache=Cache(paths.cache_dir(os.environ)),
            outside=self.loaded.outside,
            configuration=self.loaded.path,
            scheduled=self.scheduled,
        )

    def say_database(self, database: str) -> None:
        """Print which database, where and from which configuration, before something is done to it."""
        settings, loaded = self.context.settings, self.loaded
        text = _("Database: {database} at {host}:{port} ({path})")
        self.say(
            text.format(database=database, host=settings.db_host, port=settings.db_port, path=loaded.path)
        )
        if loaded.outside:
            keys = outside.named(loaded.outside)
            self.say(_("From the environment: {keys}").format(keys=keys))

    @property
    def is_watched(self) -> bool:
        """Whether stderr gets more than troubles: somebody sits at it, or asked for it."""
        if self.quiet:
            return False
        return self.verbose or (not self.scheduled and diagnostics.is_terminal())

    def say(self, text: str) -> None:
        """Print on stderr what is no trouble, if it is watched."""
        if self.is_watched:
            diagnostics.say(text)

    def tell_outcome(self, kind: str, facts: Facts, code: int, *, as_json: bool) -> int:
        """Print what a job came to; with --quiet only if ``code``, its exit code, is not 0. Returns that."""
        if as_json:
            output.as_json(facts)
        elif code or not self.quiet:
            output.prose(job_outcomes.lines(kind, facts))
        return code

    def run(
        self, kind: str, subject: str, arguments: Sequence[str], body: Callable[[Job], object]
    ) -> tuple[Facts, int]:
        """Run a job and show it on stderr. Returns the facts of its outcome and the exit code, 0 or 1.

        From a terminal it runs as ``mtn <arguments>`` in a process that outlives the
        terminal; without one (cron) it runs ``body`` in this process. Raises the job's
        error.
        """
        self.must_not_only_read()
        job_id = os.environ.pop(detached.JOB_ID, None)
        if (
            job_id is None
            and not self.scheduled
            and _on_a_terminal()
            and self.context.record_place.folder is not None
        ):
            job = self.start(arguments)
            view = following.until_it_is_over(job, may_ask=not self.no_input, shown=self.is_watched)
            return following.outcome(view, find_journal(self.context.job_folders, view.id).parent)
        return self.host(kind, subject, body, job_id or "")

    def look_first(self, look: Callable[[], object]) -> None:
        """Raise what ``look`` does before there is a job: a slip is no failed job. A job looks by itself."""
        self.must_not_only_read()
        if detached.JOB_ID not in os.environ:
            look()

    @property
    def is_a_job(self) -> bool:
        """Whether this process was started as a job, whose journal others wait for."""
        return detached.JOB_ID in os.environ

    @property
    def hosts_itself(self) -> bool:
        """Whether ``run`` runs a job in this process; valid only before ``run`` is called."""
        return self.scheduled or detached.JOB_ID in os.environ or not _on_a_terminal()

    def start(self, arguments: Sequence[str]) -> detached.Detached:
        """Start ``mtn <arguments>`` as a job that outlives this process."""
        self.must_not_only_read()
        options = ["--no-input"]
        if self.config is not None:
            options += ["--config", str(self.config)]
        if self.lang is not None:
            options += ["--lang", self.lang]
        context = replace(self.context)  # checks again for a writable folder: screens stay open for days
        command = [*options, *arguments]
        return detached.start(command, context.jobs, os.environ, lambda: context.job_folders)

    def begin(self, arguments: Sequence[str]) -> str:
        """Like ``start``, without following the job: return its id once anybody can find it."""
        with closing(self.start(arguments)) as job:
            job.wait_for_journal()
            return job.id

    def record(self, action: str, subject: str = "", /, **facts: object) -> int:
        """Record in the audit trail what was done. Returns 1, after a warning, if that can't be; else 0."""
        from mtn_tui.operations.audit.record import record, unrecorded

        if error := record(self.context, action, subject, **facts):
            diagnostics.warning(unrecorded(error), error.hint)
            return 1
        return 0

    def has_run(self, kind: str) -> bool:
        """Whether a run of the schedule finds that its job has succeeded since it was due; told on stdout."""
        if not self.scheduled:
            return False
        from mtn_tui.operations.schedule import description, history

        context = self.context
        due = next((one for one in description.runs(context.settings) if one.job == kind and one.once), None)
        if due is None or not history.done(context, due):
            return False
        moment, name = labels.moment(due.when.last(context.clock.now(), None)), labels.job(kind)
        output.line(_("{job}: made; it was due {moment}.").format(job=name, moment=moment))
        return True

    @property
    def may_ask(self) -> bool:
        """Whether there is somebody to answer questions."""
        return not (self.no_input or self.scheduled) and sys.stdin.isatty() and sys.stderr.isatty()

    def must_not_only_read(self) -> None:
        """Raise Refused with --read-only; to be called before anything is changed."""
        if self.read_only:
            raise Refused(
                _("Nothing is changed with --read-only."), _("Leave the option out, if that is meant.")
            )

    def host(
        self, kind: str, subject: str, body: Callable[[Job], object], job_id: str = ""
    ) -> tuple[Facts, int]:
        """Like ``run``, but always in this process."""
        from mtn_tui.operations.audit.record import audited

        context = self.context
        folder = os.environ.pop(detached.JOURNALS, None)
        recorded = context.record_place.folder is not None or folder is not None
        jobs = Path(folder) if folder else context.jobs
        new_id = (lambda: job_id) if job_id else new_job_id
        with ExitStack() as held:
            held.enter_context(host.signals_held())
            try:
                job = Job.create(
                    jobs if recorded else None,
                    kind=kind,
                    subject=subject,
                    operator=context.operator,
                    new_id=new_id,
                    spares=context.spare_folders,
                )
            except MtnError as error:
                held.close()
                from mtn_tui.operations.job_alerts import not_begun

                not_begun(context, kind, error)
                raise
            _tell_where(job, context)
            whole = audited(context, announced(context, body))
            try:
                if self.scheduled and not self.quiet:
                    output.line(f"{labels.moment(context.clock.now())} {labels.job(kind)} {job.id}")
                if self.is_watched:
                    with closing(Watcher(SystemClock())) as watcher:
                        host.run(job, whole, watcher)
                else:
                    host.run(job, whole)
            finally:
                if job_id:
                    detached.discard_output(jobs, job_id)
                    for stream in (sys.stdout, sys.stderr):
                        to_nowhere(stream)  # a full disk must not change the exit code of a job that is over
        for text in job.warnings:
            diagnostics.warning(text)
        return job.outcome, 1 if job.warnings else 0


def _tell_where(job: Job, context: Context) -> None:
    """Warn if the job's record is not in the state folder."""
    place = context.record_place
    if place.trouble is None:
        return
    if place.folder is None:
        told = _(
            "{reason} No other folder takes a file either: this job has no record, no lock of this machine, "
            "and nobody else sees it."
        )
    else:
        told = _("{reason} This job is recorded in {folder}, which is gone when the machine restarts.")
    text = told.format(reason=place.trouble.title, folder=place.folder)
    job.warn("recorded-elsewhere", f"{text} {place.trouble.hint}")


def _on_a_terminal() -> bool:
    """Return whether any stream of this process is a terminal, which may be closed."""
    return any(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
