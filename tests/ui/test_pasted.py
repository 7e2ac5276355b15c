"""A text that is pasted goes where the keys before it lead, whole, or it is said that nothing takes it."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from mtn_tui.core import i18n
from mtn_tui.core.i18n import _
from mtn_tui.ui.app import MtnApp
from tests.ui.installed import Installed
from tests.ui.pilots import _pressed as pressed
from tests.ui.pilots import nothing_begins, operate


async def pasted(operator, *typed):
    """Keys and texts that a slow line delivers together."""
    for one in typed:
        operator.app.post_message(one)
    await operator.settled()


@pytest.mark.parametrize("key", [":", "/"])
def test_what_is_pasted_goes_into_the_field_that_the_key_before_it_opens(key, tmp_path):
    async def flow(operator):
        await operator.has_list()
        await pasted(operator, pressed(key), events.Paste("restore"))
        assert operator.app.screen.query_one(Input).value == "restore"

    operate(MtnApp(Installed(tmp_path).context, nothing_begins), flow)


def test_of_several_pasted_lines_none_is_lost(tmp_path):
    async def flow(operator):
        await operator.has_list()
        await operator.press("/")
        await pasted(operator, events.Paste("\r\n  first line\r\n\r\nsecond\tline \n"))
        assert operator.app.screen.query_one(Input).value == "first line second\tline"

    operate(MtnApp(Installed(tmp_path).context, nothing_begins), flow)


@pytest.mark.parametrize("at", ["1", "2", "3", "4", "j", "?"])
def test_a_pasted_text_that_no_field_takes_is_told(at, tmp_path):
    i18n.use("es")

    async def flow(operator):
        await pasted(operator, events.Paste("q\nq\n"))
        assert _("Nothing here takes pasted text; it was dropped.") in operator.text()

    operate(MtnApp(Installed(tmp_path).context, nothing_begins), flow, at=at)
