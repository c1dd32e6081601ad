-- Calls (S3): the items of call campaigns, the calls that were made, and the slots that are taken. No table has a name,
-- an address or a text of a person.

-- One row per run of a call campaign and per direct call. `campaign_id` is NULL for a direct call, which has no
-- campaign of its own (F-16). An item refers to its run by the key with the tenant, so to none of another tenant (S3-6).
CREATE TABLE touchstream.call_items (
    tenant_id text COLLATE "C" NOT NULL,
    enrollment_id text COLLATE "C" NOT NULL,
    contact_id text COLLATE "C" NOT NULL,
    campaign_id text COLLATE "C",
    version integer NOT NULL,
    status text COLLATE "C" NOT NULL,
    successful boolean NOT NULL,
    reviewed boolean,
    direct boolean NOT NULL,
    agent_id text COLLATE "C",
    from_number text,
    template_id text,
    priority integer NOT NULL,
    position bigint NOT NULL,
    scheduled_for timestamptz,
    next_call_at timestamptz,
    held boolean NOT NULL,
    waits_for text,
    call_id text COLLATE "C",
    call_outcome text,
    call_seconds integer NOT NULL,
    failure_reason text,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    completed_at timestamptz,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, enrollment_id),
    FOREIGN KEY (tenant_id, enrollment_id) REFERENCES touchstream.enrollments (tenant_id, enrollment_id)
) WITH (fillfactor = 80);

-- The purposes of idx_call_queue_* (S3-10, N-5). Every index begins with the tenant: row security asks for it always.
CREATE INDEX call_items_by_status ON touchstream.call_items (tenant_id, status);
CREATE INDEX call_items_by_campaign ON touchstream.call_items (tenant_id, campaign_id, status)
    INCLUDE (successful, reviewed, contact_id);
CREATE INDEX call_items_in_order ON touchstream.call_items (tenant_id, priority DESC, position, created_at, enrollment_id)
    WHERE status = 'queued';
CREATE INDEX call_items_direct ON touchstream.call_items (tenant_id, priority DESC, position, created_at, enrollment_id)
    WHERE status = 'queued' AND direct;
CREATE INDEX call_items_by_time ON touchstream.call_items (tenant_id, scheduled_for) WHERE status = 'queued';
CREATE INDEX call_items_by_contact ON touchstream.call_items (tenant_id, contact_id);

-- One row per command of a call. The latest report of an end counts; a review never touches what the call was.
CREATE TABLE touchstream.calls (
    tenant_id text COLLATE "C" NOT NULL,
    command_id text COLLATE "C" NOT NULL,
    contact_id text COLLATE "C",
    campaign_id text COLLATE "C",
    version integer,
    enrollment_id text COLLATE "C",
    step_id text COLLATE "C",
    touch_number integer,
    attempt integer,
    slot_granted_at timestamptz,
    slot_until timestamptz,
    pool_id text COLLATE "C",
    agent_id text COLLATE "C",
    initiated_at timestamptz,
    ringing_at timestamptz,
    in_progress_at timestamptz,
    call_id text COLLATE "C",
    ended_at timestamptz,
    outcome text,
    raw_status text,
    answered_by text,
    seconds integer,
    slot_freed_at timestamptz,
    freed_by text,
    slot_expired_at timestamptz,
    overrun_at timestamptz,
    reviewed_at timestamptz,
    reviewed boolean,
    result text,
    updated_at timestamptz,
    PRIMARY KEY (tenant_id, command_id)
) WITH (fillfactor = 70);

CREATE INDEX calls_by_item ON touchstream.calls (tenant_id, enrollment_id, slot_granted_at);
CREATE INDEX calls_by_turn ON touchstream.calls (tenant_id, slot_granted_at);
-- The id of a call in the views. Not as COALESCE: row security would not let a search by it use the index.
CREATE INDEX calls_by_call_id
    ON touchstream.calls (tenant_id, (CASE WHEN call_id IS NULL THEN command_id ELSE call_id END));
CREATE INDEX calls_by_campaign ON touchstream.calls (tenant_id, campaign_id, ended_at);

-- The ends of calls that are stored already: the names are those of the first fact about a command, its end the last.
INSERT INTO touchstream.calls (
    tenant_id, command_id, contact_id, campaign_id, version, enrollment_id, step_id, touch_number, attempt, ended_at,
    outcome, raw_status, answered_by, seconds, updated_at
)
SELECT
    f.tenant_id, f.command_id, f.contact_id, f.campaign_id, f.version, f.enrollment_id, f.step_id, f.touch_number,
    f.attempt, coalesce(l.occurred_at, l.at), coalesce(l.reason, ''), '', '',
    coalesce((l.values ->> 'seconds')::integer, 0), l.at
FROM (
    SELECT DISTINCT ON (tenant_id, command_id) *
    FROM touchstream.facts
    WHERE fact = 'touch.call_ended' AND command_id IS NOT NULL
    ORDER BY tenant_id, command_id, topic_partition, topic_offset
) AS f
JOIN (
    SELECT DISTINCT ON (tenant_id, command_id) *
    FROM touchstream.facts
    WHERE fact = 'touch.call_ended' AND command_id IS NOT NULL
    ORDER BY tenant_id, command_id, topic_partition DESC, topic_offset DESC
) AS l USING (tenant_id, command_id);

-- The slots of now: a row is deleted when its slot is free (F-18). `until` is when it is free at the latest.
CREATE TABLE touchstream.call_leases (
    tenant_id text COLLATE "C" NOT NULL,
    command_id text COLLATE "C" NOT NULL,
    pool_id text COLLATE "C" NOT NULL,
    contact_id text COLLATE "C" NOT NULL,
    campaign_id text COLLATE "C" NOT NULL,
    enrollment_id text COLLATE "C" NOT NULL,
    agent_id text COLLATE "C",
    from_number text,
    direct boolean NOT NULL,
    state text NOT NULL,
    granted_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    reported_at timestamptz,
    PRIMARY KEY (tenant_id, command_id)
) WITH (fillfactor = 50);

SELECT touchstream.isolate(name) FROM unnest(ARRAY['call_items', 'calls', 'call_leases']) AS name;
GRANT SELECT ON touchstream.call_items, touchstream.calls, touchstream.call_leases TO touchstream_reader;

-- The purposes of idx_call_campaigns_* (S3-9); the first of them, by user, is served by the primary key.
CREATE INDEX campaigns_of_calls_by_status ON touchstream.campaigns (tenant_id, status) WHERE kind = 'calls';
CREATE INDEX campaigns_of_calls_by_agent ON touchstream.campaigns (tenant_id, agent_id) WHERE kind = 'calls';
CREATE INDEX campaigns_of_calls_by_start ON touchstream.campaigns (tenant_id, start_day) WHERE kind = 'calls';
CREATE INDEX contacts_erased ON touchstream.contacts (tenant_id, contact_id) WHERE erased_at IS NOT NULL;
