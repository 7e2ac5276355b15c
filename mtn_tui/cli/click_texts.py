"""Texts that click itself prints, listed so that our catalogue translates them.

click uses gettext's default domain, which ``core.i18n.use`` sets to ours.
"""

from __future__ import annotations

from mtn_tui.core.i18n import _, ngettext

TEXTS = (
    _("Aborted!"),
    _("Commands"),
    _("Error: invalid input"),
    _("Error: {message}"),
    _("Invalid value for {param_hint}: {message}"),
    _("Invalid value: {message}"),
    _("Missing argument"),
    _("Missing command."),
    _("Missing option"),
    _("Missing parameter"),
    _("No such command {name!r}."),
    _("No such option {name!r}."),
    _("Option {name!r} does not take a value."),
    _("Options"),
    _("Show this message and exit."),
    _("Usage:"),
    _("default: {default}"),
    _("directory"),
    _("file"),
    _("path"),
    _("required"),
    _("{name} {filename!r} is a file."),
    _("{value!r} is not a valid {number_type}."),
    _("{value} is not in the range {range}."),
    ngettext("Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})", 1),
    ngettext("{value!r} is not {choice}.", "{value!r} is not one of {choices}.", 1),
    ngettext("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)", 1),
    ngettext("Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments.", 1),
)
