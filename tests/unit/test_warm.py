"""A command that is forked from a waiting process is to its tests what one that is started is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from tests.warm import Command

ENVIRONMENT = {"PATH": os.environ["PATH"], "MTN_LANG": "en", "PYTHONWARNINGS": "error"}
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}

forked = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux forks safely")


def mtn(make: type[subprocess.Popen], *words: str, **more: str) -> tuple[int, str, str]:
    environment = ENVIRONMENT | more
    with make([sys.executable, "-m", "mtn_tui", *words], env=environment, **PIPES) as process:
        said, told = process.communicate(timeout=60)
    return process.returncode, said, told


@pytest.mark.sample("nonsense", "relative")
@pytest.mark.parametrize(
    "words", [["--version"], ["nonsense"], ["list"], ["--config", "relative/ñ.conf", "list"]], ids=" ".join
)
def test_it_says_the_same_and_ends_with_the_same_code(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home = {"HOME": str(tmp_path), "TZ": "America/Santiago"}
    assert mtn(Command, *words, **home) == mtn(subprocess.Popen, *words, **home)


@forked
def test_it_is_a_process_of_its_own_that_is_killed_and_says_by_what():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while os.write(writing, bytes(4096)):
            pass
    os.set_blocking(writing, True)  # what it has to say does not fit in any more
    command = [sys.executable, "-m", "mtn_tui", "--help"]
    with Command(
        command, env=ENVIRONMENT, stdout=writing, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.forked
        while os.getsid(process.pid) != process.pid:
            pass
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.kill()
        assert process.wait(60) == -signal.SIGKILL
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    "changed",
    [{"PYTHONIOENCODING": "ascii"}, {"MTN_LANG": "es"}, {"LC_ALL": "C"}],
    ids=" ".join,
)
def test_what_only_a_new_interpreter_can_be_is_one(changed):
    with Command(
        [sys.executable, "-m", "mtn_tui", "--version"], env=ENVIRONMENT | changed, **PIPES
    ) as process:
        process.communicate(timeout=60)
    assert not process.forked
