"""The machine: what does not depend on the configuration."""

from __future__ import annotations

import locale
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from mtn_tui.core.i18n import _, is_utf8
from mtn_tui.engine.detached import ASK_LOGIND
from mtn_tui.operations.common.checks import Check, Status


def machine() -> Iterator[Check]:
    """The locale's encoding, and whether jobs outlive their operator's session."""
    yield from encoding(locale.getencoding())
    yield from logind(ASK_LOGIND, Path("/run/systemd/system"))


def encoding(name: str) -> Iterator[Check]:
    """Whether the locale's encoding, ``name``, is UTF-8."""
    if is_utf8(name):
        yield Check("encoding", Status.OK, _("The locale's encoding is UTF-8."))
        return
    yield Check(
        "encoding",
        Status.WARN,
        _("The locale's encoding is {name}: names with accents are shown wrongly.").format(name=name),
        _("Set LANG to a UTF-8 locale, such as es_CL.UTF-8 or C.UTF-8 (locale -a lists them)."),
    )


def logind(command: Sequence[str], booted: Path) -> Iterator[Check]:
    """Whether a job would end with its operator's session. ``booted`` is a folder where systemd runs."""
    fine = Check("logind", Status.OK, _("Jobs go on when their operator logs out."))
    if not booted.is_dir():
        yield fine
        return
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except FileNotFoundError:
        yield fine  # systemd without logind's tools: a minimal system, or a container
        return
    except (OSError, subprocess.TimeoutExpired) as error:
        done = subprocess.CompletedProcess(command, 1, "", str(error))
    match done.stdout.split():
        case ["b", "false"]:
            yield fine
        case ["b", "true"]:
            yield Check(
                "logind",
                Status.WARN,
                _("logind ends all processes of a user who logs out (KillUserProcesses): jobs too."),
                _(
                    "Set KillUserProcesses=no in /etc/systemd/logind.conf, or name the operators in"
                    " KillExcludeUsers there; then: systemctl restart systemd-logind"
                ),
            )
        case _:
            yield Check(
                "logind",
                Status.UNKNOWN,
                _("Could not find out whether jobs go on when their operator logs out: {reason}").format(
                    reason=" ".join(done.stderr.split()) or done.returncode
                ),
                _("See KillUserProcesses in /etc/systemd/logind.conf: it should be no."),
            )
