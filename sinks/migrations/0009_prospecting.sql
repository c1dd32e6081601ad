-- The names and columns of the prospecting dashboards (N-4, S2), as views over what the engine keeps.

-- Review dashboards show review campaigns.
CREATE OR REPLACE VIEW touchstream.campaigns_kept WITH (security_invoker = true) AS
SELECT c.*, coalesce(t.templates_gone, '[]') AS templates_gone
FROM touchstream.campaigns AS c
LEFT JOIN touchstream.tenants AS t USING (tenant_id)
WHERE c.status <> 'deleted' AND t.status IS DISTINCT FROM 'deleted' AND c.kind = 'review';

-- And their send log, besides sends of no campaign, reviews alone.
CREATE OR REPLACE VIEW reviews.send_logs WITH (security_invoker = true) AS
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
WHERE
    (l.sent_at IS NOT NULL OR l.failed_at IS NOT NULL)
    AND NOT EXISTS (
        SELECT FROM touchstream.campaigns AS o
        WHERE o.tenant_id = l.tenant_id AND o.campaign_id = l.campaign_id AND o.kind <> 'review'
    );

CREATE SCHEMA prospecting;

CREATE VIEW prospecting.campaigns WITH (security_invoker = true) AS
SELECT
    c.campaign_id AS id,
    c.tenant_id AS owner_id,
    c.name,
    c.status,
    c.version,
    c.definition AS flow_settings,
    c.created_at,
    c.updated_at
FROM touchstream.campaigns AS c
LEFT JOIN touchstream.tenants AS t USING (tenant_id)
WHERE c.kind = 'prospecting' AND c.status <> 'deleted' AND t.status IS DISTINCT FROM 'deleted';

CREATE VIEW prospecting.campaign_prospects WITH (security_invoker = true) AS
SELECT DISTINCT ON (e.tenant_id, e.campaign_id, e.contact_id)
    e.campaign_id,
    e.tenant_id AS owner_id,
    e.contact_id AS id,
    c.first_name,
    c.last_name,
    c.email,
    c.phone,
    c.linkedin_url,
    e.variables,
    e.started_at AS enrolled_at
FROM touchstream.enrollments AS e
JOIN prospecting.campaigns AS p ON p.owner_id = e.tenant_id AND p.id = e.campaign_id
JOIN touchstream.contacts AS c USING (tenant_id, contact_id)
ORDER BY e.tenant_id, e.campaign_id, e.contact_id, e.cycle DESC;

-- Every step of every run, visit by visit, with all that is known of it (S2-30); decisions and their values stand in
-- touchstream.decisions under the same enrollment_id.
CREATE VIEW prospecting.step_history WITH (security_invoker = true) AS
SELECT
    t.tenant_id AS owner_id,
    t.campaign_id,
    t.contact_id AS prospect_id,
    t.enrollment_id AS execution_id,
    t.number AS position,
    s.number AS step_number,
    t.step_id,
    t.visit,
    t.channel,
    s.action AS action_type,
    t.template_id AS message_template_key,
    t.phase,
    CASE
        WHEN t.phase = 'failed' OR t.outcome = 'fail' THEN 'failed'
        WHEN t.phase = 'skipped' OR t.outcome = 'skip' THEN 'skipped'
        WHEN t.phase = 'sent' AND (s.wait_for IS NULL OR t.awaited IS NOT NULL OR t.number < e.touch_number)
            THEN 'completed'
    END AS result,
    t.reason,
    t.attempt,
    t.error,
    t.command_id,
    t.scheduled_at,
    t.sent_at,
    t.resolved_at,
    t.delivered_at,
    t.opened_at,
    t.clicked_at,
    t.read_at,
    t.bounced_at,
    t.converted_at,
    t.called_at,
    t.call_outcome,
    t.awaited AS trigger,
    t.awaited_at AS trigger_at,
    t.outcome
