"""Finds the configuration to use, and decides whether one that was not named can be trusted.

A file named by ``--config`` or MTN_CONFIG is always used. A file found by
searching is used only if nobody but root and the current user can change it,
and so are the programs, commands, keys and lists that it names: it may lie in
a folder that anybody can write to, and it decides which programs run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mtn_tui.core import paths
from mtn_tui.core.advice import Notice
from mtn_tui.core.errors import ConfigError, KeyFileError
from mtn_tui.core.i18n import _
from mtn_tui.core.ownership import changeable, how_to_own
from mtn_tui.core.settings import Settings
from mtn_tui.core.settings_file import Loaded, load

_FILES = ("pg_dump", "psql", "contacts_file", "s3_ca_file", "alert_ca_file")
_PATHS = re.compile(r"[^\s'\"`;|&<>()=]*/[^\s'\"`;|&<>()]*")
_COMMANDS = ("services_stop_command", "services_restart_command", "database_start_command")


@dataclass(frozen=True)
class Found:
    """A configuration to load."""

    path: Path
    meant: bool
    """Whether it was named explicitly, not just found."""
    passed_over: tuple[Notice, ...] = ()
    """A notice for each earlier file that is not trusted, with the reason."""


def find_configuration(
    explicit: Path | None, environment: Mapping[str, str], places: Sequence[Path] | None = None
) -> Found:
    """Return the file to load: ``explicit`` (--config), MTN_CONFIG, or the first trusted one of ``places``.

    ``places`` defaults to ``paths.configuration_places``. A named file is returned
    even if it doesn't exist; ``load`` reports that. Raises ConfigError if none was
    named and no trusted one is found.
    """
    named = explicit or environment.get("MTN_CONFIG")
    if named:
        return Found(paths.resolved(str(named), Path.cwd(), environment), meant=True)
    if places is None:
        places = paths.configuration_places(environment, Path.cwd())
    passed_over: list[Notice] = []
    for place in places:
        if not paths.present(place):
            continue
        reason = _why_not(place)
        if not reason:
            return Found(place, meant=False, passed_over=tuple(passed_over))
        text = _("The configuration {path} is not used: {reason}.").format(path=place, reason=reason)
        passed_over.append(Notice(text, how_to_own(place)))
    if passed_over:
        raise ConfigError(
            "\n".join(one.title for one in passed_over), "\n".join(one.hint for one in passed_over)
        )
    raise ConfigError(
        _("There is no configuration. It was looked for in: {places}").format(
            places=", ".join(map(str, places))
        ),
        _("Make one with: mtn init. If it is elsewhere, name it by --config FILE or MTN_CONFIG."),
    )


def load_found(found: Found, environment: Mapping[str, str]) -> Loaded:
    """Load a configuration; if it was only found, without the settings whose files others could change.

    Raises KeyFileError if others could change the key, and whatever ``load`` raises.
    """
    if found.meant:
        return load(found.path, environment)
    loaded = load(found.path, environment, own_only=True)
    outside = {one.key for one in loaded.outside}
    key = loaded.settings.encryption_key_file
    if "ENCRYPTION_KEY_FILE" not in outside and paths.present(key) and (reason := _why_not(key)):
        raise KeyFileError(
            _("The encryption key {path} is not used: {reason}.").format(path=key, reason=reason),
            how_to_own(key, found.path),
        )
    refused = {
        name: notice
        for name, notice in _untrusted(loaded.settings, found.path)
        if name.upper() not in outside
    }
    settings = loaded.settings.model_copy(update=dict.fromkeys(refused))
    warnings = (*found.passed_over, *refused.values(), *loaded.warnings)
    return replace(loaded, settings=settings, warnings=warnings)


def _untrusted(settings: Settings, configuration: Path) -> Iterator[tuple[str, Notice]]:
    """Yield each setting whose file others could change, with a notice."""
    for name in (*_FILES, *_COMMANDS):
        value = getattr(settings, name)
        if value is None:
            continue
        for path in _programs(value) if name in _COMMANDS else [value]:
            if "/" in str(path) and paths.present(path) and (reason := _why_not(path)):
                text = _("{key} is not used: {reason}.").format(key=name.upper(), reason=reason)
                yield name, Notice(text, how_to_own(path, configuration))
                break


def _programs(command: str) -> list[Path]:
    """Return the files and folders that a command line names: programs, scripts, what it changes to.

    Also within quotes (``sh -c '/srv/x --all'``), and relative to the folder that it is run in.
    """
    try:
        words = shlex.split(command, comments=False)
    except ValueError:
        words = []
    named = dict.fromkeys(Path.cwd() / word for word in (*words, *_PATHS.findall(command)) if "/" in word)
    return [path for path in named if paths.is_file(path) or paths.is_folder(path)]


def _why_not(path: Path) -> str:
    try:
        return changeable(path)
    except OSError as error:
        return str(error.strerror)
