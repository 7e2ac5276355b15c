"""Reads a payload that has a manifest: any section, in any order, or all of them in one pass.

No byte of a section is handed out before the section's hash was checked.
Sources are callables ``(start, length) -> binary stream``, as ``Storage.open``
bound to a key is, so that nothing here knows where a payload lies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import BinaryIO, Protocol

from mtn_tui.archive.blocks import Inflater
from mtn_tui.archive.cipher import BLOCK, HEADER, MAGIC, Decryptor
from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import About, KeyFile, Manifest, Section
from mtn_tui.archive.sections import END, END_WITHIN, Part
from mtn_tui.core.errors import Changed, ForeignManifest, Truncated
from mtn_tui.core.i18n import Figure, _
from mtn_tui.core.models import Kind

_STEP = 1 << 20


class Stream(Protocol):
    """What payloads are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Read up to ``size`` bytes; b"" at the end."""


Source = Callable[[int, int | None], AbstractContextManager[BinaryIO]]
"""Opens part of a payload, given the start and the length in bytes (None: to the end)."""


@dataclass(frozen=True)
class Window:
    """One section, decrypted; its hash is not checked yet."""

    section: Section
    gzip: memoryview


@dataclass(frozen=True)
class Checked:
    """A section that was read through and is whole."""

    section: Section
    tail: bytes
    """Its last bytes of SQL, END_WITHIN at most."""


class Keys:
    """The file of keys beside a full."""

    def __init__(self, source: Source, key: Key, file: KeyFile) -> None:
        self._source = source
        self._file = file
        self._secret, self._iv = key.cipher(bytes.fromhex(file.salt))

    def of(self, table: str) -> Iterator[bytes]:
        """The keys of one table, in order, as COPY's text. Raises Changed or Truncated."""
        for section in self._file.sections:
            if section.table == table:
                window = _window(self._source, self._secret, self._iv, section)
                yield from _inflate(checked_gzip(window))


class Archive:
    """One payload and its manifest. Safe from any number of threads."""

    def __init__(self, source: Source, key: Key, manifest: Manifest) -> None:
        self.manifest = manifest
        self._source = source
        self._secret, self._iv = key.cipher(bytes.fromhex(manifest.salt))

    def sql(self, section: Section) -> Iterator[bytes]:
        """Yield the section's SQL. Raises Changed, Truncated or ForeignManifest before the first byte."""
        try:
            gzip = checked_gzip(self._window(section))
        except (Changed, Truncated):
            check_header(self._source, self.manifest)
            raise
        return _inflate(gzip)

    def neighbours(self, sections: Sequence[Section]) -> Iterator[Iterator[bytes]]:
        """Yield the SQL of each of some sections that follow each other in the payload, read in one go.

        For small ones: together they are held in memory. Raises as ``sql`` does, before a
        section's first byte.
        """
        span = replace(sections[0], size=sum(section.size for section in sections))
        try:
            gzip = self._window(span).gzip
            at = 0
            for section in sections:
                if section.offset != span.offset + at:
                    raise ValueError("the sections do not follow each other")
                yield _inflate(checked_gzip(Window(section, gzip[at : at + section.size])))
                at += section.size
        except (Changed, Truncated):
            check_header(self._source, self.manifest)
            raise

    def check(self, window: Window) -> Checked:
        """Check a section's hash, gzip checksums and length in SQL. Raises Changed or Truncated."""
        raw, tail = 0, b""
        for piece in _inflate(checked_gzip(window)):
            raw += len(piece)
            tail = (tail + piece[-END_WITHIN:])[-END_WITHIN:]
        if raw != window.section.raw:
            raise _changed()
        return Checked(window.section, tail)

    def pieces(self, stream: Stream) -> Iterator[bytes]:
        """Read the whole payload once; yield its bytes, still encrypted, without the 16 bytes of header.

        Its own size and SHA-256 are checked after the last piece.
        """
        header = read_exactly(stream, HEADER)
        _check_header(header, self.manifest)
        hashed = hashlib.sha256(header)
        left = self.manifest.size - HEADER
        while left:
            piece = read_exactly(stream, min(_STEP, left))
            hashed.update(piece)
            left -= len(piece)
            yield piece
        if stream.read(1) or hashed.hexdigest() != self.manifest.sha256:
            raise _changed()

    def windows(self, stream: Stream) -> Iterator[Window]:
        """Read the whole payload once, checked as by ``pieces``, and yield it section by section."""
        pieces = self.pieces(stream)
        decryptor = Decryptor(self._secret, self._iv)
        plain = bytearray()
        for section in self.manifest.sections:
            while len(plain) < section.size:
                piece = next(pieces, b"")
                if not piece:
                    raise _changed()
                plain += decryptor.update(piece)
            window = [Window(section, memoryview(plain)[: section.size])]
            plain = plain[section.size :]
            # Popped, so that nothing here keeps it in memory: the caller decides how long it stays.
            yield window.pop()
        for _padding in pieces:
            pass

    def _window(self, section: Section) -> Window:
        return _window(self._source, self._secret, self._iv, section)


