"""Tables of extensions refer to each other before their rows are in: they load first, in pg_dump's order."""

from __future__ import annotations

import psycopg
import pytest


@pytest.fixture
def catalogue(pg18, pg_workspace):
    """An extension with two tables that a foreign key joins, as PostGIS's topology is."""
    path = pg_workspace.path / "catalogue"
    folder = path / "extension"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "catalogue.control").write_text("default_version = '1.0'\nrelocatable = false\nschema = topo\n")
    (folder / "catalogue--1.0.sql").write_text("""
        CREATE TABLE topo.topology (id int PRIMARY KEY, name text);
        CREATE TABLE topo.layer (id int PRIMARY KEY, topology int NOT NULL REFERENCES topo.topology);
        INSERT INTO topo.topology VALUES (0, 'of the extension');
        SELECT pg_catalog.pg_extension_config_dump('topo.topology', 'WHERE id > 0');
        SELECT pg_catalog.pg_extension_config_dump('topo.layer', '');
    """)
    for one in (path, folder, *folder.iterdir()):
        one.chmod(0o755 if one.is_dir() else 0o644)
    with psycopg.connect(pg18.conninfo(), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {pg18.user} SET extension_control_path = '$system:{path}'")
        yield "catalogue"
        connection.execute(f"ALTER ROLE {pg18.user} RESET extension_control_path")


@pytest.mark.parametrize("rows", [3, 30_000], ids=["few rows", "many rows"])
def test_they_load_before_all_others_and_are_never_emptied(pg18, catalogue, new_database, practise, rows):
    """The extension's own row stays, though the dump has not got it; a table of the user's refers to one."""
    source = new_database(pg18)
    source.psql(f"""
        CREATE SCHEMA topo; CREATE EXTENSION {catalogue};
        INSERT INTO topo.topology SELECT n, md5(n::text) FROM generate_series(1, {rows}) n;
        INSERT INTO topo.layer SELECT n, n FROM generate_series(1, {rows}) n;
        CREATE TABLE a_place (id int PRIMARY KEY, layer int REFERENCES topo.layer);
        INSERT INTO a_place SELECT n, n FROM generate_series(1, {rows}) n;
    """)
    practice = practise(source)
    practice.back_up()
    everything = (
        "SELECT count(*), sum(id) FROM topo.topology; SELECT count(*), sum(topology) FROM topo.layer;"
        " SELECT count(*), sum(layer) FROM a_place"
    )
    assert practice.restore().psql(everything) == source.psql(everything)
