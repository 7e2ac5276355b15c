"""What is kept of a manifest for lists: all but its sections, and what they add up to.

Sections are nine tenths of a manifest, and of thousands hardly anybody looks at
them. A summary is the hex of an HMAC-SHA256 with the key, a blank, and the
canonical JSON that it is of, with a word before it that no manifest begins
with: neither can pass for the other, and nobody makes one without the key.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace

from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import About, Manifest, canonical, facts, mac, same
from mtn_tui.core.errors import Changed
from mtn_tui.core.i18n import _

_WORD = b"summary 1 "


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
    # A list keeps the order of the dump, which sorted keys would not.
    body = canonical({**asdict(replace(one, counts={})), "counts": list(one.counts.items())})
    return mac(_WORD + body, key).encode() + b" " + body


def decode(data: bytes, key: Key, payload: str) -> Summary:
    """Believe a summary that ``key`` vouches for, of that payload. Raises Changed."""
    signature, _blank, body = data.partition(b" ")
    if same(signature.decode(errors="replace"), mac(_WORD + body, key)):
        try:
            told = json.loads(body)
            raw, gzip = told["sums"]
            known = facts(told)
            known["sums"], known["counts"] = (raw, gzip), dict(told["counts"])
            found = Summary(**known)
        except (KeyError, TypeError, ValueError, AttributeError):
            pass  # of another version of this program
        else:
            if found.payload == payload:
                return found
    raise Changed(_("What was kept of the manifest is not what was kept."))
