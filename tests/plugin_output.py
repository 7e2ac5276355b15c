"""Strict readers of what monitoring systems read: a plugin's output, and Prometheus's text format."""

from __future__ import annotations

import re
from dataclasses import dataclass


class Malformed(Exception):
    """Output that its readers would refuse."""


_WORDS = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}
_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_RANGE = rf"@?(?:(?:~|{_NUMBER}):)?(?:{_NUMBER})?"
_DATUM = re.compile(
    rf"(?P<label>[^='\s|]+)=(?P<value>{_NUMBER})(?P<unit>s|ms|us|%|B|KB|MB|TB|c|)"
    rf"(?:;(?P<warn>{_RANGE})(?:;(?P<crit>{_RANGE})(?:;(?P<min>{_NUMBER}|)(?:;(?P<max>{_NUMBER}|))?)?)?)?"
)


@dataclass(frozen=True)
class Plugin:
    """A Nagios plugin's output."""

    status: int
    text: str
    data: dict[str, tuple[float, str, str, str]]
    """Value, unit, and the ranges that warn and are critical, by label."""
    more: list[str]


def plugin(output: str) -> Plugin:
    """Read it as the Monitoring Plugins Development Guidelines have it. Raises Malformed."""
    first, *more = output.removesuffix("\n").split("\n")
    text, _bar, told = first.partition("|")
    found = re.match(r"MTN (OK|WARNING|CRITICAL|UNKNOWN) - (.+)", text.strip())
    if found is None or any("|" in line for line in (told, *more)):
        raise Malformed(output)
    data = {}
    for datum in told.split():
        read = _DATUM.fullmatch(datum)
        if read is None or read["label"] in data:
            raise Malformed(datum)
        data[read["label"]] = (float(read["value"]), read["unit"], read["warn"] or "", read["crit"] or "")
    return Plugin(_WORDS[found[1]], found[2], data, more)


_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{((?:{_LABEL}(?:,{_LABEL})*)?)\}})? (-?[0-9.]+(?:e[-+]?[0-9]+)?)")
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}

Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


def exposition(text: str) -> Samples:
    """Read the text format 0.0.4: values by metric and labels. Raises Malformed where promtool complains.

    A metric's help and type stand once, before its samples, and these in one piece; no labels
    are said twice; the last line ends with a newline.
    """
    if not text.endswith("\n"):
        raise Malformed("the last line has no end")
    samples: Samples = {}
    helped: set[str] = set()
    family = ""
    for line in text.removesuffix("\n").split("\n"):
        if told := re.fullmatch(rf"# HELP ({_NAME}) ((?:[^\\\n]|\\[\\n])*)", line):
            if told[1] in helped or not told[2]:
                raise Malformed(line)
            helped.add(told[1])
        elif told := re.fullmatch(rf"# TYPE ({_NAME}) gauge", line):
            if told[1] in samples or told[1] not in helped:
                raise Malformed(line)
            family = told[1]
            samples[family] = {}
        elif read := _SAMPLE.fullmatch(line):
            labels = tuple(
                (name, re.sub(r'\\[\\"n]', lambda escape: _ESCAPES[escape[0]], value))
                for name, value in re.findall(_LABEL, read[2] or "")
            )
            if read[1] != family or labels in samples[family]:
                raise Malformed(line)
            samples[family][labels] = float(read[read.lastindex or 0])
        else:
            raise Malformed(line)
    return samples
