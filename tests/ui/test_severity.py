"""How severe an incident is decides who is called: it is asked for, and counts everywhere."""

from __future__ import annotations

from mtn_tui.operations.incident.state import Step
from tests.ui.emergencies import at_the_wizard, beginning, on_disk, wizard
from tests.ui.incident_states import CONTACTS


def test_a_lower_severity_is_asked_for_said_and_counts_everywhere(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.config.with_name("contacts.toml").write_text(CONTACTS)
    practice.ready_made()
    pg18.drop_database(practice.source.name)

    async def flow(operator):
        await operator.has_list()
        await operator.press("3")
        await operator.enters()
        await operator.sees("The database is gone.", "call now [c]", "Carla Soto")
        for _left_alone in range(2):
            await operator.at(Step.ASSESS)
            await operator.press("g")
            await operator.sees("How severe is it?", "critical: call now", "low: call now: nobody")
            await operator.press("enter")
        assert on_disk(practice).severity == "critical"
        await operator.press("g", "down", "down", "down", "enter")
        await operator.sees("Severity changed to low: call now: nobody")
        assert on_disk(practice).severity == "low"
        assert "call now [c]" not in operator.text()
        assert "Carla" not in operator.text()
        await operator.at(Step.ASSESS)
        await operator.enters()
        await operator.at(Step.NOTIFY)
        await operator.sees("LOW: Database Down")
        assert "devops@mtn.cl" not in operator.text()
        await operator.press("g", "down", "enter")
        await operator.sees("CRITICAL: Database Down", "call now [c]", "devops@mtn.cl")

    with beginning(practice) as begun:
        at_the_wizard(wizard(practice, begun), flow)
    assert [one.facts for one in on_disk(practice).records if one.event == "severe"] == [
        {"severity": "low"},
        {"severity": "critical"},
    ]
