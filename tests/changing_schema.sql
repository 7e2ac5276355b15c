-- Every feature that a differential treats specially, each in a table that random work can change. For psql, in
-- an empty UTF-8 database, as a superuser, with -v owner=ROLE for the role that is to own all, and with
-- -v extras=true for what only superusers can make as well. Each table has a column "v", of text.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = error;
SELECT current_setting('server_version_num')::int >= 180000 AS v18 \gset

CREATE SCHEMA ext AUTHORIZATION :owner;
SET SESSION AUTHORIZATION :owner;
CREATE EXTENSION citext SCHEMA ext;
CREATE EXTENSION btree_gist SCHEMA ext;
CREATE SCHEMA s;
GRANT USAGE, CREATE ON SCHEMA s TO mtn_changing_other;

------------------------------------------------------------------------------- keys of all types
CREATE TYPE s.level AS ENUM ('draft', 'sent', 'accepted', 'it''s', E'two\nlines');
CREATE TYPE s.pair AS (a int, b text);
CREATE DOMAIN s.email AS text CHECK (VALUE LIKE '%@%');
CREATE TABLE s.k_text (k text PRIMARY KEY, v text);
CREATE TABLE s.k_citext (k ext.citext PRIMARY KEY, v text);
CREATE TABLE s.k_bpchar (k char(12) PRIMARY KEY, v text);
CREATE TABLE s.k_email (k s.email PRIMARY KEY, v text);
CREATE TABLE s.k_numeric (k numeric PRIMARY KEY, v text);
CREATE TABLE s.k_float (k float8 PRIMARY KEY, v text);
CREATE TABLE s.k_moment (k timestamptz PRIMARY KEY, v text);
CREATE TABLE s.k_interval (k interval PRIMARY KEY, v text);
CREATE TABLE s.k_range (k int4range PRIMARY KEY, v text);
CREATE TABLE s.k_moments (k tstzrange PRIMARY KEY, v text);
CREATE TABLE s.k_bytea (k bytea PRIMARY KEY, v text);
CREATE TABLE s.k_uuid (k uuid PRIMARY KEY, v text);
CREATE TABLE s.k_array (k text[] PRIMARY KEY, v text);
CREATE TABLE s.k_jsonb (k jsonb PRIMARY KEY, v text);
CREATE TABLE s.k_pair (k s.pair PRIMARY KEY, v text);
CREATE TABLE s.k_unique (v text, k bigint NOT NULL, CONSTRAINT "not a key, but like one" UNIQUE (k) INCLUDE (v));
CREATE TABLE s.k_several (a int, b s.level, c ext.citext, v text, PRIMARY KEY (c, a, b));
CREATE TABLE s.no_key (a int, v text, at timestamptz);
CREATE TABLE s.no_columns ();
CREATE TABLE s."Año ""académico""
y más" ("Nº" int PRIMARY KEY, v text, "SELECT" text DEFAULT E'\\.');

------------------------------------------------------------------------------- columns
CREATE TABLE s.big (
    id int GENERATED ALWAYS AS IDENTITY (START 20000) PRIMARY KEY, v text, n int,
    twice int GENERATED ALWAYS AS (n * 2) STORED
);
CREATE TABLE s.kinds (
    id serial PRIMARY KEY, v text, gone int, a text[], j jsonb, b bytea, r numrange, f float4, g float8, l s.level,
    p s.pair, e s.email, h interval, m money
);
ALTER TABLE s.kinds DROP COLUMN gone;
CREATE UNLOGGED TABLE s.unlogged (id int PRIMARY KEY, v text);
\if :v18
CREATE TABLE s.of_18 (
    id int PRIMARY KEY, v text, n int, virtual int GENERATED ALWAYS AS (n + 1) VIRTUAL,
    CHECK (n < 0) NOT ENFORCED
);
\endif

------------------------------------------------------------------------------- inheritance, partitions
CREATE TABLE s.person (id int, v text, odd int);
CREATE TABLE s.student (course text, PRIMARY KEY (id)) INHERITS (s.person);
CREATE TABLE s.graduate (year int) INHERITS (s.student);
CREATE TABLE s.marks (year int, id int, v text, PRIMARY KEY (year, id)) PARTITION BY RANGE (year);
CREATE TABLE s.marks_1 PARTITION OF s.marks FOR VALUES FROM (1) TO (2) PARTITION BY HASH (id);
CREATE TABLE s.marks_1_0 PARTITION OF s.marks_1 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE s.marks_1_1 PARTITION OF s.marks_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE s.marks_2 (v text, gone int, id int NOT NULL, year int NOT NULL);
ALTER TABLE s.marks_2 DROP COLUMN gone;
ALTER TABLE s.marks ATTACH PARTITION s.marks_2 FOR VALUES FROM (2) TO (3);
CREATE TABLE s.marks_default PARTITION OF s.marks DEFAULT;
CREATE TABLE s.remark (id int PRIMARY KEY, year int, mark int, v text,
    FOREIGN KEY (year, mark) REFERENCES s.marks ON UPDATE CASCADE ON DELETE CASCADE);
