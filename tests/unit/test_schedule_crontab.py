"""Installing into a crontab: our lines and the scripts', and not one byte of any other."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.cli import app
from mtn_tui.core import i18n
from mtn_tui.core.errors import ConfigError, Refused
from mtn_tui.core.settings import Settings
from mtn_tui.core.settings_file import load
from mtn_tui.operations.audit.trail import last
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import open_stores
from mtn_tui.operations.schedule import cron
from mtn_tui.operations.schedule.command import EXAMPLE, own_command
from mtn_tui.operations.schedule.description import runs
from mtn_tui.operations.schedule.install import Plan, carry_out, plan_install, plan_remove
from mtn_tui.operations.schedule.installed import installed
from mtn_tui.operations.schedule.machine import System
from tests.schedule_fixtures import context, context_in, crontab, machine

__all__ = ["context", "crontab", "machine"]

RUNS = runs(Settings(db_name="school", db_user="admin"))

SCRIPTS = b"""SHELL=/bin/bash
MAILTO="root"
# full-backup.sh, by night
0 2 * * * cd /srv/backup-system/scripts && ./full-backup.sh >> /tmp/mtn-full-backup.log 2>&1
0 * * * * /srv/backup-system/scripts/differential-backup.sh
30 */6 * * * "/srv/backup-system/scripts/monitor-backups.sh"
@daily /usr/local/bin/my-full-backup.sh
0 3 * * * /usr/local/bin/other.sh
"""


def block(context: Context) -> bytes:
    return cron.block(runs(context.settings), own_command(context.configuration)).encode()


def done(plan: Plan) -> Plan:
    carry_out(plan)
    return plan


def test_a_first_crontab_holds_the_runs_and_goes_again(context, machine, crontab):
    plan = done(plan_install(context, machine=machine))
    assert crontab.read_bytes() == block(context)
    assert {one[:1] for one in plan.diff()[3:]} == {"+", " "}
    assert plan_install(context, machine=machine).changes == ()
    done(plan_remove(context, machine))
    assert crontab.read_bytes() == b""
    assert plan_remove(context, machine).changes == ()


@pytest.mark.parametrize(
    "text",
    [
        b"# only a comment\n",
        b"\n\n0 1 * * * true\n",
        b"0 1 * * * true\r\n# CRLF\r\n\r\n",
        b"PATH=/opt/bin\n0 1 * * * echo 50\\% done\n",
        "0 1 * * * /srv/Año/échantillon\n".encode("latin-1"),
        b"0 1 * * * mtn --config /other/backup.conf backup full\n",
        b"0 1 * * * echo a\rb\n",
        b"0 1 * * * /srv/full-backup.sh.old; /srv/not-full-backup.sh\n",
    ],
)
def test_lines_of_others_are_left_byte_for_byte(context, machine, crontab, text):
    crontab.write_bytes(text)
    done(plan_install(context, machine=machine))
    assert crontab.read_bytes() == text + block(context)
    done(plan_remove(context, machine))
    assert crontab.read_bytes() == text


def test_a_crontab_without_its_last_end_of_line_gets_one(context, machine, crontab):
    crontab.write_bytes(b"0 1 * * * true")
    done(plan_install(context, machine=machine))
    assert crontab.read_bytes() == b"0 1 * * * true\n" + block(context)


def test_the_scripts_lines_are_put_out_of_use_and_come_back(context, machine, crontab):
    crontab.write_bytes(SCRIPTS)
    plan = done(plan_install(context, machine=machine))
    after = crontab.read_bytes()
    lines = SCRIPTS.splitlines(keepends=True)
    off = [b"# mtn off: " + line if number in (3, 4, 5) else line for number, line in enumerate(lines)]
    assert after == b"".join(off) + block(context)
    assert [line for line in plan.diff() if line.startswith("-0")] == [
        "-" + lines[3].decode().rstrip(),
        "-" + lines[4].decode().rstrip(),
    ]
    found = installed(context.configuration, machine)
    assert found.scripts == ()
    assert {run: [one.system for one in by] for run, by in found.runs.items()} == {
        run: [System.CRON] for run in cron.KNOWN
    }
    done(plan_remove(context, machine))
    assert crontab.read_bytes() == SCRIPTS


def test_the_scripts_may_be_kept(context, machine, crontab):
    crontab.write_bytes(SCRIPTS)
    done(plan_install(context, machine=machine, keep_scripts=True))
    assert crontab.read_bytes() == SCRIPTS + block(context)
    assert len(installed(context.configuration, machine).scripts) == 3


def test_lines_of_mtn_that_were_written_by_hand_give_way_to_ours(context, machine, crontab):
    path = str(context.configuration).replace("%", "\\%")
    by_hand = (
        f"0 2 * * *  /opt/mtn/.venv/bin/mtn --config '{path}' backup full\n"
        f"*/30 * * * *  MTN_CONFIG='{path}' /opt/mtn/.venv/bin/mtn backup diff\n"
        '0 5 1-7 * *  [ "$(date +\\%u)" = 5 ] && /opt/mtn/.venv/bin/mtn drill\n'
    ).encode()
    crontab.write_bytes(by_hand)
    assert set(installed(context.configuration, machine).runs) == {"full", "differential", "drill"}
    done(plan_install(context, machine=machine))
    assert all(len(by) == 1 for by in installed(context.configuration, machine).runs.values())
    done(plan_remove(context, machine))
    assert crontab.read_bytes() == by_hand


def test_new_times_take_the_place_of_the_old_ones(context, machine, crontab, tmp_path):
    crontab.write_bytes(b"0 1 * * * true\n")
    done(plan_install(context, machine=machine))
    crontab.write_bytes(crontab.read_bytes() + b"0 4 * * * last\n")
    context.configuration.write_text('DB_NAME="Admisión_MTN_DB"\nDB_USER=admin\nDIFF_EVERY_MINUTES=15\n')
    settings = load(context.configuration, {}).settings
    changed = Context(
        settings, open_stores(settings), tmp_path, "ana", "db1", configuration=context.configuration
    )
    plan = done(plan_install(changed, machine=machine))
    assert crontab.read_bytes() == b"0 1 * * * true\n" + block(changed) + b"0 4 * * * last\n"
    assert sum(line.startswith("+*/15") for line in plan.diff()) == 1


def test_two_installations_have_lines_of_their_own(context, machine, crontab, tmp_path):
    other = context_in(tmp_path / "other")
    done(plan_install(context, machine=machine))
    done(plan_install(other, machine=machine))
    assert crontab.read_bytes() == block(context) + block(other)
    done(plan_remove(context, machine))
    assert crontab.read_bytes() == block(other)


def ours(context: Context) -> list[bytes]:
    """The first mark, what stands between them, and the last mark."""
    return block(context).splitlines(keepends=True)


def edited(context: Context, how: str) -> bytes:
    """What became of our lines under the hands of people and editors."""
    first, *between, last = ours(context)
    return {
        "no end": b"".join([first, *between]),
        "no begin": b"".join([*between, last]),
        "no marks": b"".join(between),
        "no comments": b"".join(line for line in between if not line.startswith(b"#")),
        "twice": 2 * block(context),
        "begun twice": first + block(context),
        "ended twice": block(context) + last,
        "CRLF": block(context).replace(b"\n", b"\r\n"),
        "blanks at the ends of lines": block(context).replace(b"\n", b" \t\n"),
        "no last end of line": block(context).rstrip(b"\n"),
    }[how]


HOW = ["no end", "no begin", "no marks", "no comments", "twice", "begun twice", "ended twice", "CRLF"]
HOW += ["blanks at the ends of lines", "no last end of line"]


@pytest.mark.parametrize("after", [b"# of hers\n0 4 * * * last\n", b""])
@pytest.mark.parametrize("how", HOW)
def test_lines_of_ours_that_were_edited_are_ours_still(context, machine, crontab, how, after):
    kept = b"# of his\n0 1 * * * first\n"
    crontab.write_bytes(
        kept + edited(context, how) + (b"\n" if how == "no last end of line" else b"") + after
    )
    done(plan_install(context, machine=machine))
    assert all(len(by) == 1 for by in installed(context.configuration, machine).runs.values())
    lines = crontab.read_bytes().splitlines(keepends=True)
    mine = [line for line in ours(context) if not line.startswith(b"# ") or b" schedule begin" in line]
    assert [line for line in lines if line in mine] == mine
    crontab.write_bytes(
        kept + edited(context, how) + (b"\n" if how == "no last end of line" else b"") + after
    )
    done(plan_remove(context, machine))
    assert installed(context.configuration, machine).runs == {}
    left = crontab.read_bytes()
    assert left.startswith(kept)
    assert left.endswith(after)
    if how not in ("no begin", "no marks"):  # nothing tells whose the comments are then
        assert left == kept + after


@pytest.mark.parametrize("closed", [True, False])
def test_what_somebody_has_written_between_our_lines_stays(context, machine, crontab, closed):
    """A variable counts for what stands after it, so it stays before our entries."""
    first, *between, last = ours(context)
    theirs = [b"MAILTO=ops@school.cl\n", b"0 1 * * * /opt/dump-students.sh\n"]
    crontab.write_bytes(b"".join([first, theirs[0], *between[:3], theirs[1], *between[3:], last * closed]))
    done(plan_install(context, machine=machine))
    before, found, after = crontab.read_bytes().partition(block(context))
    assert (uncommented(before), bool(found), after) == (theirs, True, b"")
    done(plan_remove(context, machine))
    assert uncommented(crontab.read_bytes()) == theirs


def uncommented(text: bytes) -> list[bytes]:
    return [line for line in text.splitlines(keepends=True) if not line.startswith(b"#")]


@pytest.mark.parametrize(
    "wrapped",
    [
        "bash -lc 'cd /opt && mtn --config {} backup full'",
        'sh -c "mtn --config {} backup full >> /tmp/x 2>&1"',
        "flock -n /tmp/x -c 'nice -n 19 mtn --config {} backup full'",
        "chronic ionice -c 3 nice mtn --config {} backup full",
        "su - ana -c 'bash -c \"mtn --config {} backup full\"'",
        ". /etc/profile; cd /opt/mtn && ./.venv/bin/python -m mtn_tui --config {} backup full || true",
    ],
)
def test_a_run_within_another_command_is_found(machine, crontab, wrapped):
    config = Path("/srv/mtn/backup.conf")
    crontab.write_text(f"0 2 * * *  {wrapped.format(config)}\n")
    assert list(installed(config, machine).runs) == ["full"]


@pytest.mark.parametrize("command", ["report --month --mail", "prune --dry-run", "drill --help"])
def test_a_command_that_is_not_the_run_of_its_name_is_left_alone(context, machine, crontab, command):
    path = str(context.configuration).replace("%", "\\%")
    by_hand = f"0 8 1 * *  /opt/mtn/.venv/bin/mtn --config '{path}' {command}\n".encode()
    crontab.write_bytes(by_hand)
    assert installed(context.configuration, machine).runs == {}
    done(plan_install(context, machine=machine))
    assert crontab.read_bytes() == by_hand + block(context)


def test_the_scripts_stay_out_of_use_while_another_installation_has_runs(context, machine, crontab, tmp_path):
    other = context_in(tmp_path / "other")
    crontab.write_bytes(SCRIPTS)
    done(plan_install(context, machine=machine))
    done(plan_install(other, machine=machine))
    done(plan_remove(context, machine))
    assert installed(other.configuration, machine).scripts == ()
    done(plan_remove(other, machine))
    assert crontab.read_bytes() == SCRIPTS


def test_a_crontab_that_can_t_be_read_is_never_written(context, machine, crontab):
    crontab.write_bytes(SCRIPTS)
    crontab.with_name("crontab.denied").touch()
    with pytest.raises(ConfigError, match="not allowed to use this program"):
        plan_install(context, machine=machine)
    assert crontab.read_bytes() == SCRIPTS
    assert "not allowed" in installed(context.configuration, machine).unreadable["the crontab"]


def test_one_that_was_changed_meanwhile_is_left_as_it_is(context, machine, crontab):
    plan = plan_install(context, machine=machine)
    crontab.write_bytes(b"0 1 * * * true\n")
    with pytest.raises(Refused, match="changed meanwhile"):
        carry_out(plan)
    assert crontab.read_bytes() == b"0 1 * * * true\n"


def test_where_nothing_can_start_runs_it_says_so(context, machine, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(ConfigError, match="neither cron nor systemd"):
        plan_install(context, machine=machine)
    assert installed(context.configuration, machine).runs == {}


def test_scripts_in_the_systems_crontabs_are_found(context, machine, tmp_path):
    (tmp_path / "cron.d/backups").write_text(
        "0 2 * * * root /srv/scripts/full-backup.sh\n# differential-backup.sh\n"
    )
    (found,) = installed(context.configuration, machine).scripts
    assert found.place == str(tmp_path / "cron.d/backups")


def test_the_program_is_named_by_a_path_that_can_be_started(context):
    program = own_command(context.configuration).program
    assert os.access(program[0], os.X_OK)
    assert Path(program[0]).is_absolute()


def test_the_command_shows_what_changes_then_installs_and_records_it(context, crontab, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(crontab.parent / "home"))
    crontab.write_bytes(SCRIPTS)

    def mtn(*arguments: str) -> tuple[int, str]:
        code = app.run(["--config", str(context.configuration), "schedule", *arguments])
        return code, capsys.readouterr().out

    assert mtn("install", "--system", "cron")[0] == 64  # nobody can be asked
    code, shown = mtn("install", "--system", "cron", "--dry-run")
    assert (code, crontab.read_bytes()) == (0, SCRIPTS)
    assert shown.count("+# mtn off: ") == 3
    assert mtn("install", "--system", "cron", "--yes") == (0, shown)
    code, table = mtn("show")
    assert max(map(len, table.splitlines())) <= 80
    assert mtn("remove", "--yes")[0] == 0
    assert crontab.read_bytes() == SCRIPTS
    installed, removed = last(context.state, 9)
    assert (installed.action, removed.action) == ("schedule-installed", "schedule-removed")
    assert installed.facts == {"places": ["crontab"]}


def test_every_line_of_the_table_fits_in_80_columns_in_spanish_too(context, machine, capsys):
    i18n.use("es")
    code = app.run(["--config", str(context.configuration), "schedule", "show"])
    assert code == 1
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


LINE = st.sampled_from([*(line.encode() for line in SCRIPTS.decode().splitlines()), b"", b"# x", b"\r", b"%"])


@given(st.lists(LINE | st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=8))
def test_whatever_a_crontab_holds_is_the_same_after_installing_twice_and_removing(lines):
    path = Path("/srv/mtn/config/backup.conf")
    text = b"".join(line + b"\n" for line in lines)
    ours = cron.block(RUNS, replace(EXAMPLE, configuration=path)).encode()
    once = cron.installed(text, ours, path, scripts_off=True)
    assert cron.installed(once, ours, path, scripts_off=True) == once
    assert cron.removed(once, path) == text
