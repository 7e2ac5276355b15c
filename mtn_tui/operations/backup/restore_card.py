"""``RESTORE-CARD.txt``: how to restore with openssl, gunzip and psql alone.

It lies in each store, in both languages whatever language the program speaks:
its reader may have nothing but the bucket.
"""

from __future__ import annotations

import io

from mtn_tui.core.errors import NotFound
from mtn_tui.storage.base import Storage

NAME = "RESTORE-CARD.txt"

TEXT = """\
RESTAURAR SIN NINGUNA HERRAMIENTA ESPECIAL / RESTORE WITHOUT ANY SPECIAL TOOL
=============================================================================

ES  Cada archivo *_full_*.sql.gz.gpg es un respaldo completo de la base de datos.
    Hace falta la clave (ENCRYPTION_KEY_FILE), openssl, gunzip y psql. Se
    restaura siempre en una base NUEVA y vacía; la que está en uso no se toca.

EN  Each *_full_*.sql.gz.gpg file is a whole backup of the database. It takes
    the key (ENCRYPTION_KEY_FILE), openssl, gunzip and psql. Always restore into
    a NEW, empty database; the one in use is not touched.

    createdb --template=template0 --encoding=UTF8 RECOVERED

    openssl enc -d -aes-256-cbc -pbkdf2 -iter 100000 -pass file:KEY \\
        -in BACKUP.sql.gz.gpg | gunzip | psql -X -v ON_ERROR_STOP=1 -d RECOVERED

ES  Un *_diff_* con su .manifest.json guarda lo que cambió desde UN completo.
    Restaure ese completo en una base nueva y después, con la misma línea, UN
    solo diferencial. En otra base, o por segunda vez, no cambia nada y lo dice.
    Cuál es su completo (sin .manifest.json: es un completo, restáurelo solo):
EN  A *_diff_* with its .manifest.json holds what has changed since ONE full.
    Restore that full into a new database and then, by the same line, ONE
    differential. Elsewhere, or a second time, it changes nothing and says so.
    Which is its full (without a .manifest.json it is whole: restore it alone):

    grep -o '"base":"[a-z0-9]*"' DIFFERENTIAL.sql.gz.gpg.manifest.json
    grep -l '"id":"THAT_BASE"' *_full_*.manifest.json

ES  Roles y contraseñas, si el servidor es nuevo (antes de lo anterior). Un
    "already exists" se puede pasar por alto:
EN  Roles and passwords, where the server is new (before the above). An
    "already exists" may be passed over:

    openssl enc -d -aes-256-cbc -pbkdf2 -iter 100000 -pass file:KEY \\
        -in BACKUP.sql.gz.gpg.roles.enc | psql -X -d postgres

ES  Comprobar que el respaldo está entero; debe terminar en "dump complete":
EN  See whether the backup is whole; it must end in "dump complete":

    openssl enc -d -aes-256-cbc -pbkdf2 -iter 100000 -pass file:KEY \\
        -in BACKUP.sql.gz.gpg | gunzip | tail -n 4
"""


def leave_card(store: Storage) -> None:
    """Put the card into a store, unless this very card is there."""
    data = TEXT.encode()
    try:
        if store.stat(NAME).size == len(data):
            with store.open(NAME) as stream:
                if stream.read() == data:
                    return
    except NotFound:
        pass  # It is put there now.
    store.put(NAME, io.BytesIO(data), len(data))
