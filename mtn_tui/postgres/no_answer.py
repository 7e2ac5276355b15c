"""Says in our words why no server answered, by what libpq or the system reports, in English or Spanish."""

from __future__ import annotations

import re

from mtn_tui.core.i18n import _
from mtn_tui.postgres.server import CONNECT_SECONDS

_UNKNOWN = r"could not translate host name|no se pudo traducir el nombre|label (?:empty|too long)"
_REFUSED = r"connection refused|conexión (?:rehusada|rechazada)"
_LATE = r"timeout expired|timed out|tiempo de (?:conexión|espera)"
_NO_WAY = r"no route to host|network is unreachable|no existe ninguna ruta|red es inaccesible"
_CLOSED = r"closed the connection|cerró la conexión|connection reset|conexión reinicializada"


def why(words: str) -> str:
    """The reason, without a full stop; empty if it is none of those that are known."""
    known = {
        _UNKNOWN: _("no machine of that name is known"),
        _REFUSED: _("nothing listens at that port"),
        _LATE: _("no word came in {seconds} s").format(seconds=CONNECT_SECONDS),
        _NO_WAY: _("the network does not reach that machine"),
        _CLOSED: _("it closed the connection at once"),
    }
    return next((said for form, said in known.items() if re.search(form, words, re.IGNORECASE)), "")
