"""The encryption key: is it there, closed to others, and the one that the backups were made with."""

from __future__ import annotations

from collections.abc import Iterator

from mtn_tui.archive.keys import read_key, with_its_key
from mtn_tui.core import paths
from mtn_tui.core.errors import KeyFileError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import any_backup_known
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.inventory import key_check
from mtn_tui.operations.setup.key import open_to_others


def key(context: Context) -> Iterator[Check]:
    """Whether the encryption key is there, and closed to other users.

    Raises KeyFileError if it can't be read; a key that no backup needs yet may be missing.
    """
    path = context.settings.encryption_key_file
    try:
        read_key(path)
    except KeyFileError:
        if paths.present(path) or any_backup_known(context.stores):
            raise
        yield Check(
            "key",
            Status.WARN,
            _("There is no encryption key yet: {path}").format(path=path),
            _("The first backup makes it; then copy it to a safe place that is not on this machine."),
            fix=("backup", "full"),
        )
        return
    if notice := open_to_others(path):
        yield Check("key", Status.WARN, notice.title, notice.hint)
    else:
        yield Check("key", Status.OK, _("The encryption key is {path}.").format(path=path))


def key_of_backups(inspection: Inspection) -> Iterator[Check]:
    """Whether the key can read the backups so far. Raises KeyFileError if there is none to compare.

    A store that does not answer has its own check.
    """
    name, context = "key-of-backups", inspection.context
    if not paths.present(context.settings.encryption_key_file) and not any_backup_known(context.stores):
        yield Check(name, Status.OK, _("There is no backup yet that was made with a key."))
        return
    key, inventory = context.key, inspection.inventory
    compared = key_check.compare(inventory, key, context.settings.db_name)
    told = key_check.doubt(compared, key)
    if told:
        yield Check(name, Status.FAIL, told, with_its_key(), "7.2")
    elif compared.other:
        text = ngettext(
            "{count} older backup was made with another key ({theirs}).",
            "{count} older backups were made with another key ({theirs}).",
            len(compared.other),
        ).format(count=len(compared.other), theirs=", ".join(compared.fingerprints))
        yield Check(name, Status.WARN, text, _("Keep that key until they are gone. ") + with_its_key(), "7.2")
    elif compared.same:
        seen = [store.name for store in context.stores if store.name not in inventory.unreachable]
        text = _("The backups ({stores}) were made with this key, {fingerprint}.").format(
            stores=labels.stores(seen), fingerprint=key.fingerprint
        )
        yield Check(name, Status.OK, text)
    else:
        yield Check(name, Status.OK, _("There is no backup yet that was made with a key."))
