"""Are the stores those that held the backups before, or was one exchanged or emptied?"""

from __future__ import annotations

from collections.abc import Iterator

from mtn_tui.core.errors import StorageError
from mtn_tui.core.i18n import _
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.inventory.known_stores import changed


def same_stores(inspection: Inspection) -> Iterator[Check]:
    """A check of each store, with a key or without."""
    context, listed = inspection.context, inspection.listed
    for store in context.stores:
        try:
            if error := listed.unreachable.get(store.name):
                raise error
            one = changed(context, store, listed.files_in(store.name))
        except StorageError as error:
            says = _("Not looked at: {reason}").format(reason=error.title)
            yield Check("stores", Status.UNKNOWN, says, error.hint)
            continue
        if one is not None:
            yield Check("stores", Status.FAIL, one.says, one.hint)
        else:
            says = _("{place} is the same store as before, as far as is known.").format(place=store.place)
            yield Check("stores", Status.OK, says)
