"""Memory stays under 200 MB, whatever the database's size."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from mtn_tui.demo import school
from tests.operation_fixtures import Practice

LIMIT = 200_000_000


def peak(practice: Practice, *arguments: str) -> int:
    """Run it; bytes of memory that its process had at the most (VmHWM)."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("this system has no /proc")
    child = subprocess.Popen(  # an interpreter of its own, with nothing in it that it did not ask for
        [sys.executable, "-m", "mtn_tui", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=practice.environment,
    )
    practice.started.append(child)
    most = 0
    while child.poll() is None:
        try:
            lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
        except OSError:
            continue  # it has just ended
        most = max([most, *(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))])
        time.sleep(0.01)
    _out, said = child.communicate()
    assert child.returncode == 0, said
    return most


def assert_all_is_small(practice: Practice, target: str) -> None:
    practice.made.append(target)
    peaks = {
        "backup": peak(practice, "backup", "full"),
        "verify": peak(practice, "verify", "--all"),
        "restore": peak(practice, "restore", "--latest", "--target", target),
    }
    assert all(10_000_000 < most < LIMIT for most in peaks.values()), peaks


@pytest.mark.slow
def test_at_a_hundred_megabytes(pg18, new_database, practise, s3):
    """One row of bytes that hardly compress, which fill whatever buffers there are, and many small ones."""
    source = new_database(pg18)
    source.psql(
        """
        CREATE TABLE long AS
            SELECT string_agg(sha512(convert_to(n || '', 'UTF8')), '') FROM generate_series(1, 780000) n;
        CREATE TABLE many AS SELECT n FROM generate_series(1, 500000) n;
        """
    )
    practice: Practice = practise(source, s3)
    assert_all_is_small(practice, "mtn_hundred")
    assert practice.inventory.latest().manifest.raw > 95_000_000


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_at_five_gigabytes(pg18, new_database, practise, s3):
    source = new_database(pg18)
    school.build(pg18.conninfo(source.name), rows=16_000_000)
    practice: Practice = practise(source, s3)
    assert_all_is_small(practice, "mtn_five")
    assert practice.inventory.latest().manifest.raw > 5_000_000_000
