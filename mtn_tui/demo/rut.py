"""The Chilean identity number (Rol Único Tributario): a number and its check digit.

The check digit is modulus 11 over the digits from the right, weighted 2 to 7
in turn; 11 is written 0, and 10 is written K.
"""

from __future__ import annotations

from functools import cache


def rut(number: int) -> str:
    """Return the identity number as it is stored, without dots: ``12345678-5``."""
    high, low = divmod(number, 10_000)
    return f"{number}-{'0K987654321'[(_weighted(low, 0) + _weighted(high, 4)) % 11]}"


@cache
def _weighted(digits: int, place: int) -> int:
    """Return the weighted sum of ``digits``, the last of which is ``place`` places from the right.

    Cached, since millions of numbers consist of some ten thousand halves.
    """
    total = 0
    while digits:
        digits, digit = divmod(digits, 10)
        total += digit * (2 + place % 6)
        place += 1
    return total
