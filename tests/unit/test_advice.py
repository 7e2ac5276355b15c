"""No message hands over a command that destroys something: whoever is refused is led, not armed."""

from __future__ import annotations

import ast
import re

from tests.package_source import catalogue, nodes

DESTROYS = re.compile(
    r"--drop|mtn (promote|undo .*--drop|kept drop|prune(?! --dry-run))|dropdb|DROP DATABASE"
)

ASKED_FOR = {
    "Leave it read-only until it is promoted (mtn promote SOURCE).": "the help of an option",
}
"""Of the texts that name such a command: why."""


def test_no_text_of_the_catalogue_suggests_what_destroys():
    known = [one for one in catalogue("es") if one.id]
    texts = [(one.id, text) for one in known for text in (*_plural(one.id), *_plural(one.string))]
    assert [text for source, text in texts if source not in ASKED_FOR and DESTROYS.search(text)] == []


def _plural(text):
    return (text,) if isinstance(text, str) else tuple(text)


def test_no_command_that_is_put_together_for_people_destroys():
    for path, node in nodes():
        if isinstance(node, ast.List):
            words = [one.value for one in node.elts if isinstance(one, ast.Constant)]
            assert words[:1] != ["mtn"] or not DESTROYS.search(" ".join(map(str, words))), path
