-- Takes from changing_schema.sql what a differential changes for its own time and puts back at its end.
-- What is left may be applied over several connections.
DO $$
DECLARE
    one record;
BEGIN
    LOOP
        FOR one IN
            SELECT conrelid::regclass AS t, conname FROM pg_constraint AS c
            WHERE contype IN ('c', 'n') AND conrelid <> 0 AND coninhcount = 0 AND (NOT convalidated
                OR EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_constraint'::regclass
                    AND d.objid = c.oid AND d.refclassid = 'pg_proc'::regclass))
        LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.t, one.conname);
        END LOOP;
        EXIT WHEN NOT FOUND;
    END LOOP;
    FOR one IN SELECT contypid::regtype AS t, conname FROM pg_constraint WHERE contypid <> 0 AND NOT convalidated
    LOOP
        EXECUTE format('ALTER DOMAIN %s DROP CONSTRAINT %I', one.t, one.conname);
    END LOOP;
    FOR one IN SELECT tgrelid::regclass AS t, tgname FROM pg_trigger
        WHERE NOT tgisinternal AND tgenabled IN ('A', 'R')
    LOOP
        EXECUTE format('ALTER TABLE ONLY %s ENABLE TRIGGER %I', one.t, one.tgname);
    END LOOP;
    FOR one IN SELECT ev_class::regclass AS t, rulename FROM pg_rewrite
        WHERE rulename <> '_RETURN' AND ev_enabled IN ('A', 'R')
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE RULE %I', one.t, one.rulename);
    END LOOP;
    FOR one IN SELECT oid::regclass AS t FROM pg_class WHERE relforcerowsecurity LOOP
        EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', one.t);
    END LOOP;
    FOR one IN SELECT pubname FROM pg_publication LOOP
        EXECUTE format('ALTER PUBLICATION %I SET (publish = %L)', one.pubname, 'insert');
    END LOOP;
    FOR one IN SELECT evtname FROM pg_event_trigger WHERE evtenabled IN ('A', 'R') LOOP
        EXECUTE format('ALTER EVENT TRIGGER %I ENABLE', one.evtname);
    END LOOP;
END
$$;
