"""Where things are looked for, and who is at work."""

from __future__ import annotations

import grp
import os
from pathlib import Path

import pytest

from mtn_tui.core import paths
from mtn_tui.core.operator import host_name, operator, short_host


def test_the_configuration_is_looked_for_here_then_at_the_users_then_at_the_systems(tmp_path):
    places = paths.configuration_places({"XDG_CONFIG_HOME": "/home/op/.config"}, tmp_path)
    assert places[0] == tmp_path / "config/backup.conf"
    assert places[1] == Path("/home/op/.config/mtn/backup.conf")
    assert places[2] == Path("/etc/mtn/backup.conf")
    assert all(place.is_absolute() and place.name == "backup.conf" for place in places)


def test_a_relative_folder_in_the_environment_is_passed_over_as_xdg_says(tmp_path):
    usual = paths.configuration_places({}, tmp_path)
    assert paths.configuration_places({"XDG_CONFIG_HOME": "not/absolute"}, tmp_path) == usual


def test_the_state_folder_is_the_one_that_was_set(tmp_path):
    assert paths.state_dir(tmp_path / "s", {"XDG_STATE_HOME": "/x"}, tmp_path) == tmp_path / "s"


def test_else_the_shared_one_where_there_is_one(tmp_path):
    assert paths.state_dir(None, {"XDG_STATE_HOME": "/x"}, tmp_path) == tmp_path


def test_else_the_users_own(tmp_path):
    missing = tmp_path / "missing"
    assert paths.state_dir(None, {"XDG_STATE_HOME": "/home/op/state"}, missing) == Path("/home/op/state/mtn")
    assert paths.state_dir(None, {}, missing).is_absolute()
    assert not missing.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_shared_state_folder_that_cannot_be_written_is_passed_over(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o555)
    assert paths.state_dir(None, {"XDG_STATE_HOME": "/x"}, shared) == Path("/x/mtn")


def test_a_relative_configuration_counts_from_where_it_really_is(tmp_path, monkeypatch):
    (tmp_path / "config").mkdir()
    monkeypatch.chdir(tmp_path / "config")
    assert paths.base_folder(Path("backup.conf")) == tmp_path


@pytest.mark.parametrize(
    ("mode", "open_to_others"),
    [
        (0o600, False),
        (0o400, False),
        (0o640, True),
        (0o604, True),
        (0o620, True),
        (0o610, True),
        (0o777, True),
    ],
)
def test_a_file_of_secrets_is_its_owners_alone(tmp_path, mode, open_to_others):
    path = tmp_path / "secret"
    path.touch()
    path.chmod(mode)
    assert paths.too_open(path) is open_to_others


def test_the_group_of_the_operators_may_read_it_but_not_write(tmp_path, monkeypatch):
    path = tmp_path / "secret"
    path.touch()
    monkeypatch.setattr(paths, "GROUP", grp.getgrgid(path.stat().st_gid).gr_name)
    path.chmod(0o640)
    assert not paths.too_open(path)
    path.chmod(0o660)
    assert paths.too_open(path)


def test_a_pipe_belongs_to_nobody_else(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o666)
    assert not paths.too_open(tmp_path / "pipe")


def test_the_operator_is_who_called_sudo_else_the_login_name():
    assert operator({"SUDO_USER": "ana"}) == "ana"
    assert operator({"SUDO_USER": "a\x1b[31m\nb"}) == "a?[31m?b"
    assert operator({}) == operator({"SUDO_USER": ""}) != ""


@pytest.mark.parametrize(
    ("node", "name"),
    [
        ("db1", "db1"),
        ("MacBook-Pro-de-Jorge-4.local", "MacBook-Pro-de-Jorge-4"),
        ("a_b/c", "a-b-c"),
        ("máquina", "m-quina"),
        ("", "localhost"),
        ("..", "localhost"),
    ],
)
def test_the_host_is_named_shortly_and_fit_for_a_file_name(node, name):
    assert short_host(node) == name


def test_this_machine_has_a_name():
    assert short_host(host_name()) == host_name()
