"""What a backup of some kind holds: what is given to whoever writes it, and what comes of it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import Baseline
from mtn_tui.archive.summary import Summary
from mtn_tui.archive.writer import Payload
from mtn_tui.core.models import Kind
from mtn_tui.core.stopwatch import Stopwatch
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common.context import Context
from mtn_tui.postgres.snapshot import Snapshot
from mtn_tui.postgres.source import Source
from mtn_tui.postgres.tools import Tool
from mtn_tui.storage.part import PartFile


@dataclass(frozen=True)
class Inputs:
    """What the contents of a backup are made from."""

    job: Job
    context: Context
    quick: Context
    """The same, whose stores are waited for a few seconds only."""
    application: str
    source: Source
    tool: Tool
    key: Key
    earlier: list[Summary]
    """Backups of the same kind and database before it, newest first, as far as the disk has them."""


@dataclass(frozen=True)
class Written:
    """What was written into a payload, for its manifest."""

    snapshot: Snapshot
    payload: Payload
    schema_hash: str
    altered: tuple[str, ...] = ()
    """Tables that changed before they could be locked."""
    baseline: Baseline | None = None
    """Of a full: what a differential needs to know of it."""
    base: str = ""
    """Of a differential: the id of its full."""
    counted: tuple[tuple[str, int], ...] = ()
    """Of a differential: the rows that each table has."""
    keys: PartFile | None = None
    """The file of keys that belongs beside it, written and not yet committed."""


class Contents(Protocol):
    """What a backup of some kind holds."""

    @property
    def kind(self) -> Kind:
        """The kind of backup."""

    def prepare(self, inputs: Inputs) -> int:
        """Look for what may keep it from being made; return the bytes that it may take at the most."""

    def write(self, inputs: Inputs, part: PartFile, held: ExitStack, watch: Stopwatch) -> Written:
        """Write the payload. Other files that are written meanwhile are closed by ``held``."""
