"""Installing into systemd and launchd: files of ours alone, and the scripts' back when they go."""

from __future__ import annotations

import plistlib
from dataclasses import replace

import pytest

from mtn_tui.core.errors import ConfigError, Refused
from mtn_tui.operations.schedule.cron import KNOWN
from mtn_tui.operations.schedule.install import carry_out, plan_install, plan_remove
from mtn_tui.operations.schedule.installed import installed
from mtn_tui.operations.schedule.machine import System
from tests.schedule_fixtures import context, context_in, crontab, machine

__all__ = ["context", "crontab", "machine"]


@pytest.fixture
def server(machine):
    """The machine as root has it, where systemd runs."""
    machine.booted.mkdir()
    return replace(machine, root=True)


@pytest.fixture
def mac(machine):
    machine.user_plists.mkdir(parents=True)
    return replace(machine, mac=True)


def told(tmp_path):
    path = tmp_path / "told"
    return path.read_text().splitlines() if path.exists() else []


def systems(context, machine):
    return {
        run: [one.system for one in by] for run, by in installed(context.configuration, machine).runs.items()
    }


def test_root_gets_timers_where_systemd_runs_and_they_go_again(context, server, tmp_path):
    other = server.system_units / "other.service"
    other.write_text("[Service]\nExecStart=/bin/true\n")
    carry_out(plan_install(context, machine=server))
    assert systems(context, server) == {key: [System.SYSTEMD] for key in KNOWN}
    reload, enable = told(tmp_path)
    assert reload == "systemctl daemon-reload"
    assert enable.startswith("systemctl enable --now mtn-backup-")
    assert plan_install(context, machine=server).changes == ()
    carry_out(plan_remove(context, server))
    assert systems(context, server) == {}
    assert [path for path in server.system_units.rglob("*") if path.is_file()] == [other]
    assert told(tmp_path)[2].startswith("systemctl disable --now mtn-backup-")


def test_what_moves_to_systemd_leaves_the_crontab_and_so_do_the_scripts(context, server, crontab, machine):
    crontab.write_text("0 1 * * * true\n0 2 * * * /srv/scripts/full-backup.sh\n")
    carry_out(plan_install(context, System.CRON, machine))
    carry_out(plan_install(context, machine=server))
    assert crontab.read_text() == "0 1 * * * true\n# mtn off: 0 2 * * * /srv/scripts/full-backup.sh\n"
    assert systems(context, server) == {key: [System.SYSTEMD] for key in KNOWN}
    carry_out(plan_remove(context, server))
    assert crontab.read_text() == "0 1 * * * true\n0 2 * * * /srv/scripts/full-backup.sh\n"


def test_units_of_another_installation_are_left_as_they_are(context, server, tmp_path):
    carry_out(plan_install(context_in(tmp_path / "other"), machine=server))
    before = {path: path.read_bytes() for path in server.system_units.glob("mtn-*")}
    with pytest.raises(Refused, match="not of this configuration"):
        plan_install(context, machine=server)
    assert plan_remove(context, server).changes == ()
    assert {path: path.read_bytes() for path in server.system_units.glob("mtn-*")} == before


def test_where_systemctl_fails_the_crontab_is_as_it_was(context, server, crontab, tmp_path):
    crontab.write_text("0 2 * * * /srv/scripts/full-backup.sh\n")
    (tmp_path / "bin/systemctl").write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2; exit 1\n")
    with pytest.raises(ConfigError, match="Failed to connect to bus"):
        carry_out(plan_install(context, machine=server))
    assert crontab.read_text() == "0 2 * * * /srv/scripts/full-backup.sh\n"


def test_a_users_own_timers_are_told_to_need_lingering(context, machine, tmp_path, monkeypatch):
    plan = plan_install(context, System.SYSTEMD, machine)
    assert "enable-linger" in plan.notes[0]
    assert {change.path.parent for change in plan.changes} == {machine.user_units}
    assert all(command[:2] == ("systemctl", "--user") for command in plan.then)


def script(label):
    return plistlib.dumps({"Label": label, "ProgramArguments": ["/bin/bash", "/srv/scripts/full-backup.sh"]})


def test_on_a_mac_the_scripts_property_lists_are_put_aside_and_come_back(context, mac, tmp_path):
    folder = mac.user_plists
    theirs = {f"com.mtn.backup.{name}.plist": script(f"com.mtn.backup.{name}") for name in ("full", "old")}
    other = {"org.other.plist": plistlib.dumps({"Label": "org.other", "Program": "/bin/true"})}
    for name, text in (theirs | other).items():
        (folder / name).write_bytes(text)
    assert len(installed(context.configuration, mac).scripts) == 2
    carry_out(plan_install(context, machine=mac))
    assert systems(context, mac) == {key: [System.LAUNCHD] for key in KNOWN}
    assert installed(context.configuration, mac).scripts == ()
    first = told(tmp_path)
    assert f"launchctl unload {folder}/com.mtn.backup.full.plist" in first
    assert f"launchctl unload {folder}/com.mtn.backup.old.plist" in first
    assert first[-1] == f"launchctl load -w {folder}/com.mtn.backup.watch.plist"
    assert plan_install(context, machine=mac).changes == ()
    carry_out(plan_remove(context, mac))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == theirs | other
    assert f"launchctl load -w {folder}/com.mtn.backup.full.plist" in told(tmp_path)


def test_on_a_mac_a_label_that_a_script_has_can_t_be_shared(context, mac):
    (mac.user_plists / "com.mtn.backup.full.plist").write_bytes(script("com.mtn.backup.full"))
    with pytest.raises(Refused, match="under the label"):
        plan_install(context, machine=mac, keep_scripts=True)


def test_a_property_list_that_can_t_be_read_is_passed_over(context, mac):
    (mac.user_plists / "broken.plist").write_bytes(b"<plist><dict>")
    (mac.user_plists / "list.plist").write_bytes(plistlib.dumps(["a"]))
    found = installed(context.configuration, mac)
    assert (found.commands, found.unreadable) == ((), {})


def test_what_systemctl_edit_has_added_is_left_as_it_is(context, server, tmp_path):
    carry_out(plan_install(context, machine=server))
    units = server.units
    drop_in = units / "mtn-backup-full.timer.d" / "override.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Timer]\nOnCalendar=\nOnCalendar=01:00\n")
    (units / "mtn-backup-gone.service").symlink_to(tmp_path / "nowhere")
    assert plan_install(context, machine=server).changes == ()
    carry_out(plan_remove(context, server))
    assert drop_in.exists()
    assert list(units.glob("mtn-backup-*.timer")) == []
