-- The names and columns of the review-request dashboards (N-1, N-2, S0, S1), as views over what the engine keeps.
--
-- A deletion is an event and history is kept (C-32): what S1 cascades away is hidden here. The campaigns of a deleted
-- business (S1-38), the touches and enrollments of a deleted campaign (S1-39) and the enrollments of a deleted job
-- (S1-40) vanish; the send log stays without its campaign (S1-41); a step stays without its deleted template (S1-42).

CREATE VIEW touchstream.campaigns_kept WITH (security_invoker = true) AS
SELECT c.*, coalesce(t.templates_gone, '[]') AS templates_gone
FROM touchstream.campaigns AS c
LEFT JOIN touchstream.tenants AS t USING (tenant_id)
WHERE c.status <> 'deleted' AND t.status IS DISTINCT FROM 'deleted';

CREATE VIEW reviews.businesses WITH (security_invoker = true) AS
SELECT tenant_id AS id, timezone, created_at, updated_at
FROM touchstream.tenants
WHERE status <> 'deleted';

-- The toggle of S1-2 (C-28): whatever is not active sends nothing, as paused.
CREATE VIEW reviews.campaigns WITH (security_invoker = true) AS
SELECT
    campaign_id AS id,
    tenant_id AS business_id,
    name,
    service_type,
    CASE status WHEN 'active' THEN 'active' ELSE 'paused' END AS status,
    false AS is_preset,
    created_at,
    updated_at
FROM touchstream.campaigns_kept
UNION ALL
SELECT preset_id, NULL, name, NULL, 'active', true, NULL, NULL
FROM touchstream.presets;

CREATE VIEW reviews.campaign_touches WITH (security_invoker = true) AS
SELECT
    c.campaign_id,
    c.tenant_id AS business_id,
    s.number AS touch_number,
    s.channel,
    s.delay_seconds / 3600 AS delay_hours,
    CASE WHEN c.templates_gone ? s.template_id THEN NULL ELSE s.template_id END AS template_id
FROM touchstream.campaigns_kept AS c
JOIN touchstream.steps AS s USING (tenant_id, campaign_id, version)
UNION ALL
SELECT p.preset_id, NULL, t.touch_number, t.channel, t.delay_hours, NULL
FROM touchstream.presets AS p
CROSS JOIN LATERAL jsonb_to_recordset(p.touches)
    AS t (touch_number integer, channel text, delay_hours double precision);

-- A template is known by the steps that name it.
CREATE VIEW reviews.message_templates WITH (security_invoker = true) AS
SELECT DISTINCT t.template_id AS id, t.business_id, t.channel
FROM reviews.campaign_touches AS t
WHERE t.template_id IS NOT NULL;

CREATE VIEW reviews.customers WITH (security_invoker = true) AS
SELECT
    contact_id AS id,
    tenant_id AS business_id,
    first_name,
    last_name,
    email,
    phone,
    timezone,
    opted_out ?| ARRAY['email', 'all'] AS opted_out_email,
    opted_out ?| ARRAY['sms', 'all'] AS opted_out_sms,
    erased_at,
    created_at,
    updated_at
FROM touchstream.contacts;

-- Four touches side by side (S1-20). A touch that has no time yet is pending while the enrollment lives.
CREATE VIEW reviews.campaign_enrollments WITH (security_invoker = true) AS
SELECT
    e.enrollment_id AS id,
    e.tenant_id AS business_id,
    e.campaign_id,
    e.job_id,
    e.contact_id AS customer_id,
    e.status,
    e.reason AS stop_reason,
    least(greatest(e.touch_number, 1), 4) AS current_touch,
    t.touch_1_scheduled_at,
    t.touch_1_sent_at,
    coalesce(t.touch_1_status, CASE WHEN s.steps >= 1 THEN 'pending' END) AS touch_1_status,
    t.touch_2_scheduled_at,
    t.touch_2_sent_at,
    coalesce(t.touch_2_status, CASE WHEN s.steps >= 2 THEN 'pending' END) AS touch_2_status,
    t.touch_3_scheduled_at,
    t.touch_3_sent_at,
    coalesce(t.touch_3_status, CASE WHEN s.steps >= 3 THEN 'pending' END) AS touch_3_status,
    t.touch_4_scheduled_at,
    t.touch_4_sent_at,
    coalesce(t.touch_4_status, CASE WHEN s.steps >= 4 THEN 'pending' END) AS touch_4_status,
    e.started_at AS enrolled_at,
    e.ended_at,
    e.converted_at
