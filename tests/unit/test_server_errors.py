"""Of a CONTEXT what names functions, tables and lines is shown, in whatever language the server speaks."""

from __future__ import annotations

import pytest

from mtn_tui.postgres.server_errors import context_of

ROW = "Pupil-Qx7"

CONTEXTS = {
    f'COPY alumnos, line 3: "1,{ROW}"': "COPY alumnos, line 3",
    f"COPY alumnos, línea 3, columna rut: «{ROW}»": "COPY alumnos, línea 3, columna rut",
    f"COPY alumnos, Zeile 3, Spalte rut: »{ROW}«": "COPY alumnos, Zeile 3, Spalte rut",
    f"COPY alumnos, ligne 3, colonne rut : « {ROW} »": "COPY alumnos, ligne 3, colonne rut",
    f'COPY "Odd, name", line 3: "{ROW}"': 'COPY "Odd, name", line 3',
    "PL/pgSQL function public.f(integer,text[]) line 3 at SQL statement": None,
    "función PL/pgSQL public.f(integer) en la línea 3 en sentencia SQL": None,
    "PL/pgSQL-Funktion f(integer) Zeile 3 bei SQL-Anweisung": None,
    "PL/pgSQL function inline_code_block line 1 at RAISE": None,
    'SQL function "f" statement 1': None,
    "función SQL «f» en la sentencia 1": None,
    'SQL function "f" during inlining': None,
    "función SQL «f», durante expansión en línea": None,
    f"SQL statement \"INSERT INTO t VALUES ('{ROW}')\"": "SQL statement: INSERT INTO t",
    f"sentencia SQL: «UPDATE t SET rut = '{ROW}'»": "sentencia SQL: UPDATE t",
    f"SQL statement \"SELECT\n'a' || '{ROW}'\nfrom {ROW}\"": "SQL statement: SELECT",
    f"PL/pgSQL assignment \"x := '{ROW}'\"": "PL/pgSQL assignment: a statement",
    f'while setting parameter "x" to "{ROW}"': "",
    f"{ROW} is anything": "",
}


@pytest.mark.parametrize("text", CONTEXTS)
def test_a_context_is_shown_without_rows_and_statements(text):
    shown = CONTEXTS[text]
    assert context_of(text) == (text if shown is None else shown)
