"""Reads a payload that has no manifest, from its start: the scripts' files, and clear ``.sql.gz``.

Nothing signs such a file. What can be known is whether it decrypts, inflates
(gzip's CRC-32) and ends with pg_dump's marker; the errors say how far it held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mtn_tui.archive.blocks import Inflater
from mtn_tui.archive.cipher import BLOCK, HEADER, Decryptor, salt_of, unpad
from mtn_tui.archive.keys import Key, with_its_key
from mtn_tui.archive.reader import Stream
from mtn_tui.archive.sections import END, END_WITHIN
from mtn_tui.core.errors import NotABackup, Truncated, WrongKey
from mtn_tui.core.i18n import _

_GZIP = b"\x1f\x8b"
_PLAIN = b"--"
_MARK_OF_UTF8 = b"\xef\xbb\xbf"
CLEAR = (_GZIP, _PLAIN, _MARK_OF_UTF8)
"""First bytes of files that are not encrypted: gzip's, or those of pg_dump's text."""

_STEP = 1 << 20
_HEADS = (b"PostgreSQL database dump", b"PostgreSQL database cluster dump")
_HEAD_WITHIN = 256
_ENDS = (END, b"-- PostgreSQL database cluster dump complete")


def sql(stream: Stream, key: Key | None) -> Iterator[bytes]:
    """Yield the script's bytes. Raises NotABackup, WrongKey, Changed or Truncated if they are damaged.

    ``key`` may be None for a file that was never encrypted.
    """
    header = _read(stream, HEADER)
    head = last = b""
    for out in _without_returns(_text(stream, header, key)):
        if len(head) < _HEAD_WITHIN:
            head += out[:_HEAD_WITHIN]
            _check_head(head)
        last = (last + out[-END_WITHIN:])[-END_WITHIN:]
        yield out
    if not any(end in last for end in _ENDS):
        raise Truncated(
            _("The script inside the backup is not complete: pg_dump's end marker is missing."),
            _("The backup was made while something failed. Use the one before it."),
        )


def _text(stream: Stream, header: bytes, key: Key | None) -> Iterator[bytes]:
    header = header.removeprefix(_MARK_OF_UTF8)
    if header.startswith(_PLAIN):
        yield from _clear(stream, header)
        return
    check_format(header)
    pieces = _clear(stream, header) if header.startswith(_GZIP) else _decrypted(stream, header, key)
    inflater = Inflater()
    for piece in pieces:
        yield from inflater.feed(piece)
    inflater.finish()


def _without_returns(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Turn CRLF, as a Windows shell writes it, back into LF. COPY writes CR within values as ``\\r``."""
    held, returns = b"", None
    for piece in pieces:
        if returns is None:
            piece = piece.removeprefix(_MARK_OF_UTF8)  # noqa: PLW2901 - psql leaves it out as well
            returns = piece.startswith(b"--\r\n")
        if returns:
            piece = held + piece  # noqa: PLW2901 - the same bytes, and those before
            held = b"\r" if piece.endswith(b"\r") else b""
            piece = piece.removesuffix(b"\r").replace(b"\r\n", b"\n")  # noqa: PLW2901
        yield piece
    if held:
        yield held


def check_format(header: bytes) -> None:
    """Raise NotABackup if the first bytes are those of a pg_dump archive or of UTF-16."""
    if header.startswith((b"PGDMP", b"toc.dat")):
        raise archive_format()
    if header.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NotABackup(
            _("It is in UTF-16, as PowerShell's > writes; what pg_dump wrote is not in it byte for byte."),
            _("Have it dumped again by pg_dump -f FILE, without >."),
        )


def archive_format() -> NotABackup:
    """The error for a file in one of pg_dump's archive formats."""
    return NotABackup(
        _("It is in an archive format of pg_dump's (-Fc, -Fd, -Ft), not a plain script."),
        _("Make a script of it: pg_restore -f x.sql FILE; then restore with --file x.sql"),
    )


def _check_head(head: bytes) -> None:
    if len(head) >= _HEAD_WITHIN and not any(one in head for one in _HEADS):
        raise NotABackup(_("What is inside the backup is not pg_dump's plain text."))


def _clear(stream: Stream, header: bytes) -> Iterator[bytes]:
    yield header
    while piece := stream.read(_STEP):
        yield piece


def _decrypted(stream: Stream, header: bytes, key: Key | None) -> Iterator[bytes]:
    salt = salt_of(header)
    if key is None:
        raise WrongKey(_("The backup is encrypted and no key was given."))
    decryptor = Decryptor(*key.cipher(salt))
    held, total = b"", 0
    first = True
    while piece := _read(stream, _STEP):
        whole = len(piece) // BLOCK * BLOCK
        plain = decryptor.update(memoryview(piece)[:whole])
        total += len(piece)
        if first and plain and not plain.startswith(_GZIP):
            raise WrongKey(
                _("The backup does not decrypt with this key."),
                with_its_key(),
            )
        first = False
        plain = held + plain
        held = plain[-BLOCK:]
        yield plain[:-BLOCK]
    yield unpad(held, total)


def _read(stream: Stream, size: int) -> bytes:
    """Read ``size`` bytes, fewer only at the end."""
    pieces = []
    while size and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
