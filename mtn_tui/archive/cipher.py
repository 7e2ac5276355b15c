"""``openssl enc -aes-256-cbc -salt -pbkdf2 -iter 100000``, written and read.

``Salted__``, 8 bytes of salt, then AES-256-CBC with PKCS#7 padding. CBC can be
decrypted from any 16-byte border given the block before it, which is what
random access rests on. It authenticates nothing: bad padding is found here,
everything else by the hashes of the manifest or by gzip.
"""

from __future__ import annotations

from secrets import token_bytes

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from mtn_tui.archive.keys import Key
from mtn_tui.core.errors import NotABackup, Truncated
from mtn_tui.core.i18n import _

MAGIC = b"Salted__"
HEADER = 16
BLOCK = 16


class Encryptor:
    """Encrypts a stream. ``header`` goes first, then what update() and finish() return."""

    def __init__(self, key: Key, salt: bytes) -> None:
        secret, iv = key.cipher(salt)
        self.header = MAGIC + salt
        self._cbc = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
        self._seen = 0
        self._buffer = bytearray()

    def update(self, data: bytes) -> bytes:
        """Encrypt some bytes; return the blocks that are full by now."""
        # One buffer for all calls: allocating a new one each time costs more than AES.
        if len(self._buffer) < len(data) + BLOCK:
            self._buffer = bytearray(len(data) + BLOCK)
        self._seen += len(data)
        made = self._cbc.update_into(data, self._buffer)
        return bytes(memoryview(self._buffer)[:made])

    def finish(self) -> bytes:
        """Return the last blocks, padded. Call it once, at the end."""
        padding = BLOCK - self._seen % BLOCK
        return self.update(bytes([padding]) * padding) + self._cbc.finalize()


def new_salt() -> bytes:
    """Return what makes another key of the same passphrase for each file: 8 random bytes."""
    return token_bytes(HEADER - len(MAGIC))


def salt_of(header: bytes) -> bytes:
    """The salt in a file's first 16 bytes."""
    if not header.startswith(MAGIC[: len(header)]):
        raise NotABackup(
            _("This is not a backup: it does not begin as openssl enc writes."),
            _("Name a file that ends in .sql.gz.gpg."),
        )
    if len(header) < HEADER:
        raise Truncated(_("The backup ends within its first 16 bytes."))
    return header[len(MAGIC) : HEADER]


class Decryptor:
    """Decrypts from the start of a file (``previous`` None) or from any 16-byte border of it."""

    def __init__(self, secret: bytes, previous: bytes) -> None:
        """``previous`` is the cipher block before the first one given: the IV at the start."""
        self._cbc = Cipher(algorithms.AES(secret), modes.CBC(previous)).decryptor()
        self._buffer = bytearray()

    def update(self, data: bytes | memoryview) -> bytes:
        """Decrypt some bytes; return the blocks that are full by now. Padding stays on: see ``unpad``."""
        if len(self._buffer) < len(data) + BLOCK:
            self._buffer = bytearray(len(data) + BLOCK)
        made = self._cbc.update_into(data, self._buffer)
        return bytes(memoryview(self._buffer)[:made])


def unpad(last: bytes, total: int) -> bytes:
    """Take the padding off the last 16 decrypted bytes of ``total``."""
    if total % BLOCK or len(last) != BLOCK:
        raise Truncated(_("The backup was cut off: its length is no multiple of 16 bytes."))
    count = last[-1]
    if not 1 <= count <= BLOCK or last[-count:] != bytes([count]) * count:
        raise Truncated(_("The backup's last block is not the one that was written last: it was cut off."))
    return last[:-count]
