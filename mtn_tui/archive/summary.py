"""A manifest's summary, for lists: all but its sections, and their sums.

Sections are nine tenths of a manifest, and lists don't need them. Many summaries are
encoded as one JSON: what most backups share, the server and the tables' names, stands
in it once. It has no signature of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from mtn_tui.archive.manifest import SHARED, About, Manifest, canonical, own_facts, shared_facts


@dataclass(frozen=True)
class Summary(About):
    """What a manifest says, without its sections."""

    sums: tuple[int, int]
    """Of SQL and of gzip, in bytes."""
    counts: dict[str, int] = field(repr=False)

    @property
    def raw(self) -> int:
        """Bytes of SQL in all."""
        return self.sums[0]

    @property
    def gzip(self) -> int:
        """Bytes of gzip in all."""
        return self.sums[1]

    def rows(self) -> dict[str, int]:
        """Rows per table, in the order of the dump."""
        return dict(self.counts)


_FIELDS = frozenset(one.name for one in fields(Summary))
_OWN = tuple(_FIELDS - {*SHARED, "counts"})


def summary(manifest: Manifest) -> Summary:
    """Make the summary of a manifest."""
    known = {one.name: getattr(manifest, one.name) for one in fields(About)}
    return Summary(**known, sums=(manifest.raw, manifest.gzip), counts=manifest.rows())


def as_json(many: Sequence[Summary]) -> dict[str, Any]:
    """Many summaries in JSON's own types; ``from_json`` reads them back, in the same order."""
    shared: list[dict[str, Any]] = []
    by_objects: dict[tuple[int, ...], int] = {}
    by_bytes: dict[bytes, int] = {}
    own = []
    for one in many:
        facts = vars(one)
        # Those that were read together share their objects: comparing these is a hundred times quicker.
        objects = (*(id(facts[name]) for name in SHARED), *map(id, one.counts))
        if (place := by_objects.get(objects)) is None:
            common = _common(one)
            place = by_objects[objects] = by_bytes.setdefault(canonical(common), len(shared))
            if place == len(shared):
                shared.append(common)
        own.append([place, {name: facts[name] for name in _OWN} | {"counts": list(one.counts.values())}])
    return {"shared": shared, "own": own}


def _common(one: Summary) -> dict[str, Any]:
    return {
        "server": asdict(one.server),
        "properties": asdict(one.properties),
        "tools": one.tools,
        "roles": one.roles,
        "extensions": [asdict(extension) for extension in one.extensions],
        "tables": list(one.counts),  # in the order of the dump, which sorted keys would not keep
    }


def from_json(found: dict[str, Any]) -> list[Summary]:
    """Read what ``as_json`` made.

    Raises KeyError, TypeError, ValueError, IndexError or AttributeError if another version made it.
    """
    shared = [(one["tables"], shared_facts(one)) for one in found["shared"]]
    return [_made(one, *shared[place]) for place, one in found["own"]]


def _made(one: dict[str, Any], tables: list[str], facts: dict[str, Any]) -> Summary:
    """``Summary(**one)``, without the slow ``__init__`` of a frozen dataclass."""
    one.update(own_facts(one))
    one.update(facts)
    one["sums"], one["counts"] = tuple(one["sums"]), dict(zip(tables, one["counts"], strict=True))
    if one.keys() != _FIELDS:
        raise TypeError("other fields")
    made = Summary.__new__(Summary)
    vars(made).update(one)
    return made
