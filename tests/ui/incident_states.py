"""What the wizard may have to show: an incident at each of its steps, and what there is to see of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

from mtn_tui.archive import proof as proofs
from mtn_tui.core.errors import MtnError, ServerLost
from mtn_tui.core.i18n import _
from mtn_tui.core.models import PROOF, Rung
from mtn_tui.demo.services import TABLES
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.incident.assess import Assessment, Observations, findings, propose
from mtn_tui.operations.incident.file import IncidentFile, open_incident
from mtn_tui.operations.incident.state import Actor, RecoveryMode, Step
from mtn_tui.operations.incident.steps import chosen, staging_of
from mtn_tui.operations.inventory.fallback import earlier_proven, use_another
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.recover.found import MissingRows, Recovery
from mtn_tui.operations.recover.found import Request as Recovering
from mtn_tui.operations.restore.lost_rows import RowsNow, TableRows
from mtn_tui.operations.restore.main_tables import Table
from mtn_tui.operations.restore.plan import Plan, Target
from mtn_tui.operations.restore.request import Request
from mtn_tui.operations.restore.rto import Rto
from mtn_tui.operations.restore.validate import Validated
from mtn_tui.operations.services.health import Answer
from mtn_tui.postgres.connect_errors import Attempt, explain
from mtn_tui.postgres.databases import Described
from mtn_tui.postgres.kept import kept_form
from mtn_tui.postgres.newest import Newer
from mtn_tui.ui.wizard.operations import WizardOperations
from tests.ui.installed import DATABASE, KEY, MACHINE, NOW, ROWS, Installed, night
from tests.ui.states import GB, usual

SESSION = "s1"
"""Of the screen that the pictures are taken of."""

ANA, BRUNO = Actor("ana", MACHINE, SESSION), Actor("bruno", "db2", "s2")

SYSTEM = 7301558210984114411
KEPT = f"{DATABASE}__before_20261124_031242"
PORTS = range(8082, 8088)

CONTACTS = """
zone = "America/Santiago"
[people.operations]
level = 1
name = "Jorge Rojas"
role = "Operaciones"
email = "admin@mtn.cl"
phone = "+56 9 1111 2222"
hours = "mon-fri 08:00-18:00"
[people.devops]
level = 2
name = "Carla Soto"
role = "DevOps"
email = "devops@mtn.cl"
phone = "+56 9 3333 4444"
hours = "24/7"
[people.cto]
name = "María Paz Lira"
role = "CTO"
email = "cto@mtn.cl"
[severity.critical]
respond_within = 15
steps = [{ after = 0, tell = ["operations", "devops"] }, { after = 60, tell = ["cto"] }]
"""


def prepared(made: Installed) -> None:
    """A configuration for the worst hour, and good backups."""
    usual(made)
    made.settings |= {
        "services_restart_command": "./start-microservices-gateway.sh",
        "services_stop_command": "./stop-microservices.sh",
        "database_start_command": "systemctl start postgresql",
        "service_health_urls": tuple(
            f"{name}=http://localhost:{port}/health" for name, port in zip(TABLES, PORTS, strict=True)
        ),
        "alert_email": ("guardia@mtn.cl",),
    }
    contacts = Path("config/contacts.toml")
    contacts.parent.mkdir()
    contacts.write_text(CONTACTS, encoding="utf-8")


def at(step: Step, way: RecoveryMode = RecoveryMode.RESTORE, who: Actor = ANA) -> Callable[[Installed], None]:
    """An incident of a quarter of an hour, with all before ``step`` done."""

    def made_so(made: Installed) -> None:
        prepared(made)
        _brought_to(made, step, way, who)
        made.clock.at = NOW

    return made_so


def _brought_to(made: Installed, step: Step, way: RecoveryMode, who: Actor) -> IncidentFile:
    context = made.context
    made.clock.at = NOW - timedelta(minutes=15)
    file = open_incident(context.state, DATABASE, who, made.clock)
    looked = _assessed(made)
    alert = {"subject": _("CRITICAL: Database Down"), "recipients": ["devops@mtn.cl"]}
    facts: dict[Step, dict[str, object]] = {
        Step.ASSESS: {
            "way": way.value,
            "severity": "critical",
            "why": looked.proposal.why,
            "findings": [one.line for one in looked.findings],
        },
        Step.NOTIFY: alert | {"channels": SENT},
        Step.CHOOSE: chosen(_planned(made, staging_of(context, way), there=False)),
        Step.STAGING: {
            "job": "r4mq2xab",
            "database": staging_of(context, way),
            "rows": sum(ROWS.values()),
            "tables": 11,
            "load_seconds": 221,
        },
        Step.VALIDATE: {"tables": [_("The tables are as they were.")]},
        Step.PRODUCTION: {"job": "p5nw3xcd", "kept": KEPT, "away_seconds": 0.2},
    }
    for one in Step:
        if one == step:
            break
        if not file.state.steps[one].standing.over:
            made.clock.on(20)
            file.begin(one)
            made.clock.on(35)
            file.done(one, **facts.get(one, {}))
    return file


SENT = {"mail guardia@mtn.cl": "sent", "mail devops@mtn.cl": "sent", "syslog backup-system": "sent"}


def restoring(made: Installed) -> None:
    prepared(made)
    file = _brought_to(made, Step.STAGING, RecoveryMode.RESTORE, ANA)
    with closing(made.job("r4mq2xab", "restore", 2)) as job:
        file.begin(Step.STAGING, job=job.id)
        made.clock.on(1)
        job.phase("load", total=134 * GB // 10)
        for _second in range(60):
            made.clock.on(1)
            job.advance(121_000_000)
            job.beat()
    made.clock.at = NOW


def restore_failed(made: Installed) -> None:
    prepared(made)
    file = _brought_to(made, Step.STAGING, RecoveryMode.RESTORE, ANA)
    file.begin(Step.STAGING, job="")
    title = _("The server's disk has {free} free; the restored database needs about {needed}.")
    file.failed(
        Step.STAGING,
        MtnError(
            title.format(free=labels.size(2_100_000_000), needed=labels.size(5_590_000_000)),
            _("Make room on the server's disk. Nothing was made."),
        ),
    )
    made.clock.at = NOW


def does_not_hold(made: Installed) -> None:
    """Both copies of what was chosen turned out to be damaged."""
    prepared(made)
    file = _brought_to(made, Step.STAGING, RecoveryMode.RESTORE, ANA)
    file.begin(Step.STAGING, job="")
    inventory = take_inventory(made.context.stores, KEY)
    damaged = inventory.find(str(file.state.steps[Step.CHOOSE].facts["backup"]))
    changed = _("The backup was changed after it was written.")
    for copy in damaged.copies:
        data = proofs.encode(copy.proof.fell(Rung.PRESENT, changed, NOW))
        copy.store.put(copy.key + PROOF, BytesIO(data), len(data))
    before = earlier_proven(inventory, damaged, DATABASE)[0]
    file.failed(Step.STAGING, MtnError(changed, use_another(damaged, before, f"{DATABASE}_staging", "")))
    made.clock.at = NOW


def a_day(made: Installed) -> None:
    """A full at midnight, and a differential each half hour since but for two hours in the evening."""
    at(Step.CHOOSE)(made)
    _worked(made)


def a_day_of_work(made: Installed) -> None:
    """The same, without an incident."""
    prepared(made)
    _worked(made)


def _worked(made: Installed) -> None:
    made.full(night(0, hour=3) - timedelta(hours=9))
    for half in range(1, 24):
        if half not in (9, 10, 11, 12):
            made.diff(night(0, hour=3) - timedelta(hours=9) + half * timedelta(minutes=30))


def only_legacy(made: Installed) -> None:
    """Nothing but what the scripts have left."""
    at(Step.CHOOSE)(made)
    for folder in ("backups", "bucket/full"):
        for path in (made.root / folder).iterdir():
            path.unlink()
    for day in ("03_203400", "04_020000", "05_020000"):
        made.legacy(f"admision_mtn_full_db1_202610{day}.sql.gz.gpg", 41 * GB // 10, Rung.INFLATES)


def no_backup(made: Installed) -> None:
    only_legacy(made)
    for path in (made.root / "backups").iterdir():
        path.unlink()


def newest_broken(made: Installed) -> None:
    at(Step.CHOOSE)(made)
    made.full(night(0, hour=6), stores="disk", failed="Sección 7 (public.documents): los bytes cambiaron.")


def over(made: Installed) -> None:
    at(Step.REPORT)(made)


def before(made: Installed) -> None:
    """Nothing is open; there were incidents."""
    prepared(made)
    for days, way in ((40, RecoveryMode.RESTORE), (12, RecoveryMode.LEAVE)):
        made.clock.at = NOW - timedelta(days=days)
        file = open_incident(made.context.state, DATABASE, BRUNO, made.clock)
        file.begin(Step.ASSESS)
        file.done(Step.ASSESS, way=way.value)
        made.clock.on(1900)
        file.close("")
    made.clock.at = NOW


def _seen(made: Installed) -> Observations:
    inventory = take_inventory(made.context.stores, KEY)
    return Observations(
        exists=False,
        disk_free=212 * GB,
        disk_size=505 * GB,
        services=answers(healthy=0),
        backup=inventory.latest(database=DATABASE),
    )


def _assessed(made: Installed, **changes: object) -> Assessment:
    seen = replace(_seen(made), **changes)
    seen = replace(seen, tables=tuple(replace(one, whole=seen.backup) for one in seen.tables))
    found = tuple(findings(seen, NOW))
    return Assessment(found, propose(seen), seen.backup, seen.services, seen.tables, seen.is_gone)


def answers(healthy: int) -> tuple[Answer, ...]:
    return tuple(
        Answer(
            f"http://localhost:{port}/health",
            TABLES[number],
            number < healthy,
            200 if number < healthy else None,
            '{"status": "UP"}' if number < healthy else "Connection refused",
            4,
        )
        for number, port in enumerate(PORTS)
    )


def _planned(made: Installed, target: str, *, there: bool, stops: bool = False) -> Plan:
    from mtn_tui.operations.restore.request import Request

    backup = take_inventory(made.context.stores, KEY).latest(database=DATABASE)
    return _plan_of(Request(backup, target, drop=True), there=there, stops=stops)


def _plan_of(request, *, there: bool, stops: bool = False) -> Plan:
    production, rows = request.target == DATABASE, _rows(request.backup) if there else None
    newest = NOW - timedelta(minutes=21) if production else request.backup.moment - timedelta(minutes=2)
    there = there or not production
    created = (("public.notifications", 198), ("public.applications", 12)) if production else ()
    count = sum(count for _table, count in created)
    newer = Newer(count, newest, "applications", "America/Santiago", "", created) if there else None
    checks = [Check(name, Status.OK, name) for name in ("key", "archive", "version", "roles", "locale")]
    checks.append(
        Check(
            "room",
            Status.STOP if stops else Status.UNKNOWN,
            _("What is free on the server's disk can't be seen from here."),
            _("Look on the server: df -h"),
        )
    )
    return Plan(
        request,
        request.backup.usable[0],
        Target(
            request.target,
            MACHINE,
            5432,
            SYSTEM,
            "15.14",
            production,
            Described(request.target, 44 * GB // 10 if production else 43 * GB // 10, 6 if production else 0)
            if there
            else None,
            newer,
        ),
        NOW,
        Rto(660.0, 100.0, 6, drills=True),
        "America/Santiago",
        "",
        kept_form(DATABASE) if there and production else "",
        tuple(checks),
        rows=rows,
    )


def _recovery(request: Recovering) -> Recovery:
    """A course's applications that can be copied back, with what hangs on them."""
    row = {"id": "4711", "folio": "ADM-104711", "student_id": "812", "guardian_id": "640", "year": "2026"}
    rows = {
        "applications": (3841, (row, row | {"id": "4712", "folio": "ADM-104712"})),
        "documents": (9620, ()),
    }
    rows |= {"notifications": (12, ())} if not request.tables else {}
    tables = [
        MissingRows(f"public.{name}", name, count, count, count, sample)
        for name, (count, sample) in rows.items()
    ]
    script = "psql -X -h db1 -p 5432 -U admin -d Admisión_MTN_DB -f temp/mtn_recover_20261124_031500_7f3a.sql"
    return Recovery(request.source, DATABASE, tuple(tables), ("public.audit",), (), (), command=script)


