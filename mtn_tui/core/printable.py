"""Makes names and log lines, which can contain anything, safe to print on a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return ``text`` with unprintable characters (controls, text directions, lone surrogates) escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def one_line(text: str) -> str:
    """The lines of ``text`` as one: between two of them a dot in mid-line, unless the first ends a sentence.

    A command that has a line of its own must not run into the words after it.
    """
    told = ""
    for line in (" ".join(one.split()) for one in text.splitlines()):
        between = " " if told.endswith((".", ":", ";", ",", "!", "?", "…")) else " · "
        told += between + line if told and line else line
    return told
