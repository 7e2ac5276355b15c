"""The command line: help in both languages, exit codes, and whatever stands at its three ends."""

from __future__ import annotations

import gettext
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import psycopg
import pytest

import mtn_tui
from mtn_tui.cli.app import mtn as program
from mtn_tui.core.i18n import LANGUAGES
from tests.operation_fixtures import Practice, install
from tests.pg_fixtures import Database
from tests.terminal_output import shown_on

LOCALE = Path(mtn_tui.__file__).parent / "locale"

ALL_HELP = """
import json, sys
from mtn_tui.core import i18n
i18n.use(sys.argv[1])
from mtn_tui.cli.app import run
import contextlib, io
said = {}
for command in json.loads(sys.argv[2]):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = run([*command.split(), "--help"])
    said[command] = [code, out.getvalue()]
print(json.dumps(said))
"""


def commands(group: click.Command = program, path: str = "") -> dict[str, click.Command]:
    """Every command there is, by what is typed."""
    found = {path: group}
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None, name
            found |= commands(command, f"{path} {name}".strip())
    return found


@pytest.fixture(scope="module")
def practice(pg18, tmp_path_factory) -> Practice:
    """With two backups, which no test changes."""
    name = f"mtn_cli_{os.getpid()}"
    pg18.create_database(name)
    practice = install(tmp_path_factory.mktemp("cli"), Database(pg18, name))
    for _ in range(2):
        practice.back_up()
    yield practice
    pg18.drop_database(name)


