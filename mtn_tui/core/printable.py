"""Names and log lines can hold anything; a terminal must never obey them."""

from __future__ import annotations


def printable(text: str) -> str:
    """``text`` with whatever does not print (controls, directions, lone surrogates) as escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