-- pg_dump writes the rows of these as the whole table's: an enum's hash differs from server to server.
CREATE TABLE s.by_level (year int, l s.level, v text) PARTITION BY LIST (year);
CREATE TABLE s.by_level_1 PARTITION OF s.by_level FOR VALUES IN (1);
CREATE TABLE s.by_level_2 PARTITION OF s.by_level FOR VALUES IN (2) PARTITION BY HASH (l);
CREATE TABLE s.by_level_2_0 PARTITION OF s.by_level_2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE s.by_level_2_1 PARTITION OF s.by_level_2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);

------------------------------------------------------------------------------- constraints
CREATE TABLE s.egg (id int PRIMARY KEY, hen int, v text);
CREATE TABLE s.hen (id int PRIMARY KEY, egg int, v text);
ALTER TABLE s.egg ADD CONSTRAINT of_hen FOREIGN KEY (hen) REFERENCES s.hen DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE s.hen ADD CONSTRAINT of_egg FOREIGN KEY (egg) REFERENCES s.egg ON DELETE SET NULL ON UPDATE CASCADE;
COMMENT ON CONSTRAINT of_egg ON s.hen IS 'Which was first?';
CREATE TABLE s.tree (id int PRIMARY KEY, up int REFERENCES s.tree ON DELETE RESTRICT ON UPDATE CASCADE, v text);
CREATE TABLE s.child (id int PRIMARY KEY, tree int REFERENCES s.tree ON DELETE CASCADE ON UPDATE CASCADE, v text);
CREATE TABLE s.place (id int PRIMARY KEY, place int UNIQUE DEFERRABLE INITIALLY DEFERRED, other int UNIQUE, v text);
CREATE TABLE s.booking (
    room int, during tsrange, v text, EXCLUDE USING gist (room WITH OPERATOR(pg_catalog.=), during WITH &&)
);
CREATE TABLE s.checked (id int PRIMARY KEY, n int, tree int, v text);
INSERT INTO s.checked SELECT n, n % 5 - 2, n, 'old' FROM generate_series(-2, 40) AS n;
ALTER TABLE s.checked ADD CONSTRAINT small CHECK (n > 0) NOT VALID,
    ADD CONSTRAINT tree FOREIGN KEY (tree) REFERENCES s.tree ON UPDATE CASCADE NOT VALID;
COMMENT ON CONSTRAINT small ON s.checked IS 'Of new ones';
INSERT INTO s.person SELECT n, 'person', n % 3 FROM generate_series(1, 30) AS n;
INSERT INTO s.student SELECT n, 'student', n % 3, 'A' FROM generate_series(1, 30) AS n;
INSERT INTO s.graduate SELECT n, 'graduate', n % 3, 'B', 2000 + n FROM generate_series(1, 30) AS n;
ALTER TABLE s.student ADD CONSTRAINT odd CHECK (odd > 0) NOT VALID;
ALTER TABLE s.person ADD CONSTRAINT odd CHECK (odd > 0) NOT VALID;
CREATE DOMAIN s.grade AS int;
CREATE TABLE s.graded (id int PRIMARY KEY, grade s.grade, several s.grade[], v text);
INSERT INTO s.graded SELECT n, n % 9, ARRAY[n % 9], 'old' FROM generate_series(1, 40) AS n;
ALTER DOMAIN s.grade ADD CONSTRAINT passed CHECK (VALUE > 3) NOT VALID;
COMMENT ON CONSTRAINT passed ON DOMAIN s.grade IS 'From now on';
\if :v18
ALTER TABLE s.of_18 ADD COLUMN tree int, ADD FOREIGN KEY (tree) REFERENCES s.tree NOT ENFORCED;
INSERT INTO s.of_18 (id, n, v, tree) SELECT n, nullif(n % 4, 0), 'old', n FROM generate_series(1, 40) AS n;
ALTER TABLE s.of_18 ADD CONSTRAINT n_known NOT NULL n NOT VALID;
CREATE TABLE s.stay (
    id int, at daterange, v text, PRIMARY KEY (id, at WITHOUT OVERLAPS)
);
CREATE TABLE s.meal (
    id int PRIMARY KEY, stay int, at daterange, v text,
    FOREIGN KEY (stay, PERIOD at) REFERENCES s.stay (id, PERIOD at)
);
\endif

