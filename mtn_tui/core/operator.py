"""Who is at work, and on which machine."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping


def operator(environment: Mapping[str, str]) -> str:
    """The person's login name: whoever called sudo, else the user that this process runs as."""
    name = environment.get("SUDO_USER") or _login(environment)
    return "".join(char if char.isprintable() else "?" for char in name)


def _login(environment: Mapping[str, str]) -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container, any number may be a user
        return environment.get("LOGNAME") or environment.get("USER") or str(os.getuid())


def host_name() -> str:
    """The machine's name without its domain, of characters that any file name can hold (``hostname -s``)."""
    return short_host(os.uname().nodename)


def short_host(node: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", node.split(".", 1)[0]).strip("-") or "localhost"