def _window(source: Source, secret: bytes, iv: bytes, section: Section) -> Window:
    first, last = section.offset // BLOCK, -(-(section.offset + section.size) // BLOCK)
    size = (last - first) * BLOCK
    lead = BLOCK if first else 0
    plain = bytearray()
    with source(HEADER + first * BLOCK - lead, lead + size) as stream:
        decryptor = Decryptor(secret, read_exactly(stream, lead) or iv)
        while len(plain) < size:
            plain += decryptor.update(read_exactly(stream, min(_STEP, size - len(plain))))
    within = section.offset % BLOCK
    return Window(section, memoryview(plain)[within : within + section.size])


def checked_gzip(window: Window) -> memoryview:
    """A section's gzip members. Raises Changed if they are not those that were written."""
    if hashlib.sha256(window.gzip).hexdigest() != window.section.sha256:
        raise _changed()
    return window.gzip


def check_size(size: int, manifest: About) -> None:
    """Compare a payload's size in bytes with the manifest's; raise Truncated or Changed."""
    if size < manifest.size:
        raise Truncated(
            _("The backup was cut off: {size} of {whole} bytes are there.").format(
                size=f"{Figure(size):,}", whole=f"{Figure(manifest.size):,}"
            ),
            _another_copy(),
        )
    if size > manifest.size:
        raise Changed(
            _("The backup is longer than it was written: {size} bytes instead of {whole}.").format(
                size=f"{Figure(size):,}", whole=f"{Figure(manifest.size):,}"
            ),
            _another_copy(),
        )


def check_header(source: Source, manifest: About) -> None:
    """Read the first 16 bytes; raise ForeignManifest if they are another payload's, Changed if damaged."""
    with source(0, HEADER) as stream:
        _check_header(read_exactly(stream, HEADER), manifest)


def _check_header(header: bytes, manifest: About) -> None:
    expected = MAGIC + bytes.fromhex(manifest.salt)
    differing = sum(one != other for one, other in zip(header, expected, strict=True))
    if header.startswith(MAGIC) and differing > len(expected) // 4:
        raise ForeignManifest(
            _("The manifest belongs to another file, not to the one beside it."),
            _("Put each file back beside its own manifest, or use the copy in the other store."),
        )
    if differing:
        raise _changed()


def check_complete(checked: list[Checked], manifest: About) -> None:
    """Raise Truncated unless pg_dump's end marker ends its run, and ours ends the tail.

    In format 1 pre-data, data and post-data are runs of their own.
    """
    if manifest.kind is Kind.DIFF:
        runs: tuple[Part, ...] = (Part.CHANGES,)
    elif manifest.format == 1:
        runs = (Part.PRE_DATA, Part.SQL, Part.POST_DATA, Part.TAIL)
    else:
        runs = (Part.POST_DATA, Part.TAIL)
    ends = dict.fromkeys(runs, b"")
    for one in checked:
        run: Part = Part.SQL if one.section.part is Part.TABLE else one.section.part
        # The last section of a run may be shorter than the marker, and hold only its end.
        run = run if run in runs else runs[0]
        ends[run] = (ends[run] + one.tail)[-END_WITHIN:]
    if any(END not in end for end in ends.values()):
        raise Truncated(_("The script inside the backup is not complete: an end marker is missing."))


def read_exactly(stream: Stream, length: int) -> bytes:
    """Read ``length`` bytes, or raise Truncated."""
    pieces = []
    left = length
    while left:
        piece = stream.read(left)
        if not piece:
            raise Truncated(_("The backup was cut off."), _another_copy())
        pieces.append(piece)
        left -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _inflate(data: memoryview) -> Iterator[bytes]:
    inflater = Inflater()
    yield from inflater.feed(data)
    inflater.finish()


def _changed() -> Changed:
    return Changed(_("The backup was changed after it was written."), _another_copy())


def _another_copy() -> str:
    return _("Do not trust this copy. If no other copy of this backup holds, use the backup before it.")
