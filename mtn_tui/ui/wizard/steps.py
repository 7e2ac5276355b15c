"""The view of each step."""

from __future__ import annotations

from mtn_tui.operations.incident.state import RecoveryMode, Step
from mtn_tui.ui.wizard.assessing import Assessing
from mtn_tui.ui.wizard.choosing import Choosing
from mtn_tui.ui.wizard.notifying import Notifying
from mtn_tui.ui.wizard.promoting import Promoting
from mtn_tui.ui.wizard.recovering import CopyingBack
from mtn_tui.ui.wizard.reporting import Reporting
from mtn_tui.ui.wizard.restoring import Restoring
from mtn_tui.ui.wizard.serving import Serving
from mtn_tui.ui.wizard.session import IncidentSession
from mtn_tui.ui.wizard.step import StepView
from mtn_tui.ui.wizard.validating import Validating

VIEWS: dict[Step, type[StepView]] = {
    one.step: one
    for one in (Assessing, Notifying, Choosing, Restoring, Validating, Promoting, Serving, Reporting)
}


def view_of(step: Step, session: IncidentSession) -> StepView:
    """The view of a step, by the way that the incident goes."""
    beside = session.present.way is RecoveryMode.BESIDE
    return CopyingBack(session) if beside and step is Step.PRODUCTION else VIEWS[step](session)
