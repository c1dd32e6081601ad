-- History: every fact, by month. A month's table is made when the month first appears; what fits none falls into
-- facts_other, so that nothing is ever refused. A fact's place in its topic is part of its key.

CREATE TABLE touchstream.facts (
    tenant_id text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    topic_partition integer NOT NULL,
    topic_offset bigint NOT NULL,
    fact text NOT NULL,
    contact_id text COLLATE "C",
    campaign_id text COLLATE "C",
    version integer,
    enrollment_id text COLLATE "C",
    job_id text COLLATE "C",
    step_id text COLLATE "C",
    touch_number integer,
    channel text,
    command_id text COLLATE "C",
    attempt integer,
    cause text,
    reason text,
    until timestamptz,
    "values" jsonb,
    PRIMARY KEY (tenant_id, at, topic_partition, topic_offset)
) PARTITION BY RANGE (at);

CREATE TABLE touchstream.facts_other PARTITION OF touchstream.facts DEFAULT;

-- The facts of an enrollment are found through its contact: one index less to write.
CREATE INDEX facts_by_contact ON touchstream.facts (tenant_id, contact_id, at)
    WHERE contact_id IS NOT NULL;
CREATE INDEX facts_by_campaign ON touchstream.facts (tenant_id, campaign_id, at)
    WHERE campaign_id IS NOT NULL;

-- Make the table of the month that begins with `month`, if it is not there. Made aside and then attached: attaching
-- does not stop those who write.
CREATE FUNCTION touchstream.add_facts_month(month date) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    name text := 'facts_' || to_char(month, 'YYYY_MM');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('touchstream.facts'));
    IF to_regclass('touchstream.' || name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE touchstream.%I (LIKE touchstream.facts INCLUDING ALL)', name);
    EXECUTE format(
        'ALTER TABLE touchstream.facts ATTACH PARTITION touchstream.%I FOR VALUES FROM (%L) TO (%L)',
        name,
        month::timestamp AT TIME ZONE 'UTC',
        (month + interval '1 month')::timestamp AT TIME ZONE 'UTC'
    );
    PERFORM touchstream.isolate(name);
    RETURN true;
END $$;

-- What was not sent, waits, was declined or stopped: decisions are the facts that carry a reason (design 2.6).
CREATE VIEW touchstream.decisions WITH (security_invoker = true) AS
SELECT * FROM touchstream.facts WHERE reason IS NOT NULL;
