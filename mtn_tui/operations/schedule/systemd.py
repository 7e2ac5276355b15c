"""The units of systemd: a service and a timer a run, and a service that tells people of one that broke."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mtn_tui.core.settings import Settings
from mtn_tui.operations.schedule.command import Command
from mtn_tui.operations.schedule.description import Run, when_said
from mtn_tui.operations.schedule.times import When

PREFIX = "mtn-backup-"
MARK = "# mtn schedule: "
"""What the first line of our files begins with; the configuration follows."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_FOR_ANY = ("NoNewPrivileges=yes", "LockPersonality=yes", "RestrictRealtime=yes")

# Not RestrictSUIDSGID: folders that operators share are made with the set-group-ID bit. Not PrivateTmp:
# PostgreSQL's socket may lie in /tmp. Not ProtectHome: an installation may lie in somebody's home.
_FOR_SYSTEM = (
    *("PrivateDevices=yes", "ProtectSystem=full", "ProtectClock=yes", "ProtectHostname=yes"),
    *("ProtectControlGroups=yes", "ProtectKernelLogs=yes", "ProtectKernelModules=yes"),
    *("ProtectKernelTunables=yes", "RestrictNamespaces=yes"),
    *("RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK", "SystemCallArchitectures=native"),
)


@dataclass(frozen=True)
class Manager:
    """Whose systemd it is: the system's, or a user's, which may restrict less."""

    system: bool = True
    user: str = ""
    """As whom the system's services run; empty: root."""
    written: tuple[str, ...] = ()
    """Folders that the services write to, wherever they lie."""


def written_by(settings: Settings) -> tuple[str, ...]:
    """The folders that runs write to; the first full makes the key."""
    folders = (
        *(settings.backup_dir, settings.log_dir, settings.metrics_dir, settings.temp_dir),
        *(settings.encryption_key_file.parent, settings.state_dir),
    )
    return tuple(dict.fromkeys(str(folder) for folder in folders if folder is not None))


def units(described: Iterable[Run], command: Command, manager: Manager | None = None) -> dict[str, str]:
    """The text of every unit, by its file's name."""
    manager = manager or Manager()
    made = {f"{PREFIX}alert@.service": _alert(command, manager)}
    for run in described:
        made[f"{PREFIX}{run.id}.service"] = _service(run, command, manager)
        made[f"{PREFIX}{run.id}.timer"] = _timer(run, command)
    return made


def _service(run: Run, command: Command, manager: Manager) -> str:
    codes = " ".join(str(code) for code in run.exit_codes if code)
    network = ("Wants=network-online.target", "After=network-online.target postgresql.service")
    return _text(
        command,
        {
            "Unit": (
                f"Description=MTN: {_escaped(run.name)}",
                *(network if manager.system else ()),
                f"OnFailure={PREFIX}alert@%N.service",
            ),
            "Service": (
                "Type=oneshot",
                f"ExecStart={_quoted(command.line(run))}",
                f"SuccessExitStatus={codes}",
                *_how(command, manager),
            ),
        },
    )


def _timer(run: Run, command: Command) -> str:
    return _text(
        command,
        {
            "Unit": (f"Description=MTN: {_escaped(run.name)}, {_escaped(when_said(run.when))}",),
            "Timer": (f"OnCalendar={calendar(run.when)}", "Persistent=true", "AccuracySec=10s"),
            "Install": ("WantedBy=timers.target",),
        },
    )


def calendar(when: When) -> str:
    """When it is started, as ``OnCalendar`` takes it.

    What is due every hour is said in UTC: systemd leaves out a local hour that the clocks repeat.
    """
    if not when.hours:
        step = 60 // len(when.minutes)
        return f"*:0/{step} UTC" if step < 60 else "*:00 UTC"
    day = "" if when.weekday is None else f"{_DAYS[when.weekday]} "
    hours = ",".join(f"{hour:02}" for hour in sorted({*when.hours, *when.again}))
    minutes = ",".join(f"{minute:02}" for minute in when.minutes)
    return f"{day}*-*-* {hours}:{minutes}:00"


def _alert(command: Command, manager: Manager) -> str:
    # What ends with 2, 3 or 130 has told people itself. This is for what could not: killed, out of memory,
    # not even started. systemd before 251 does not say how it ended: then they are told of each.
    told_itself = 'case "$$MONITOR_EXIT_CODE $$MONITOR_EXIT_STATUS" in "exited 2"|"exited 3"|"exited 130")'
    look = "journalctl -u %i" if manager.system else "journalctl --user -u %i"
    words = ("notify", "error", "CRITICAL: %i", look)
    return _text(
        command,
        {
            "Unit": ("Description=MTN: %i",),
            "Service": (
                "Type=oneshot",
                f"ExecCondition=/bin/sh -c '{told_itself} exit 1;; esac'",
                f"ExecStart={_quoted(command.common)} {_quoted(words, specifiers=True)}",
                *_how(command, manager),
            ),
        },
    )


def _how(command: Command, manager: Manager) -> tuple[str, ...]:
    lines = [f"Environment={_value(f'PATH={command.path}')}"]
    if manager.system and manager.user:
        lines.append(f"User={manager.user}")
    lines += _FOR_ANY
    if manager.system:
        lines += _FOR_SYSTEM
        lines += [f"ReadWritePaths={_value(f'-{folder}')}" for folder in manager.written]
    return tuple(lines)


def _text(command: Command, sections: Mapping[str, Iterable[str]]) -> str:
    parts = [f"{mark(command.configuration)}\n"]
    parts += [
        "\n".join([f"[{name}]", *(line for line in lines if line), ""]) for name, lines in sections.items()
    ]
    return "\n".join(parts)


def mark(configuration: Path) -> str:
    """The first line of every file: of which configuration it is."""
    return MARK + repr(str(configuration))[1:-1]


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(words: Iterable[str], *, specifiers: bool = False) -> str:
    """Words as in ``ExecStart``: quoted where they need it, with ``%`` and ``$`` as they are."""
    return " ".join(_word(word if specifiers else _escaped(word)).replace("$", "$$") for word in words)


def _value(text: str) -> str:
    """One word of another setting, where ``$`` means nothing."""
    return _word(_escaped(text))


def _word(word: str) -> str:
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    safe = plain == word and word and not any(char.isspace() or char in "';#" for char in word)
    return word if safe else f'"{plain}"'
