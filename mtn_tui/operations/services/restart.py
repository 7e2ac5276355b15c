"""Jobs of an incident that run the configured commands, and wait until these have taken effect."""

from __future__ import annotations

from mtn_tui.core.errors import JobError, MtnError
from mtn_tui.core.i18n import _
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.services.health import (
    Answer,
    Errand,
    by_name,
    named_apart,
    not_healthy,
    run_command,
    wait_until_healthy,
)
from mtn_tui.postgres.connection import MAINTENANCE, connect

PATIENCE = 300.0
"""Seconds for services to become healthy, or a server to answer, once its command has ended."""

_LOOK_EVERY = 0.5


def restart_services(job: Job, context: Context, *, patience: float = PATIENCE) -> tuple[Answer, ...]:
    """Run SERVICES_RESTART_COMMAND, where there is one; wait until all are healthy.

    Raises JobError, and ConfigError if there is neither a command nor a service to wait for.
    """
    settings = context.settings
    job.phase("prepare", unit="items")
    if settings.services_restart_command or not settings.service_health_urls:
        _run(job, context, Errand.RESTART)
    job.phase("wait-healthy", total=len(settings.service_health_urls), unit="items")
    seen: dict[str, bool] = {}

    def tell(answers: tuple[Answer, ...]) -> None:
        for one, name in zip(answers, named_apart(answers), strict=True):
            if seen.get(one.url) != one.healthy:
                seen[one.url] = one.healthy
                job.note("info", "service", name=name, healthy=one.healthy, text=one.text)
                job.advance(1 if one.healthy else 0)

    answers = wait_until_healthy(
        settings.service_health_urls, patience, job.token, tell, ca_file=settings.alert_ca_file
    )
    job.result({"services": by_name(answers)})
    ill = not_healthy(answers)
    if ill:
        raise JobError(
            _("{count} of {total} services are not healthy: {names}").format(
                count=len(ill), total=len(answers), names=", ".join(ill)
            ),
            _("See their own logs; start them as the runbook says (5.1, step 7)."),
            "5.1",
        )
    return answers


def stop_services(job: Job, context: Context) -> None:
    """Run SERVICES_STOP_COMMAND. Raises ConfigError if there is none, JobError if it fails.

    The job's result says so before it begins, in case the job is lost.
    """
    job.result({"services_stopping": True})
    _run(job, context, Errand.STOP)


def start_database(job: Job, context: Context, *, patience: float = PATIENCE) -> None:
    """Run DATABASE_START_COMMAND and wait until the server answers. Raises JobError, or why it does not."""
    job.phase("prepare", unit="items")
    _run(job, context, Errand.START_DATABASE)
    job.phase("wait-server", unit="items")
    deadline = context.clock.monotonic() + patience
    while True:
        job.token.check()
        try:
            connect(context.server, MAINTENANCE, f"mtn start {job.id}").close()
            return
        except MtnError:
            if context.clock.monotonic() > deadline:
                raise
        job.token.wait(_LOOK_EVERY)


def _run(job: Job, context: Context, errand: Errand) -> None:
    job.phase(errand.value, unit="items")
    ran = run_command(
        context, errand, token=job.token, on_line=lambda line: job.note("info", "said", text=line)
    )
    job.note("info", "ended", command=errand.value, seconds=round(ran.seconds, 1))
