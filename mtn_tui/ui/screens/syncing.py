"""What is asked before disk and bucket bring each other what they lack."""

from __future__ import annotations

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.retention.survey import circumstances
from mtn_tui.operations.sync.sync import KIND, lacking
from mtn_tui.ui.actions import read_only
from mtn_tui.ui.host import Host, Place
from mtn_tui.ui.screens.ask import Answer, Ask


def synchronize(host: Host) -> None:
    """Compare the stores, ask whether to copy what they lack, and start the job that does."""

    def chosen(agreed: bool | None) -> None:
        if agreed:
            host.start_job([KIND], labels.job(KIND))

    def compared(lacks: str) -> None:
        if not lacks:
            host.show_status(_("Disk and bucket have all the backups they should."), "good")
            return
        answers = [Answer(_("Not now"), False), Answer(_("Copy"), True)]
        said = [*lacks.split("\n"), _("It runs as a job; nothing is deleted or replaced.")]
        host.open_screen(Ask(_("Copy what the stores lack?"), said, answers), chosen)

    context = host.context
    host.check_first(_("Comparing disk and bucket …"), lambda: "\n".join(what_lacks(context)), compared)


def no_syncing(place: Place) -> str:
    """Why the stores can't be compared and filled; empty if they can."""
    host = place.host
    if why := read_only(place):
        return why
    if not host.context.settings.bucket:
        return _("There is no bucket in the configuration.")
    running = host.state.running(KIND, host.database)
    return _("It is running already: job {id}.").format(id=running.id) if running else ""


def what_lacks(context: Context) -> list[str]:
    """Of each store a sentence: how many backups would be copied there, and how large they are.

    Or why nothing can be. Empty if all is in both. Raises KeyFileError, or the StorageError of a store
    that does not answer.
    """
    inventory = take_inventory(context.stores, context.key, context.cache)
    for error in inventory.unreachable.values():
        raise error
    known = circumstances(context, inventory)
    said = [
        _("Nothing is copied into the {store}: {reason}").format(store=labels.store(name), reason=blind.says)
        for name, blind in known.blind.items()
    ]
    found = lacking(inventory, known, context.stores)
    for store in context.stores:
        sizes = [one.source.size for one in found if one.store is store]
        if sizes:
            text = ngettext(
                "{count} backup, {size}, into the {store} ({place})",
                "{count} backups, {size}, into the {store} ({place})",
                len(sizes),
            )
            named = {"store": labels.store(store.name), "place": store.place}
            said.append(text.format(count=len(sizes), size=labels.size(sum(sizes)), **named))
    return said
