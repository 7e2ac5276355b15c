"""Archives of manifest format 1, as earlier versions wrote them: the script is three runs of pg_dump."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mtn_tui.archive.borders import Copy, borders
from mtn_tui.archive.keys import Key
from mtn_tui.archive.rows import CLOSE, CopyDone, CopyRows
from mtn_tui.archive.sections import HEAD, Block, Part, Start
from mtn_tui.archive.writer import Writer, compress
from tests.archive_fixtures import (
    ENDING,
    KEY,
    PAYLOAD,
    POST_DATA,
    PRE_DATA,
    PREAMBLE,
    SALT,
    TAIL,
    Made,
    manifest_of,
)


def in_three_runs(
    data: bytes,
    *,
    pre_data: bytes = PRE_DATA + ENDING,
    post_data: bytes = PREAMBLE + POST_DATA,
    tail: bytes = TAIL,
    key: Key = KEY,
    name: str = PAYLOAD,
) -> Made:
    """Of what ``pg_dump --section=`` wrote for each; the data's settings and end are added if need be."""
    if not data.startswith(b"--\n-- PostgreSQL"):
        data = PREAMBLE + data + ENDING
    blocks = [
        Block(HEAD + pre_data, start=Start(Part.PRE_DATA)),
        *_data(data),
        Block(post_data, start=Start(Part.POST_DATA)),
        Block(tail, start=Start(Part.TAIL)),
    ]
    written = bytearray()
    writer = Writer(key, SALT, written.extend)
    for block in blocks:
        writer.append(compress(block, 6))
    payload = writer.finish()
    manifest = replace(
        manifest_of(name, key),
        size=payload.size,
        sha256=payload.sha256,
        salt=payload.salt,
        sections=payload.sections,
        format=1,
    )
    return Made(bytes(written), b"".join(block.data for block in blocks), manifest, ())


def _data(run: bytes) -> Iterator[Block]:
    """Each table a section, and what stands between two of them."""
    start, held, rows = Start(Part.SQL), b"", 0
    for piece in borders([run]):
        if isinstance(piece, CopyRows):
            held, rows = held + piece.data, rows + piece.data.count(b"\n")
            continue
        if isinstance(piece, CopyDone):
            held += CLOSE
            continue
        opens = isinstance(piece, Copy)
        if opens or start.part is Part.TABLE:
            if held:
                yield Block(held, rows, start)
            held, rows = b"", 0
            start = Start(Part.TABLE, piece.table, piece.statement) if opens else Start(Part.SQL)
        held += piece.data
    yield Block(held, rows, start)
