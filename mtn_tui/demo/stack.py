"""The practice stack: real servers of everything the program uses, in one folder and on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mtn_tui.demo import school, scripts
from mtn_tui.demo import small_disk as small_disks
from mtn_tui.demo.mail import MailServer
from mtn_tui.demo.postgres_binaries import wheel_binaries
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.demo.services import Services, asks
from mtn_tui.demo.small_disk import BACKUPS, SmallDisk
from mtn_tui.demo.workspace import Workspace
from mtn_tui.operations.inventory.owners import whose_backups
from mtn_tui.operations.setup import init
from mtn_tui.operations.setup.init import Answers, MinioBucket

DATABASE = school.NAME
OPERATOR = "operador@mtn.example"


@dataclass(frozen=True)
class Stack:
    """The running servers, and the folder of the installation."""

    postgres: PostgresServer
    seaweed: SeaweedServer
    mail: MailServer
    services: Services
    folder: Path
    """Folder of the installation: configuration, key, backups, logs, state."""
    disk: SmallDisk | None = None
    """Where backups and logs are instead, for an incident that fills their disk."""

    def configure(self) -> Path:
        """Write a configuration as ``mtn init`` does; return its path."""
        disk = self.disk.path if self.disk is not None else self.folder
        answers = Answers(
            db_name=DATABASE,
            db_user=self.postgres.user,
            db_password=self.postgres.password,
            db_host=self.postgres.host,
            db_port=self.postgres.port,
            bucket=MinioBucket(
                f"http://{self.seaweed.endpoint}",
                self.seaweed.access_key,
                self.seaweed.secret_key,
                self.seaweed.bucket,
            ),
            backup_dir=str(disk / BACKUPS),
            others={
                "LOG_DIR": str(disk / "logs"),
                "PG_DUMP": str(self.postgres.binaries / "pg_dump"),
                "STATE_DIR": str(self.folder / "state"),
                "SMTP_SERVER": self.mail.host,
                "SMTP_PORT": str(self.mail.port),
                "ALERT_EMAIL": OPERATOR,
                "SERVICE_HEALTH_URLS": " ".join(self.services.named_urls),
                **scripts.write(self.folder, self.postgres.start_line, _stopped_in(self.folder)),
            },
        )
        return init.set_up(
            init.configuration_in(self.folder),
            answers,
            {},
            whose_backups,
        ).configuration


@contextmanager
def running(workspace: Workspace, *, small_disk: bool = False) -> Iterator[Stack]:
    """Run the servers for the block. Raises what starting one raises.

    With ``small_disk`` backups and logs are on a disk of their own, which can be made full.
    """
    folder = workspace.folder("mtn")
    with ExitStack() as stack:
        disk = stack.enter_context(small_disks.small_disk(workspace.path / "disk")) if small_disk else None
        postgres = stack.enter_context(PostgresServer(wheel_binaries(), workspace.path / "postgresql"))
        seaweed = stack.enter_context(SeaweedServer(workspace.folder("seaweedfs")))
        stack.callback(seaweed.kill)  # stopping may take twenty seconds, and its data is deleted anyway
        yield Stack(
            postgres,
            seaweed,
            stack.enter_context(MailServer(workspace.path / "mail")),
            stack.enter_context(Services(partial(asks, postgres.conninfo(DATABASE), _stopped_in(folder)))),
            folder,
            disk,
        )


def _stopped_in(folder: Path) -> Path:
    """Return the file that stops the services while it exists."""
    return folder / "services-are-stopped"
