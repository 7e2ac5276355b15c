"""The view of each step."""

from __future__ import annotations

from mtn_tui.operations.incident.state import Step
from mtn_tui.ui.wizard.assessing import Assessing
from mtn_tui.ui.wizard.choosing import Choosing
from mtn_tui.ui.wizard.notifying import Notifying
from mtn_tui.ui.wizard.promoting import Promoting
from mtn_tui.ui.wizard.reporting import Reporting
from mtn_tui.ui.wizard.restoring import Restoring
from mtn_tui.ui.wizard.serving import Serving
from mtn_tui.ui.wizard.step import StepView
from mtn_tui.ui.wizard.validating import Validating

VIEWS: dict[Step, type[StepView]] = {
    one.step: one
    for one in (Assessing, Notifying, Choosing, Restoring, Validating, Promoting, Serving, Reporting)
}