FROM touchstream.touches AS t
JOIN prospecting.campaigns AS c ON c.owner_id = t.tenant_id AND c.id = t.campaign_id
JOIN touchstream.enrollments AS e ON e.tenant_id = t.tenant_id AND e.enrollment_id = t.enrollment_id
LEFT JOIN touchstream.steps AS s
    ON s.tenant_id = t.tenant_id AND s.campaign_id = t.campaign_id AND s.version = t.version AND s.step_id = t.step_id;

-- One row per run (S2-1 … S2-12). The checks are counted from how long it has waited: nobody checks (C-10). A run that
-- was stopped has come to its end: `stop_reason` says why; one that failed is failed (C-39).
CREATE VIEW prospecting.campaign_prospect_execution_state WITH (security_invoker = true) AS
SELECT
    e.enrollment_id AS id,
    e.tenant_id AS owner_id,
    e.campaign_id,
    e.contact_id AS prospect_id,
    CASE WHEN e.status = 'completed' THEN n.steps + 1 ELSE coalesce(s.number, 1) END AS current_step,
    CASE
        WHEN e.status = 'completed' THEN 'completed'
        WHEN e.status = 'stopped' THEN CASE e.reason WHEN 'failed' THEN 'failed' ELSE 'completed' END
        WHEN e.status = 'frozen' THEN 'paused'
        WHEN e.waiting_until IS NOT NULL THEN 'waiting_trigger'
        WHEN h.open IN ('requested', 'commanded', 'withdrawing') THEN 'executing'
        ELSE 'pending'
    END AS status,
    coalesce(h.completed_steps, '{}') AS completed_steps,
    coalesce(h.failed_steps, '{}') AS failed_steps,
    coalesce(h.skipped_steps, '{}') AS skipped_steps,
    jsonb_build_object(
        'connection_status',
        CASE WHEN k.connected_at IS NOT NULL THEN 'accepted' WHEN h.requests > 0 THEN 'pending' END,
        'last_message_at', h.last_message_at,
        'message_count', coalesce(h.message_count, 0)
    ) AS linkedin_state,
    jsonb_build_object(
        'sent_count', coalesce(h.email_sent, 0),
        'opened', coalesce(h.email_opened, false),
        'replied', coalesce((k.replied ->> 'email')::bigint >= extract(epoch FROM e.started_at) * 1000000, false),
        'last_sent_at', h.email_last_sent_at,
        'bounce_status', h.email_bounce
    ) AS email_state,
    jsonb_build_object(
        'sent_count', coalesce(h.whatsapp_sent, 0),
        'delivered', coalesce(h.whatsapp_delivered, false),
        'read', coalesce(h.whatsapp_read, false),
        'replied', coalesce((k.replied ->> 'whatsapp')::bigint >= extract(epoch FROM e.started_at) * 1000000, false),
        'last_sent_at', h.whatsapp_last_sent_at
    ) AS whatsapp_state,
    CASE WHEN e.waiting_until IS NOT NULL THEN w.events END AS waiting_for_trigger,
    CASE WHEN e.waiting_until IS NOT NULL THEN w.checks END AS trigger_check_count,
    CASE
        WHEN e.waiting_until IS NOT NULL
            THEN ceil(extract(epoch FROM e.waiting_until - e.waiting_since) / 3600)::integer
    END AS trigger_max_checks,
    CASE
        WHEN e.waiting_until IS NOT NULL
            THEN least(e.waiting_since + (w.checks + 1) * interval '1 hour', e.waiting_until)
    END AS next_check_at,
    e.enrollment_id AS n8n_execution_id,
    h.last_executed_at,
    e.next_due_at AS next_execution_at,
    e.last_error,
    e.errors AS error_count,
    CASE WHEN e.status = 'stopped' THEN e.reason END AS stop_reason,
    e.holds AS paused_by,
    e.version AS campaign_version,
    e.cycle,
    e.started_at AS created_at,
    coalesce(e.ended_at, h.last_at, e.started_at) AS updated_at
