"""Without the key no backup can be read: has somebody said that a copy is kept in another place?"""

from __future__ import annotations

from collections.abc import Iterator

from mtn_tui.core import paths
from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.accepted import KEY_ELSEWHERE, accepted
from mtn_tui.operations.health.inspection import Inspection

_NAME = "key-elsewhere"


def key_elsewhere(inspection: Inspection) -> Iterator[Check]:
    """Who has said so of this key, and when. Another key asks again. Raises KeyFileError."""
    context = inspection.context
    if not paths.present(context.settings.encryption_key_file):
        yield Check(_NAME, Status.OK, _("There is no key yet of which a copy could be kept."))
        return
    fingerprint = context.key.fingerprint
    mark = accepted(context, KEY_ELSEWHERE, fingerprint)
    if mark is None:
        text = _("Nobody has confirmed yet that a copy of the key {fingerprint} is kept elsewhere.")
        hint = _(
            "What destroys this machine destroys its key too. Copy it to a safe place that is not on this"
            " machine, such as the school's password manager; then: mtn accept --key-elsewhere"
        )
        yield Check(_NAME, Status.WARN, text.format(fingerprint=fingerprint), hint, "7.2")
        return
    text = _("{operator} said that a copy of the key {fingerprint} is kept elsewhere, {moment}.").format(
        operator=mark.operator, fingerprint=fingerprint, moment=labels.moment(mark.at)
    )
    yield Check(_NAME, Status.OK, text, runbook="7.2")