FROM touchstream.enrollments AS e
JOIN touchstream.campaigns_kept AS c USING (tenant_id, campaign_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS steps
    FROM touchstream.steps AS s
    WHERE
        e.status IN ('active', 'frozen')
        AND s.tenant_id = e.tenant_id AND s.campaign_id = e.campaign_id AND s.version = e.version
) AS s
CROSS JOIN LATERAL (
    SELECT
        max(scheduled_at) FILTER (WHERE number = 1) AS touch_1_scheduled_at,
        max(sent_at) FILTER (WHERE number = 1) AS touch_1_sent_at,
        max(shown) FILTER (WHERE number = 1) AS touch_1_status,
        max(scheduled_at) FILTER (WHERE number = 2) AS touch_2_scheduled_at,
        max(sent_at) FILTER (WHERE number = 2) AS touch_2_sent_at,
        max(shown) FILTER (WHERE number = 2) AS touch_2_status,
        max(scheduled_at) FILTER (WHERE number = 3) AS touch_3_scheduled_at,
        max(sent_at) FILTER (WHERE number = 3) AS touch_3_sent_at,
        max(shown) FILTER (WHERE number = 3) AS touch_3_status,
        max(scheduled_at) FILTER (WHERE number = 4) AS touch_4_scheduled_at,
        max(sent_at) FILTER (WHERE number = 4) AS touch_4_sent_at,
        max(shown) FILTER (WHERE number = 4) AS touch_4_status
    FROM (
        SELECT
            number, scheduled_at, sent_at,
            CASE WHEN phase IN ('sent', 'skipped', 'failed') THEN phase ELSE 'pending' END AS shown
        FROM touchstream.touches AS t
        WHERE t.tenant_id = e.tenant_id AND t.enrollment_id = e.enrollment_id
    ) AS each_touch
) AS t
WHERE
    e.reason IS DISTINCT FROM 'job_deleted'
    AND NOT EXISTS (
        SELECT FROM touchstream.contacts AS k
        WHERE k.tenant_id = e.tenant_id AND k.contact_id = e.contact_id AND k.jobs -> e.job_id = 'false'
    );

CREATE VIEW reviews.jobs WITH (security_invoker = true) AS
SELECT
    j.job_id AS id,
    c.tenant_id AS business_id,
    c.contact_id AS customer_id,
    e.service_type,
    'completed' AS status
FROM touchstream.contacts AS c
CROSS JOIN LATERAL jsonb_each(c.jobs) AS j (job_id, kept)
LEFT JOIN LATERAL (
    SELECT e.service_type
    FROM touchstream.enrollments AS e
    WHERE e.tenant_id = c.tenant_id AND e.contact_id = c.contact_id AND e.job_id = j.job_id
    ORDER BY e.started_at DESC, e.enrollment_id
    LIMIT 1
) AS e ON true
WHERE j.kept = 'true';

-- `status` is opened from the first open on, whatever came later, so that the share of opened is right (C-40).
CREATE VIEW reviews.send_logs WITH (security_invoker = true) AS
SELECT
    l.command_id AS id,
    l.tenant_id AS business_id,
    l.contact_id AS customer_id,
    c.campaign_id,
    CASE WHEN c.campaign_id IS NOT NULL THEN l.enrollment_id END AS campaign_enrollment_id,
    l.touch_number,
    l.channel,
    CASE
        WHEN l.opened_at IS NOT NULL THEN 'opened'
        WHEN l.bounced_at IS NOT NULL THEN 'bounced'
        WHEN l.delivered_at IS NOT NULL OR l.clicked_at IS NOT NULL THEN 'delivered'
        WHEN l.sent_at IS NOT NULL THEN 'sent'
        ELSE 'failed'
    END AS status,
    l.reason AS error_message,
    l.sent_at,
    l.delivered_at,
    l.opened_at,
    l.clicked_at,
    l.bounced_at,
    coalesce(l.sent_at, l.failed_at) AS created_at
FROM touchstream.send_log AS l
LEFT JOIN touchstream.campaigns_kept AS c USING (tenant_id, campaign_id)
WHERE l.sent_at IS NOT NULL OR l.failed_at IS NOT NULL;

-- Per touch: sends, opens, clicks, conversions and their share of the sends (S1-33, F-12); NULL without a send (C-16).
CREATE VIEW reviews.campaign_touch_analytics WITH (security_invoker = true) AS
SELECT
    m.tenant_id AS business_id,
    m.campaign_id,
    m.touch_number,
    sum(m.sends) AS sends,
    sum(m.opens) AS opens,
    sum(m.clicks) AS clicks,
    sum(m.conversions) AS conversions,
    round(sum(m.opens) / nullif(sum(m.sends), 0), 4) AS open_rate,
    round(sum(m.clicks) / nullif(sum(m.sends), 0), 4) AS click_rate,
    round(sum(m.conversions) / nullif(sum(m.sends), 0), 4) AS conversion_rate
FROM touchstream.touch_metrics AS m
JOIN touchstream.campaigns_kept AS c USING (tenant_id, campaign_id)
WHERE m.touch_number > 0
GROUP BY m.tenant_id, m.campaign_id, m.touch_number;

GRANT SELECT ON touchstream.campaigns_kept TO touchstream_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA reviews TO touchstream_reader;
