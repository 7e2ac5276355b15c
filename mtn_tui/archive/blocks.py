"""Gzip members: written one by one on many threads, read as one stream.

``gunzip`` reads a sequence of members as if it were one. Writing uses
libdeflate (as small as gzip -9 at four times its speed), reading
ISA-L; both release the GIL.
"""

from __future__ import annotations

from collections.abc import Iterator

import deflate
from isal import isal_zlib

from mtn_tui.core.errors import Changed, Truncated
from mtn_tui.core.i18n import _

MEMBER = 1 << 20
"""Bytes of SQL in one member, at most."""

_STEP = 128 << 10
_PIECE = 4 << 20


def compress(data: bytes, level: int) -> bytes:
    """One gzip member. ``level`` 1 to 12, as libdeflate counts them."""
    return bytes(deflate.gzip_compress(data, level))


class Inflater:
    """Inflates a stream of members, given in pieces of any size.

    Raises Changed if the bytes are no gzip or a checksum is wrong, and
    Truncated from finish() if the stream ends within a member.
    """

    def __init__(self) -> None:
        self._member: isal_zlib.Decompress | None = None
        self._waiting = b""
        self.members = 0

    def feed(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Yield what can be inflated so far, in pieces of at most 4 MiB."""
        view = memoryview(data)
        for start in range(0, len(view), _STEP):
            yield from self._step(bytes(view[start : start + _STEP]))

    def _step(self, data: bytes) -> Iterator[bytes]:
        data = self._waiting + data
        self._waiting = b""
        while data:
            if self._member is None:
                if len(data) < 2:
                    self._waiting = data
                    return
                if not data.startswith(b"\x1f\x8b"):
                    raise Changed(_("The compressed data is damaged: a gzip header is missing."))
                self._member = isal_zlib.decompressobj(31)
            try:
                out = self._member.decompress(data, _PIECE)
            except isal_zlib.error as error:  # type: ignore[misc]  # its stub calls the class an instance
                raise Changed(
                    _("The compressed data is damaged: {reason}").format(reason=str(error))
                ) from error
            if out:
                yield out
            if self._member.eof:
                data = self._member.unused_data
                self._member = None
                self.members += 1
            else:
                data = self._member.unconsumed_tail

    def finish(self) -> None:
        """Raise Truncated unless the stream held a member and ended at the end of one."""
        if self._member is not None or self._waiting or not self.members:
            raise Truncated(_("The compressed data ends too early."))
