"""Writes a payload: gzip members into ``openssl enc``, hashed and indexed as they pass."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from mtn_tui.archive import blocks
from mtn_tui.archive.cipher import Encryptor
from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import Section
from mtn_tui.archive.sections import Block, Start


@dataclass(frozen=True)
class Member:
    """A block compressed: what one worker thread hands to the writer."""

    gzip: bytes
    raw: int
    rows: int
    start: Start | None


@dataclass(frozen=True)
class Payload:
    """What was written."""

    size: int
    sha256: str
    salt: str
    sections: tuple[Section, ...]


def compress(block: Block, level: int) -> Member:
    """Compress a block. ``level`` is 1 to 12, as libdeflate counts them."""
    return Member(blocks.compress(block.data, level), len(block.data), block.rows, block.start)


class Writer:
    """Takes members in order; ``write`` gets the payload's bytes. Not for more than one thread."""

    def __init__(self, key: Key, salt: bytes, write: Callable[[bytes], object]) -> None:
        self._encryptor = Encryptor(key, salt)
        self._salt = salt
        self._write = write
        self._hash = hashlib.sha256()
        self._size = 0
        self._offset = 0
        self._sections: list[Section] = []
        self._start: Start | None = None
        self._begun = 0
        self._raw = 0
        self._rows = 0
        self._section_hash = hashlib.sha256()
        self._put(self._encryptor.header)

    def append(self, member: Member) -> None:
        """Encrypt and write one member. A member that has a ``start`` begins a section."""
        if member.start is not None:
            self._close_section()
            self._start = member.start
            self._begun = self._offset
            self._raw = self._rows = 0
            self._section_hash = hashlib.sha256()
        self._section_hash.update(member.gzip)
        self._offset += len(member.gzip)
        self._raw += member.raw
        self._rows += member.rows
        self._put(self._encryptor.update(member.gzip))

    def finish(self) -> Payload:
        """Write the last blocks; return the payload's size, hash, salt and sections. Call it once."""
        self._close_section()
        self._put(self._encryptor.finish())
        return Payload(self._size, self._hash.hexdigest(), self._salt.hex(), tuple(self._sections))

    def _close_section(self) -> None:
        if self._start is not None:
            self._sections.append(
                Section(
                    self._start.part,
                    self._begun,
                    self._offset - self._begun,
                    self._raw,
                    self._rows,
                    self._section_hash.hexdigest(),
                    self._start.table,
                    self._start.copy,
                    self._start.joined,
                    self._start.cut,
                )
            )

    def _put(self, data: bytes) -> None:
        self._hash.update(data)
        self._size += len(data)
        self._write(data)
