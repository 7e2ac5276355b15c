"""Large objects, compared by digest: those that changed since a full, as statements.

Each is read on the server, in the snapshot, in pieces of a megabyte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from psycopg import sql

from mtn_tui.postgres.connection import Connection, translated

_MOST = 10_000
"""Above so many only one digest of all is kept, and a difference ships them all."""

_AT_ONCE = 500
_PIECE = 1 << 20
_SHIPPED = 256 << 10
"""Bytes in one statement."""

_DIGESTS = f"""
    SELECT m.oid::bigint, md5(concat_ws(' ', pg_get_userbyid(m.lomowner), m.lomacl::text,
        obj_description(m.oid, 'pg_largeobject'), (
            SELECT string_agg(md5(lo_get(m.oid, at, {_PIECE})), '' ORDER BY at)
            FROM generate_series(0, lo_lseek64(lo_open(m.oid, x'40000'::int), 0, 2), {_PIECE}) AS at)))
    FROM pg_largeobject_metadata AS m WHERE m.oid = ANY (%s::oid[])
"""  # noqa: S608 - a number of our own

_ABOUT = """
    SELECT pg_get_userbyid(lomowner), obj_description(oid, 'pg_largeobject'), lomacl IS NULL,
        lo_lseek64(lo_open(oid, x'40000'::int), 0, 2)
    FROM pg_largeobject_metadata WHERE oid = %s
"""

_GRANTS = """
    SELECT CASE grantee WHEN 0 THEN '' ELSE pg_get_userbyid(grantee) END, privilege_type, is_grantable
    FROM pg_largeobject_metadata, aclexplode(lomacl) WHERE oid = %s ORDER BY 1, 2
"""


_BY_DEFAULT = """
    SELECT DISTINCT CASE grantee WHEN 0 THEN '' ELSE pg_get_userbyid(grantee) END
    FROM pg_default_acl, aclexplode(defaclacl) WHERE defaclobjtype = 'L' AND grantee <> defaclrole ORDER BY 1
"""
"""Who gets rights on a new one: they are not those of one that is made again."""


def digests(connection: Connection) -> dict[str, str]:
    """A digest of each large object, by its oid in decimal; of very many one for all, under ``""``.

    It covers content, owner, rights and comment. Call it in a transaction.
    """
    with translated():
        rows = connection.execute("SELECT oid::bigint FROM pg_largeobject_metadata ORDER BY oid").fetchall()
        oids = [int(str(oid)) for (oid,) in rows]
        found: dict[str, str] = {}
        for start in range(0, len(oids), _AT_ONCE):
            some = connection.execute(_DIGESTS, [oids[start : start + _AT_ONCE]]).fetchall()
            found.update((str(oid), str(digest)) for oid, digest in some)
    if len(found) <= _MOST:
        return found
    every = "".join(f"{oid} {digest}\n" for oid, digest in sorted(found.items()))
    return {"": hashlib.sha256(every.encode()).hexdigest()}


def changes(connection: Connection, base: Mapping[str, str]) -> Iterator[bytes]:
    """The statements that make the large objects of the full what they are now. Call it in a transaction."""
    now = digests(connection)
    if now == base:
        return
    if "" in now or "" in base:
        yield b"SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata;\n"
        with translated():
            rows = connection.execute(
                "SELECT oid::bigint FROM pg_largeobject_metadata ORDER BY oid"
            ).fetchall()
        wanted = [int(str(oid)) for (oid,) in rows]
    else:
        for oid in sorted(int(oid) for oid in base if now.get(oid) != base[oid]):
            yield b"SELECT pg_catalog.lo_unlink(%d);\n" % oid
        wanted = sorted(int(oid) for oid in now if now[oid] != base.get(oid))
    with translated():
        by_default = [_role(name) for (name,) in connection.execute(_BY_DEFAULT).fetchall()]
    for one in wanted:
        yield b"SELECT pg_catalog.lo_create(%d);\n" % one
        if by_default:
            yield f"REVOKE ALL ON LARGE OBJECT {one} FROM {', '.join(by_default)};\n".encode(
                errors="surrogateescape"
            )
        yield from _filled(connection, one)


def _filled(connection: Connection, oid: int) -> Iterator[bytes]:
    with translated():
        row = connection.execute(_ABOUT, [oid]).fetchone()
        assert row is not None  # noqa: S101 - it is there in this snapshot
        owner, comment, default_rights, size = row
        for at in range(0, int(str(size)), _SHIPPED):
            piece = connection.execute("SELECT lo_get(%s::oid, %s, %s)", [oid, at, _SHIPPED]).fetchone()
            assert piece is not None and isinstance(piece[0], bytes)  # noqa: S101, PT018
            yield b"SELECT pg_catalog.lo_put(%d, %d, '\\x%b');\n" % (oid, at, piece[0].hex().encode())
        grants = [] if default_rights else connection.execute(_GRANTS, [oid]).fetchall()
    name = sql.Identifier(str(owner)).as_string()
    lines = [f"ALTER LARGE OBJECT {oid} OWNER TO {name};"]
    if not default_rights:
        lines.append(f"REVOKE ALL ON LARGE OBJECT {oid} FROM PUBLIC, {name};")
    for grantee, privilege, grantable in grants:
        option = " WITH GRANT OPTION" if grantable else ""
        lines.append(f"GRANT {privilege} ON LARGE OBJECT {oid} TO {_role(grantee)}{option};")
    if comment is not None:
        lines.append(f"COMMENT ON LARGE OBJECT {oid} IS {sql.Literal(str(comment)).as_string()};")
    yield "".join(line + "\n" for line in lines).encode(errors="surrogateescape")


def _role(name: object) -> str:
    return sql.Identifier(str(name)).as_string() if name else "PUBLIC"
