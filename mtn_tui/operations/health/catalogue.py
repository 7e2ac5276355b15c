"""The health checks as data: what each is called, how often it is looked at, and what it counts for.

``registry`` has the functions that look. This module imports none of them, so
that a screen can show the last known state before anything else is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mtn_tui.core.i18n import _

MINUTE = 60.0
HOUR = 60 * MINUTE

WRITES_EVERY = 24 * HOUR
"""How often ``mtn monitor`` looks at a check that writes."""


@dataclass(frozen=True)
class HealthCheck:
    """One thing that is looked at again and again."""

    id: str
    """Its name in JSON, in files and in metrics; never translated."""
    title: Callable[[], str]
    """Its name for people, in the language in use when it is called."""
    runbook: str = ""
    morning: bool = False
    """Whether it is one of the five of runbook 4.1."""
    decides: bool = False
    """Whether the overall status goes by it, as runbook 6.2 lists. What is only set up badly is
    shown, and is no reason to wake anybody."""
    emergency: bool = False
    """Whether what it finds amiss is mended by the emergency's steps."""
    every: float = MINUTE
    """Seconds between two looks of a live checklist."""
    by_jobs: bool = True
    """Whether a job may change what it finds: then it is looked at again after each."""
    limit: float = 20.0
    """Seconds after which it counts as unknown."""
    writes: bool = False
    """Whether it puts something into a store. Such a check runs in doctor and, once a day, in monitor."""


CHECKS: tuple[HealthCheck, ...] = (
    HealthCheck("full", lambda: _("Full backup"), "4.1", morning=True, decides=True),
    HealthCheck("differentials", lambda: _("Differentials"), "4.1", morning=True, decides=True),
    HealthCheck("objectives", lambda: _("RPO and RTO"), "4.1", morning=True, decides=True),
    HealthCheck("errors", lambda: _("Error log"), "4.1", morning=True, every=5 * MINUTE, limit=60),
    HealthCheck("monitoring", lambda: _("Monitoring"), "4.1", morning=True),
    HealthCheck("last-runs", lambda: _("Last runs"), "6.2", decides=True),
    HealthCheck("disk", lambda: _("Disk"), "6.2", decides=True),
    HealthCheck("server-disk", lambda: _("Server's disk"), "6.2", decides=True, every=10 * MINUTE),
    HealthCheck("sizes", lambda: _("Sizes"), "8.2", every=10 * MINUTE, limit=60),
    HealthCheck("drill", lambda: _("Restore drill"), "8.4", decides=True, every=10 * MINUTE),
    HealthCheck("bucket-answers", lambda: _("Bucket"), "5.4"),
    HealthCheck("copies", lambda: _("Both stores"), "5.4", limit=60),
    HealthCheck("uploads", lambda: _("Unfinished uploads"), "5.4", every=HOUR, limit=60),
    HealthCheck("retention", lambda: _("Retention"), "4.3", every=10 * MINUTE),
    HealthCheck("schedule", lambda: _("Schedule"), "3.3", every=10 * MINUTE),
    HealthCheck("configuration", lambda: _("Configuration"), "3.2", every=10 * MINUTE, by_jobs=False),
    HealthCheck("environment", lambda: _("Environment"), "3.2", every=10 * MINUTE, by_jobs=False),
    HealthCheck("key", lambda: _("Encryption key"), "7.2"),
    HealthCheck("key-of-backups", lambda: _("Key of the backups"), "7.2", decides=True),
    HealthCheck("key-elsewhere", lambda: _("Key kept elsewhere"), "7.2", every=10 * MINUTE, by_jobs=False),
    HealthCheck("folders", lambda: _("Folders"), "7.1", decides=True),
    HealthCheck("permissions", lambda: _("Permissions"), "7.1", every=10 * MINUTE, by_jobs=False),
    HealthCheck("state", lambda: _("Records of jobs"), "7.1", every=10 * MINUTE),
    HealthCheck("server", lambda: _("Database"), "7.3", decides=True, emergency=True, every=10),
    HealthCheck(
        "rows",
        lambda: _("Main tables"),
        "5.1",
        decides=True,
        emergency=True,
        every=5 * MINUTE,
        limit=60,
    ),
    HealthCheck("role", lambda: _("Database user"), "7.3", every=10 * MINUTE),
    HealthCheck("horizon", lambda: _("Old transactions"), every=5 * MINUTE),
    HealthCheck("leftovers", lambda: _("Leftovers"), every=10 * MINUTE),
    HealthCheck("pg_dump", lambda: "pg_dump", "7.4", every=HOUR),
    HealthCheck("bucket", lambda: _("Bucket rights"), "5.4", limit=90, writes=True),
    HealthCheck("stores", lambda: _("Same stores"), "5.4", every=10 * MINUTE, limit=60),
    HealthCheck("suspect", lambda: _("Suspect backups"), "5.3", decides=True),
    HealthCheck("alerts", lambda: _("Alerts"), "6.3", every=10 * MINUTE, limit=60),
    HealthCheck("contacts", lambda: _("Contacts"), "9", every=HOUR, by_jobs=False),
    HealthCheck("services", lambda: _("Services"), "5.1"),
    HealthCheck("machine", lambda: _("This machine"), every=HOUR, by_jobs=False),
)
"""All of them, in the order in which they are shown where all are well."""

GONE = "database"
"""The id of what the check of the server finds where it answers, and has no database of our name."""

BY_ID = {one.id: one for one in CHECKS}
