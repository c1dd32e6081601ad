-- Tenants never mix (design 2.7, S1-43 … S1-47): a reader sees the rows of the tenant that its session names in
-- `touchstream.tenant_id`, and without a name no row at all. It is forced, so it holds for the owner too, who has a
-- policy of its own. A new tenant table needs one line: SELECT touchstream.isolate('its_name').

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'touchstream_reader') THEN
        CREATE ROLE touchstream_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;  -- another database of this server was migrated at the same moment
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'role touchstream_reader is missing and % may not create it', current_user
            USING ERRCODE = 'insufficient_privilege',
            HINT = 'let an administrator run: CREATE ROLE touchstream_reader NOLOGIN';
END $$;

CREATE FUNCTION touchstream.isolate(name text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE touchstream.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE touchstream.%I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format(
        'CREATE POLICY tenant ON touchstream.%I FOR SELECT TO touchstream_reader '
        'USING (tenant_id = current_setting(''touchstream.tenant_id'', true))', name
    );
    EXECUTE format(
        'CREATE POLICY owner ON touchstream.%I TO CURRENT_USER USING (true) WITH CHECK (true)', name
    );
END $$;

SELECT touchstream.isolate(name)
FROM unnest(ARRAY[
    'tenants', 'contacts', 'campaigns', 'steps', 'enrollments', 'touches', 'send_log', 'touch_metrics',
    'facts', 'facts_other'
]) AS name;

GRANT USAGE ON SCHEMA touchstream, reviews TO touchstream_reader;
-- The months of facts are read through facts alone.
GRANT SELECT ON
    touchstream.tenants, touchstream.contacts, touchstream.campaigns, touchstream.steps,
    touchstream.enrollments, touchstream.touches, touchstream.send_log, touchstream.touch_metrics,
    touchstream.facts, touchstream.decisions
TO touchstream_reader;
