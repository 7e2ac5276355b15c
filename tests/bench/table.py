"""The ratio table, and the promised speed and memory beside what this run has shown.

Printed, never asserted: how fast it is depends on the machine.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.measure import Result

_COMPARED = {">=": operator.ge, ">": operator.gt, "<=": operator.le}


@dataclass(frozen=True)
class Row:
    """A line of the table; without a result it is a part of the line above it."""

    name: str
    seconds: float
    result: Result | None = None


@dataclass(frozen=True)
class Budget:
    """What is promised, and what was measured."""

    what: str
    measured: float
    relation: str
    wanted: float
    unit: str
    also: str = ""


def print_table(title: str, rows: Sequence[Row], ours: float) -> None:
    """``ours`` is the time, in seconds, to which the ratios are."""
    print(f"\n{title:<48}{'seconds':>8}{'to ours':>9}{'CPU s':>7}{'server':>7}{'peak MB':>9}{'bytes':>13}")
    for row in rows:
        line = f"{row.name:<48}{row.seconds:>8.2f}{row.seconds / ours:>8.2f}×"
        if row.result is not None:
            line += f"{row.result.cpu:>7.1f}{row.result.server:>7.1f}{row.result.peak / 1e6:>9.0f}"
            line += f"{row.result.size:>13,}" if row.result.size is not None else ""
        print(line)
    print()


def print_budgets(budgets: Sequence[Budget]) -> None:
    for budget in budgets:
        holds = _COMPARED[budget.relation](budget.measured, budget.wanted)
        line = f"{'holds' if holds else 'MISSED':<8}{budget.what}: {budget.measured:.2f} {budget.unit},"
        line += f" wanted {budget.relation} {budget.wanted:g}"
        print(line + (f" ({budget.also})" if budget.also else ""))


def memory(*ours: Result) -> Budget:
    return Budget("peak memory", max(result.peak for result in ours) / 1e6, "<=", 200, "MB")
