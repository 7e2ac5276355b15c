"""From pg_dump's pipe to an encrypted payload, with several threads between."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from mtn_tui.archive import mark
from mtn_tui.archive.keys import Key
from mtn_tui.archive.schema import SchemaHash
from mtn_tui.archive.sections import END, split
from mtn_tui.archive.writer import Payload, Writer, compress
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.pipeline import ordered_map
from mtn_tui.postgres.dump import Dump
from mtn_tui.storage.part import PartFile

_COMPRESSORS = min(os.cpu_count() or 1, 8)


def tail(backup_id: str) -> bytes:
    """The end of the script, which puts ``[mtn <id>]`` into the database's comment.

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


@dataclass(frozen=True)
class Written:
    """What ``write_payload`` has written."""

    payload: Payload
    schema_hash: str


def write_payload(job: Job, dump: Dump, part: PartFile, key: Key, backup_id: str, level: int) -> Written:
    """Write a dump into ``part``. ``level`` is libdeflate's. The job advances by bytes of SQL."""
    writer = Writer(key, os.urandom(8), part.write)
    schema = SchemaHash()
    members = ordered_map(
        split(dump.pieces, tail(backup_id), schema.add),
        partial(compress, level=level),
        workers=_COMPRESSORS,
        depth=_COMPRESSORS * 3 + 2,
        token=job.token,
        on_stop=dump.kill,
    )
    with job.token.calling(dump.kill), closing(members):
        for member in members:
            writer.append(member)
            job.advance(member.raw)
    return Written(writer.finish(), schema.hexdigest())
