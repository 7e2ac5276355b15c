"""A filesystem in memory that can be made full, and that is gone with this process.

A child mounts it in a mount namespace of its own; where we are not root, in a
user namespace too. Others reach it by ``/proc/<pid>/root``, and nothing is
left behind when the child ends, which it does when we do.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mtn_tui.core.errors import ConfigError
from mtn_tui.core.i18n import _

_SCRIPT = """
mount -t tmpfs -o mode=0700 mtn-demo "$1" && echo mounted || exit 1
while read -r size; do mount -o remount,size="$size" mtn-demo "$1" && echo resized; done
"""


BACKUPS = "backups"


class SmallDisk:
    """The filesystem; made by ``small_disk``."""

    def __init__(self, holder: subprocess.Popen[str], path: Path) -> None:
        self.path = path
        """Where it is."""
        self._holder = holder

    def limit(self, room: int) -> None:
        """Leave so many bytes free, rounded up to pages. Raises OSError if it can't be done."""
        state = os.statvfs(self.path)
        used = (state.f_blocks - state.f_bfree) * state.f_frsize
        assert self._holder.stdin is not None  # noqa: S101 - it was asked for
        assert self._holder.stdout is not None  # noqa: S101 - it was asked for
        self._holder.stdin.write(f"{used + room}\n")
        self._holder.stdin.flush()
        if self._holder.stdout.readline() != "resized\n":
            raise OSError(self._holder.stderr.read() if self._holder.stderr else "")


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount one on ``folder``, which is made. Raises ConfigError where that can't be done.

    What is asked for by its real path (who owns it, which filesystem it is) is answered by
    ``folder`` as others see it, for a link in ``/proc`` has no other: so that ``backups`` is there too.
    """
    (folder / BACKUPS).mkdir(mode=0o700, parents=True)
    own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    try:
        holder = subprocess.Popen(
            ["unshare", *own, "--mount", "sh", "-c", _SCRIPT, "mtn-demo", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    except OSError as error:
        raise _impossible(str(error.strerror)) from error
    try:
        assert holder.stdout is not None  # noqa: S101 - it was asked for
        if holder.stdout.readline() != "mounted\n":
            raise _impossible(" ".join(holder.communicate()[1].split()))
        yield SmallDisk(holder, Path(f"/proc/{holder.pid}/root{folder}"))
    finally:
        holder.communicate()


def _impossible(reason: str) -> ConfigError:
    return ConfigError(
        _("No small disk can be made here, which this incident needs: {reason}").format(reason=reason),
        _("It takes Linux, and root or user namespaces (“unshare --user --mount”). Practise another one."),
    )
