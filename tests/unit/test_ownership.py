"""Which files a stranger could change: judged by every folder and link on the way to them."""

from __future__ import annotations

import grp
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtn_tui.core.errors import ConfigError, KeyFileError
from mtn_tui.core.finding import find_configuration, load_found
from mtn_tui.core.ownership import changeable, of_strangers, open_to_all

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
STRANGER = 65534
OTHERS = next((one.gr_gid for one in grp.getgrall() if one.gr_name in ("games", "staff", "users")), 100)
TEXT = "DB_NAME=ProdX\nDB_USER=admin\n"


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody can enter, as /srv is; pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="mtn-settings-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def placed(folder: Path, text: str = TEXT) -> Path:
    config = folder / "config"
    config.mkdir(parents=True)
    path = config / "backup.conf"
    path.write_text(text)
    path.chmod(0o600)
    (config / ".encryption.key").write_text("correct horse\n")
    return path


def found(path: Path):
    return load_found(find_configuration(None, {}, [path]), {})


def test_ones_own_file_counts_in_a_folder_that_only_adds(shared):
    """/tmp itself is writable by all, and sticky: what is ours there stays ours."""
    path = placed(shared)
    assert changeable(path) == ""
    assert found(path).settings.db_name == "ProdX"


def open_folder(path: Path) -> str:
    path.parent.chmod(0o777)
    return "anybody may write to"


def open_above(path: Path) -> str:
    path.parents[1].chmod(0o777)
    return "anybody may write to"


def open_file(path: Path) -> str:
    path.chmod(0o666)
    return "anybody may write to"


def of_a_group(path: Path) -> str:
    os.chown(path, -1, OTHERS)
    path.chmod(0o660)
    return "the group"


def folder_of_a_group(path: Path) -> str:
    os.chown(path.parent, -1, OTHERS)
    path.parent.chmod(0o2775)
    return "the group"


def strangers_file(path: Path) -> str:
    os.chown(path, STRANGER, -1)
    return "belongs to"


def strangers_folder(path: Path) -> str:
    os.chown(path.parent, STRANGER, -1)
    return "belongs to"


def strangers_sticky_folder(path: Path) -> str:
    os.chown(path.parent, STRANGER, -1)
    path.parent.chmod(0o1777)
    return "belongs to"


def strangers_link(path: Path) -> str:
    path.rename(path.with_name("real"))
    path.symlink_to("real")
    os.chown(path, STRANGER, -1, follow_symlinks=False)
    return "belongs to"


def link_to_strangers_file(path: Path) -> str:
    path.rename(path.with_name("real"))
    path.symlink_to("real")
    os.chown(path.with_name("real"), STRANGER, -1)
    return "belongs to"


def link_into_an_open_folder(path: Path) -> str:
    there = path.parents[1] / "open"
    there.mkdir()
    path.rename(there / "backup.conf")
    path.symlink_to("../open/backup.conf")
    there.chmod(0o777)
    return "anybody may write to"


def link_of_a_folder(path: Path) -> str:
    path.parent.rename(path.parents[1] / "real")
    path.parent.symlink_to("real")
    (path.parents[1] / "real").chmod(0o777)
    return "anybody may write to"


def link_in_a_circle(path: Path) -> str:
    path.parent.rename(path.parents[1] / "real")
    path.parent.symlink_to("config")
    return "Too many levels"


@as_root
@pytest.mark.parametrize(
    "spoil",
    [
        *(
            open_folder,
            open_above,
            open_file,
            of_a_group,
            folder_of_a_group,
            strangers_file,
            strangers_folder,
        ),
        *(strangers_sticky_folder, strangers_link, link_to_strangers_file, link_into_an_open_folder),
        link_of_a_folder,
    ],
    ids=lambda spoil: spoil.__name__,
)
def test_a_configuration_that_others_could_change_is_passed_over_and_its_reason_told(shared, spoil):
    path = placed(shared / "here")
    reason = spoil(path)
    with pytest.raises(ConfigError, match="is not used") as caught:
        found(path)
    assert reason in caught.value.title
    assert f"--config {path}" in caught.value.hint
    meant = load_found(find_configuration(path, {}), {})
    assert meant.settings.db_name == "ProdX"
    by_variable = load_found(find_configuration(None, {"MTN_CONFIG": str(path)}), {})
    assert by_variable.settings.db_name == "ProdX"


def test_links_in_a_circle_end(shared):
    path = placed(shared / "here")
    reason = link_in_a_circle(path)
    with pytest.raises(OSError, match=reason):
        changeable(path)


@as_root
def test_the_next_place_is_taken_and_what_was_passed_over_is_said(shared):
    evil, good = placed(shared / "evil"), placed(shared / "good", TEXT.replace("ProdX", "Good"))
    strangers_file(evil)
    loaded = load_found(find_configuration(None, {}, [evil, good]), {})
    assert loaded.settings.db_name == "Good"
    assert str(evil) in loaded.warnings[0].title


