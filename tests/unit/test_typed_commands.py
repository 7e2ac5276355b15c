"""What is typed: global options stand anywhere, and what is typed wrongly leads on, to nothing dangerous."""

from __future__ import annotations

import click
import pytest

from mtn_tui.cli.app import mtn, run
from mtn_tui.cli.groups import RISKY
from tests.integration.test_cli import commands

HARMLESS = {
    *("--all", "--ascii", "--at", "--bundle", "--closed", "--config", "--detach", "--dry-run", "--file"),
    *("--filter", "--flush", "--folder", "--follow", "--from", "--grep", "--headless", "--incident"),
    *("--json", "--keep", "--keep-scripts", "--kept", "--kind", "--lang", "--latest", "--level", "--light"),
    *(
        "--limit",
        "--lines",
        "--list",
        "--mail",
        "--month",
        "--no-input",
        "--note",
        "--output",
        "--quick",
        "--quiet",
    ),
    *("--read-only", "--rows", "--scheduled", "--search-path", "--since", "--source", "--system", "--table"),
    *("--target", "--test", "--try", "--type", "--verbose", "--verify", "--version", "--week"),
}
"""Options that may be proposed: they look, or choose, or ask for less."""

GLOBAL = {one.name: one.opts[0] for one in mtn.params if isinstance(one, click.Option) and one.expose_value}


def said(capsys, *line: str) -> tuple[int, str]:
    """Exit code and stderr of a command line, in one line."""
    code = run(list(line))
    return code, " ".join(capsys.readouterr().err.split())


def test_every_command_takes_every_global_option():
    for path, command in commands().items():
        taken = {name for one in command.params for name in one.opts}
        assert set(GLOBAL.values()) <= taken, path


def test_a_global_option_after_the_command_counts_as_before_it(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line in (
        ["--config", "nowhere.conf", "restore", "--latest", "--target", "x"],
        ["restore", "--latest", "--config", "nowhere.conf", "--target", "x"],
        ["job", "list", "--config=nowhere.conf"],
        ["job", "--config", "nowhere.conf", "list", "--no-input"],
    ):
        code, text = said(capsys, *line)
        assert code == 2, line
        assert f"There is no configuration at {tmp_path / 'nowhere.conf'}" in text, line
    assert "with --read-only" in said(capsys, "init", "--read-only")[1]
    for name in ("DB_NAME", "DB_USER"):
        monkeypatch.delenv(name, raising=False)
    code, text = said(capsys, "init", "--no-input")
    assert code == 64
    assert "needed in the environment" in text


def test_a_wrong_option_never_suggests_a_dangerous_one(capsys):
    code, text = said(capsys, "restore", "--no-inout", "--latest", "--target", "x")
    assert code == 64
    assert "'--no-input'" in text
    for path, command in commands().items():
        for option in command.params:
            for name in option.opts if isinstance(option, click.Option) and not option.hidden else ():
                if not name.startswith("--"):
                    continue
                assert (name in RISKY) != (name in HARMLESS), f"{name} of {path or 'mtn'}: say which it is"
                _code, text = said(capsys, *path.split(), name[:-1] + "zz")
                proposed = text.partition("Did you mean")[2]
                assert not any(f"'{one}'" in proposed for one in RISKY), (path, name, text)


@pytest.mark.parametrize(
    ("line", "leads_to"),
    [
        (["status"], "mtn check"),
        (["jobs"], "mtn job list"),
        (["ls"], "mtn list"),
        (["docter"], "mtn doctor"),
        (["backup"], "mtn backup diff, mtn backup full"),
        (["backup", "ful"], "mtn backup full"),
        (["job"], "mtn job list"),
        (["help", "restor"], "mtn restore"),
    ],
)
def test_what_is_no_command_leads_on(capsys, line, leads_to):
    code, text = said(capsys, *line)
    assert code == 64
    assert leads_to in text


def test_no_slip_leads_to_a_command_that_changes_production(capsys):
    for slip in ("prun", "prone", "promot", "und", "undoo"):
        code, text = said(capsys, slip)
        assert code == 64
        assert "Did you mean" not in text, slip


def test_help_explains_a_command_as_its_option_does(capsys):
    for line in ([], ["restore"], ["job", "list"]):
        assert run(["help", *line]) == 0
        explained = capsys.readouterr().out
        assert run([*line, "--help"]) == 0
        assert explained == capsys.readouterr().out
        assert "Usage: mtn " + " ".join(line) in explained
