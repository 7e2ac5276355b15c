"""``flock``, on filesystems that may have none: it tells a file that is being written from one left over."""

from __future__ import annotations

import errno
import fcntl

_NONE = (errno.EWOULDBLOCK, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


def lock(descriptor: int, kind: int = fcntl.LOCK_EX, *, wait: bool) -> bool:
    """Take a lock of this kind; False if another has it, or on a filesystem without locks."""
    try:
        fcntl.flock(descriptor, kind | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in _NONE:
            return False
        raise
    return True
