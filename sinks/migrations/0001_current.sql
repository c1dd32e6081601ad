-- Current tables: what the changelogs say now (design 5). Written by the projection alone.
--
-- Ids are text in the C collation: they are compared byte by byte, as Kafka keys are. Room is left in each page,
-- so that most updates need not touch an index.

CREATE SCHEMA reviews;

CREATE TABLE touchstream.tenants (
    tenant_id text COLLATE "C" PRIMARY KEY,
    status text NOT NULL,
    timezone text NOT NULL,
    quiet jsonb,
    strict_start integer NOT NULL,
    strict_regions jsonb NOT NULL,
    delay_by_service jsonb NOT NULL,
    limits jsonb NOT NULL,
    services jsonb NOT NULL,
    templates_gone jsonb NOT NULL,
    created_at timestamptz,
    updated_at timestamptz
);

CREATE TABLE touchstream.contacts (
    tenant_id text COLLATE "C" NOT NULL,
    contact_id text COLLATE "C" NOT NULL,
    first_name text,
    last_name text,
    email text,
    phone text,
    timezone text,
    region text,
    linkedin_url text,
    attributes jsonb NOT NULL,
    opted_out jsonb NOT NULL,
    bounced jsonb NOT NULL,
    jobs jsonb NOT NULL,
    erased_at timestamptz,
    created_at timestamptz,
    updated_at timestamptz,
    PRIMARY KEY (tenant_id, contact_id)
) WITH (fillfactor = 85);

CREATE TABLE touchstream.campaigns (
    tenant_id text COLLATE "C" NOT NULL,
    campaign_id text COLLATE "C" NOT NULL,
    status text NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    service_type text,
    definition jsonb NOT NULL,
    known_by jsonb NOT NULL,
    created_at timestamptz,
    updated_at timestamptz,
    PRIMARY KEY (tenant_id, campaign_id)
);

-- Every version that an enrollment may be pinned to (C-36).
CREATE TABLE touchstream.steps (
    tenant_id text COLLATE "C" NOT NULL,
    campaign_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    step_id text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    channel text NOT NULL,
    action text NOT NULL,
    template_id text,
    delay_seconds double precision NOT NULL,
    anchor text NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id, version, step_id)
);

CREATE TABLE touchstream.enrollments (
    tenant_id text COLLATE "C" NOT NULL,
    enrollment_id text COLLATE "C" NOT NULL,
    contact_id text COLLATE "C" NOT NULL,
    campaign_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    cycle integer NOT NULL,
    job_id text COLLATE "C",
    service_type text,
    anchor_at timestamptz NOT NULL,
    started_at timestamptz NOT NULL,
    status text NOT NULL,
    reason text,
    ended_at timestamptz,
    frozen_at timestamptz,
    touch_number integer NOT NULL,
    next_due_at timestamptz,
    converted_at timestamptz,
    conversion text,
    variables jsonb,
    PRIMARY KEY (tenant_id, enrollment_id)
) WITH (fillfactor = 80);

CREATE INDEX enrollments_by_contact ON touchstream.enrollments (tenant_id, contact_id);
CREATE INDEX enrollments_live ON touchstream.enrollments (tenant_id, campaign_id)
    WHERE status IN ('active', 'frozen');

CREATE TABLE touchstream.touches (
    tenant_id text COLLATE "C" NOT NULL,
    enrollment_id text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    step_id text COLLATE "C" NOT NULL,
    contact_id text COLLATE "C" NOT NULL,
    campaign_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    channel text NOT NULL,
    scheduled_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    phase text NOT NULL,
    wait text,
    attempt integer NOT NULL,
    emission integer NOT NULL,
    command_id text COLLATE "C",
    reason text,
    requested_at timestamptz,
    commanded_at timestamptz,
    sent_at timestamptz,
    resolved_at timestamptz,
    delivered_at timestamptz,
    opened_at timestamptz,
    clicked_at timestamptz,
    read_at timestamptz,
    bounced_at timestamptz,
    converted_at timestamptz,
    error text,
    template_id text,
    PRIMARY KEY (tenant_id, enrollment_id, number)
) WITH (fillfactor = 80);

CREATE INDEX touches_by_command ON touchstream.touches (command_id) WHERE command_id IS NOT NULL;

-- One row per attempt that was sent or failed; kept when the campaign is gone (S1-41).
CREATE TABLE touchstream.send_log (
    tenant_id text COLLATE "C" NOT NULL,
    command_id text COLLATE "C" NOT NULL,
    contact_id text COLLATE "C",
    campaign_id text COLLATE "C",
    version integer,
    enrollment_id text COLLATE "C",
    step_id text COLLATE "C",
    touch_number integer,
    channel text,
    attempt integer,
    sent_at timestamptz,
    failed_at timestamptz,
    reason text,
    delivered_at timestamptz,
    opened_at timestamptz,
    clicked_at timestamptz,
    read_at timestamptz,
    bounced_at timestamptz,
    converted_at timestamptz,
    PRIMARY KEY (tenant_id, command_id)
) WITH (fillfactor = 80);

CREATE INDEX send_log_by_campaign ON touchstream.send_log (tenant_id, campaign_id, touch_number);

-- Counts of first-time facts (C-40): a touch is sent, opened, clicked … once.
CREATE TABLE touchstream.touch_metrics (
    tenant_id text COLLATE "C" NOT NULL,
    campaign_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    touch_number integer NOT NULL,
    sends bigint NOT NULL,
    failures bigint NOT NULL,
    skips bigint NOT NULL,
    deliveries bigint NOT NULL,
    opens bigint NOT NULL,
    clicks bigint NOT NULL,
    reads bigint NOT NULL,
    bounces bigint NOT NULL,
    conversions bigint NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id, version, touch_number)
) WITH (fillfactor = 50);

-- Where each task of the engine stands; no tenant's data.
CREATE TABLE touchstream.tasks (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    stream_time timestamptz NOT NULL,
    timers bigint NOT NULL,
    next_due timestamptz,
    PRIMARY KEY (topic, partition)
);

-- How far a projection has read, and the epoch of the one that may write: advanced by compare-and-set together with
-- the rows of the same batch.
CREATE TABLE touchstream.places (
    group_name text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    owner_epoch bigint NOT NULL,
    PRIMARY KEY (group_name, topic, partition)
) WITH (fillfactor = 50);
