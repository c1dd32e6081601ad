-- Every command has a row in the send log from the moment that it goes out, also where nobody answers it (S0-5): when it
-- went out, when it was revoked and why.
ALTER TABLE touchstream.send_log
    ADD COLUMN commanded_at timestamptz,
    ADD COLUMN revoked_at timestamptz,
    ADD COLUMN revoke_reason text;

-- Fills the new columns from the facts that are stored already. The names are those of the first
-- fact about a command.
INSERT INTO touchstream.send_log AS l (
    tenant_id, command_id, contact_id, campaign_id, version, enrollment_id, step_id, touch_number, channel, attempt,
    commanded_at
)
SELECT DISTINCT ON (tenant_id, command_id)
    tenant_id, command_id, contact_id, campaign_id, version, enrollment_id, step_id, touch_number, channel, attempt, at
FROM touchstream.facts
WHERE fact = 'touch.commanded' AND command_id IS NOT NULL
ORDER BY tenant_id, command_id, topic_partition, topic_offset
ON CONFLICT (tenant_id, command_id) DO UPDATE SET
    contact_id = excluded.contact_id,
    campaign_id = excluded.campaign_id,
    version = excluded.version,
    enrollment_id = excluded.enrollment_id,
    step_id = excluded.step_id,
    touch_number = excluded.touch_number,
    channel = excluded.channel,
    attempt = excluded.attempt,
    commanded_at = excluded.commanded_at;

INSERT INTO touchstream.send_log AS l (tenant_id, command_id, contact_id, channel, revoked_at, revoke_reason)
SELECT DISTINCT ON (tenant_id, command_id) tenant_id, command_id, contact_id, channel, at, reason
FROM touchstream.facts
WHERE fact = 'touch.revoked' AND command_id IS NOT NULL
ORDER BY tenant_id, command_id, topic_partition, topic_offset
ON CONFLICT (tenant_id, command_id) DO UPDATE SET
    revoked_at = excluded.revoked_at,
    revoke_reason = excluded.revoke_reason;

-- When a person last agreed again to a channel; what a tenant has set for phone numbers, regions, opt-outs and calls.
ALTER TABLE touchstream.contacts ADD COLUMN resubscribed jsonb NOT NULL DEFAULT '{}';
ALTER TABLE touchstream.tenants
    ADD COLUMN country text,
    ADD COLUMN opt_out_words jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN calling_hours boolean NOT NULL DEFAULT false;

-- A run that was ended because it had too many touches has failed, as one with too many errors.
CREATE OR REPLACE VIEW prospecting.campaign_prospect_execution_state WITH (security_invoker = true) AS
SELECT
    e.enrollment_id AS id,
    e.tenant_id AS owner_id,
    e.campaign_id,
    e.contact_id AS prospect_id,
    CASE WHEN e.status = 'completed' THEN n.steps + 1 ELSE coalesce(s.number, 1) END AS current_step,
    CASE
        WHEN e.status = 'completed' THEN 'completed'
        WHEN e.status = 'stopped' THEN
            CASE WHEN e.reason IN ('failed', 'too_many_touches') THEN 'failed' ELSE 'completed' END
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
