"""What a post-data statement of pg_dump needs and locks, told from its text."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtn_tui.archive.statements import Statement
from mtn_tui.operations.restore.post_data import ClosingTasks, Filled
from mtn_tui.postgres.closers import Closing, closer
from mtn_tui.postgres.load import is_setting


def told(statement: str):
    found = closer(statement.encode())
    assert found.sql == statement.encode()
    return found.what, found.tables


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("CREATE INDEX users_name ON public.users USING btree (name)", "public.users"),
        (
            "CREATE UNIQUE INDEX i ON public.users USING btree (email) WHERE (email IS NOT NULL)",
            "public.users",
        ),
        ("CREATE INDEX i ON ONLY public.measures USING btree (at)", "public.measures"),
        ('CREATE INDEX "Índice raro" ON public."Año escolar" USING gin (x)', 'public."Año escolar"'),
        ('CREATE INDEX "i""; DROP" ON "s ""x"""."t.(;" USING btree (a)', '"s ""x"""."t.(;"'),
        ('CREATE INDEX "ON public.other" ON public.users USING btree (a)', "public.users"),
        ("CREATE INDEX i ON users USING btree (a)", "users"),
        ("CREATE INDEX i ON público.año USING btree (a)", "público.año"),
        ("ALTER TABLE ONLY public.users\n    ADD CONSTRAINT users_pkey PRIMARY KEY (id)", "public.users"),
        ("ALTER TABLE ONLY public.users\n    ADD CONSTRAINT users_email UNIQUE (email)", "public.users"),
        ("ALTER TABLE public.parted\n    ADD CONSTRAINT p PRIMARY KEY (id, at)", "public.parted"),
        (
            "ALTER TABLE ONLY public.rooms\n    ADD CONSTRAINT apart EXCLUDE USING gist (during WITH &&)",
            "public.rooms",
        ),
        (
            'ALTER TABLE ONLY "Mi Esquema"."Tabla ""uno"""\n    ADD CONSTRAINT "llave única" UNIQUE (a)',
            '"Mi Esquema"."Tabla ""uno"""',
        ),
    ],
)
def test_indexes_and_keys_need_their_tables_rows(statement, table):
    assert told(statement) == (Closing.KEY, (table,))


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        (
            "ALTER TABLE ONLY public.visits\n    ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES"
            " public.users(id) ON DELETE CASCADE",
            ("public.visits", "public.users"),
        ),
        (
            "ALTER TABLE public.p\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES public.users(b) NOT VALID",
            ("public.p", "public.users"),
        ),
        (
            'ALTER TABLE ONLY public."Mi Tabla"\n    ADD CONSTRAINT "f k" FOREIGN KEY ("a b", c) REFERENCES'
            ' "otro esquema"."año (1)"(x, y)',
            ('public."Mi Tabla"', '"otro esquema"."año (1)"'),
        ),
        (
            "ALTER TABLE ONLY public.tree\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES public.tree(id)",
            ("public.tree", "public.tree"),
        ),
    ],
)
def test_foreign_keys_lock_both_their_tables(statement, tables):
    assert told(statement) == (Closing.FOREIGN_KEY, tables)


def test_a_view_that_is_made_after_the_rows_is_there_before_its_indexes():
    view = "CREATE MATERIALIZED VIEW public.v AS SELECT id, name FROM public.t GROUP BY id WITH NO DATA"
    assert told(view) == (Closing.OTHER, ("public.v",))
    post_data = [
        Statement(text.encode())
        for text in (
            "ALTER TABLE ONLY public.t ADD CONSTRAINT k PRIMARY KEY (id)",
            view,
            "CREATE INDEX i ON public.v USING btree (id)",
        )
    ]
    done: list[bytes] = []
    for task in ClosingTasks(post_data, (), {}).tasks(
        lambda several, *_more: done.extend(several), lambda *_more: None
    ):
        task.work(None)  # type: ignore[arg-type]  # no connection is used
    assert done == [one.sql for one in post_data]


def test_views_are_filled_in_their_order_beside_foreign_keys_once_all_before_those_is_done():
    key, trigger, foreign, first, other, second, last = (
        "ALTER TABLE ONLY public.t ADD CONSTRAINT k PRIMARY KEY (id)",
        "CREATE TRIGGER t BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()",
        "ALTER TABLE ONLY public.u ADD CONSTRAINT f FOREIGN KEY (t) REFERENCES public.t(id)",
        "REFRESH MATERIALIZED VIEW public.z",
        "SET default_tablespace = other",
        "REFRESH MATERIALIZED VIEW public.a",
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.f()",
    )
    post_data = [Statement(one.encode()) for one in (key, trigger, foreign, first, other, second, last)]
    filled = (Filled(("public.t", "public.u"), ("rows",), 1, True, frozenset()),)
    doing: list[str] = []
    tasks, does = {}, {}
    for task in ClosingTasks(post_data, filled, {}).tasks(
        lambda several, *_more: doing.extend(one.decode() for one in several),
        lambda tables, _connection: doing.extend(f"ANALYZE {table}" for table in tables),
    ):
        task.work(None)  # type: ignore[arg-type]  # no connection is used
        tasks[task.name] = task
        does |= dict.fromkeys(doing, task.name)
        doing.clear()

    def before(statement: str) -> set[str]:
        left, names = [does[statement]], set[str]()
        while left:
            names |= (found := {name for name in tasks[left.pop()].after if name in tasks} - names)
            left += found
        return {one for one, name in does.items() if name in names}

    analyses = {"ANALYZE public.t", "ANALYZE public.u"}
    assert before(foreign) == {key, trigger}
    assert before(first) == {key, trigger} | analyses
    assert before(second) == {key, trigger, first} | analyses
    assert before(last) == {key, trigger, foreign, first, second} | analyses


