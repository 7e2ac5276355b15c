"""What is kept of a manifest for lists: all but its sections, and what they add up to.

Sections are nine tenths of a manifest, and of thousands hardly anybody looks at
them. A summary is the hex of an HMAC-SHA256 with the key, a blank, and what it
is of, with a word before it that no manifest begins with: neither can pass for
the other, and nobody makes one without the key. That is two lines of canonical
JSON. The second is mostly the same from one backup to the next, tables' names
and the server: of thousands it is read once.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import SHARED, About, Manifest, canonical, mac, own_facts, same, shared_facts
from mtn_tui.core.errors import Changed
from mtn_tui.core.i18n import _

_WORD = b"summary 2 "


@dataclass(frozen=True)
class Summary(About):
    """As good as the manifest wherever no section is needed."""

    sums: tuple[int, int]
    """Of SQL and of gzip, in bytes."""
    counts: dict[str, int] = field(repr=False)

    @property
    def raw(self) -> int:
        return self.sums[0]

    @property
    def gzip(self) -> int:
        return self.sums[1]

    def rows(self) -> dict[str, int]:
        return dict(self.counts)


def summary(manifest: Manifest) -> Summary:
    known = {one.name: getattr(manifest, one.name) for one in fields(About)}
    return Summary(**known, sums=(manifest.raw, manifest.gzip), counts=manifest.rows())


def encode(one: Summary, key: Key) -> bytes:
    told = asdict(replace(one, counts={}))
    # Lists keep the order of the dump, which sorted keys would not.
    second = {name: told.pop(name) for name in SHARED} | {"tables": list(one.counts)}
    first = told | {"counts": list(one.counts.values())}
    body = canonical(first) + b"\n" + canonical(second)
    return mac(_WORD + body, key).encode() + b" " + body


def decode(data: bytes, key: Key, payload: str) -> Summary:
    """Believe a summary that ``key`` vouches for, of that payload. Raises Changed."""
    signature, _blank, body = data.partition(b" ")
    if same(signature.decode(errors="replace"), mac(_WORD + body, key)):
        first, _newline, second = body.partition(b"\n")
        try:
            told = json.loads(first.decode())
            tables, facts = _second(second)
            told |= own_facts(told) | facts
            told["sums"], told["counts"] = tuple(told["sums"]), dict(zip(tables, told["counts"], strict=True))
            found = _made(told)
        except (KeyError, TypeError, ValueError, AttributeError):
            pass  # of another version of this program
        else:
            if found.payload == payload:
                return found
    raise Changed(_("What was kept of the manifest is not what was kept."))


_FIELDS = frozenset(one.name for one in fields(Summary))


def _made(told: dict[str, Any]) -> Summary:
    """The same as ``Summary(**told)``, for which a frozen dataclass takes as long as for all the rest."""
    if told.keys() != _FIELDS:
        raise TypeError("other fields")
    found = Summary.__new__(Summary)
    vars(found).update(told)
    return found


@lru_cache(maxsize=256)
def _second(line: bytes) -> tuple[list[str], dict[str, Any]]:
    told = json.loads(line)
    return told["tables"], shared_facts(told)
