"""Marks what PostgreSQL, libpq or a program said, in whatever language: it follows a sentence of ours."""

from __future__ import annotations

from mtn_tui.core.i18n import _


def server_said(words: str) -> str:
    """The server's own words, marked as such; they follow a sentence of ours."""
    return _("The server said: {words}").format(words=words)


def reported(words: str) -> str:
    """The words of libpq or of the system, where the server itself may have said nothing."""
    return _("Original message: {words}").format(words=words)


def tool_said(tool: str, words: str) -> str:
    """The last words of a program that was run, on its stderr."""
    return _("{tool} said: {words}").format(tool=tool, words=words)


def split(text: str) -> tuple[str, str]:
    """Our sentence, and the words of others that follow it with their mark; empty if there are none."""
    marks = [mark("").strip() for mark in (server_said, reported)]
    at = min((found for one in marks if (found := text.find(one)) >= 0), default=len(text))
    return text[:at].rstrip(), text[at:]
