"""Names of the operator and of the machine."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping


def operator(environment: Mapping[str, str]) -> str:
    """Return the operator's login name, unprintable characters replaced: SUDO_USER, or the current user."""
    name = environment.get("SUDO_USER") or _login(environment)
    return "".join(char if char.isprintable() else "?" for char in name)


def _login(environment: Mapping[str, str]) -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container, the user may have no name
        return environment.get("LOGNAME") or environment.get("USER") or str(os.getuid())


def host_name() -> str:
    """Return the machine's name without its domain, fit for any file name (``hostname -s``)."""
    return short_host(os.uname().nodename)


def short_host(node: str) -> str:
    """Return ``node`` without its domain, other characters than letters and digits replaced by hyphens."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", node.split(".", 1)[0]).strip("-") or "localhost"
