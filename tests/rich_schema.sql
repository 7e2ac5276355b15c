-- Every common feature of PostgreSQL, with data, for tests of backup and restore. For psql, as superuser,
-- in an empty UTF-8 database; PostgreSQL 13 to 18. What pg_dump itself does not carry over is left out.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = error;
SET client_encoding = 'UTF8';
SET timezone = 'UTC';
SET search_path = '';

SELECT current_setting('server_version_num')::int >= 140000 AS v14,
    current_setting('server_version_num')::int >= 150000 AS v15,
    current_setting('server_version_num')::int >= 170000 AS v17,
    current_setting('server_version_num')::int >= 180000 AS v18 \gset

CREATE FUNCTION pg_temp.works(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN true;
EXCEPTION WHEN feature_not_supported THEN
    RETURN false;
END
$$;
CREATE FUNCTION pg_temp.noise(seed text, bytes int) RETURNS bytea LANGUAGE sql AS $$
    SELECT substr(string_agg(decode(md5(seed || i), 'hex'), ''::bytea ORDER BY i), 1, bytes)
    FROM generate_series(0, bytes / 16) i
$$;
SELECT pg_temp.works($$SELECT '<a/>'::xml$$) AS have_xml,
    count(*) FILTER (WHERE name = 'citext') > 0 AS have_citext,
    count(*) FILTER (WHERE name = 'pgcrypto') > 0 AS have_pgcrypto,
    count(*) FILTER (WHERE name = 'btree_gist') > 0 AS have_btree_gist,
    count(*) FILTER (WHERE name = 'file_fdw') > 0 AS have_file_fdw,
    count(*) FILTER (WHERE name = 'postgres_fdw') > 0 AS have_postgres_fdw
FROM pg_available_extensions \gset

DO $$
BEGIN
    CREATE ROLE mtn_rich_role NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

------------------------------------------------------------------------------- schemas, extensions
CREATE SCHEMA rich;
COMMENT ON SCHEMA rich IS 'Todo lo que una base puede tener';
CREATE SCHEMA "Esquema con espacio y ñ" AUTHORIZATION mtn_rich_role;
GRANT USAGE ON SCHEMA rich TO mtn_rich_role WITH GRANT OPTION;
GRANT CREATE ON SCHEMA rich TO PUBLIC;
\if :have_citext
CREATE SCHEMA ext;
CREATE EXTENSION citext WITH SCHEMA ext;
COMMENT ON EXTENSION citext IS 'texto sin mayúsculas';
CREATE TABLE rich.correos (direccion ext.citext PRIMARY KEY, visto int NOT NULL DEFAULT 0);
INSERT INTO rich.correos VALUES ('Ana@MTN.cl', 1), ('josé@mtn.cl', 2);
\endif
\if :have_pgcrypto
CREATE EXTENSION pgcrypto WITH SCHEMA rich;
CREATE TABLE rich.con_digest (texto text, resumen bytea GENERATED ALWAYS AS (rich.digest(texto, 'sha256')) STORED);
INSERT INTO rich.con_digest VALUES ('uno'), ('dos'), (NULL);
\endif

------------------------------------------------------------------------------- types
CREATE TYPE rich.estado AS ENUM ('nuevo', 'en revisión', 'it''s', E'con\nsalto', 'último');
ALTER TYPE rich.estado ADD VALUE 'intermedio' BEFORE 'último';
COMMENT ON TYPE rich.estado IS E'Un comentario con \\. y\nCOPY x (a) FROM stdin;\n\\.\nen líneas propias';
CREATE DOMAIN rich.rut AS text COLLATE "C" DEFAULT '1-9' NOT NULL
    CONSTRAINT rut_valido CHECK (VALUE ~ '^[0-9]{1,8}-[0-9K]$');
COMMENT ON DOMAIN rich.rut IS 'Rol único tributario';
COMMENT ON CONSTRAINT rut_valido ON DOMAIN rich.rut IS 'Sólo el formato';
ALTER DOMAIN rich.rut ADD CONSTRAINT no_cero CHECK (VALUE <> '0-0') NOT VALID;
CREATE DOMAIN rich.positivos AS int[] CHECK (0 < ALL (VALUE));
CREATE TYPE rich.direccion AS (calle text, "número" int, tags text[], cuando timestamptz);
COMMENT ON COLUMN rich.direccion."número" IS 'Número municipal';
CREATE TYPE rich.periodo AS RANGE (subtype = date);
CREATE TYPE rich.incompleto;
DROP TYPE rich.incompleto;
GRANT USAGE ON TYPE rich.estado TO mtn_rich_role;

CREATE COLLATION rich."raíz" (locale = 'C');
COMMENT ON COLLATION rich."raíz" IS 'Orden de bytes';
CREATE CONVERSION rich.a_latin1 FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;

------------------------------------------------------------------------------- functions
CREATE FUNCTION rich.trampa() RETURNS text LANGUAGE plpgsql AS $cuerpo$
BEGIN
    -- Lines that look like data to whoever looks for patterns:
    PERFORM $q$
COPY rich.nada (a, b) FROM stdin;
1	2
\.
$q$;
    EXECUTE $$SELECT 'COPY x FROM stdin;'$$;
    RETURN '
COPY x FROM stdin;
\.

--
-- PostgreSQL database dump complete
--

';
END
$cuerpo$;
COMMENT ON FUNCTION rich.trampa() IS 'Su cuerpo parece un volcado';
CREATE FUNCTION rich.escapada(texto text DEFAULT E'a\\b''c') RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS E'SELECT texto || E\'\\\\.\\n\' || ''\nCOPY x FROM stdin;\n\\.\n''';
CREATE FUNCTION rich.anidada() RETURNS text LANGUAGE sql AS $_X$ SELECT $_$ $$ \. $$ $_$ || $$ $_$ $$::text $_X$;
CREATE FUNCTION rich.doble(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2' COST 5 SET search_path = '';
CREATE FUNCTION rich.doble(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE FUNCTION rich.filas(n int) RETURNS TABLE (i int, t text) LANGUAGE sql ROWS 7 LEAKPROOF AS
    'SELECT g, g::text FROM generate_series(1, n) g';
CREATE FUNCTION rich.variadica(VARIADIC partes text[]) RETURNS text LANGUAGE sql IMMUTABLE AS
    'SELECT array_to_string(partes, ''-'')';
CREATE FUNCTION rich."función con "" y %s {x}"(OUT a int, INOUT b text) LANGUAGE plpgsql SECURITY DEFINER AS
    'BEGIN a := 1; b := b || ''!''; END';
CREATE PROCEDURE rich.proceso(INOUT n int) LANGUAGE plpgsql AS 'BEGIN n := n + 1; COMMIT; END';
COMMENT ON PROCEDURE rich.proceso(int) IS 'Un procedimiento';
REVOKE ALL ON FUNCTION rich.trampa() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rich.trampa() TO mtn_rich_role;
ALTER FUNCTION rich.anidada() OWNER TO mtn_rich_role;

CREATE FUNCTION rich.junta(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$SELECT coalesce($1 || ',', '') || coalesce($2, '')$$;
CREATE AGGREGATE rich.unir(text) (SFUNC = rich.junta, STYPE = text, INITCOND = '', PARALLEL = SAFE);
COMMENT ON AGGREGATE rich.unir(text) IS 'Une con comas';
CREATE FUNCTION rich.casi_igual(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT abs($1 - $2) < 2';
CREATE OPERATOR rich.=~= (LEFTARG = int, RIGHTARG = int, FUNCTION = rich.casi_igual, COMMUTATOR = OPERATOR(rich.=~=));
COMMENT ON OPERATOR rich.=~= (int, int) IS 'Casi igual';
CREATE FUNCTION rich.a_texto(rich.direccion) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$SELECT ($1).calle || ' ' || ($1)."número"$$;
CREATE CAST (rich.direccion AS text) WITH FUNCTION rich.a_texto(rich.direccion) AS ASSIGNMENT;
COMMENT ON CAST (rich.direccion AS text) IS 'Como en un sobre';
CREATE OPERATOR FAMILY rich.familia USING btree;
CREATE OPERATOR CLASS rich.al_reves FOR TYPE int USING btree FAMILY rich.familia AS
    OPERATOR 1 > (int, int), OPERATOR 2 >= (int, int), OPERATOR 3 = (int, int),
    OPERATOR 4 <= (int, int), OPERATOR 5 < (int, int), FUNCTION 1 (int, int) btint4cmp (int, int);
CREATE TEXT SEARCH DICTIONARY rich.simple_es (TEMPLATE = pg_catalog.simple, STOPWORDS = spanish);
CREATE TEXT SEARCH CONFIGURATION rich.busqueda (COPY = pg_catalog.spanish);
ALTER TEXT SEARCH CONFIGURATION rich.busqueda ALTER MAPPING FOR word WITH rich.simple_es, spanish_stem;
COMMENT ON TEXT SEARCH CONFIGURATION rich.busqueda IS 'Para las notas';

------------------------------------------------------------------------------- columns of every kind
CREATE SEQUENCE rich.sin_dueno AS smallint INCREMENT BY -3 MINVALUE -300 MAXVALUE 30 START WITH 30 CACHE 5 CYCLE;
COMMENT ON SEQUENCE rich.sin_dueno IS 'Va hacia atrás';
SELECT nextval('rich.sin_dueno'), nextval('rich.sin_dueno');
CREATE SEQUENCE rich.sin_uso START WITH 1000;
CREATE SEQUENCE rich.por_llamar;
SELECT setval('rich.por_llamar', 77, false);

CREATE TABLE rich.tipos (
    id bigint GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 10) PRIMARY KEY,
    alterna int GENERATED BY DEFAULT AS IDENTITY,
    serie serial,
    b boolean, s smallint, n numeric(30, 10), sin_escala numeric, f4 real, f8 double precision, dinero money,
    t text COLLATE rich."raíz", v varchar(40), c char(5), nombre name,
    bytes bytea, d date, h time(3), hz timetz, ts timestamp, tz timestamptz, iv interval, u uuid,
    j json, jb jsonb, a int[], aa text[][], e rich.estado, ea rich.estado[], r rich.rut, ps rich.positivos,
    dir rich.direccion, dirs rich.direccion[], rango int4range, fechas rich.periodo, p point, caja box,
    red inet, cidr cidr, mac macaddr, bits bit(5), vb bit varying(9), tsv tsvector, tsq tsquery, ref regclass,
    doble int GENERATED ALWAYS AS (rich.doble(s::int)) STORED,
    CONSTRAINT "s es pequeño" CHECK (s < 1000)
) WITH (fillfactor = 70, autovacuum_enabled = false);
ALTER TABLE rich.tipos ALTER COLUMN t SET STORAGE EXTERNAL, ALTER COLUMN t SET STATISTICS 500,
    ALTER COLUMN v SET (n_distinct = -0.5);
COMMENT ON TABLE rich.tipos IS 'Un tipo por columna';
COMMENT ON COLUMN rich.tipos.t IS E'Texto libre; tab \t, barra \\ y comilla ''';
COMMENT ON CONSTRAINT "s es pequeño" ON rich.tipos IS 'Menor que mil';
INSERT INTO rich.tipos (
    b, s, n, sin_escala, f4, f8, dinero, t, v, c, nombre, bytes, d, h, hz, ts, tz, iv, u, j, jb, a, aa, e, ea, r, ps,
    dir, dirs, rango, fechas, p, caja, red, cidr, mac, bits, vb, tsv, tsq, ref
) VALUES (
    true, 999, 12345678901234567890.0123456789, 1e-40, 1.17549435e-38, 2.2250738585072014e-308, 1234.56,
    E'tab\there, newline\nhere, return\rhere, backslash \\ here, \\N and \\. and \\x41', E'\\N', E'\\.', 'nombre',
    pg_temp.noise('bytes', 2000), '4714-11-24 BC', '23:59:59.999', '12:00:00-03:30', '2026-02-28 23:59:59.999999',
    '2026-04-05 00:30:00-03', '-1 year 2 mons -3 days 04:05:06.789', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    '{"a":  1, "a": [1, 2,  "ñ"]}', '{"b": {"c": [null, true, 1.0, "\\. \u00f1"]}, "a": "\n"}',
    '{1,NULL,3}', '{{a,"b,c"},{"{","\"\\"}}', 'it''s', ARRAY['nuevo', E'con\nsalto']::rich.estado[], '7654321-K',
    '{1,2}', ROW('Av. "Las" Ñ, \', 12, '{x,NULL,"y z"}', '2026-01-01 00:00:00+00'),
    ARRAY[ROW('a', 1, NULL, NULL)::rich.direccion, NULL], '[1,10)', '[2026-01-01,)', '(1.5,-2)', '((0,0),(1,1))',
    '::1/128', '10.0.0.0/8', '08:00:2b:01:02:03', B'10101', B'1', to_tsvector('simple', 'uno dos uno'),
    'uno & !dos:*', 'pg_catalog.pg_class'
), (
    false, -32768, 'NaN', 'NaN', 'Infinity', '-Infinity', -0.01, '', '', '', '', '', 'infinity', '24:00', '00:00+00',
    '-infinity', 'infinity', '00:00:00', '00000000-0000-0000-0000-000000000000', '[]', 'null', '{}', '{}', 'nuevo',
    '{}', '1-9', '{}', ROW(NULL, NULL, NULL, NULL), '{}', 'empty', 'empty', '(Infinity,NaN)', '((1,1),(0,0))',
    '192.168.1.5/24', '2001:db8::/32', '00:00:00:00:00:00', B'00000', B'', '', '', NULL
), (
    NULL, NULL, NULL, NULL, 'NaN', 'NaN', NULL, 'Ñandú 日本語 😀 ' || chr(1) || chr(127) || chr(160) || chr(8238), NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '1-9', NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
), (
    NULL, 1, 0.1, 0.1, 0.1, 0.1, NULL, E'\\', E'\\\\N', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, '[2:3]={7,8}', NULL, NULL, NULL, '1-9', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL
);
SELECT setval(pg_get_serial_sequence('rich.tipos', 'serie'), 500);
ALTER TABLE rich.tipos ALTER COLUMN alterna RESTART WITH 40;
\if :v14
CREATE TABLE rich.multirangos (m int4multirange, f datemultirange, comprimida text COMPRESSION pglz);
INSERT INTO rich.multirangos VALUES ('{[1,3), [5,9)}', '{}', repeat('comprimir ', 1000)), (NULL, NULL, NULL);
\endif
\if :have_xml
CREATE TABLE rich.con_xml (x xml);
INSERT INTO rich.con_xml VALUES ('<a b="c">ñ</a>'), ('texto suelto'), (NULL);
\endif
\if :v18
CREATE TABLE rich.virtuales (
    a int CONSTRAINT "a no es nula" NOT NULL, b int GENERATED ALWAYS AS (a + 1) VIRTUAL, c int,
    CONSTRAINT sin_exigir CHECK (a > 5) NOT ENFORCED
);
INSERT INTO rich.virtuales (a, c) VALUES (1, NULL), (9, 2);
ALTER TABLE rich.virtuales ADD CONSTRAINT "c no es nula" NOT NULL c NOT VALID;
\endif

------------------------------------------------------------------------------- names
CREATE TABLE rich."Año académico" ("Nº" int PRIMARY KEY, "con espacio" text, "UPPER" text, "select" int);
INSERT INTO rich."Año académico" VALUES (1, 'uno', 'ONE', 1), (2, 'dos', 'TWO', NULL);
CREATE TABLE rich."con ""comilla""" ("a""b" int, "100%" text, "{x}" text, "%(y)s" text, "back\slash" text);
INSERT INTO rich."con ""comilla""" VALUES (1, '100 %', '{}', '%s', E'\\');
CREATE TABLE rich."dos
líneas; y punto" ("col
umna" int);
INSERT INTO rich."dos
líneas; y punto" VALUES (1);
CREATE TABLE rich."'; DROP TABLE x; --" (a int);
INSERT INTO rich."'; DROP TABLE x; --" VALUES (1), (2);
CREATE TABLE rich."trampa
COPY x (a) FROM stdin;
" (a text);
INSERT INTO rich."trampa
COPY x (a) FROM stdin;
" VALUES (E'\\.'), ('COPY x (a) FROM stdin;'), (E'\n\\.\n'), ('-- PostgreSQL database dump complete');
CREATE TABLE rich."nombre_de_sesenta_y_tres_bytes_que_es_lo_mas_largo_que_se_puede" (
    "columna_de_sesenta_y_tres_bytes_que_es_lo_mas_largo_que_se_pued" int
);
INSERT INTO rich."nombre_de_sesenta_y_tres_bytes_que_es_lo_mas_largo_que_se_puede" VALUES (63);
CREATE TABLE rich."[red]markup[/]" (a int);
CREATE TABLE "Esquema con espacio y ñ"."ñandú" (id int PRIMARY KEY, "ñ" text DEFAULT E'valor
COPY x FROM stdin;
\\.
');
INSERT INTO "Esquema con espacio y ñ"."ñandú" VALUES (1, 'uno'), (2, DEFAULT);
ALTER TABLE "Esquema con espacio y ñ"."ñandú" OWNER TO mtn_rich_role;

------------------------------------------------------------------------------- shapes
CREATE TABLE rich.vacia (a int, b text);
CREATE TABLE rich.sin_columnas ();
INSERT INTO rich.sin_columnas SELECT FROM generate_series(1, 5);
CREATE TABLE rich.columnas_borradas (a int, estorbo text, b text, otro int, c int DEFAULT 5);
INSERT INTO rich.columnas_borradas VALUES (1, 'x', 'uno', 1, 1), (2, 'y', 'dos', 2, 2);
ALTER TABLE rich.columnas_borradas DROP COLUMN estorbo, DROP COLUMN otro, ADD COLUMN d int DEFAULT 9;
INSERT INTO rich.columnas_borradas VALUES (3, 'tres', 3, 3);
CREATE TABLE rich.solo_borradas (a int);
INSERT INTO rich.solo_borradas VALUES (1), (2), (3);
ALTER TABLE rich.solo_borradas DROP COLUMN a;
CREATE UNLOGGED TABLE rich.sin_registro (a int PRIMARY KEY);
INSERT INTO rich.sin_registro SELECT generate_series(1, 100);
CREATE TABLE rich.con_tipo OF rich.direccion (calle NOT NULL, PRIMARY KEY (calle));
INSERT INTO rich.con_tipo VALUES ('Alameda', 1, NULL, NULL);
CREATE TABLE rich.fila_larga (id int PRIMARY KEY, texto text, bytes bytea);
INSERT INTO rich.fila_larga VALUES
    (1, encode(pg_temp.noise('largo', 600000), 'hex'), NULL),
    (2, repeat(E'línea\ttab\\\n', 20000), pg_temp.noise('bytes', 200000));
CREATE TABLE rich.grande (id int PRIMARY KEY, alumno text NOT NULL, nota numeric(3, 1), fecha date, observacion text);
INSERT INTO rich.grande
SELECT i, 'Estudiante ' || md5(i::text), 1 + (i % 61) / 10.0, date '2020-03-01' + i % 1500,
    CASE WHEN i % 7 = 0 THEN NULL ELSE md5('a' || i) || E'\tobservación\\' || i END
FROM generate_series(1, 24000) i;

------------------------------------------------------------------------------- inheritance, partitions
CREATE TABLE rich.persona (id int, nombre text NOT NULL, correo text DEFAULT 'nadie@mtn.cl', CHECK (id > 0));
CREATE TABLE rich.alumno (curso text) INHERITS (rich.persona);
CREATE TABLE rich.egresado (egreso date) INHERITS (rich.alumno);
ALTER TABLE rich.alumno ALTER COLUMN correo SET DEFAULT 'alumno@mtn.cl';
INSERT INTO rich.persona VALUES (1, 'Ana', 'ana@mtn.cl');
INSERT INTO rich.alumno (id, nombre, curso) VALUES (2, 'Benito', '1° A');
INSERT INTO rich.egresado (id, nombre, curso, egreso) VALUES (3, 'Ñusta', NULL, '2020-12-15');
CREATE TABLE rich.con_fecha (desde date);
CREATE TABLE rich.dos_padres (propia int) INHERITS (rich.persona, rich.con_fecha);
INSERT INTO rich.dos_padres (id, nombre, desde, propia) VALUES (4, 'Dos', '2026-01-01', 4);
COMMENT ON COLUMN rich.alumno.curso IS 'Curso y letra';

CREATE TABLE rich.notas (
    id bigint NOT NULL, anio int NOT NULL, region text NOT NULL DEFAULT 'RM', valor numeric, texto text,
    PRIMARY KEY (id, anio, region)
) PARTITION BY RANGE (anio);
CREATE TABLE rich.notas_2024 PARTITION OF rich.notas FOR VALUES FROM (MINVALUE) TO (2025) PARTITION BY LIST (region);
CREATE TABLE rich.notas_2024_rm PARTITION OF rich.notas_2024 FOR VALUES IN ('RM', 'Ñuble');
CREATE TABLE rich.notas_2024_resto PARTITION OF rich.notas_2024 DEFAULT;
CREATE TABLE rich.notas_2025 PARTITION OF rich.notas FOR VALUES FROM (2025) TO (2026) PARTITION BY HASH (id);
CREATE TABLE rich.notas_2025_0 PARTITION OF rich.notas_2025 FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE rich.notas_2025_1 PARTITION OF rich.notas_2025 FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE rich.notas_2025_2 PARTITION OF rich.notas_2025 FOR VALUES WITH (MODULUS 3, REMAINDER 2);
-- Attached, with its columns in another order and a hole where one was.
CREATE TABLE "Esquema con espacio y ñ"."notas 2026" (
    texto text, sobra int, valor numeric, region text NOT NULL, anio int NOT NULL, id bigint NOT NULL
);
ALTER TABLE "Esquema con espacio y ñ"."notas 2026" DROP COLUMN sobra;
ALTER TABLE rich.notas ATTACH PARTITION "Esquema con espacio y ñ"."notas 2026" FOR VALUES FROM (2026) TO (2027);
CREATE TABLE rich.notas_otras PARTITION OF rich.notas DEFAULT;
INSERT INTO rich.notas
SELECT i, 2023 + i % 6, (ARRAY['RM', 'Ñuble', 'Maule'])[1 + i / 5 % 3], i / 7.0, 'nota ' || i FROM generate_series(1, 3000) i;
CREATE INDEX notas_valor ON rich.notas (valor) WHERE valor IS NOT NULL;
CREATE INDEX notas_solo_arriba ON ONLY rich.notas (texto);
CREATE INDEX notas_texto_2025 ON rich.notas_2025_1 (texto);
COMMENT ON TABLE rich.notas IS 'Particionada por año, región e id';
COMMENT ON INDEX rich.notas_valor IS 'En cada partición';
CREATE TABLE rich.sin_particiones (a int) PARTITION BY RANGE (a);

------------------------------------------------------------------------------- keys, constraints
CREATE TABLE rich.huevo (id int PRIMARY KEY, gallina int);
CREATE TABLE rich.gallina (id int PRIMARY KEY, huevo int NOT NULL);
INSERT INTO rich.huevo VALUES (1, 2), (2, 1);
INSERT INTO rich.gallina VALUES (1, 1), (2, 2);
ALTER TABLE rich.huevo ADD CONSTRAINT de_gallina FOREIGN KEY (gallina) REFERENCES rich.gallina
    DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE rich.gallina ADD CONSTRAINT de_huevo FOREIGN KEY (huevo) REFERENCES rich.huevo
    ON DELETE RESTRICT ON UPDATE CASCADE DEFERRABLE;
COMMENT ON CONSTRAINT de_huevo ON rich.gallina IS '¿Quién fue primero?';
CREATE TABLE rich.arbol (
    id int PRIMARY KEY, padre int REFERENCES rich.arbol ON DELETE SET NULL, nombre text UNIQUE DEFERRABLE,
    CHECK (padre <> id) NO INHERIT
);
INSERT INTO rich.arbol SELECT i, nullif(i / 2, 0), 'nodo ' || i FROM generate_series(1, 50) i;
CREATE TABLE rich.con_nota (id bigint, anio int, region text, FOREIGN KEY (id, anio, region) REFERENCES rich.notas);
INSERT INTO rich.con_nota SELECT id, anio, region FROM rich.notas WHERE id <= 20;
CREATE TABLE rich.reservas (
    sala int4range, durante tsrange, circulo circle,
    EXCLUDE USING gist (sala WITH =, durante WITH &&) WHERE (sala IS NOT NULL),
    CONSTRAINT sin_cruces EXCLUDE USING gist (circulo WITH &&) DEFERRABLE
);
INSERT INTO rich.reservas VALUES ('[1,2)', '[2026-01-01 08:00,2026-01-01 09:00)', '<(0,0),1>'),
    ('[1,2)', '[2026-01-01 09:00,2026-01-01 10:00)', '<(9,9),1>');
ALTER TABLE rich.reservas ADD COLUMN nota text, ADD UNIQUE (sala, nota) INCLUDE (durante);
CREATE TABLE rich.sin_validar (id int, arbol int);
INSERT INTO rich.sin_validar VALUES (-1, 9999), (1, 1);
ALTER TABLE rich.sin_validar ADD CONSTRAINT positivo CHECK (id > 0) NOT VALID,
    ADD CONSTRAINT a_un_arbol FOREIGN KEY (arbol) REFERENCES rich.arbol NOT VALID;
\if :v15
CREATE TABLE rich.nulos_iguales (a int, b int, UNIQUE NULLS NOT DISTINCT (a, b));
INSERT INTO rich.nulos_iguales VALUES (1, NULL), (2, NULL);
\endif
\if :v18
\if :have_btree_gist
CREATE EXTENSION btree_gist WITH SCHEMA rich;
CREATE TABLE rich.temporal (id int, vale daterange, PRIMARY KEY (id, vale WITHOUT OVERLAPS));
CREATE TABLE rich.temporal_de (
    id int, vale daterange, FOREIGN KEY (id, PERIOD vale) REFERENCES rich.temporal (id, PERIOD vale)
);
INSERT INTO rich.temporal VALUES (1, '[2026-01-01,2026-06-01)'), (1, '[2026-06-01,2027-01-01)');
INSERT INTO rich.temporal_de VALUES (1, '[2026-03-01,2026-09-01)');
\endif
\endif

------------------------------------------------------------------------------- indexes, statistics
CREATE INDEX grande_alumno ON rich.grande (lower(alumno), (nota * 2) DESC NULLS LAST) WITH (fillfactor = 60);
CREATE UNIQUE INDEX grande_cubre ON rich.grande (fecha, id) INCLUDE (nota);
CREATE INDEX grande_parcial ON rich.grande (nota) WHERE observacion IS NULL AND nota > 4;
CREATE INDEX grande_fecha ON rich.grande USING brin (fecha) WITH (pages_per_range = 16);
CREATE INDEX grande_hash ON rich.grande USING hash (alumno);
CREATE INDEX grande_busca ON rich.grande USING gin (to_tsvector('rich.busqueda', observacion));
CREATE INDEX "índice raro; --" ON rich.grande (alumno text_pattern_ops, nota);
CREATE INDEX tipos_jb ON rich.tipos USING gin (jb jsonb_path_ops);
CREATE INDEX tipos_s ON rich.tipos (doble rich.al_reves);
CREATE INDEX tipos_t ON rich.tipos (t COLLATE "C" DESC);
ALTER INDEX rich.grande_alumno ALTER COLUMN 1 SET STATISTICS 400;
ALTER TABLE rich.grande CLUSTER ON grande_cubre;
ALTER TABLE rich.arbol REPLICA IDENTITY USING INDEX arbol_pkey;
ALTER TABLE rich.huevo REPLICA IDENTITY FULL;
ALTER TABLE rich.gallina REPLICA IDENTITY NOTHING;
CREATE STATISTICS rich.grande_est (ndistinct, dependencies) ON alumno, nota FROM rich.grande;
ALTER STATISTICS rich.grande_est SET STATISTICS 50;
COMMENT ON STATISTICS rich.grande_est IS 'Nota y alumno';
\if :v14
CREATE STATISTICS rich.grande_expr ON (nota * 2), (lower(alumno)) FROM rich.grande;
\endif
COMMENT ON INDEX rich."índice raro; --" IS 'Nombre raro';

------------------------------------------------------------------------------- views
CREATE VIEW rich.notables AS SELECT id, alumno, nota FROM rich.grande WHERE nota > 6 WITH CASCADED CHECK OPTION;
CREATE VIEW rich.notables_de_2020 WITH (security_barrier) AS
SELECT n.*, g.fecha, E'\n\\.\nCOPY x FROM stdin;\n' AS trampa
FROM rich.notables n JOIN rich.grande g USING (id) WHERE g.fecha < '2021-01-01';
COMMENT ON VIEW rich.notables_de_2020 IS 'Una vista sobre otra';
COMMENT ON COLUMN rich.notables.nota IS 'Sobre seis';
ALTER VIEW rich.notables ALTER COLUMN nota SET DEFAULT 7;
-- Needs the primary key: pg_dump makes it twice, the second time after the keys.
CREATE VIEW rich.agrupada AS SELECT id, alumno, nota, count(*) AS cuantas FROM rich.grande GROUP BY id;
CREATE VIEW rich.sobre_agrupada AS SELECT max(cuantas) AS maximo FROM rich.agrupada;
CREATE RECURSIVE VIEW rich.ramas (id, camino) AS
    SELECT id, ARRAY[id] FROM rich.arbol WHERE padre IS NULL
    UNION ALL SELECT a.id, r.camino || a.id FROM rich.arbol a JOIN ramas r ON a.padre = r.id;
\if :v15
CREATE VIEW rich.del_invocador WITH (security_invoker) AS TABLE rich.vacia;
\endif
CREATE MATERIALIZED VIEW rich.z_por_mes AS
SELECT date_trunc('month', fecha::timestamp) AS mes, count(*) AS cuantas, avg(nota) AS media FROM rich.grande GROUP BY 1;
CREATE UNIQUE INDEX z_por_mes_key ON rich.z_por_mes (mes);
-- Alphabetically before what it is made of.
CREATE MATERIALIZED VIEW rich.a_por_anio AS
SELECT date_trunc('year', mes) AS anio, sum(cuantas) AS cuantas FROM rich.z_por_mes GROUP BY 1;
CREATE VIEW rich.sobre_materializada AS SELECT * FROM rich.a_por_anio WHERE cuantas > 0;
CREATE MATERIALIZED VIEW rich."más arriba" AS SELECT count(*) AS n FROM rich.sobre_materializada;
CREATE MATERIALIZED VIEW rich.tras_las_llaves AS SELECT sum(cuantas) AS n FROM rich.agrupada;
CREATE MATERIALIZED VIEW rich.sin_poblar AS SELECT * FROM rich.ramas WITH NO DATA;
CREATE INDEX sin_poblar_id ON rich.sin_poblar (id);
COMMENT ON MATERIALIZED VIEW rich.z_por_mes IS 'Se refresca de noche';
CLUSTER rich.z_por_mes USING z_por_mes_key;

\if :v14
CREATE FUNCTION rich.atomica(desde int) RETURNS SETOF rich.arbol LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT * FROM rich.arbol a WHERE a.id >= desde AND a.nombre <> '
\.
COPY x FROM stdin;
';
    SELECT a.* FROM rich.arbol a JOIN rich.agrupada g ON g.id = a.id WHERE a.id >= desde;
END;
CREATE PROCEDURE rich.atomica_proc(IN v int, OUT n int) LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO rich.vacia VALUES (v, 'atómica');
    SELECT count(*)::int FROM rich.vacia;
END;
CREATE FUNCTION rich.que_devuelve(i int) RETURNS int LANGUAGE sql IMMUTABLE RETURN i + 1;
\endif
CREATE FUNCTION rich.de_una_fila(fila rich.arbol) RETURNS text LANGUAGE sql STABLE AS 'SELECT ($1).nombre';
ALTER TABLE rich.vacia ADD CHECK (rich.doble(a) < 1000);
CREATE TABLE rich.usa_funcion (a int DEFAULT rich.doble(21), b text DEFAULT rich.escapada());
INSERT INTO rich.usa_funcion DEFAULT VALUES;

------------------------------------------------------------------------------- triggers, rules
CREATE FUNCTION rich.anota() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Would be seen in the data if it fired while rows are loaded.
    NEW.b := coalesce(NEW.b, '') || ' (anotado por ' || TG_NAME || ')';
    RETURN NEW;
END
$$;
CREATE FUNCTION rich.nada() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TABLE rich.con_disparos (a int PRIMARY KEY, b text);
INSERT INTO rich.con_disparos VALUES (1, 'uno'), (2, NULL);
CREATE TRIGGER normal BEFORE INSERT OR UPDATE OF b ON rich.con_disparos FOR EACH ROW
    WHEN (NEW.a > 0) EXECUTE FUNCTION rich.anota('x', E'con \\ y ''');
CREATE TRIGGER apagado BEFORE INSERT ON rich.con_disparos FOR EACH ROW EXECUTE FUNCTION rich.anota();
CREATE TRIGGER siempre BEFORE INSERT ON rich.con_disparos FOR EACH ROW EXECUTE FUNCTION rich.anota();
CREATE TRIGGER replica BEFORE INSERT ON rich.con_disparos FOR EACH ROW EXECUTE FUNCTION rich.anota();
ALTER TABLE rich.con_disparos DISABLE TRIGGER apagado, ENABLE ALWAYS TRIGGER siempre, ENABLE REPLICA TRIGGER replica;
CREATE TRIGGER "después; de todo" AFTER INSERT ON rich.con_disparos REFERENCING NEW TABLE AS nuevas
    FOR EACH STATEMENT EXECUTE FUNCTION rich.nada();
CREATE CONSTRAINT TRIGGER diferido AFTER UPDATE ON rich.con_disparos FROM rich.arbol
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION rich.nada();
CREATE TRIGGER en_vista INSTEAD OF INSERT ON rich.agrupada FOR EACH ROW EXECUTE FUNCTION rich.nada();
CREATE TRIGGER en_notas AFTER INSERT ON rich.notas FOR EACH ROW EXECUTE FUNCTION rich.nada();
COMMENT ON TRIGGER normal ON rich.con_disparos IS 'El de siempre';
CREATE RULE agrega AS ON INSERT TO rich.sobre_agrupada DO INSTEAD INSERT INTO rich.vacia VALUES (NEW.maximo, 'regla');
CREATE RULE borra AS ON DELETE TO rich.arbol WHERE OLD.id < 0
    DO ALSO (DELETE FROM rich.vacia; DELETE FROM rich.con_fecha WHERE desde IS NULL);
CREATE RULE quieta AS ON UPDATE TO rich.vacia DO INSTEAD NOTHING;
ALTER TABLE rich.vacia DISABLE RULE quieta;
-- Would swallow the rows of a load, if rules came before the data.
CREATE TABLE rich.con_regla (a int, b text);
INSERT INTO rich.con_regla SELECT i, 'fila ' || i FROM generate_series(1, 10) i;
CREATE RULE se_los_traga AS ON INSERT TO rich.con_regla DO INSTEAD NOTHING;
COMMENT ON RULE borra ON rich.arbol IS 'También';

CREATE FUNCTION rich.al_definir() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE EVENT TRIGGER mtn_rich_event ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE')
    EXECUTE FUNCTION rich.al_definir();
CREATE EVENT TRIGGER mtn_rich_event_off ON sql_drop EXECUTE FUNCTION rich.al_definir();
ALTER EVENT TRIGGER mtn_rich_event_off DISABLE;
COMMENT ON EVENT TRIGGER mtn_rich_event IS 'No hace nada';

------------------------------------------------------------------------------- rows for some
CREATE TABLE rich.reservada (id int PRIMARY KEY, dueno text, secreto text);
INSERT INTO rich.reservada VALUES (1, 'mtn_rich_role', 'a'), (2, 'otro', 'b'), (3, NULL, 'c');
ALTER TABLE rich.reservada ENABLE ROW LEVEL SECURITY;
ALTER TABLE rich.reservada FORCE ROW LEVEL SECURITY;
CREATE POLICY propias ON rich.reservada FOR SELECT TO mtn_rich_role USING (dueno = CURRENT_USER);
CREATE POLICY "no más de; cien" ON rich.reservada AS RESTRICTIVE FOR INSERT WITH CHECK (id < 100);
CREATE POLICY todas ON rich.reservada USING (id > 0) WITH CHECK (secreto <> E'\\.');
COMMENT ON POLICY propias ON rich.reservada IS 'Cada uno lo suyo';
ALTER TABLE rich.con_disparos ENABLE ROW LEVEL SECURITY;
ALTER TABLE rich.reservada OWNER TO mtn_rich_role;

GRANT SELECT, INSERT (a), UPDATE (b) ON rich.con_disparos TO mtn_rich_role;
GRANT SELECT ON ALL TABLES IN SCHEMA "Esquema con espacio y ñ" TO PUBLIC;
GRANT ALL ON rich.vacia TO mtn_rich_role WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE rich.sin_dueno TO mtn_rich_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA rich GRANT SELECT ON TABLES TO mtn_rich_role;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE mtn_rich_role IN SCHEMA rich GRANT ALL ON SEQUENCES TO PUBLIC;
CREATE TABLE rich.tras_los_privilegios (a serial);

------------------------------------------------------------------------------- large objects
SELECT lo_from_bytea(424242, pg_temp.noise('objeto', 100000)),
    lo_from_bytea(424243, ''), lo_from_bytea(4000000001, pg_temp.noise('grande', 1200000));
SELECT lo_create(424244);
SELECT lo_put(424244, 5000, '\xdeadbeef');
COMMENT ON LARGE OBJECT 424242 IS 'Un objeto; con \.';
ALTER LARGE OBJECT 424243 OWNER TO mtn_rich_role;
GRANT SELECT ON LARGE OBJECT 424242 TO mtn_rich_role;

------------------------------------------------------------------------------- the world outside
\if :have_postgres_fdw
CREATE EXTENSION postgres_fdw WITH SCHEMA rich;
CREATE SERVER mtn_lejos FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '192.0.2.1', dbname 'nadie');
CREATE USER MAPPING FOR CURRENT_USER SERVER mtn_lejos OPTIONS (user 'nadie', password 'no es secreta');
CREATE FOREIGN TABLE rich.lejana (a int OPTIONS (column_name 'A'), b text DEFAULT 'x') SERVER mtn_lejos
    OPTIONS (schema_name 'public', table_name 'lejana');
COMMENT ON FOREIGN TABLE rich.lejana IS 'No se lee';
COMMENT ON SERVER mtn_lejos IS 'No existe';
\endif
\if :have_file_fdw
CREATE EXTENSION file_fdw WITH SCHEMA rich;
CREATE SERVER mtn_archivos FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE rich.de_archivo (linea text) SERVER mtn_archivos OPTIONS (filename '/no/hay', format 'csv');
\endif
CREATE PUBLICATION mtn_rich_pub FOR TABLE rich.arbol, rich.huevo WITH (publish = 'insert, update');
COMMENT ON PUBLICATION mtn_rich_pub IS 'Para nadie';
CREATE PUBLICATION mtn_rich_todo FOR ALL TABLES WITH (publish = 'insert, truncate', publish_via_partition_root);
\if :v15
CREATE PUBLICATION mtn_rich_filtrada FOR TABLE rich.grande (id, nota) WHERE (id > 10);
CREATE PUBLICATION mtn_rich_esquema FOR TABLES IN SCHEMA "Esquema con espacio y ñ";
\endif
ANALYZE;