FROM touchstream.enrollments AS e
JOIN prospecting.campaigns AS c ON c.owner_id = e.tenant_id AND c.id = e.campaign_id
LEFT JOIN touchstream.contacts AS k USING (tenant_id, contact_id)
LEFT JOIN touchstream.steps AS s
    ON s.tenant_id = e.tenant_id AND s.campaign_id = e.campaign_id AND s.version = e.version AND s.step_id = e.step_id
CROSS JOIN LATERAL (
    SELECT count(*)::integer AS steps
    FROM touchstream.steps AS a
    WHERE a.tenant_id = e.tenant_id AND a.campaign_id = e.campaign_id AND a.version = e.version
) AS n
CROSS JOIN LATERAL (
    SELECT
        (SELECT string_agg(event, ',') FROM jsonb_array_elements_text(s.wait_for -> 'events') AS event) AS events,
        floor(
            extract(epoch FROM greatest(least(now(), e.waiting_until) - e.waiting_since, interval '0')) / 3600
        )::integer AS checks
) AS w
LEFT JOIN LATERAL (
    SELECT
        array_agg(t.step_number ORDER BY t.position) FILTER (WHERE t.result = 'completed' AND t.step_number IS NOT NULL) AS completed_steps,
        array_agg(t.step_number ORDER BY t.position) FILTER (WHERE t.result = 'failed' AND t.step_number IS NOT NULL) AS failed_steps,
        array_agg(t.step_number ORDER BY t.position) FILTER (WHERE t.result = 'skipped' AND t.step_number IS NOT NULL) AS skipped_steps,
        max(t.phase) FILTER (WHERE t.position = e.touch_number) AS open,
        max(t.sent_at) AS last_executed_at,
        max(greatest(t.sent_at, t.resolved_at, t.opened_at, t.clicked_at, t.trigger_at)) AS last_at,
        count(t.sent_at) FILTER (WHERE t.action_type = 'send_connection_request') AS requests,
        count(t.sent_at) FILTER (WHERE t.channel = 'linkedin' AND t.action_type = 'send_message') AS message_count,
        max(t.sent_at) FILTER (WHERE t.channel = 'linkedin' AND t.action_type = 'send_message') AS last_message_at,
        count(t.sent_at) FILTER (WHERE t.channel = 'email') AS email_sent,
        bool_or(t.opened_at IS NOT NULL) FILTER (WHERE t.channel = 'email') AS email_opened,
        max(t.sent_at) FILTER (WHERE t.channel = 'email') AS email_last_sent_at,
        max(CASE WHEN t.bounced_at IS NOT NULL THEN 'bounced' END) FILTER (WHERE t.channel = 'email') AS email_bounce,
        count(t.sent_at) FILTER (WHERE t.channel = 'whatsapp') AS whatsapp_sent,
        bool_or(t.delivered_at IS NOT NULL) FILTER (WHERE t.channel = 'whatsapp') AS whatsapp_delivered,
        bool_or(t.read_at IS NOT NULL) FILTER (WHERE t.channel = 'whatsapp') AS whatsapp_read,
        max(t.sent_at) FILTER (WHERE t.channel = 'whatsapp') AS whatsapp_last_sent_at
    FROM prospecting.step_history AS t
    WHERE t.owner_id = e.tenant_id AND t.execution_id = e.enrollment_id
) AS h ON true;

-- Who is due, the soonest first (S2-14, F-14): to look at. The engine itself polls nothing.
CREATE FUNCTION prospecting.get_next_pending_executions(batch integer DEFAULT 10)
RETURNS SETOF prospecting.campaign_prospect_execution_state
LANGUAGE sql STABLE AS $$
    SELECT * FROM prospecting.campaign_prospect_execution_state
    WHERE status IN ('pending', 'waiting_trigger') AND next_execution_at <= now()
    ORDER BY next_execution_at
    LIMIT batch
$$;

GRANT USAGE ON SCHEMA prospecting TO touchstream_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA prospecting TO touchstream_reader;
