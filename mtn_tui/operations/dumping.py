"""From pg_dump's pipes to an encrypted payload, with several threads between."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial

from mtn_tui.archive import mark
from mtn_tui.archive.keys import Key
from mtn_tui.archive.sections import END, split
from mtn_tui.archive.writer import Payload, Writer, compress
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.pipeline import ordered_map
from mtn_tui.postgres.dump import Dumper, Snapshot
from mtn_tui.postgres.tools import Child
from mtn_tui.storage.part import PartFile

_COMPRESSORS = min(os.cpu_count() or 1, 8)


def tail(backup_id: str) -> bytes:
    """What ends the script: the database it runs in gets ``[mtn <id>]`` into its comment.

    A differential demands that mark of the database it is applied to.
    """
    return b"""
--
-- Marks the database with the backup it was restored from.
--

%b;

--
%b
--
""" % (mark.statement(backup_id.encode()), END)


class _Runs:
    """pg_dump's three runs, one after the other; ``kill`` ends the present one and allows no other."""

    def __init__(self, dumper: Dumper, snapshot: Snapshot) -> None:
        self._dumper = dumper
        self._snapshot = snapshot
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._killed = False

    def read(self, section: str) -> Iterator[bytes]:
        with self._lock:
            if self._killed:
                return
            self._child = self._dumper.run(section, self._snapshot.name)
        with self._child:
            yield from self._child

    def kill(self) -> None:
        with self._lock:
            self._killed = True
            if self._child is not None:
                self._child.kill()


def write_payload(
    job: Job, dumper: Dumper, snapshot: Snapshot, part: PartFile, key: Key, backup_id: str, level: int
) -> Payload:
    """Dump into ``part``. ``level`` is libdeflate's. The job advances by bytes of SQL."""
    runs = _Runs(dumper, snapshot)
    writer = Writer(key, os.urandom(8), part.write)
    blocks = split(runs.read("pre-data"), runs.read("data"), runs.read("post-data"), tail(backup_id))
    members = ordered_map(
        blocks,
        partial(compress, level=level),
        workers=_COMPRESSORS,
        depth=_COMPRESSORS * 3 + 2,
        token=job.token,
        on_stop=runs.kill,
    )
    with job.token.calling(runs.kill), closing(members):
        for member in members:
            writer.append(member)
            job.advance(member.raw)
    return writer.finish()
