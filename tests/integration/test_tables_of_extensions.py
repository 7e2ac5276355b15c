"""Tables of extensions refer to each other before their rows are in: they load first, in pg_dump's order."""

from __future__ import annotations

import pytest


@pytest.mark.sample("few rows")
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
