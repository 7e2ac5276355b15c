"""The body of a server's answer."""

from __future__ import annotations

from urllib3.response import BaseHTTPResponse

from mtn_tui.storage.s3_errors import Bucket


class Pieces:
    """Reads an answer's body as sent; errors become ours."""

    def __init__(self, response: BaseHTTPResponse, where: Bucket) -> None:
        self._response = response
        self._where = where

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes; all that is left if negative."""
        with self._where.asking():
            return self._response.read(size, decode_content=False)
