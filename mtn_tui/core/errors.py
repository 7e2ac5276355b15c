"""Every error of the program, as one tree.

    MtnError
    ├── UsageError                 the request makes no sense               (exit 64)
    │   └── Refused                it makes sense but is refused; the title says why
    ├── ConfigError                backup.conf, the environment, missing tools
    │   └── KeyFileError           the key file is missing, empty, unreadable or not trusted
    ├── ArchiveError               a backup that cannot be trusted
    │   ├── NotABackup             the data is not a backup at all
    │   ├── Truncated              it ends too early
    │   ├── Changed                it differs from what was written
    │   ├── WrongKey               it was made with another key
    │   └── ForeignManifest        the manifest belongs to another file
    ├── StorageError               a disk or bucket refused; retrying is useless
    │   ├── NotFound               no such object
    │   ├── AlreadyThere           the name is taken
    │   ├── NoSpace                the disk is full
    │   └── StorageUnavailable     it did not answer; retrying may help
    ├── PostgresError              the server, or one of its tools, refused
    │   └── ServerLost             it does not answer, or the connection was lost
    │       └── NoSlots            it has no free connection
    ├── AlertError                 an alert did not reach its recipient
    │   └── ChannelDown            the whole channel is unavailable for now
    └── JobError
        ├── Locked                 another operation holds the lock         (exit 75)
        └── Cancelled              it was asked to stop                     (exit 130)

An error is raised once, where its cause is known, and caught at the outermost
level (a command, a screen, the end of a job), which shows ``title``, ``hint``
and the section of the runbook.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


class MtnError(Exception):
    """Base of every error that an operator may see.

    ``title`` says what happened and what it means, ``hint`` what to do next,
    ``runbook`` names the section (``"7.2"``), ``exit_code`` is that of a command.
    These may appear anywhere: in journals, mails, reports. ``private`` may contain
    rows of a database: it is for the operator's terminal and for a file that nobody
    else can read (``engine.private``). ``facts`` are printed with ``--json`` despite
    the error.
    """

    exit_code = 2
    runbook = ""
    private = ""
    facts: Mapping[str, object] = MappingProxyType({})

    def __init__(self, title: str, hint: str = "", runbook: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.hint = hint
        self.runbook = runbook or self.runbook


class UsageError(MtnError):
    """The request makes no sense."""

    exit_code = 64


class Refused(UsageError):
    """The request makes sense but is refused; the title gives the reason."""


class ConfigError(MtnError):
    """A problem in backup.conf or the environment, or a missing tool."""

    runbook = "3.2"


class KeyFileError(ConfigError):
    """The key file is missing, empty, unreadable, or not trusted."""

    runbook = "7.2"


class ArchiveError(MtnError):
    """A backup that cannot be trusted."""

    runbook = "5.3"


class NotABackup(ArchiveError):
    """The data is not a backup at all."""


class Truncated(ArchiveError):
    """The backup ends too early."""


class Changed(ArchiveError):
    """The data differs from what was written."""


class WrongKey(ArchiveError):
    """The backup was made with another key."""

    runbook = "7.2"
    theirs = ""
    """Fingerprint of the key named by the manifest, not verified; empty without a manifest."""
    database = ""
    """Name of the database according to the manifest, not verified either."""


class ForeignManifest(ArchiveError):
    """The manifest belongs to another file."""


class StorageError(MtnError):
    """A disk or bucket refused; retrying is useless."""


class NotFound(StorageError):
    """There is no such object."""


class AlreadyThere(StorageError):
    """The name is already taken."""


class NoSpace(StorageError):
    """The disk is full."""

    runbook = "8.2"


class StorageUnavailable(StorageError):
    """The storage did not answer; retrying may help."""


class PostgresError(MtnError):
    """The database server, or one of its tools, refused."""

    sqlstate = ""
    """The server's SQLSTATE; empty if it sent none."""
    doing = ""
    """Kind and object of the refused statement, if it came from a script."""
    in_a_function = False
    """Whether the error occurred inside a function of the database."""


class ServerLost(PostgresError):
    """The connection to the server was lost, or it does not answer."""

    runbook = "7.3"


class NoSlots(ServerLost):
    """The server runs, but has no free connection."""

    runbook = ""


class AlertError(MtnError):
    """An alert did not reach its recipient."""

    runbook = "6.3"


class AddressRefused(AlertError):
    """A mail server refused one recipient, or a mail to them, for good."""


class ChannelDown(AlertError):
    """A whole alert channel is unavailable for now, for every recipient."""


class JobError(MtnError):
    """A job failed, or cannot be started or cancelled."""


class Locked(JobError):
    """Another operation holds the lock."""

    exit_code = 75


class Cancelled(JobError):
    """The job was asked to stop."""

    exit_code = 130
