"""The lines of a crontab: those of the runs, between two marks; the scripts' own, put out of use.

A crontab is bytes in any encoding and with any line ends: whatever is not ours stays as it is.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from mtn_tui.core.i18n import _
from mtn_tui.operations.schedule.command import Command
from mtn_tui.operations.schedule.description import Run, again_said, when_said
from mtn_tui.operations.schedule.times import When

OFF = "# mtn off: "
"""Before a line that was put out of use; ``mtn schedule remove`` takes it away again."""

_SCRIPTS = re.compile(r"(?<![\w-])(?:full-backup|differential-backup|monitor-backups)\.sh(?![\w.-])")
_SETTING = re.compile(r"\s*[\w\"']+\s*=")


def block(described: Iterable[Run], command: Command) -> str:
    """The lines of all runs, between the marks of this configuration."""
    begin, end = _marks(command.configuration)
    lines = [begin, "# " + _("Written by mtn schedule install, taken out by mtn schedule remove.")]
    for run in described:
        again = again_said(run.when)
        said = when_said(run.when) + (f" ({again})" if again else "")
        lines += [f"# {run.name}: {said}", entry(run, command)]
    return "\n".join([*lines, end, ""])


def entry(run: Run, command: Command) -> str:
    """The line of one run. What goes well is said nowhere, for cron would mail it."""
    words = f"env PATH={shlex.quote(command.path)} {shlex.join(command.line(run))} >/dev/null"
    return f"{_fields(run.when)}  " + words.replace("%", r"\%")


def _fields(when: When) -> str:
    hours = sorted({*when.hours, *when.again})
    weekday = "*" if when.weekday is None else str((when.weekday + 1) % 7)
    return f"{_figures(when.minutes, 60)} {_figures(hours, 24)} * * {weekday}"


def _figures(values: Iterable[int], of: int) -> str:
    listed = list(values)
    step = of // len(listed) if listed else 1
    if not listed or (len(listed) > 1 and listed == list(range(0, of, step))):
        return "*" if step == 1 else f"*/{step}"
    return ",".join(map(str, listed))


def _marks(configuration: Path) -> tuple[str, str]:
    named = repr(str(configuration))[1:-1]  # on one line, whatever the path holds
    return f"# mtn schedule begin: {named}", f"# mtn schedule end: {named}"


def installed(text: bytes, lines: bytes, configuration: Path, *, scripts_off: bool) -> bytes:
    """The crontab with these lines in the place of the earlier ones, or else at its end.

    With ``scripts_off``, lines that run the scripts, or this installation's runs by other lines than
    these, are put out of use.
    """
    before, had, after = _parted(text, configuration)
    if scripts_off:
        before, after = (_off(part, configuration) for part in (before, after))
    if not had and before and not before.endswith(b"\n"):
        before += b"\n"
    return before + lines + after


def removed(text: bytes, configuration: Path) -> bytes:
    """The crontab without the lines, and with what was put out of use in use again."""
    before, _had, after = _parted(text, configuration)
    return b"".join(_on(line) for line in _lines(before + after))


def _parted(text: bytes, configuration: Path) -> tuple[bytes, bytes, bytes]:
    begin, end = (mark.encode("utf-8", "surrogateescape") for mark in _marks(configuration))
    lines = _lines(text)
    bare = [line.rstrip(b"\r\n") for line in lines]
    if begin not in bare:
        return text, b"", b""
    first = bare.index(begin)
    last = bare.index(end, first) if end in bare[first:] else first
    return b"".join(lines[:first]), b"".join(lines[first : last + 1]), b"".join(lines[last + 1 :])


def _off(text: bytes, configuration: Path) -> bytes:
    return b"".join(
        OFF.encode() + line if is_old(line.decode(errors="surrogateescape"), configuration) else line
        for line in _lines(text)
    )


def _lines(text: bytes) -> list[bytes]:
    """Its lines, each with its end. Not by ``splitlines``, which also ends one at a bare CR."""
    return re.findall(rb"[^\n]*\n|[^\n]+", text)


def _on(line: bytes) -> bytes:
    return line.removeprefix(OFF.encode())


def is_old(line: str, configuration: Path) -> bool:
    """Whether a line of a crontab runs a script, or a run of this configuration."""
    if not is_entry(line):
        return False
    return runs_a_script(line) or ran_by(words_of(line), configuration, KNOWN) is not None


def is_entry(line: str) -> bool:
    """Whether it is neither blank, nor a comment, nor the setting of a variable."""
    bare = line.strip()
    return bool(bare) and not bare.startswith("#") and not _SETTING.match(line)


def runs_a_script(line: str) -> bool:
    """Whether it names one of the scripts that mtn replaces."""
    return _SCRIPTS.search(line) is not None


KNOWN = {
    "full": ("backup", "full"),
    "differential": ("backup", "diff"),
    "watch": ("monitor", "--quick"),
    "monitor": ("monitor",),
    "prune": ("prune",),
    "drill": ("drill",),
    "report": ("report",),
}
"""By which words a run is known in a command line, by its id; the longer ones first."""


def words_of(line: str) -> list[str]:
    """The words of a command line, as the shell would part them; by blanks if it can't."""
    plain = line.replace(r"\%", "%")
    try:
        return shlex.split(plain, comments=False)
    except ValueError:
        return plain.split()


def ran_by(words: list[str], configuration: Path, known: dict[str, tuple[str, ...]]) -> str | None:
    """Which run of this configuration a command line starts, by its id; None if it starts none.

    A line that names no configuration finds this one, as far as can be told.
    """
    start = next((at for at, word in enumerate(words) if _is_mtn(words, at)), None)
    if start is None:
        return None
    named = _configurations(words)
    if any(one != str(configuration) for one in named):
        return None
    rest = [word for word in words[start:] if word not in ("--scheduled", "--no-input")]
    return next((id for id, looked in known.items() if _holds(rest, looked)), None)


def _is_mtn(words: list[str], at: int) -> bool:
    return Path(words[at]).name == "mtn" or (words[at] == "mtn_tui" and words[at - 1] == "-m")


def _configurations(words: list[str]) -> Iterator[str]:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--config":
            yield following
        elif word.startswith(("--config=", "MTN_CONFIG=")):
            yield word.partition("=")[2]


def _holds(words: list[str], looked: tuple[str, ...]) -> bool:
    spans = (tuple(words[at : at + len(looked)]) for at in range(len(words)))
    return looked in spans
