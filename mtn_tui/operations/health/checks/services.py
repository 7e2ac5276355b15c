"""Are the services healthy that use the database?"""

from __future__ import annotations

from collections.abc import Iterator

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.services.health import health, named_apart

_NAME = "services"


def services(inspection: Inspection) -> Iterator[Check]:
    """Which of SERVICE_HEALTH_URLS do not answer as they should. Raises ChannelDown."""
    settings = inspection.context.settings
    if not settings.service_health_urls:
        text = _("No service is watched: SERVICE_HEALTH_URLS is not set.")
        yield Check(_NAME, Status.OK, text)
        return
    answers = health(settings.service_health_urls, settings.alert_ca_file)
    named = zip(answers, named_apart(answers), strict=True)
    down = [f"{name} ({one.status or one.text})" for one, name in named if not one.healthy]
    figures = {"services_down": float(len(down)), "services_watched": float(len(answers))}
    if not down:
        text = ngettext("{count} service is healthy.", "All {count} services are healthy.", len(answers))
        yield Check(_NAME, Status.OK, text.format(count=len(answers)), figures=figures)
        return
    text = _("{down} of {count} services are not healthy: {names}").format(
        down=len(down),
        count=len(answers),
        names=", ".join(down),
    )
    hint = _("See their own logs, then start them again: mtn services --restart")
    fix = ("services", "--restart") if settings.services_restart_command else ()
    yield Check(_NAME, Status.FAIL, text, hint, "5.1", fix=fix, figures=figures)
