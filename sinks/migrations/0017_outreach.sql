-- Outreach (S4): what states keep of campaigns that decide by counts, of their runs and of experiments. Other campaigns
-- and runs have NULL in the new columns, and no row in the new tables.

ALTER TABLE touchstream.campaigns
    ADD COLUMN end_day date,
    ADD COLUMN first_day date,
    ADD COLUMN last_day date,
    ADD COLUMN end_reason text,
    ADD COLUMN dates jsonb,
    ADD COLUMN counts jsonb,
    ADD COLUMN experiments jsonb;

ALTER TABLE touchstream.steps ADD COLUMN experiment jsonb;

-- Conversions by type and entity with whom they are credited to, and soft bounces by the digest of the address.
ALTER TABLE touchstream.contacts
    ADD COLUMN conversions jsonb,
    ADD COLUMN soft_bounces jsonb;

CREATE INDEX contacts_with_conversions ON touchstream.contacts (tenant_id, contact_id)
    WHERE conversions IS NOT NULL;

-- One row per run of a campaign that decides by counts. The status is by rank (C-13). `reached` never falls (C-14).
-- Company, title, user and lead are removed when the contact is erased.
CREATE TABLE touchstream.run_results (
    tenant_id text COLLATE "C" NOT NULL,
    enrollment_id text COLLATE "C" NOT NULL,
    contact_id text COLLATE "C" NOT NULL,
    campaign_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    status text COLLATE "C" NOT NULL,
    contact_type text NOT NULL,
    user_id text COLLATE "C",
    lead_id text COLLATE "C",
    company_name text,
    title text,
    experiment_id text COLLATE "C",
    variant text COLLATE "C",
    assigned_by text,
    tested_at timestamptz,
    assignments jsonb,
    channel text,
    template_id text,
    reached boolean NOT NULL,
    sent_at timestamptz,
    opened_at timestamptz,
    clicked_at timestamptz,
    responded_at timestamptz,
    response_channel text,
    converted_at timestamptz,
    conversion_type text,
    entity_id text,
    implied boolean NOT NULL,
    bounced_at timestamptz,
    opted_out_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, enrollment_id),
    FOREIGN KEY (tenant_id, enrollment_id) REFERENCES touchstream.enrollments (tenant_id, enrollment_id)
) WITH (fillfactor = 80);

-- The purposes of idx_campaign_contacts_* (S4-103, N-8). Every index begins with the tenant: row security asks for it
-- always.
CREATE INDEX run_results_by_campaign ON touchstream.run_results (tenant_id, campaign_id, status)
    INCLUDE (contact_id, variant, reached, sent_at, responded_at, converted_at);
CREATE INDEX run_results_by_user ON touchstream.run_results (tenant_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX run_results_by_lead ON touchstream.run_results (tenant_id, lead_id) WHERE lead_id IS NOT NULL;
CREATE INDEX run_results_by_status ON touchstream.run_results (tenant_id, status);
CREATE INDEX run_results_by_variant ON touchstream.run_results (tenant_id, variant, campaign_id)
    WHERE variant IS NOT NULL;
CREATE INDEX run_results_by_contact ON touchstream.run_results (tenant_id, contact_id);
CREATE INDEX run_results_responded ON touchstream.run_results (tenant_id, responded_at)
    WHERE responded_at IS NOT NULL;
CREATE INDEX run_results_opted_out ON touchstream.run_results (tenant_id, opted_out_at)
    WHERE opted_out_at IS NOT NULL;

-- One row per touch of such a run, with when its message was sent, opened, clicked and bounced.
CREATE TABLE touchstream.engagements (
    tenant_id text COLLATE "C" NOT NULL,
    enrollment_id text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    contact_id text COLLATE "C" NOT NULL,
    campaign_id text COLLATE "C" NOT NULL,
    step_id text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    template_id text,
    command_id text COLLATE "C",
    sender_id text COLLATE "C",
    attempt integer NOT NULL,
    sent_at timestamptz,
    delivered_at timestamptz,
    opened_at timestamptz,
    clicked_at timestamptz,
    bounced_at timestamptz,
    soft_bounces integer NOT NULL,
    reason text,
    PRIMARY KEY (tenant_id, enrollment_id, number)
) WITH (fillfactor = 80);

-- The purposes of idx_engagement_tracking_* (S4-104, N-8): by contact the primary key, by type and time one index for
-- each type of event.
CREATE INDEX engagements_by_campaign ON touchstream.engagements (tenant_id, campaign_id)
    INCLUDE (contact_id, channel, sent_at, opened_at, clicked_at, bounced_at);
CREATE INDEX engagements_sent ON touchstream.engagements (tenant_id, channel, sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX engagements_opened ON touchstream.engagements (tenant_id, opened_at) WHERE opened_at IS NOT NULL;
CREATE INDEX engagements_clicked ON touchstream.engagements (tenant_id, clicked_at) WHERE clicked_at IS NOT NULL;
CREATE INDEX engagements_bounced ON touchstream.engagements (tenant_id, bounced_at) WHERE bounced_at IS NOT NULL;

SELECT touchstream.isolate(name) FROM unnest(ARRAY['run_results', 'engagements']) AS name;
GRANT SELECT ON touchstream.run_results, touchstream.engagements TO touchstream_reader;

CREATE SCHEMA outreach;

-- The campaigns of S4: its 32 columns, then those of touchstream. It is a table and no view, because the queries of S4
-- group by its primary key alone. The id has the tenant in it, so that tenants never share one. The counts are those by
-- which the campaign decides, so they are at most a second behind. A deleted campaign has no row (S4-19).
CREATE TABLE outreach.campaigns (
    id text COLLATE "C" PRIMARY KEY,
    org_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    description text,
    campaign_type text COLLATE "C" NOT NULL,
    channel text NOT NULL,
    status text COLLATE "C" NOT NULL,
    target_audience text,
    target_locations text[],
    target_skills text[],
    target_company_sizes text[],
    is_ab_test boolean NOT NULL,
    variant_a_template_id text,
    variant_b_template_id text,
    ab_split_percentage integer,
    target_contacts_count integer,
    target_response_rate numeric(5, 2),
    target_conversion_count integer,
    contacts_reached integer NOT NULL,
    emails_sent integer NOT NULL,
    linkedin_messages_sent integer NOT NULL,
    responses_received integer NOT NULL,
    conversions integer NOT NULL,
    response_rate numeric(5, 2),
    start_date date,
    end_date date,
    owner_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by text COLLATE "C",
    campaign_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    completion_policy text NOT NULL,
    end_reason text,
    started_at timestamptz,
    completed_at timestamptz,
    settled_at timestamptz
) WITH (fillfactor = 50);

-- The indexes of S4 under their names (S4-102, S4-113, N-8).
CREATE UNIQUE INDEX idx_campaigns_org_id ON outreach.campaigns (org_id, campaign_id);
CREATE INDEX idx_campaigns_owner_id ON outreach.campaigns (org_id, owner_id, created_at DESC);
CREATE INDEX idx_campaigns_status ON outreach.campaigns (org_id, status);
CREATE INDEX idx_campaigns_type ON outreach.campaigns (org_id, campaign_type, status);
CREATE INDEX idx_campaigns_dates ON outreach.campaigns (org_id, start_date, end_date);
CREATE INDEX idx_campaigns_created_at ON outreach.campaigns (org_id, created_at DESC);
