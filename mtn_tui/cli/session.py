"""What every command shares: where it was pointed to, and how it runs a job."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from mtn_tui.cli import diagnostics
from mtn_tui.cli.progress import Watcher
from mtn_tui.core import operator, paths
from mtn_tui.core.clock import SystemClock
from mtn_tui.core.settings import Loaded, find_configuration, load
from mtn_tui.engine import host
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.cache import Cache
from mtn_tui.operations.context import Context
from mtn_tui.operations.stores import open_stores

R = TypeVar("R")


@dataclass
class Session:
    """The global options of one call."""

    config: Path | None
    no_input: bool

    @cached_property
    def loaded(self) -> Loaded:
        """The configuration. Raises ConfigError."""
        return load(find_configuration(self.config, os.environ), os.environ)

    @cached_property
    def context(self) -> Context:
        """Read the configuration; what is doubtful in it is said on stderr, once."""
        for notice in self.loaded.warnings:
            diagnostics.warning(notice.title, notice.hint)
        return self.quiet_context

    @cached_property
    def quiet_context(self) -> Context:
        """The same, for whoever tells what is doubtful by other means."""
        settings = self.loaded.settings
        return Context(
            settings=settings,
            stores=open_stores(settings),
            state=paths.state_dir(settings.state_dir, os.environ),
            operator=operator.operator(os.environ),
            host=operator.host_name(),
            cache=Cache(paths.cache_dir(os.environ)),
        )

    def run(self, kind: str, subject: str, title: str, body: Callable[[Job], R]) -> tuple[R, int]:
        """Host a job here, showing it on stderr. Returns its result and the exit code, 0 or 1."""
        job = Job.create(self.context.jobs, kind=kind, subject=subject, operator=self.context.operator)
        with closing(Watcher(title, SystemClock())) as watcher:
            result = host.run(job, body, watcher)
        for text in job.warnings:
            diagnostics.warning(text)
        return result, 1 if job.warnings else 0
