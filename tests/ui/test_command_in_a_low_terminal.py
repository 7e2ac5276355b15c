"""``:`` shows what is typed and what its keys do in a low terminal too."""

from __future__ import annotations

import pytest

from mtn_tui.core.i18n import _
from mtn_tui.ui.app import MtnApp
from tests.ui.installed import Installed
from tests.ui.pilots import nothing_begins, operate


@pytest.mark.parametrize("typed", ["restore", "", "zzz"])
@pytest.mark.parametrize("size", [(60, 15), (80, 20), (40, 8), (80, 24)], ids=str)
def test_what_is_typed_and_what_the_keys_do_are_seen(tmp_path, size, typed):
    async def flow(operator):
        await operator.has_list()
        await operator.press(":", *typed)
        await operator.sees(typed, _("[esc] goes back"))

    operate(MtnApp(Installed(tmp_path).context, nothing_begins), flow, size)
