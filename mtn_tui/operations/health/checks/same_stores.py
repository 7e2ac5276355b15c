"""Are the stores those that held the backups before, or was one exchanged or emptied?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.inventory.known_stores import changed


def same_stores(inspection: Inspection) -> Iterator[Check]:
    """A check of each store, with a key or without."""
    context, listed = inspection.context, inspection.listed

    def names(store: str) -> frozenset[str]:
        if error := listed.unreachable.get(store):
            raise error
        return listed.files_in(store)

    for store in context.stores:
        try:
            one = changed(context, store, partial(names, store.name))
        except MtnError as error:
            says = _("Not looked at: {reason}").format(reason=error.title)
            yield Check("stores", Status.UNKNOWN, says, error.hint)
            continue
        if one is not None:
            yield Check("stores", Status.FAIL, one.says, one.hint)
        else:
            says = _("{place} is the same store as before, as far as is known.").format(place=store.place)
            yield Check("stores", Status.OK, says)
