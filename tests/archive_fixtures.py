"""Archives for tests: dumps with hostile names and rows, payloads of them, and their manifests."""

from __future__ import annotations

import io
import itertools
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import Manifest
from mtn_tui.archive.sections import END, HEAD, split
from mtn_tui.archive.writer import Writer, compress
from mtn_tui.core.identity import DatabaseProperties, Extension, Grant, ServerIdentity
from mtn_tui.core.models import BackupName, Kind

KEY = Key("contraseña de prueba".encode())
OTHER_KEY = Key(b"another one")
SALT = bytes(range(8))
OTHER_SALT = bytes(range(100, 108))
PAYLOAD = "admision_mtn_full_db-1_20260302_020000.sql.gz.gpg"
OTHER_PAYLOAD = "admision_mtn_full_db-1_20260303_020000.sql.gz.gpg"

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Of every property: no test depends on the machine's speed."""

ENCRYPT = "openssl enc -aes-256-cbc -salt -pbkdf2 -iter 100000 -pass file:{key}"
DECRYPT = "openssl enc -d -aes-256-cbc -pbkdf2 -iter 100000 -pass file:{key}"


def shell(command: str, given: bytes) -> bytes:
    """What a command prints that is fed ``given``; it must succeed."""
    done = subprocess.run(command, shell=True, input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def chunked(data: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """``data`` in pieces of ``sizes``, over and over."""
    at = 0
    for size in itertools.cycle(sizes):
        if at >= len(data):
            return
        yield data[at : at + size]
        at += size


class Trickle(io.BytesIO):
    """A stream that gives at most ``step`` bytes at a time, as a socket may."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self._step = step

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._step if size is None or size < 0 else min(size, self._step))


# --- runs of pg_dump -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """A table in a dump: its name as pg_dump writes it, its COPY statement, its lines."""

    name: str
    copy: str
    lines: tuple[bytes, ...]


@dataclass(frozen=True)
class Run:
    """The data in the middle of a dump, and what is in it."""

    data: bytes
    tables: tuple[Table, ...] = field(repr=False)


PREAMBLE = b"""--
-- PostgreSQL database dump
--

\\restrict dG9rZW4

-- Dumped from database version 18.1
-- Dumped by pg_dump version 18.1

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

"""
ENDING = (
    b"""
--
"""
    + END
    + b"""
--

\\unrestrict dG9rZW4

"""
)

PRE_DATA = (
    PREAMBLE
    + b"""CREATE FUNCTION public.f() RETURNS void LANGUAGE sql AS $_$
COPY x FROM stdin;
\\.
$_$;
"""
)
POST_DATA = b"ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);\n" + ENDING
TAIL = b"DO $$ BEGIN PERFORM 1; END $$;\n-- [mtn test]\n" + END + b"\n"

_HOSTILE = (
    "COPY x FROM stdin;",
    "COPY x (a) FROM stdin;\n",
    "\n\\.\n",
    "\\.",
    "\\",
    "\n",
    "\r",
    "'",
    '"',
    ";",
    ";\n",
    "--",
    "-",
    "/*",
    "*/",
    "E'",
    "e",
    "$a$",
    "$$",
    "(",
    ")",
    ".",
    " ",
    "\t",
    "ñ",
    "名",
    "a",
    "Z",
    "9",
    "-- PostgreSQL database dump complete",
)
hostile_text = st.lists(st.sampled_from(_HOSTILE), max_size=6).map("".join)
_plain_names = st.sampled_from(["a", "alumnos", "t_1", "solicitudes"])
_quoted_names = hostile_text.filter(bool).map(quoted := lambda name: '"' + name.replace('"', '""') + '"')
names = st.one_of(_plain_names, _quoted_names)

_ESCAPED = (b"\\n", b"\\\\", b"\\t", b"\\N", b"\\r", b"\\\\.", b"\t", b"\\\\n")
_fields = st.one_of(
    st.sampled_from([*_ESCAPED, b"COPY x FROM stdin;", b"'", b'"', b";", b"--", b"/*", b"a.", b".", b""]),
    st.binary(max_size=6).map(lambda data: data.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")),
)
rows = st.lists(_fields, max_size=5).map(b"".join)
_huge_rows = st.builds(
    lambda piece, times: piece * times,
    st.sampled_from([b"0", b"\\\\", b"\\N\t", b"\\\\."]),
    st.integers(50, 400),
)


def literal(text: str, escaped: bool) -> str:
    """As pg_dump writes it, with standard_conforming_strings on or (``escaped``) off."""
    doubled = text.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if escaped else "'" + doubled + "'"


def _comment(name: str, kind: str) -> str:
    flat = name.replace("\n", " ").replace("\r", " ")
    return f"--\n-- Data for Name: {flat}; Type: {kind}; Schema: public; Owner: -\n--\n\n"


def _table(schema: str, name: str, columns: list[str], lines: list[bytes]) -> tuple[bytes, Table]:
    whole = f"{schema}.{name}" if schema else name
    listed = f"({', '.join(columns)})" if columns else ""
    copy = f"COPY {whole} {listed} FROM stdin;"
    if not columns:
        lines = [b""] * len(lines)
    body = b"".join(line + b"\n" for line in lines)
    head = _comment(name, "TABLE DATA") + copy + "\n"
    return head.encode() + body + b"\\.\n\n\n", Table(whole, copy, tuple(lines))


def _sequence(name: str, number: int, escaped: bool) -> tuple[bytes, None]:
    text = literal(f"public.{quoted(name)}", escaped)
    sql = f"{_comment(name, 'SEQUENCE SET')}SELECT pg_catalog.setval({text}, {number}, true);\n\n\n"
    return sql.encode(), None


def _large_object(oid: int, data: bytes) -> tuple[bytes, None]:
    sql = (
        f"--\n-- Data for Name: BLOBS; Type: BLOBS\n--\n\nBEGIN;\n\n"
        f"SELECT pg_catalog.lo_open('{oid}', 131072);\n"
        f"SELECT pg_catalog.lowrite(0, '\\x{data.hex()}');\nSELECT pg_catalog.lo_close(0);\n\nCOMMIT;\n\n"
    )
    return sql.encode(), None


_tables = st.builds(
    _table,
    st.one_of(st.just("public"), st.just(""), names),
    names,
    st.lists(names, max_size=3),
    st.lists(st.one_of(rows, rows, rows, _huge_rows), max_size=8),
).filter(lambda made: b"\\." not in made[1].lines)
_parts = st.one_of(
    _tables,
    _tables,
    st.builds(_sequence, hostile_text, st.integers(1, 2**40), st.booleans()),
    st.builds(_large_object, st.integers(1, 9999), st.binary(max_size=300)),
)


def _run(parts: list[tuple[bytes, Table | None]]) -> Run:
    data = b"".join(made for made, _ in parts)
    return Run(data, tuple(table for _, table in parts if table is not None))


runs = st.lists(_parts, max_size=6).map(_run)
chunkings = st.lists(st.integers(1, 64), min_size=1, max_size=5) | st.lists(
    st.integers(1, 4096), min_size=1, max_size=3
)


# --- payloads --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """A payload, its script and its manifest."""

    payload: bytes
    script: bytes
    manifest: Manifest
    members: tuple[int, ...]
    """Where each gzip member ends, in bytes of the gzip stream."""

    def slices(self) -> list[bytes]:
        """The script, section by section."""
        borders = itertools.accumulate((section.raw for section in self.manifest.sections), initial=0)
        return [self.script[start:end] for start, end in itertools.pairwise(borders)]


class MemorySource:
    """Where a payload lies for an Archive; another can be put in its place. Counts what is read."""

    def __init__(self, payload: bytes, step: int = 1 << 20) -> None:
        self.payload = payload
        self.step = step
        self.read = 0

    def __call__(self, start: int, length: int | None) -> AbstractContextManager[BinaryIO]:
        data = self.payload[start:] if length is None else self.payload[start : start + length]
        self.read += len(data)
        return Trickle(data, self.step)


def make(
    data: bytes,
    *,
    pre_data: bytes = PRE_DATA,
    post_data: bytes = POST_DATA,
    tail: bytes = TAIL,
    member: int = 4096,
    section: int = 16384,
    level: int = 6,
    salt: bytes = SALT,
    key: Key = KEY,
    name: str = PAYLOAD,
) -> Made:
    """Write an archive as a backup does."""
    written = bytearray()
    writer = Writer(key, salt, written.extend)
    ends = []
    at = 0
    for block in split([pre_data, data, post_data], tail, member=member, section=section):
        one = compress(block, level)
        writer.append(one)
        at += len(one.gzip)
        ends.append(at)
    payload = writer.finish()
    manifest = replace(
        manifest_of(name, key),
        size=payload.size,
        sha256=payload.sha256,
        salt=payload.salt,
        sections=payload.sections,
    )
    return Made(bytes(written), HEAD + pre_data + data + post_data + tail, manifest, tuple(ends))


def manifest_of(name: str, key: Key) -> Manifest:
    """A manifest of no bytes, with something in every other field."""
    parsed = BackupName.parse(name)
    assert parsed is not None
    moment = datetime(2026, 3, 2, 5, 0, 0, 123456, tzinfo=UTC)
    return Manifest(
        id="k3j5x2ab",
        kind=Kind.FULL,
        database="Admisión_MTN_DB",
        host="db-1",
        payload=name,
        snapshot_at=moment,
        started_at=moment - timedelta(seconds=1),
        ended_at=moment + timedelta(minutes=3),
        lsn="0/16B3748",
        horizon=2**33 + 7,
        server=ServerIdentity(2**63 - 1, 16384, 1, "18.1", 180001, "UTF8", "i", "es_CL.UTF-8", "C", "es-CL"),
        properties=DatabaseProperties(
            "dueña",
            (Grant("app", "CONNECT", grantable=True), Grant("", "CONNECT", grantable=False)),
            'a "comment"\nof two lines [mtn k3j5x2ab]',
            100,
            ("TimeZone=America/Santiago",),
            {"app": ("work_mem=64MB",)},
        ),
        tools={"pg_dump": "18.1"},
        roles=("app", "dueña"),
        extensions=(Extension("pgcrypto", "1.3", "public"),),
        schema_hash="ab" * 32,
        size=0,
        sha256="00" * 32,
        salt=SALT.hex(),
        key=key.fingerprint,
        sections=(),
    )


def some_rows(count: int, seed: int = 1) -> bytes:
    """The data of one table of about 30 bytes a row, that compresses as real ones do, and a sequence."""
    lines = b"".join(
        b"%d\tGonz\xc3\xa1lez %d\t2026-03-%02d\n"
        % (number, (number * seed * 7919) % 100_003, number % 28 + 1)
        for number in range(count)
    )
    table = b"COPY public.alumnos (id, nombre, nacido) FROM stdin;\n" + lines + b"\\.\n\n\n"
    sequence = b"SELECT pg_catalog.setval('public.alumnos_id_seq', %d, true);\n" % count
    return table + sequence
