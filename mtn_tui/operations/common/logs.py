"""The logs of this installation, and how people name a moment in them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.engine.logs.stream import Logs
from mtn_tui.operations.common.context import Context

_AGO = re.compile(r"(\d{1,6})\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def open_logs(context: Context) -> Logs:
    """LOG_DIR with what the scripts left in it, and the journals of this state folder."""
    return Logs(context.settings.log_dir, context.state / "jobs", context.clock)


def since(text: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """Read ``2h`` (ago), ``03:00`` (the last), ``2026-11-24``, ``2026-11-24T03:00``; local without an offset.

    ``zone`` is the machine's own unless given. Raises UsageError.
    """
    wanted = text.strip()
    ago = _AGO.fullmatch(wanted)
    local = now.astimezone(zone)
    try:
        if ago is not None:
            return (now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).astimezone(UTC)
        if re.fullmatch(r"\d\d:\d\d(:\d\d)?", wanted):
            moment = datetime.fromisoformat(f"{local:%Y-%m-%d}T{wanted}")
            if moment > local.replace(tzinfo=None):
                moment -= timedelta(days=1)
        else:
            moment = datetime.fromisoformat(wanted)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone) if zone is not None else moment.astimezone()
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            _("{text} is not a moment.").format(text=text),
            _("Write it like 2h, 03:00, 2026-11-24 or 2026-11-24T03:00."),
        ) from error
