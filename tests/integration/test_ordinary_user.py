"""Nothing here takes root: a whole round as the user ``nobody``."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import mtn_tui
from mtn_tui.demo.workspace import open_to_all
from tests.operation_fixtures import Practice, install


@pytest.fixture
def nobody() -> pwd.struct_passwd:
    """Somebody without any rights, where we are root and they can run the program."""
    if os.geteuid() != 0:
        pytest.skip("everything runs as an ordinary user anyway")
    try:
        account = pwd.getpwnam("nobody")
    except KeyError:
        pytest.skip("this system has no user nobody")
    if not open_to_all(Path(tempfile.gettempdir())):
        pytest.skip("the folder for temporary files is closed to other users")
    return account


def run_as(account: pwd.struct_passwd, command: list[str], **options):
    return subprocess.run(
        command,
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.fixture
def theirs(nobody, pg18, new_school, s3):
    """An installation that belongs to them."""
    folder = Path(tempfile.mkdtemp(prefix="mtn-test-"))
    practice = install(folder, new_school(pg18), s3)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    yield practice
    for name in practice.made:
        pg18.drop_database(name)
    shutil.rmtree(folder)


def an_interpreter_for(account: pwd.struct_passwd, folder: Path) -> tuple[Path, dict[str, str]]:
    """A Python that the account may run, and the environment it needs: this one, or a copy in ``folder``.

    One that was installed below /root is closed to everybody else.
    """
    if can_run(account, Path(sys.executable), {}):
        return Path(sys.executable), {}
    base, home = Path(sys.base_prefix), folder / "python"
    # With its compiled modules and their times, or every start would compile them again.
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    unneeded = shutil.ignore_patterns("test", "site-packages", "idlelib", "config-*")
    shutil.copytree(base / "lib" / version, home / "lib" / version, ignore=unneeded)
    for library in (base / "lib").glob("libpython*"):
        shutil.copy(library, home / "lib")
    (home / "bin").mkdir()
    program = Path(shutil.copy(base / "bin" / version, home / "bin"))
    places = [path for path in sys.path if path.endswith("site-packages")]
    environment = {
        "PYTHONHOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(Path(mtn_tui.__file__).parents[1]), *places]),
        "LD_LIBRARY_PATH": str(home / "lib"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if not can_run(account, program, environment):
        pytest.skip(f"the user {account.pw_name} may not run {sys.executable}, nor a copy of it")
    return program, environment


def can_run(account: pwd.struct_passwd, program: Path, environment: dict[str, str]) -> bool:
    try:
        done = run_as(account, [str(program), "-c", "import mtn_tui.cli.app"], cwd="/", env=environment)
    except PermissionError:
        return False
    return done.returncode == 0


def test_a_whole_round_as_nobody(nobody, theirs: Practice):
    practice = theirs
    program, needed = an_interpreter_for(nobody, practice.root)
    environment = {**practice.environment, **needed, "HOME": str(practice.root), "TMPDIR": str(practice.root)}
    pg_dump = [practice.values["PG_DUMP"], "--version"]
    try:
        assert run_as(nobody, pg_dump, cwd="/").returncode == 0
    except PermissionError:
        pytest.skip("the user nobody may not run the wheel's pg_dump")

    def mtn(*arguments: str, code: int = 0) -> str:
        command = [str(program), "-m", "mtn_tui", *arguments]
        done = run_as(nobody, command, cwd=practice.root, env=environment)
        assert done.returncode == code, done.stderr
        return done.stdout

    practice.made.append("mtn_by_nobody")
    mtn("backup", "full")
    assert mtn("verify", "--all").count("✔") == 2
    mtn("restore", "--latest", "--target", "mtn_by_nobody")
    assert "restored" in mtn("list")
    for folder in ("backups", "logs", "state"):
        assert {path.stat().st_uid for path in (practice.root / folder).rglob("*")} == {nobody.pw_uid}
    # A key that is somebody else's can't be read, and is an error: never a reason to make another.
    before = practice.key_file.read_bytes()
    os.chown(practice.key_file, 0, 0)
    mtn("backup", "full", code=2)
    assert practice.key_file.read_bytes() == before
