"""Finds free ports of this machine, on loopback."""

from __future__ import annotations

import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Return ``count`` different ports that are free at the moment.

    Another process may take one before it is used: check that your own server is
    the one that answers, and try again if not.
    """
    with ExitStack() as all_open:
        sockets = [all_open.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]


def free_port() -> int:
    """Return one port that is free at the moment."""
    return free_ports(1)[0]
