"""Alerts in the system's own log, under the name that the runbook looks for (6.3).

grep backup-system /var/log/syslog
journalctl -t backup-system
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path

from mtn_tui.operations.alerts.message import Level, Message, one_line

NAME = "backup-system"

SOCKETS = (Path("/dev/log"), Path("/var/run/syslog"))
"""Linux has the first, macOS the second."""

_DAEMON = 3 << 3
_SEVERITIES = {Level.INFO: 6, Level.SUCCESS: 5, Level.WARNING: 4, Level.ERROR: 2}
"""RFC 5424: informational, notice, warning, critical."""

_LONGEST = 1000
"""Characters; RFC 3164 has relays cut at 1024 bytes, and what matters stands first."""


def write(message: Message, sockets: Sequence[Path] = SOCKETS) -> bool:
    """Write the message; False if this machine has no system log, or it does not answer."""
    text = f"<{_DAEMON | _SEVERITIES[message.level]}>{NAME}[{os.getpid()}]: {one_line(message, _LONGEST)}"
    return any(_sent(path, text.encode()) for path in sockets)


def _sent(path: Path, data: bytes) -> bool:
    for kind, end in ((socket.SOCK_DGRAM, b""), (socket.SOCK_STREAM, b"\n")):
        try:
            with socket.socket(socket.AF_UNIX, kind) as log:
                log.settimeout(1)
                log.connect(str(path))
                log.sendall(data + end)
        except OSError:
            continue  # none there, or one of the other kind
        return True
    return False