LEFT_NULL = Recovery(
    f"{DATABASE}_recovery",
    DATABASE,
    (),
    (),
    (),
    (),
    (("public.interviews", 44), ("public.notifications", 12)),
)


@dataclass(frozen=True)
class Canned:
    """What the servers say, without any."""

    there: bool = False
    """Whether production is."""
    healthy: int = 6
    problems: bool = False
    doubts: bool = False
    left_null: bool = False
    """Whether all rows are back, and references to them still NULL."""
    changes: tuple[tuple[str, object], ...] = ()
    """Of what step 1 sees."""

    def operations(self, made: Installed) -> WizardOperations:
        def assess(_context, tell):
            found = _assessed(made, **dict(self.changes))
            for one in found.findings:
                tell(one)
            return found

        return replace(
            WizardOperations(),
            assess=assess,
            plan=lambda _context, request, _rows=None: _plan_of(request, there=self.there),
            target=lambda _context, name, backup: _plan_of(Request(backup, name), there=self.there).target,
            validate=lambda _context, database, _backup: self._validated(database),
            rows=lambda _context, backup: _rows(backup),
            recovery=lambda _context, request: LEFT_NULL if self.left_null else _recovery(request),
            still_there=lambda _context, names: frozenset(names),
            health=lambda _context: answers(self.healthy),
            send=lambda _context, alert, to: {
                "subject": alert.subject,
                "recipients": list(to),
                "channels": SENT,
            },
        )

    def _validated(self, database: str) -> Validated:
        found = [Check("database", Status.OK, _("{database} can be reached.").format(database=database))]
        text = _("{table} has {now:,} rows.")
        for table in ("users", "applications", "interviews"):
            found.append(Check("tables", Status.OK, text.format(table=table, now=ROWS[f"public.{table}"])))
        if self.problems:
            found.append(
                Check("tables", Status.FAIL, _("The main table {table} is not there.").format(table="users"))
            )
        elif self.doubts:
            found.append(Check("newest", Status.WARN, _("There is no application in it.")))
        else:
            told = _("rows: {rows:,}, tables: {tables}, as the backup says; every index is whole.")
            found.append(Check("counts", Status.OK, told.format(rows=sum(ROWS.values()), tables=11)))
            found.append(Check("sequences", Status.OK, _("Every sequence is ahead of its column.")))
        return Validated(tuple(found), 16_384)


def _rows(backup: Backup) -> RowsNow:
    """A course of applications was deleted since, with its interviews; a table is new."""
    since = {"public.applications": -210, "public.interviews": -44, "public.notifications": 38}
    then = backup.manifest.rows() if backup.manifest else {}
    rows = [
        TableRows(table, count, count + since.get(table, 0), exact=count < 150_000)
        for table, count in then.items()
    ]
    return RowsNow(DATABASE, (*rows, TableRows("public.waiting_list", 0, 12)))


LOST = Canned()
DOWN = Canned(
    changes=(
        (
            "server",
            ServerLost(explain(Attempt(f"{MACHINE}:5432", "u", DATABASE, "Connection refused")).title),
        ),
    )
)
ROWS_LOST = Canned(
    there=True,
    changes=(
        ("exists", True),
        (
            "tables",
            (
                Table("users", 38, 38),
                Table("applications", 31_204, 48_311),
                Table("interviews", 12_902, 12_902),
            ),
        ),
        ("newest", NOW - timedelta(minutes=21)),
    ),
)