------------------------------------------------------------------------------- triggers, rules, rows for some
CREATE TABLE s.log (id serial PRIMARY KEY, v text);
CREATE FUNCTION s.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO s.log (v) VALUES (TG_NAME || ' ' || TG_OP);
    RETURN NULL;
END
$$;
CREATE FUNCTION s.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.v := left(NEW.v || '+' || TG_NAME, 50);
    RETURN NEW;
END
$$;
CREATE TABLE s.triggered (id int PRIMARY KEY, v text);
CREATE TRIGGER usual AFTER INSERT OR UPDATE OR DELETE ON s.triggered FOR EACH STATEMENT EXECUTE FUNCTION s.note();
CREATE TRIGGER always AFTER INSERT OR UPDATE OR DELETE ON s.triggered FOR EACH ROW EXECUTE FUNCTION s.note();
CREATE TRIGGER replica BEFORE INSERT OR UPDATE ON s.triggered FOR EACH ROW EXECUTE FUNCTION s.stamp();
CREATE TRIGGER "never, ever" BEFORE INSERT OR UPDATE ON s.triggered FOR EACH ROW EXECUTE FUNCTION s.stamp();
ALTER TABLE s.triggered ENABLE ALWAYS TRIGGER always, ENABLE REPLICA TRIGGER replica,
    DISABLE TRIGGER "never, ever";
CREATE TRIGGER of_all AFTER INSERT OR DELETE ON s.marks FOR EACH ROW EXECUTE FUNCTION s.note();
ALTER TABLE s.marks_2 ENABLE ALWAYS TRIGGER of_all;
CREATE TABLE s.ruled (id int PRIMARY KEY, v text);
CREATE RULE kept AS ON DELETE TO s.ruled WHERE OLD.id % 2 = 0 DO INSTEAD NOTHING;
CREATE RULE told AS ON DELETE TO s.ruled DO ALSO INSERT INTO s.log (v) VALUES ('a rule''s');
ALTER TABLE s.ruled ENABLE ALWAYS RULE told;
CREATE TABLE s.hidden (id int PRIMARY KEY, v text);
ALTER TABLE s.hidden ENABLE ROW LEVEL SECURITY;
ALTER TABLE s.hidden FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON s.hidden USING (id % 3 = 0);
CREATE TABLE s.of_another (id int PRIMARY KEY, v text);
-- Who publishes deletes can't delete where nothing tells the rows apart.
CREATE TABLE s.published (a int, v text);
CREATE PUBLICATION of_one FOR TABLE s.published;

------------------------------------------------------------------------------- views, sequences
CREATE VIEW s.counted AS SELECT count(*) AS n, sum(hashtext(v)) AS h FROM s.k_text;
CREATE MATERIALIZED VIEW s.z_first AS SELECT * FROM s.counted;
CREATE VIEW s.between AS SELECT n + 1 AS n FROM s.z_first;
CREATE MATERIALIZED VIEW s.a_second AS SELECT * FROM s.between;
CREATE MATERIALIZED VIEW s.b_other AS SELECT max(id) AS m FROM s.big;
CREATE MATERIALIZED VIEW s.empty AS SELECT 1 AS one WITH NO DATA;
CREATE SEQUENCE s.alone CACHE 5;
CREATE SEQUENCE s."Down" INCREMENT -3 MINVALUE -1000000 CYCLE;
\if :extras
RESET SESSION AUTHORIZATION;
ALTER TABLE s.of_another OWNER TO mtn_changing_other;
CREATE FOREIGN DATA WRAPPER mtn_no_handler;
CREATE SERVER mtn_nowhere FOREIGN DATA WRAPPER mtn_no_handler;
CREATE FOREIGN TABLE s.foreign (id int, v text) SERVER mtn_nowhere;
CREATE TABLE s.defined (at timestamptz DEFAULT clock_timestamp(), v text);
CREATE FUNCTION s.note_definition() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO s.defined (v) VALUES (TG_TAG);
END
$$;
CREATE EVENT TRIGGER usual ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'ALTER TABLE')
    EXECUTE FUNCTION s.note_definition();
CREATE EVENT TRIGGER always ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'ALTER TABLE')
    EXECUTE FUNCTION s.note_definition();
ALTER EVENT TRIGGER always ENABLE ALWAYS;
\endif
