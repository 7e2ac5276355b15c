"""Derives keys from the passphrase: the cipher's, as openssl does, and the manifest's.

The passphrase is the first line of the key file, exactly as ``openssl enc
-pass file:KEY`` takes it: without its newline, and of a longer line the first
1,023 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from mtn_tui.core.errors import KeyFileError
from mtn_tui.core.i18n import _
from mtn_tui.core.redact import redact

ITERATIONS = 100_000
_OPENSSL_LONGEST = 1023


@lru_cache(maxsize=16)
def _stretched(passphrase: bytes, salt: bytes, length: int) -> bytes:
    """PBKDF2, cached: it takes a tenth of a second, and a command opens the same backup several times.

    hashlib's takes half as long again with the OpenSSL of many systems.
    """
    return PBKDF2HMAC(SHA256(), length, salt, ITERATIONS).derive(passphrase)


@dataclass(frozen=True)
class Key:
    """A passphrase, and what is derived from it."""

    passphrase: bytes = field(repr=False)

    def cipher(self, salt: bytes) -> tuple[bytes, bytes]:
        """AES-256 key and CBC IV: PBKDF2-HMAC-SHA256, 100,000 rounds, 48 bytes (openssl enc -pbkdf2)."""
        made = _stretched(self.passphrase, salt, 48)
        return made[:32], made[32:]

    @cached_property
    def _manifest_root(self) -> bytes:
        return _stretched(self.passphrase, b"mtn manifest 1", 32)

    def _derive(self, purpose: bytes, length: int) -> bytes:
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(self._manifest_root)

    @cached_property
    def mac(self) -> bytes:
        """The key of a manifest's HMAC, 32 bytes."""
        return self._derive(b"mtn manifest mac", 32)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that tell two keys apart and say nothing else about them."""
        return self._derive(b"mtn key fingerprint", 8).hex()


def with_its_key() -> str:
    """The hint for a backup that was made with another key."""
    return _(
        "Put back the key it was made with, at ENCRYPTION_KEY_FILE; a new one can't read it. Where both are"
        " needed, for this one command: ENCRYPTION_KEY_FILE=/path/of/the/old/key mtn …"
    )


def read_key(path: Path) -> Key:
    """Read a key file, and never make one. Raises KeyFileError."""
    lost = _("Without it no backup can be read. Put back the copy that was kept elsewhere.")
    try:
        with path.open("rb") as file:
            first = file.readline(_OPENSSL_LONGEST).removesuffix(b"\n")
    except FileNotFoundError:
        raise KeyFileError(_("The encryption key is not there: {path}").format(path=path), lost) from None
    except OSError as error:
        raise KeyFileError(
            _("The encryption key cannot be read: {path}: {reason}").format(path=path, reason=error.strerror),
            _("The file must be readable by the user that makes backups: chmod 600, and its owner."),
        ) from None
    if not first.strip():
        raise KeyFileError(_("The encryption key file is empty: {path}").format(path=path), lost)
    if b"\0" in first:
        raise KeyFileError(
            _("The encryption key file holds no passphrase that openssl could read: {path}").format(
                path=path
            ),
            _("Its first line must be text, without NUL bytes."),
        )
    redact.add(first.decode(errors="backslashreplace"))
    return Key(first)
