"""Every command that a text suggests exists, is whole, and works where it is pasted."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from mtn_tui.cli import app
from mtn_tui.cli.app import mtn
from mtn_tui.core import i18n, suggested
from tests.integration.test_cli import commands
from tests.package_source import PACKAGE as HERE
from tests.package_source import catalogue, trees

FILLED = {"store": "disk", "since": "2026-11-24T03:00", "command": "backup full"}
"""What stands for a place to be filled in; a word for all others."""

PLACE = re.compile(r"\{\w+\}|[A-ZÁÉÍÓÚÑ]{2,}")
_TOKEN = re.compile(r'"[^"]*"|\S+')


def docstrings(tree: ast.Module) -> set[int]:
    """The lines of texts that are no values: docstrings, and what stands below a definition."""
    return {one.value.lineno for one in ast.walk(tree) if isinstance(one, ast.Expr)}


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """Every text of the code and of the catalogue, with its place."""
    return tuple(_texts())


def _texts() -> Iterator[tuple[str, str]]:
    for path, tree in trees().items():
        silent = docstrings(tree)
        for one in ast.walk(tree):
            if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.lineno not in silent:
                yield f"{path.relative_to(HERE)}:{one.lineno}", one.value
    for message in catalogue("es"):
        for one in message.string if isinstance(message.string, tuple) else [message.string]:
            yield f"es: {message.id!r}", one


def is_a_name(text: str) -> bool:
    """Whether it is a mark, or the name of a connection, which only look like a command."""
    connections = {f"mtn {name}" for name in (*suggested.COMMANDS, "undo plan", "restore plan")}
    return text in connections or text.startswith("# mtn schedule")


def suggestions(text: str) -> Iterator[list[str]]:
    """The words after ``mtn`` of each command in a text, as far as they belong to it."""
    for found in suggested.SUGGESTED.finditer(text):
        words: list[str] = []
        command: click.Command = mtn
        options = {name: one for one in mtn.params for name in one.opts}
        value = False
        for token in _TOKEN.findall(text[found.end() :]):
            bare = token if token.startswith('"') else token.rstrip('.,;:)»”?!"')
            bare = FILLED["command"] if bare == "{command}" else bare
            known = None
            for part in bare.split(" "):
                if isinstance(command, click.Group):
                    known = command.get_command(click.Context(command), part)
                if known is not None:
                    command = known
                    options |= {name: one for one in command.params for name in one.opts}
            choices = [one.type.choices for one in command.params if isinstance(one.type, click.Choice)]
            own = known or value or bare in options or bare.startswith(("--", '"'))
            if not own and not PLACE.fullmatch(bare) and not any(bare in one for one in choices):
                break
            words += bare.split(" ") if known else [bare.strip('"')]
            option = options.get(bare)
            value = isinstance(option, click.Option) and not option.is_flag
            if bare != token and token != "{command}":
                break
        yield words


def parsed(words: list[str]) -> click.Context:
    """Parse a command line with the real parser, and run nothing. Raises UsageError."""
    command: click.Command = mtn
    context = mtn.make_context("mtn", list(words))
    while isinstance(command, click.Group) and (rest := [*context._protected_args, *context.args]):
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
        context = command.make_context(name, rest, parent=context)
    return context


def filled(word: str) -> str:
    return PLACE.sub(lambda found: FILLED.get(found[0].strip("{}"), "word"), word)


def test_the_commands_that_can_be_suggested_are_those_that_there_are():
    assert set(suggested.COMMANDS) == set(app._COMMANDS)


def test_every_suggested_command_exists_and_is_whole():
    wrong, seen = [], set()
    for place, text in texts():
        for words in () if is_a_name(text) else suggestions(text):
            line = " ".join(["mtn", *words])
            seen.add(line)
            try:
                parsed(["help", *words[:-1]] if words[-1:] == ["--help"] else [filled(one) for one in words])
            except click.UsageError as error:
                wrong.append(f"{place}: {line}: {error.format_message().splitlines()[0]}")
            if "…" in line:
                wrong.append(f"{place}: {line}: is not whole")
    assert wrong == []
    assert len(seen) > 60
    assert {
        "mtn backup full",
        "mtn undo {target} --kept NAME",
        "mtn logs --level error --since {since}",
    } <= seen


def test_every_fix_of_a_health_check_is_a_command():
    found = set()
    for path, tree in trees().items():
        for one in ast.walk(tree) if "health" in path.parts else ():
            if isinstance(one, ast.Tuple) and all(isinstance(part, ast.Constant) for part in one.elts):
                words = [part.value for part in one.elts if isinstance(part, ast.Constant)]
                if words and words[0] in ("backup", "drill", "monitor", "prune", "sync") and len(words) < 3:
                    found.add(tuple(words))
    assert ("backup", "full") in found
    for words in found:
        parsed(list(words))


SAFE = {"id", "job", "safety", "since", "store", "command", "handle", "token"}
"""Made of letters and digits alone, by us."""


def test_every_name_in_a_suggested_command_is_quoted():
    """It may hold blanks, quotes or a semicolon, and the line is pasted into a shell."""
    wrong = []
    for path, tree in trees().items():
        given: dict[str, list[ast.Call]] = {}
        for one in ast.walk(tree):
            if isinstance(one, ast.Call) and ast.unparse(one.func).endswith(".format"):
                for name in {keyword.arg for keyword in one.keywords if keyword.arg}:
                    given.setdefault(name, []).append(one)
        for one in ast.walk(tree):
            if not (isinstance(one, ast.Constant) and isinstance(one.value, str)):
                continue
            for words in suggestions(one.value):
                for name in set(re.findall(r"\{(\w+)\}", " ".join(words))) - SAFE:
                    near = [call for call in given.get(name, []) if -3 < call.lineno - one.lineno < 8]
                    values = [ast.unparse(k.value) for call in near for k in call.keywords if k.arg == name]
                    if not any("quote" in value for value in values):
                        wrong.append(f"{path.relative_to(HERE)}:{one.lineno}: {{{name}}} of {one.value!r}")
    assert wrong == []


@pytest.fixture
def named(tmp_path: Path) -> Iterator[Path]:
    """A configuration whose path would be several words, or a place to fill in, if it were not quoted."""
    path = tmp_path / "it's a {place} of $HOME" / "backup.conf"
    suggested.name_configuration(path)
    yield path
    suggested.name_configuration(None)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_where_a_configuration_was_named_every_suggested_command_names_it(named: Path, language: str):
    i18n.use(language)
    for place, text in texts():
        if place.startswith("es: ") or not any(True for _words in suggestions(text)):
            continue
        said = i18n._(text)
        if said == text and language == "es":
            continue  # no message
        places = dict.fromkeys(re.findall(r"\{(\w+)[:}]", text), "word")
        if places:
            said = said.format_map(places | {"days": 1, "count": 1})
        lines = re.findall(r"\bmtn (--config .*)", said)
        assert lines, (place, said)
        for line in lines:
            assert first_two(line) == ["--config", str(named)], (place, line)
    i18n.use("en")
    assert (
        suggested.command("kept", "drop", "a b") == f"mtn --config {shlex.quote(str(named))} kept drop 'a b'"
    )


def first_two(line: str) -> list[str | None]:
    """The first two words, as a shell reads them; what follows may be prose."""
    reader = shlex.shlex(line, posix=True)
    reader.whitespace_split = True
    return [reader.get_token(), reader.get_token()]


def test_no_configuration_is_named_that_was_not_given():
    assert suggested.pasteable("See: mtn list") == "See: mtn list"
    assert "--config" not in i18n._("Make one: mtn backup full")
    for path in commands():
        assert "--config" not in suggested.command(*path.split())
