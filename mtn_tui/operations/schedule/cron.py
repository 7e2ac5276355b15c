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

SCHEDULED = "--scheduled"
"""The option by which the lines that we make are known, and others tell that nobody watches."""

OFF = "# mtn off: "
"""Before a line that was put out of use; ``mtn schedule remove`` takes it away again."""

_BEGIN = "# mtn schedule begin: "
_OTHERS = {"--month", "--dry-run", "--help"}
"""Options with which a command is not the run of the same name."""

_SCRIPTS = re.compile(r"(?<![\w-])(?:full-backup|differential-backup|monitor-backups)\.sh(?![\w.-])")
_SHELLS_OWN = re.compile("-[a-z]*c")
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
    return f"{_BEGIN}{named}", f"# mtn schedule end: {named}"


def installed(text: bytes, lines: bytes, configuration: Path, *, scripts_off: bool) -> bytes:
    """The crontab with these lines in the place of the earlier ones, or else at its end.

    With ``scripts_off``, lines that run the scripts, or this installation's runs by other lines than
    these, are put out of use.
    """
    before, after = _parted(text, configuration)
    if scripts_off:
        before, after = (_off(part, configuration) for part in (before, after))
    if not after and before and not before.endswith(b"\n"):
        before += b"\n"
    return before + lines + after


def removed(text: bytes, configuration: Path) -> bytes:
    """The crontab without the lines, and with what was put out of use in use again.

    While another installation has lines there, that stays out of use: it would be done twice.
    """
    left = _lines(b"".join(_parted(text, configuration)))
    if any(line.startswith(_BEGIN.encode()) for line in left):
        return b"".join(left)
    return b"".join(map(_on, left))


def _parted(text: bytes, configuration: Path) -> tuple[bytes, bytes]:
    """What is not ours, before our place and after it; without a place all is before it.

    Ours is what stands between our marks, as far as it is a comment or blank, and wherever it stands
    an entry that we have made. What somebody has written between them comes before our place, so that
    a variable set there still counts for our lines. Marks may be there twice, or one of them be lost.
    """
    begin, end = (mark.encode("utf-8", "surrogateescape") for mark in _marks(configuration))
    lines = _lines(text)
    bare = [line.strip() for line in lines]
    others: list[bytes] = []
    comments: list[bytes] = []  # after a mark that no other closes: ours if an entry of ours follows
    place: int | None = None
    closed = False
    opened = 0
    for at, line in enumerate(lines):
        is_mark = bare[at] in (begin, end)
        if is_mark:
            opened += bare[at] == begin
            closed = bare[at] == begin and end in _until(bare[at + 1 :], begin)
        elif not _is_made(line, configuration):
            if opened and not closed and bare[at].startswith(b"#") and place == len(others):
                comments.append(line)
                continue
            if not closed or (bare[at] and not bare[at].startswith(b"#")):
                others += [*comments, line]
                comments = []
            continue
        comments = []
        if opened < 2:
            place = len(others)
    others += comments
    if place is None:
        place = len(others)
    return b"".join(others[:place]), b"".join(others[place:])


def _until(lines: list[bytes], mark: bytes) -> list[bytes]:
    return lines[: lines.index(mark)] if mark in lines else lines


def _is_made(line: bytes, configuration: Path) -> bool:
    """Whether it is an entry as ``entry`` makes them, of this configuration."""
    said = line.decode(errors="surrogateescape")
    words = words_of(said) if is_entry(said) else []
    return SCHEDULED in words and ran_by(words, configuration, KNOWN) is not None


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
    return _split(line.replace(r"\%", "%"))


def _split(text: str) -> list[str]:
    """Also those within the word that a shell is given by ``-c``."""
    try:
        words = shlex.split(text, comments=False)
    except ValueError:
        return text.split()
    found: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        within = _SHELLS_OWN.fullmatch(before) is not None and any(map(str.isspace, word))
        found += _split(word) if within else [word]
    return found


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
    rest = [word for word in words[start:] if word not in (SCHEDULED, "--no-input")]
    if not _OTHERS.isdisjoint(rest):
        return None
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
