"""Which keys of a full are gone: what is left is the same list in the same order, with some missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def gone_keys(base: Iterable[bytes], left: Iterable[bytes], expected: int) -> tuple[bytes, ...] | None:
    """The lines of ``base`` that ``left`` lacks; both come in pieces of COPY's text, cut anywhere.

    None if ``left`` is no part of ``base`` in its order, which an upgraded collation may have changed,
    or if others than ``expected`` are missing.
    """
    missing: list[bytes] = []
    remaining = _lines(left)
    current = next(remaining, None)
    for line in _lines(base):
        if line == current:
            current = next(remaining, None)
        else:
            missing.append(line)
            if len(missing) > expected:
                return None
    return tuple(missing) if current is None and len(missing) == expected else None


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    begun = b""
    for piece in pieces:
        *whole, begun = (begun + piece).split(b"\n")
        yield from whole
    if begun:
        yield begun