def shell(practice: Practice, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which ``mtn`` is the program."""
    return subprocess.run(
        ["bash", "-c", f'mtn() {{ "$PYTHON" -m mtn_tui "$@"; }}; {script}'],
        env={**practice.environment, "PYTHON": sys.executable, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.sample("es")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_explains_itself_in(language):
    known = commands()
    assert {"backup full", "list", "show", "verify", "restore", "job list", "job cancel", "init"} <= set(
        known
    )
    done = subprocess.run(
        [sys.executable, "-c", ALL_HELP, language, json.dumps(list(known))],
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    catalogue = gettext.translation("mtn", LOCALE, [language], fallback=language == "en")
    for path, command in known.items():
        code, text = said[path]
        assert code == 0, path
        flowing = " ".join(text.split())
        assert command.help, path
        plain = re.sub(r"mtn --config \S+ ", "mtn ", command.help)  # another test may have named one
        assert " ".join(catalogue.gettext(plain).split()) in flowing, path
        for option in command.params:
            if isinstance(option, click.Option) and option.help:
                assert re.split(r"\W+", catalogue.gettext(option.help))[0] in flowing, (path, option.name)
    assert all(f" {code} " in " ".join(said[""][1].split()) for code in (2, 3, 64, 130))


@pytest.mark.slow
def test_the_language_may_come_from_the_option_or_the_environment(practice):
    spanish = gettext.translation("mtn", LOCALE, ["es"]).gettext("Make a backup.")
    assert spanish != "Make a backup."
    assert spanish in practice.mtn("--lang", "es", "backup", "--help").stdout
    assert spanish in practice.mtn("backup", "--help", MTN_LANG="es").stdout
    wrong = practice.mtn("--lang", "es", "show", "aaaaaaaa", check=64)
    assert wrong.stderr.splitlines()[-2].startswith("error: No ")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["backup"],
        ["backup", "incremental"],
        ["backup", "full", "--nonsense"],
        ["backup", "full", "surplus"],
        ["list", "--kind", "nonsense"],
        ["show"],
        ["restore", "--latest", "--target"],
        ["job", "list", "--limit", "0"],
        ["job", "list", "--limit", "many"],
        ["job", "cancel"],
        ["job", "cancel", "../../etc/passwd"],
        ["job", "cancel", "aaaaaaaa"],
        ["--lang", "xx", "list"],
    ],
)
def test_what_makes_no_sense_ends_with_64_and_says_where_to_look(practice, arguments):
    done = practice.here(*arguments, check=64)
    assert done.stdout == ""
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_the_version_is_said(practice):
    assert practice.here("--version").stdout == f"mtn, version {mtn_tui.__version__}\n"


def test_data_is_on_stdout_and_all_the_rest_on_stderr(practice):
    done = practice.mtn("verify", "--all", "--json", "--verbose")
    assert [one["rung"] for one in json.loads(done.stdout)] == ["complete"] * 2
    assert "verify: reading back from disk" in done.stderr
    assert "\r" not in done.stderr
    facts = json.loads(practice.here("job", "list", "--json").stdout)
    assert [(one["kind"], one["state"], one["exit_code"]) for one in facts] == [
        ("verify", "succeeded", 0),
        ("backup-full", "succeeded", 0),
        ("backup-full", "succeeded", 0),
    ]
    said = practice.here("job", "list", "--limit", "1").stdout.splitlines()
    assert len(said) == 2
    over = practice.here("job", "cancel", facts[0]["id"], check=2)
    assert "is over" in over.stderr


def test_where_all_is_well_stderr_is_empty_and_with_quiet_stdout_too(pg18, new_database, practise):
    """As cron runs it, which mails whatever is printed. What can stay as it is, doctor tells."""
    practice: Practice = practise(new_database(pg18))
    practice.configure(COMPRESSION_LEVEL="9")
    name = f"{practice.source.name}_copy"
    practice.made.append(name)
    lines = [
        ["backup", "full"],
        ["backup", "diff"],
        ["verify", "--all"],
        ["drill"],
        ["prune"],
        ["restore", "--latest", "--target", name],
        ["list"],
        ["report"],
    ]
    for line in lines:
        done = practice.here(*line)
        assert done.stderr == "", (line, done.stderr)
        assert done.stdout, line
    lines[5:] = [[*lines[5], "--drop"]]
    for line in lines:
        done = practice.here(*line, "--quiet")
        assert done.stdout + done.stderr == "", (line, done.stdout, done.stderr)
        assert practice.here("job", "list", "--limit", "1").stdout.count("succeeded") == 1, line
    assert json.loads(practice.here("verify", "--all", "--json", "--quiet").stdout)
    assert "COMPRESSION_LEVEL has no effect" in practice.here("doctor", check=None).stdout


def test_with_quiet_what_is_not_well_is_still_printed(pg18, new_database, practise):
    practice: Practice = practise(new_database(pg18))
    made = practice.ready_made()
    payload = practice.payload(made)
    payload.write_bytes(payload.read_bytes()[:-100])
    done = practice.here("verify", "--all", "--quiet", check=2)
    assert f"✖ {made.payload}" in done.stdout
    wrong = practice.here("restore", "aaaaaaaa", "--target", "mtn_never", "--quiet", check=64)
    assert wrong.stderr.startswith("error: ")


@pytest.mark.parametrize("line", [["backup", "full"], ["verify", "--all"], ["drill"]])
def test_with_verbose_it_tells_how_it_goes_without_a_terminal(practice, line):
    told = practice.here(*line, "--verbose").stderr
    assert f"Database: {practice.source.name} at" in told or line[0] != "backup"
    assert " …\n" in told


@pytest.mark.slow
def test_what_is_suggested_works_where_it_is_pasted(pg18, new_database, tmp_path):
    """Also from another folder, with a configuration whose path a shell would take for several words."""
    root = tmp_path / "it's at $HOME"
    root.mkdir()
    practice = install(root, new_database(pg18))

    def typed(line: str, check: int) -> str:
        done = shell(practice, f"cd / && unset MTN_CONFIG && {line}")
        assert done.returncode == check, (line, done.stdout, done.stderr)
        return done.stdout + done.stderr

    begin = f"mtn --config {shlex.quote(str(practice.config))} "
    said = typed(f"cd {shlex.quote(str(root))} && mtn list --config config/backup.conf", 0)
    assert f"There is no backup yet. Make one: {begin}backup full" in said
    typed(said.partition("Make one: ")[2], 0)
    said = typed(f"{begin} undo", 64)
    typed(said.partition("See what is kept: ")[2], 0)
    wrong = begin.replace("backup.conf", "nowhere.conf")
    assert f"or make one with: {wrong}init\n" in typed(f"{wrong} list", 2)


def test_head_makes_no_noise(practice):
    quiet = shell(practice, "mtn list 2>errors | head -1; cat errors >&2; rm errors")
    assert quiet.stdout.startswith("ID")
    assert "Broken" not in quiet.stderr
    assert "Exception" not in quiet.stderr


def test_a_reader_who_has_gone_makes_no_noise(practice):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "mtn_tui", "list", "--json"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=practice.environment,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 130
    assert [line for line in done.stderr.splitlines() if "MINIO" not in line] == []


def test_closed_ends_harm_nothing(pg18, new_database, practise):
    """Least of all a backup, whose file would get the number of a closed end."""
    practice: Practice = practise(new_database(pg18))
    done = shell(practice, "mtn backup full <&- >&- 2>&-; echo $?")
    assert done.stdout == "0\n"
    practice.here("verify", "--all")
    assert shell(practice, "mtn list 2>&-; echo $?").stdout.splitlines()[-1] == "0"
    assert shell(practice, "mtn show aaaaaaaa >&- 2>&-; echo $?").stdout == "64\n"


@pytest.mark.sample("list")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["list", "--help", "--version", "restore --help"])
def test_output_that_can_not_be_written_is_said(practice, command):
    done = shell(practice, f"mtn {command} > /dev/full; echo $? >&2")
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == "2"
    assert shell(practice, "mtn list 2> /dev/full; echo $?").stdout.splitlines()[-1] == "0"


def test_a_terminal_that_knows_only_ascii_gets_escapes(practice):
    done = practice.mtn("verify", "--all", PYTHONIOENCODING="ascii", MTN_LANG="es")
    assert done.stdout.startswith("\\u2714 ")
    json.loads(practice.mtn("list", "--json", PYTHONIOENCODING="ascii").stdout)


def test_on_a_terminal_its_line_tells_how_it_goes_and_is_left_clean(pg18, new_database, practise):
    database = new_database(pg18)
    database.psql("CREATE TABLE held ()")
    practice: Practice = practise(database)
    with psycopg.connect(pg18.conninfo(database.name)) as holder:
        holder.execute("LOCK TABLE held")  # the backup waits for it, and so for us
        ours, theirs = pty.openpty()
        child = subprocess.Popen(
            [sys.executable, "-m", "mtn_tui", "backup", "full"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={**practice.environment, "COLUMNS": "80"},
        )
        os.close(theirs)
        text = shown_on(ours, lambda shown: b"\rfull backup:" in shown and holder.rollback())
    child.communicate()
    assert child.returncode == 0, text
    assert [part for part in re.split(r"[\r\n]+", text) if len(part) > 79 and " " in part] == []
    assert text.endswith("\r" + " " * 79 + "\r")


def test_without_a_terminal_nobody_is_asked(practice):
    name = practice.legacy_backup().name
    try:
        done = practice.mtn("restore", name, "--target", "mtn_never", check=64)
        assert "--legacy" in done.stderr
        done = practice.mtn("init", "--folder", str(practice.root / "new"), check=None)
        assert done.returncode in (64, 130)
        assert not (practice.root / "new").exists()
    finally:
        (practice.backups / name).unlink()
