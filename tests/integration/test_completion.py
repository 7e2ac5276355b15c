"""mtn completion: the shells themselves complete with what it prints."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys

import pytest

BASH = """
eval "$(mtn completion bash)"
complete -p mtn
for line in "$@"; do
    COMP_WORDS=($line); [[ "$line" == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
    _mtn_completion mtn
    echo "${COMPREPLY[@]}"
done
"""
ZSH = """
autoload -Uz compinit && compinit -u -d "$HOME/dump"
eval "$(mtn completion zsh)"
print -r -- $_comps[mtn]
"""


@pytest.fixture
def environment(tmp_path):
    command = tmp_path / "bin" / "mtn"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mtn_tui "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}:/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, "HOME": str(tmp_path), "MTN_LANG": "en", "LC_ALL": "C.UTF-8"}


def run(environment, *command):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_and_options(environment):
    asked = ["mtn li", "mtn backup ", "mtn list --fi", "mtn list --kind d", "mtn completion "]
    head, *said = run(environment, "bash", "--norc", "-c", BASH, "bash", *asked).splitlines()
    assert head.endswith("-F _mtn_completion mtn")
    assert said == ["list", "diff full", "--filter", "diff", "bash zsh fish"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_takes_it(environment):
    assert run(environment, "zsh", "-f", "-c", ZSH) == "_mtn_completion\n"


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_commands(environment):
    line = 'mtn completion fish | source; complete -C "mtn li"'
    assert run(environment, "fish", "--no-config", "-c", line).split()[0] == "list"


@pytest.mark.sample("bash")
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_it_is_clicks_own_script_to_the_letter(environment, shell):
    said = run(environment, "mtn", "completion", shell)
    own = run({**environment, "_MTN_COMPLETE": f"{shell}_source"}, "mtn")
    assert said.strip() == own.strip()


def test_another_shell_is_told_which_there_are(environment):
    done = subprocess.run(
        ["mtn", "completion", "tcsh"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 64
    assert "'bash', 'zsh', 'fish'" in done.stderr