def test_statistics_need_the_keys_of_their_table_alone_and_those_of_an_index_all_keys():
    def told(name: str) -> str:
        return (
            "SELECT * FROM pg_catalog.pg_restore_attribute_stats(\n\t'version', '180000'::integer,\n"
            f"\t'schemaname', 'public',\n\t'relname', '{name}',\n\t'attname', 'a'\n)"
        )

    of_t, of_u = (f"CREATE INDEX {table}_a ON public.{table} USING btree (lower(a))" for table in ("t", "u"))
    post_data = [Statement(one.encode()) for one in (of_t, of_u, told("t"), told("u"), told("t_a"))]
    filled = [Filled((f"public.{one}",), (f"rows of {one}",), 1 << 30, False, frozenset()) for one in "tu"]
    doing: list[str] = []
    tasks, does = {}, {}
    for task in ClosingTasks(post_data, filled, {}).tasks(
        lambda several, *_more: doing.extend(one.decode() for one in several), lambda *_tables: None
    ):
        task.work(None)  # type: ignore[arg-type]  # no connection is used
        tasks[task.name] = task
        does |= dict.fromkeys(doing, task.name)
        doing.clear()
    assert set(tasks[does[told("t")]].after) == {"rows of t", does[of_t]}
    assert set(tasks[does[told("u")]].after) == {"rows of u", does[of_u]}
    assert set(tasks[does[told("t_a")]].after) == {"all keys"}
    assert {does[told(one)] for one in ("t", "u", "t_a")} < set(tasks["all statistics"].after)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t BEFORE INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION public.f()",
        "CREATE RULE r AS ON INSERT TO public.v DO INSTEAD INSERT INTO public.users VALUES (1)",
        "CREATE POLICY p ON public.users USING (true)",
        "ALTER TABLE public.users ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE ONLY public.users REPLICA IDENTITY USING INDEX users_pkey",
        "ALTER TABLE public.users CLUSTER ON users_pkey",
        "ALTER TABLE public.users\n    ADD CONSTRAINT c CHECK ((age > 0)) NOT VALID",
        "ALTER TABLE public.users\n    ADD CONSTRAINT n NOT NULL age NOT VALID",
        "ALTER INDEX public.parted_pkey ATTACH PARTITION public.parted_1_pkey",
        "ALTER TABLE ONLY public.users ALTER COLUMN a SET STATISTICS 500",
        "CREATE STATISTICS public.s ON a, b FROM public.users",
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.f()",
        "CREATE PUBLICATION p FOR TABLE public.users",
        "CREATE VIEW public.v AS SELECT 1 AS x",
        "",
    ],
)
def test_all_the_rest_stays_in_its_place(statement):
    assert told(statement) == (Closing.OTHER, ())


@pytest.mark.parametrize(
    "statement",
    [
        "COMMENT ON INDEX public.i IS 'ALTER TABLE ONLY a ADD CONSTRAINT b PRIMARY KEY (c)'",
        "COMMENT ON CONSTRAINT c ON public.users IS 'CREATE INDEX i ON public.users USING btree (a)'",
    ],
)
def test_comments_are_told_apart(statement):
    assert told(statement) == (Closing.COMMENT, ())


def test_a_query_over_what_was_loaded_is_told_apart():
    assert told("REFRESH MATERIALIZED VIEW public.summary") == (
        Closing.REFRESH,
        ("public.summary",),
    )


names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


@given(names, names, names, names, names)
@example("s", "t", "c", "o", "x) REFERENCES public.victim(id")
@example("s", "t", "c FOREIGN KEY (a) REFERENCES b", "o", 'x") REFERENCES "y"')
@example("s", "t ADD CONSTRAINT c PRIMARY KEY", "c", "o", "x")
def test_no_quoted_name_can_pretend_to_be_another(schema, table, constraint, other, column):
    ours, theirs = f"{quoted(schema)}.{quoted(table)}", f"{quoted(schema)}.{quoted(other)}"
    add = f"ALTER TABLE ONLY {ours}\n    ADD CONSTRAINT {quoted(constraint)}"
    assert told(f"{add} PRIMARY KEY ({quoted(column)})") == (Closing.KEY, (ours,))
    assert told(f"CREATE INDEX {quoted(constraint)} ON {ours} USING btree (x)") == (Closing.KEY, (ours,))
    foreign = f"{add} FOREIGN KEY ({quoted(column)}) REFERENCES {theirs}(id)"
    assert told(foreign) == (Closing.FOREIGN_KEY, (ours, theirs))


@pytest.mark.parametrize(
    "statement",
    [
        b"SET statement_timeout = 0",
        b"set client_encoding = 'UTF8'",
        b"SELECT pg_catalog.set_config('search_path', '', false)",
        b"SET default_tablespace = ''",
    ],
)
def test_a_setting_is_known_as_one(statement):
    assert is_setting(statement)


@pytest.mark.parametrize(
    "statement",
    [b"SELECT pg_catalog.setval('public.s', 5, true)", b"SETTLE", b"CREATE TABLE x ()", b"RESET ALL"],
)
def test_what_changes_data_is_none(statement):
    assert not is_setting(statement)
