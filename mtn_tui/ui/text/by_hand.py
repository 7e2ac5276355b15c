"""What an operator has to do where no job of ours mends a finding: why no key does it, and what to type."""

from __future__ import annotations

import re

from mtn_tui.core.i18n import _
from mtn_tui.core.suggested import COMMANDS
from mtn_tui.operations.common.checks import Check

_WORD = r"""(?:'[^']*'|"[^"]*"|[^\s'"])+"""
_TYPED = re.compile(rf"(?:: |\()(mtn (?:--config {_WORD} )?(?:{'|'.join(COMMANDS)})\b(?: {_WORD})*)")
"""A command in a hint stands after a colon or in brackets, to the end of its sentence."""
_ENDS = ".,;)"

_MACHINE = ("schedule install",)
_ANSWERED_FOR = ("accept", "check", "notify --test")
"""What changes this machine, and what a person has to vouch for."""


def typed(hint: str) -> str:
    """The first command of ``mtn`` that a hint names, to be typed as it is; empty if it names none."""
    found = _TYPED.search(hint)
    if found is None:
        return ""
    words = []
    for word in re.findall(_WORD, found[1]):
        words.append(word.rstrip(_ENDS))
        if word != words[-1]:
            break
    return " ".join(words)


def why_no_key(found: Check) -> str:
    """Why no key mends a finding that is not ok and has no ``fix``, and what to do instead; never empty."""
    command = typed(found.hint)
    if not command:
        return _("No command of mtn mends it: [enter] shows what to do.")
    bare = re.sub(rf"^mtn (?:--config {_WORD} )?", "", command)
    if bare.startswith(_MACHINE):
        text = _("It changes what this machine starts; type it yourself: {command}")
    elif bare.startswith(_ANSWERED_FOR):
        text = _("Somebody has to answer for it; type it yourself: {command}")
    else:
        text = _("It has to be looked into; type: {command}")
    return text.format(command=command)