@as_root
def test_a_file_that_is_changed_into_a_strangers_after_it_was_found_is_not_read(shared):
    path = placed(shared)
    was = find_configuration(None, {}, [path])
    strangers_file(path)
    with pytest.raises(ConfigError, match="is not used"):
        load_found(was, {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root's group is always its own")
def test_the_group_that_a_user_has_alone_may_write(shared):
    path = placed(shared)
    path.chmod(0o660)
    assert changeable(path) == ""


PROGRAMS = {
    "PG_DUMP": "{}",
    "PSQL": "{}",
    "S3_CA_FILE": "{}",
    "ALERT_CA_FILE": "{}",
    "CONTACTS_FILE": "{}",
    "SERVICES_STOP_COMMAND": "{} --all",
    "SERVICES_RESTART_COMMAND": "cd / && sudo -n {} restart",
    "DATABASE_START_COMMAND": "sh '{}'",
}
COMMANDS = (
    "sh -c '{} --all'",
    "true;{};true",
    "({})>/dev/null",
    "HOME=/ FOO={} true",
    "cd {folder} && ./program",
    "./open/program",
    "open/program --all",
    'sh -c \\"{}\\"',
    "echo it\\'s; {}",
)


@as_root
@pytest.mark.parametrize("key", PROGRAMS)
def test_what_a_found_configuration_names_counts_only_where_nobody_else_can_change_it(shared, key):
    (shared / "open").mkdir()
    (shared / "open").chmod(0o777)
    program = shared / "open" / "program"
    program.write_text("#!/bin/sh\n")
    value = PROGRAMS[key].format(program)
    path = placed(shared, f"{TEXT}{key}={value!r}\n" if "'" not in value else f'{TEXT}{key}="{value}"\n')
    loaded = found(path)
    assert getattr(loaded.settings, key.lower()) is None
    (said,) = [notice for notice in loaded.warnings if key in notice.title]
    assert f"anybody may write to {shared / 'open'}" in said.title
    meant = load_found(find_configuration(path, {}), {})
    assert getattr(meant.settings, key.lower()) is not None
    program.parent.chmod(0o755)
    assert getattr(found(path).settings, key.lower()) is not None


@as_root
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_passed_over_however_it_names_what_others_can_change(shared, monkeypatch, command):
    (shared / "open").mkdir()
    (shared / "open").chmod(0o777)
    program = shared / "open" / "program"
    program.write_text("#!/bin/sh\n")
    monkeypatch.chdir(shared)
    value = command.format(program, folder=program.parent)
    path = placed(shared, f'{TEXT}SERVICES_STOP_COMMAND="{value}"\n')
    assert found(path).settings.services_stop_command is None
    program.parent.chmod(0o755)
    assert found(path).settings.services_stop_command is not None


def access_list(user: int) -> bytes:
    """An access list by which ``user`` may write, as setfacl makes it."""
    nobody = 0xFFFFFFFF
    entries = [(1, 6, nobody), (2, 6, user), (4, 4, nobody), (16, 6, nobody), (32, 0, nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="has no such access lists")
def test_whom_an_access_list_lets_write_can_change_a_file_of_roots_group_too(shared):
    path = placed(shared)
    path.chmod(0o640)
    assert changeable(path) == ""
    try:
        os.setxattr(path, "system.posix_acl_access", access_list(STRANGER))
    except OSError as error:
        pytest.skip(f"no access lists here: {error}")
    assert "may write to" in changeable(path)


@as_root
def test_a_key_that_others_could_change_makes_no_backup(shared):
    key = placed(shared).with_name(".encryption.key")
    strangers_file(key)
    with pytest.raises(KeyFileError, match="is not used"):
        found(shared / "config/backup.conf")
    assert load_found(find_configuration(shared / "config/backup.conf", {}), {}).settings


@as_root
def test_a_strangers_folder_counts_itself_or_above_unless_they_can_not_get_to_it(shared):
    folder = shared / "above" / "backups"
    folder.mkdir(parents=True)
    (shared / "link").symlink_to(folder)
    assert of_strangers(folder) is None
    assert of_strangers(folder / "not there yet") is None
    os.chown(folder, 64123, -1)
    for path in (folder, shared / "link", folder / "not there yet"):
        assert of_strangers(path) == (folder, "user 64123")
    assert of_strangers(folder, [64123]) is None
    folder.parent.chmod(0o750)
    assert of_strangers(folder) is None
    os.chown(folder.parent, 64124, -1)
    assert of_strangers(folder) == (folder.parent, "user 64124")


@pytest.mark.parametrize(
    ("above", "mode", "refused"),
    [
        (0o755, 0o777, True),
        (0o755, 0o1777, True),
        (0o755, 0o773, True),
        (0o755, 0o757, True),
        (0o755, 0o776, False),
        (0o755, 0o770, False),
        (0o755, 0o2770, False),
        (0o755, 0o750, False),
        (0o777, 0o750, True),
        (0o1777, 0o750, False),
        (0o750, 0o777, False),
        (0o700, 0o777, False),
    ],
)
def test_a_folder_in_which_anybody_may_replace_files(shared, above, mode, refused):
    folder = shared / "above" / "backups"
    folder.mkdir(parents=True)
    folder.parent.chmod(above)
    folder.chmod(mode)
    link = shared / "link"
    link.symlink_to(folder)
    assert (open_to_all(folder) is not None) is refused
    assert (open_to_all(link) is not None) is refused
