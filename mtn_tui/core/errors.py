"""Everything that can go wrong, as one tree.

    MtnError
    ├── UsageError                 what was asked for makes no sense        (exit 64)
    │   └── Refused                it makes sense, and is not done: the reason is said
    ├── ConfigError                backup.conf, the environment, missing tools
    │   └── KeyFileError           the key file is missing, empty or unreadable
    ├── ArchiveError               a backup that cannot be trusted
    │   ├── NotABackup             the bytes are not one at all
    │   ├── Truncated              it ends too early
    │   ├── Changed                bytes differ from what was written
    │   ├── WrongKey               made with another key
    │   └── ForeignManifest        the manifest belongs to another file
    ├── StorageError               a disk or bucket said no; trying again is useless
    │   ├── NotFound               no such object
    │   ├── AlreadyThere           the name is taken
    │   ├── NoSpace                the disk is full
    │   └── StorageUnavailable     it did not answer; worth a retry
    ├── PostgresError              the server, or a tool of its, said no
    │   └── ServerLost             it was there and is gone
    ├── AlertError                 an alert did not reach somebody
    │   └── ChannelDown            and nobody else would be reached that way just now
    └── JobError
        ├── Locked                 somebody else is at it                   (exit 75)
        └── Cancelled              somebody asked it to stop                (exit 130)

An error is raised once, where it is understood, and caught at the edge (a
command, a screen, a job's end), which shows ``title``, ``hint`` and the
runbook section.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


class MtnError(Exception):
    """Base of every error an operator may see.

    ``title`` says what happened and what it means, ``hint`` what to do next,
    ``runbook`` names the section (``"7.2"``), ``exit_code`` is what a command
    ends with. These go anywhere: to journals, mails, reports. ``private`` may
    hold rows of a database: it is for the operator's terminal and for a file
    that nobody else may read (``engine.private``). ``facts`` is what there is
    to tell with ``--json`` although it failed.
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
    exit_code = 64


class Refused(UsageError):
    pass


class ConfigError(MtnError):
    runbook = "3.2"


class KeyFileError(ConfigError):
    runbook = "7.2"


class ArchiveError(MtnError):
    runbook = "5.3"


class NotABackup(ArchiveError):
    pass


class Truncated(ArchiveError):
    pass


class Changed(ArchiveError):
    pass


class WrongKey(ArchiveError):
    runbook = "7.2"
    theirs = ""
    """Fingerprint of the key that the manifest names, which nobody vouches for; empty without a manifest."""
    database = ""
    """Of which database it says to be; as little vouched for."""


class ForeignManifest(ArchiveError):
    pass


class StorageError(MtnError):
    pass


class NotFound(StorageError):
    pass


class AlreadyThere(StorageError):
    pass


class NoSpace(StorageError):
    runbook = "8.2"


class StorageUnavailable(StorageError):
    pass


class PostgresError(MtnError):
    sqlstate = ""
    """Of what the server refused; empty where it said none."""
    doing = ""
    """The kind and object of the statement that was refused, where it was one of a script."""
    in_a_function = False
    """Whether it arose while a function of the database ran."""


class ServerLost(PostgresError):
    runbook = "7.3"


class NoSlots(ServerLost):
    """The server runs, and has no connection free."""

    runbook = ""


class AlertError(MtnError):
    runbook = "6.3"


class ChannelDown(AlertError):
    pass


class JobError(MtnError):
    pass


class Locked(JobError):
    exit_code = 75


class Cancelled(JobError):
    exit_code = 130
