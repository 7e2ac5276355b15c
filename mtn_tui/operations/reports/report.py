"""The report of the last full week or month, and its mail."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from mtn_tui.core.settings import Settings
from mtn_tui.operations.alerts.notify import SendResult, notify
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.reports import document as documents
from mtn_tui.operations.reports.collect import collect
from mtn_tui.operations.reports.document import Document
from mtn_tui.operations.reports.facts import Facts
from mtn_tui.operations.reports.figures import Figures, figures
from mtn_tui.operations.reports.html import html
from mtn_tui.operations.reports.markdown import markdown
from mtn_tui.operations.reports.period import Span


@dataclass(frozen=True)
class Report:
    """A report: what it rests on, its figures and its words."""

    collected: Facts
    figures: Figures
    document: Document

    @property
    def markdown(self) -> str:
        """For a terminal, and for mail readers that show no HTML."""
        return markdown(self.document)

    def facts(self) -> dict[str, object]:
        """For ``--json``."""
        period = self.collected.period
        return {
            "period": period.span.value,
            "first": period.first.isoformat(),
            "last": period.last.isoformat(),
            "database": self.collected.database,
            "hostname": self.collected.host,
            "rpo_target_hours": self.collected.rpo.total_seconds() / 3600,
            "rto_target_hours": self.collected.rto.total_seconds() / 3600,
            **self.figures.facts(),
            "alerts": [asdict(one) for one in self.collected.alerts],
            "incidents": [asdict(one) for one in self.collected.emergencies],
            "stored": [asdict(one) for one in self.collected.stored],
            "unknown": self.collected.unknown,
        }


def report(context: Context, span: Span) -> Report:
    """Make the report. What can't be looked at is told in it."""
    facts = collect(context, span)
    found = figures(facts)
    return Report(facts, found, documents.document(facts, found))


def missing_to_send(settings: Settings) -> list[str]:
    """The keys without which a report can't be sent."""
    needed = {"SMTP_SERVER": settings.smtp_server, "ALERT_EMAIL": settings.alert_email}
    return [key for key, value in needed.items() if not value]


def send(context: Context, made: Report) -> SendResult:
    """Send it to ALERT_EMAIL; kept like an alert where the server does not answer."""
    return notify(
        context,
        documents.level(made.figures),
        documents.subject(made.collected, made.figures),
        made.markdown,
        html=html(made.document),
        only="mail",
    )
