"""Dark and light. Colours only repeat what a glyph and a word say."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="mtn-dark",
    primary="#5fafd7",
    secondary="#87afd7",
    accent="#5fafd7",
    foreground="#d0d0d0",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    success="#5faf5f",
    warning="#d7af5f",
    error="#ff5f5f",
    dark=True,
    variables={"quiet": "#8a8a8a", "bar": "#303030", "chosen": "#005f87", "chosen-text": "#ffffff"},
)
LIGHT = Theme(
    name="mtn-light",
    primary="#005f87",
    secondary="#005f87",
    accent="#005f87",
    foreground="#1c1c1c",
    background="#ffffff",
    surface="#f2f2f2",
    panel="#e4e4e4",
    success="#005f00",
    warning="#875f00",
    error="#af0000",
    dark=False,
    variables={"quiet": "#5f5f5f", "bar": "#dadada", "chosen": "#005f87", "chosen-text": "#ffffff"},
)
