"""The reader of shell assignments, held against bash itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mtn_tui.core.errors import ConfigError
from mtn_tui.core.shellconf import parse, quote

ENVIRONMENT = {"HOME": "/home/op", "E": "from outside", "LC_ALL": "C.UTF-8"}
KEYS = ("A", "B", "C_1", "HOME")

_ASK_BASH = """
for ((i = 0; i < $1; i++)); do
    (
        set -a
        source "./$i" > "$i.said" 2>&1
        printf '%s\\0' "$?"
        for k in A B C_1 HOME; do
            [ -n "${!k+set}" ] && printf '%s=%s\\0' "$k" "${!k}"
        done
        printf '\\0'
    )
done
"""


def bash_reads(texts: list[str]) -> list[dict[str, str] | None]:
    """What bash makes of each text, all in one call; None where it complained or a line failed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, text in enumerate(texts):
            (folder / str(number)).write_bytes(text.encode())
        done = subprocess.run(
            ["bash", "-c", _ASK_BASH, "bash", str(len(texts))],
            cwd=folder,
            env=ENVIRONMENT | {"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        answers: list[dict[str, str] | None] = []
        fields = iter(done.stdout.decode("utf-8", "surrogateescape").split("\0"))
        for number in range(len(texts)):
            status = next(fields)
            values = dict(field.split("=", 1) for field in iter(lambda: next(fields), ""))
            complained = (folder / f"{number}.said").stat().st_size > 0
            answers.append(None if status != "0" or complained else values)
        return answers


def ours(text: str) -> dict[str, str] | None:
    try:
        found = parse(text, ENVIRONMENT)
    except ConfigError:
        return None
    values = {key: assigned.value for key, assigned in found.items() if key in KEYS}
    return {"HOME": ENVIRONMENT["HOME"]} | values


def assert_bash_agrees(texts: list[str]) -> None:
    theirs = bash_reads(texts)
    wrong = [
        (text, ours(text), answer) for text, answer in zip(texts, theirs, strict=True) if ours(text) != answer
    ]
    assert not wrong, "\n".join(f"{text!r}: {mine} here, {theirs} in bash" for text, mine, theirs in wrong)


bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash to ask")

_TOKENS = [
    *[
        "A=",
        "B=",
        "C_1=",
        "HOME=",
        "A",
        "B",
        "E",
        "HOME",
        "UNSET",
        "export",
        "if",
        "1",
        "root",
        "~root",
        "A+=",
    ],
    *["{a,b}", "$'", "$(", ":-", ":+", "-", "+"],
    *"'\"'\"\\$#;;~~/:xé🔑=()*?!`[]{}|&<%,.@\n\n\n\t   \u00a0",
    *["${", "${", "\\\n", "\\\n", "export ", "export "],
]
_soup = st.builds(
    "{}{}".format,
    st.sampled_from(["", "A=", "A=", "A="]),
    st.lists(st.sampled_from(_TOKENS), max_size=9).map("".join),
)

_literal = st.text(st.sampled_from("abxyz019 _-+=:/~,.;#'\"\\$`!*?[]{}()<>|&@%^éñ🔑\u00a0\t\n"), max_size=12)
_piece = st.one_of(
    _literal.map(lambda text: "'" + text.replace("'", "") + "'"),
    _literal.map(lambda text: '"' + re.sub(r"([$`\"\\])", r"\\\1", text) + '"'),
    _literal.map(lambda text: '"' + re.sub(r"[`\"]|\$[({\[]|\\$", "", text) + '"'),
    _literal.map(lambda text: re.sub(r"([^\w\n])", r"\\\1", text).replace("\n", "")),
    st.text(st.sampled_from("abc019_-+=:/,.#!*?[]{}^%@é~"), max_size=8),
    st.sampled_from(
        [
            *[
                "$A",
                "${A}",
                '"$A"',
                '"${B}x"',
                "$E",
                "$UNSET",
                '"${UNSET:-a b}"',
                "${A:-$E}",
                "${A:+:$A}",
                "\\\n",
            ],
            *[
                "${UNSET-x}",
                "${C_1+y}",
                "~",
                ":~",
                "~/x",
                "$",
                "a$%",
                '"$"',
                '"$\\\nA"',
                "$\\\nA",
                "~root",
                "''",
            ],
        ]
    ),
)
_assignment = st.builds(
    "{}{}={}".format,
    st.sampled_from(["", "", "", "export ", "  ", "\t"]),
    st.sampled_from(["A", "B", "C_1", "HOME"]),
    st.lists(_piece, max_size=4).map("".join),
)
_file = st.lists(
    st.builds(
        "{}{}".format,
        _assignment,
        st.sampled_from(["\n", "\n", " # no 'comment\\\n", ";", " ; ", " ", "\n\n"]),
    ),
    max_size=5,
).map("".join)


_texts = st.lists(st.one_of(_file, _soup), min_size=30, max_size=60)
# No shrinking: a failure names the one text of the batch that differs, and that is short.
_asking = settings(deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@bash
@settings(_asking, max_examples=12)
@given(_texts)
def test_whatever_is_accepted_has_the_value_that_bash_gives_it(texts):
    assert_bash_agrees([text for text in texts if ours(text) is not None])


@bash
@pytest.mark.soak
@settings(_asking, max_examples=2000)
@given(_texts)
def test_whatever_is_accepted_has_the_value_that_bash_gives_it_many_times_over(texts):
    assert_bash_agrees([text for text in texts if ours(text) is not None])


READ = [
    "A=plain",
    'A="two words"  # and a comment',
    "A='single # no comment $B `x` \\'",
    "A='it'\\''s'\"so\"",
    r'A="\"\\\$\`\n"',
    r"A=\a\$\'\"\ b",
    "A=x#y #z",
    "A=1#",
    "A=#x",
    "A= # empty",
    "A=",
    "A=1 B=2",
    "A=1; B=2;",
    "A=1 B=$A C_1=${B}x",
    "A=0\nexport A=1 B=$A",
    "export A=1 B=2 # both\nexport A",
    "export\tA=1",
    "A='one\ntwo'\nB=3",
    'A="one\\\ntwo"',
    "A=one\\\ntwo\\\n B=3",
    "A=a # goes on? \\\nB=2",
    'A="$E\\\nx"',
    "A=$\\\nE",
    "A=$UNSET",
    'A="$E/x" B="${E}x" C_1=$E.x',
    "A='' B=\"\" C_1=''\"\"x",
    'A=${UNSET:-a b} B="${UNSET-$E}" C_1=${E:-no}',
    "A=${E:+set:$E} B=${UNSET+no} C_1=x${UNSET:+:no}",
    "A=\nB=${A:-empty counts} C_1=${A-empty does not}",
    "A=${UNSET:-${UNSET:-${E}}}",
    "A=~ B=~/x:~/y C_1=x~:~",
    'A="~" B=\\~ C_1=""~',
    "A=b=~ B=x:=~",
    "A=x':'~ B=x\\:~",
    "A=~:x B=~/'a b'",
    "A=~no-such-user-here/x",
    "HOME=/elsewhere A=~",
    'A=$ B=a$% C_1="$"',
    "A=\"a$'b'\"",
    "A={a,b}*?[x]! B=[ C_1=]",
    "A=Admisión_MTN_DB B='🔑'",
    "A=x\u00a0y",
    "\n\n  # nothing\n\tA=1\n",
    "if=1 A=2",
    "A=1",
    "A=1 \\\n",
    "",
]


@bash
def test_what_operators_write_is_read_as_bash_reads_it():
    refused = [text for text in READ if ours(text) is None]
    assert not refused
    assert_bash_agrees(READ)


REFUSED = {
    "A=$(date)": (1, "result of a command", 'A="/opt/backup-system"'),
    'A=1\nSCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"\n': (
        2,
        "SCRIPT_DIR",
        "/opt/backup-system",
    ),
    "A=1\n\nB=`hostname`": (3, "result of a command", "single quotes"),
    "A=$((1+1))": (1, "result of a command", "A="),
    "set -e\nA=1": (1, "not KEY=value", "Remove the line"),
    "if true; then\nA=1\nfi": (1, "not KEY=value", "Remove the line"),
    "A=1\nsource other.conf": (2, "not KEY=value", "Remove the line"),
    "readonly A=1": (1, "not KEY=value", "Remove the line"),
    "export -n A": (1, "not KEY=value", "Remove the line"),
    "export": (1, "not KEY=value", "Remove the line"),
    "A = 1": (1, "space before the = of A", 'A="value"'),
    "A= two words": (1, "what follows the value", "quotes"),
    "A=two words": (1, "what follows the value", "quotes"),
    "A=1 || B=2": (1, "what follows the value", "quotes"),
    "A=x|y": (1, "| has a meaning", "A='…'"),
    "A=x&": (1, "& has a meaning", "A='…'"),
    "A=<x": (1, "< has a meaning", "A='…'"),
    "export A={x,y}": (1, "{ has a meaning", "A='…'"),
    "A=x(y)": (1, "( has a meaning", "A='…'"),
    "A=(x y)": (1, "array", "one value"),
    "A[0]=x": (1, "array", "one value"),
    "A+=x": (1, "+=", 'A="${A}…"'),
    "A=$'x\\n'": (1, "$' has a meaning", "A='…'"),
    'A=$"x"': (1, '$" has a meaning', "A='…'"),
    "A=pa$$word": (1, "$$ has a meaning", "A='…'"),
    "A=pa$1": (1, "$1 has a meaning", "A='…'"),
    "A=$?": (1, "$? has a meaning", "A='…'"),
    "A=${#B}": (1, "form of ${…}", "${X:-word}"),
    "A=${B%x}": (1, "form of ${…}", "${X:-word}"),
    "A=${B:=x}": (1, "form of ${…}", "${X:-word}"),
    "A=${B:-'x'}": (1, "form of ${…}", "${X:-word}"),
    "A=${B": (1, "form of ${…}", "${X:-word}"),
    "A=" + "${B:-" * 5000: (1, "form of ${…}", "${X:-word}"),
    "A=1\nB='open\nC=2\n": (2, "the ' of B is never closed", "Close it"),
    'A=1\nB="open\nC=2\n': (2, 'the " of B is never closed', "Close it"),
    "A=x\\": (1, "backslash", "Remove"),
    "A=~$E": (1, "home folder", "A='…'"),
    "A=~+": (1, "home folder", "A='…'"),
    "UID=5": (1, "bash itself", "another name"),
    "BASH_ENV=x": (1, "bash itself", "another name"),
    "A=$RANDOM": (1, "only while bash runs", "Write its value out"),
    "A=$HOSTNAME": (1, "only while bash runs", "Write its value out"),
    "A=1;;B=2": (1, "not KEY=value", "Remove"),
    "A=1\n;B=2": (2, "not KEY=value", "Remove"),
    "A=1\nB=a\x00b": (2, "control character", "again"),
    "A=1\nB=a\rb": (2, "control character", "again"),
    "A=1\\\n\\\n B='x": (3, "never closed", "Close it"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_only_a_shell_could_do_is_refused_with_its_line_the_reason_and_a_fix(text):
    line, reason, fix = REFUSED[text]
    with pytest.raises(ConfigError) as caught:
        parse(text, ENVIRONMENT, "here.conf")
    assert caught.value.title.startswith(f"here.conf, line {line}: ")
    assert reason in caught.value.title
    assert fix in caught.value.hint
    assert caught.value.runbook == "3.2"


@pytest.mark.parametrize(
    "text", ["P='hunter2", 'P="hunter2', "P= hunter2", "P=hunter2 hunter2", "P=hunter2|", "P=hunter2$1"]
)
def test_a_message_never_holds_the_value(text):
    with pytest.raises(ConfigError) as caught:
        parse(text, ENVIRONMENT)
    assert "hunter2" not in caught.value.title + caught.value.hint


def test_each_value_comes_with_its_line_and_the_last_assignment_counts():
    found = parse("A=1\n\nB='x\ny'\nA=2\n", {})
    assert {key: (it.value, it.line) for key, it in found.items()} == {"A": ("2", 5), "B": ("x\ny", 3)}
    assert list(found) == ["A", "B"]


def test_a_value_tells_what_it_was_made_of_and_what_was_set_nowhere():
    found = parse('BASE=/srv\nA="${BASE}/$NOWHERE/$E"\nB=${NOWHERE:-$E}\nC=${E:-$NOWHERE}\n', ENVIRONMENT)
    assert found["A"].refers == {"BASE", "NOWHERE", "E"}
    assert found["A"].unset == {"NOWHERE"}
    assert found["B"].unset == found["C"].unset == found["BASE"].refers == frozenset()


def test_a_file_from_windows_reads_like_any_other():
    unix = "# héllo\nA=1\nB='two' # x\nC=\"a\\\nb\"\n"
    windows = "\ufeff" + unix.replace("\n", "\r\n")
    assert parse(windows, {}) == parse(unix, {})
    assert parse(windows, {})["C"].value == "ab"


def test_the_environment_answers_where_the_file_does_not_and_bashs_presets_only_then():
    assert parse("A=$HOME B=$PATH", {"HOME": "/h", "PATH": "/bin"})["B"].value == "/bin"
    assert parse("HOME=/x\nA=$HOME", {"HOME": "/h"})["A"].value == "/x"
    assert parse("PATH=/sbin:$PATH", {"PATH": "/bin"})["PATH"].value == "/sbin:/bin"


def test_a_tilde_asks_for_home_folders_and_leaves_strangers_as_they_are():
    folders = {"": "/mine", "ana": "/home/ana"}
    found = parse("A=~/x B=~ana C=~luis/y", {}, home_of=folders.get)
    assert [found[key].value for key in "ABC"] == ["/mine/x", "/home/ana", "~luis/y"]
    with pytest.raises(ConfigError, match="there is none"):
        parse("A=~", {}, home_of=lambda user: None)


_password = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20) | st.text(
    st.sampled_from("ab \t\n'\"\\$`!#~&;(){}[]*?%:="), max_size=12
)


@given(_password)
def test_any_password_that_was_quoted_reads_back_exactly(password):
    assert parse(f"export A={quote(password)} # x\n", {})["A"].value == password


@bash
@settings(max_examples=8, deadline=None)
@given(st.lists(_password, min_size=40, max_size=80))
def test_any_password_that_was_quoted_reads_back_exactly_in_bash(passwords):
    texts = [f"A={quote(password)}" for password in passwords]
    answers = bash_reads(texts)
    assert [answer["A"] if answer else None for answer in answers] == passwords


@pytest.mark.parametrize("value", ["a\rb", "a\x00b", "\x1b[31m", "\x7f", "\udcff"])
def test_what_no_configuration_can_carry_is_not_quoted(value):
    with pytest.raises(ConfigError, match="control character"):
        quote(value)
