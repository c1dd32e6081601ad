-- Sender accounts, call pools and the limits of tenants (C-38), and what touches, commands and campaigns keep of them.

ALTER TABLE touchstream.tenants
    ADD COLUMN call_slots integer NOT NULL DEFAULT 2,
    ADD COLUMN pool_slots integer,
    ADD COLUMN agents jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN caller_numbers jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN allowed_numbers jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN more_limits jsonb NOT NULL DEFAULT '{}';

ALTER TABLE touchstream.campaigns
    ADD COLUMN started_at timestamptz,
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN agent_id text COLLATE "C",
    ADD COLUMN pool_id text COLLATE "C",
    ADD COLUMN call_slots integer,
    ADD COLUMN timezone text,
    ADD COLUMN start_day date,
    ADD COLUMN first_call_time time,
    ADD COLUMN last_call_time time,
    ADD COLUMN call_days integer;

ALTER TABLE touchstream.touches
    ADD COLUMN pool_id text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN sender_id text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN call_id text COLLATE "C",
    ADD COLUMN call_seconds integer NOT NULL DEFAULT 0,
    ADD COLUMN reviewed boolean,
    ADD COLUMN call_status text;

ALTER TABLE touchstream.send_log ADD COLUMN sender_id text COLLATE "C";

CREATE INDEX send_log_by_sender ON touchstream.send_log (tenant_id, sender_id, commanded_at)
    WHERE sender_id IS NOT NULL;

-- As its owner has set it. Limits are by action; those that all other actions share are under the empty name.
CREATE TABLE touchstream.senders (
    tenant_id text COLLATE "C" NOT NULL,
    sender_id text COLLATE "C" NOT NULL,
    channel text NOT NULL,
    status text NOT NULL,
    limits jsonb NOT NULL,
    send_window jsonb,
    timezone text,
    warm_up jsonb,
    day_jitter_percent integer NOT NULL,
    lag_seconds double precision NOT NULL,
    max_new_per_day integer,
    first_weekday integer NOT NULL,
    on_gone text NOT NULL,
    created_at timestamptz,
    updated_at timestamptz,
    removed_at timestamptz,
    PRIMARY KEY (tenant_id, sender_id)
);

-- How it stands in the owner of its channel: whether it has paused itself, until when its provider wants no more.
CREATE TABLE touchstream.sender_states (
    tenant_id text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    sender_id text COLLATE "C" NOT NULL,
    paused_for text,
    throttled jsonb NOT NULL,
    served_seq bigint NOT NULL,
    sending_days integer NOT NULL,
    last_day date,
    sent_today integer NOT NULL,
    bounces integer NOT NULL,
    complaints integer NOT NULL,
    PRIMARY KEY (tenant_id, channel, sender_id)
) WITH (fillfactor = 50);

SELECT touchstream.isolate(name) FROM unnest(ARRAY['senders', 'sender_states']) AS name;
GRANT SELECT ON touchstream.senders, touchstream.sender_states TO touchstream_reader;

-- Call pools belong to the platform (C-20). Tenants see the slots of a pool, but not the weights of one another.
CREATE TABLE touchstream.call_pools (
    pool_id text COLLATE "C" PRIMARY KEY,
    slots integer NOT NULL,
    weights jsonb NOT NULL,
    reserved jsonb NOT NULL,
    created_at timestamptz,
    updated_at timestamptz,
    reported_at timestamptz
);

ALTER TABLE touchstream.call_pools ENABLE ROW LEVEL SECURITY;
ALTER TABLE touchstream.call_pools FORCE ROW LEVEL SECURITY;
CREATE POLICY everyone ON touchstream.call_pools FOR SELECT TO touchstream_reader USING (true);
CREATE POLICY owner ON touchstream.call_pools TO CURRENT_USER USING (true) WITH CHECK (true);
GRANT SELECT (pool_id, slots) ON touchstream.call_pools TO touchstream_reader;

-- Accounts as they stand now: `status` is throttled while the provider wants no more of at least one action.
CREATE VIEW touchstream.sender_accounts WITH (security_invoker = true) AS
SELECT
    s.tenant_id,
    s.sender_id,
    s.channel,
    CASE
        WHEN s.status <> 'active' THEN s.status
        WHEN u.paused_for IS NOT NULL THEN 'paused'
        WHEN t.throttled_until > now() THEN 'throttled'
        ELSE s.status
    END AS status,
    u.paused_for,
    t.throttled_until,
    s.limits,
    s.send_window,
    s.timezone,
    s.warm_up,
    u.sending_days,
    u.last_day,
    u.sent_today,
    u.bounces,
    u.complaints,
    s.created_at,
    s.updated_at,
    s.removed_at
FROM touchstream.senders AS s
LEFT JOIN touchstream.sender_states AS u USING (tenant_id, channel, sender_id)
CROSS JOIN LATERAL (
    SELECT to_timestamp(max(each.value::numeric) / 1000000) AS throttled_until
    FROM jsonb_each_text(u.throttled) AS each
) AS t;

GRANT SELECT ON touchstream.sender_accounts TO touchstream_reader;
