-- ready --
SELECT tenant_id, campaign_id FROM touchstream.facts WHERE fact = 'campaign.ready'

-- tenants --
SELECT count(*) FROM touchstream.tenants

-- businesses --
SELECT
    t.tenant_id, t.timezone,
    coalesce(j.jobs, 0), coalesce(e.active, 0), coalesce(e.frozen, 0), coalesce(e.completed, 0),
    coalesce(e.stopped, 0), coalesce(m.sends, 0), coalesce(m.opens, 0), coalesce(m.clicks, 0),
    coalesce(m.conversions, 0)
FROM touchstream.tenants AS t
LEFT JOIN (
    SELECT tenant_id, sum((SELECT count(*) FROM jsonb_object_keys(jobs)))::bigint AS jobs
    FROM touchstream.contacts GROUP BY 1
) AS j USING (tenant_id)
LEFT JOIN (
    SELECT
        tenant_id,
        count(*) FILTER (WHERE status = 'active') AS active,
        count(*) FILTER (WHERE status = 'frozen') AS frozen,
        count(*) FILTER (WHERE status = 'completed') AS completed,
        count(*) FILTER (WHERE status = 'stopped') AS stopped
    FROM touchstream.enrollments GROUP BY 1
) AS e USING (tenant_id)
LEFT JOIN (
    SELECT
        tenant_id, sum(sends)::bigint AS sends, sum(opens)::bigint AS opens,
        sum(clicks)::bigint AS clicks, sum(conversions)::bigint AS conversions
    FROM touchstream.touch_metrics GROUP BY 1
) AS m USING (tenant_id)
ORDER BY t.tenant_id

-- waiting --
SELECT
    t.tenant_id,
    CASE
        WHEN e.status = 'frozen' THEN 'paused'
        WHEN t.wait = 'quiet_hours' AND t.scheduled_at > %s THEN 'delay'
        ELSE coalesce(t.wait, t.phase)
    END AS reason,
    count(*)
FROM touchstream.touches AS t
JOIN touchstream.enrollments AS e USING (tenant_id, enrollment_id)
WHERE t.phase NOT IN ('sent', 'skipped', 'failed') AND e.status IN ('active', 'frozen')
GROUP BY 1, 2
UNION ALL
SELECT tenant_id, 'trigger', count(*)
FROM touchstream.enrollments
WHERE waiting_until IS NOT NULL AND status = 'active'
GROUP BY 1
ORDER BY 1, 3 DESC, 2

-- open --
SELECT
    (SELECT count(*) FROM touchstream.enrollments WHERE status IN ('active', 'frozen'))
    + (SELECT count(*) FROM touchstream.touches WHERE phase NOT IN ('sent', 'skipped', 'failed'))

-- totals --
SELECT fact, count(*) FROM touchstream.facts GROUP BY 1 ORDER BY 1

-- reasons --
SELECT fact, reason, count(*) FROM touchstream.decisions
WHERE fact IN ('enrollment.declined', 'enrollment.stopped', 'touch.skipped', 'touch.failed',
    'touch.deferred', 'touch.retried', 'touch.revoked', 'touch.withdrawing', 'event.refused',
    'contact.opted_out', 'touch.opened', 'touch.clicked')
GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2

-- analytics --
SELECT
    a.business_id, a.campaign_id, a.touch_number, t.channel, a.sends, a.opens, a.clicks,
    a.conversions, a.open_rate, a.click_rate, a.conversion_rate
FROM reviews.campaign_touch_analytics AS a
LEFT JOIN reviews.campaign_touches AS t USING (business_id, campaign_id, touch_number)
ORDER BY 1, 2, 3

-- prospects --
SELECT
    owner_id, campaign_id, status, coalesce(stop_reason, ''), current_step, count(*),
    count(*) FILTER (WHERE linkedin_state ->> 'connection_status' = 'accepted'),
    sum(jsonb_array_length(to_jsonb(completed_steps)))::bigint,
    sum(jsonb_array_length(to_jsonb(skipped_steps)))::bigint
FROM prospecting.campaign_prospect_execution_state
GROUP BY 1, 2, 3, 4, 5
ORDER BY 1, 2, 3, 4, 5

-- unsent --
SELECT t.tenant_id, t.enrollment_id, t.reasons, coalesce(w.reasons, '{}')
FROM (
    SELECT tenant_id, enrollment_id, array_agg(DISTINCT reason ORDER BY reason) AS reasons
    FROM touchstream.touches WHERE phase IN ('skipped', 'failed') GROUP BY 1, 2
) AS t
LEFT JOIN (
    SELECT tenant_id, enrollment_id, array_agg(DISTINCT reason ORDER BY reason) AS reasons
    FROM touchstream.decisions WHERE fact IN ('touch.deferred', 'touch.retried') GROUP BY 1, 2
) AS w USING (tenant_id, enrollment_id)
ORDER BY 1, 2

-- enrollment --
SELECT contact_id, campaign_id, version, status, reason, started_at, ended_at
FROM touchstream.enrollments WHERE tenant_id = %s AND enrollment_id = %s

-- touches --
SELECT
    s.number, s.channel, coalesce(t.phase, 'never scheduled'), t.reason, t.error, t.scheduled_at,
    t.sent_at, t.attempt
FROM touchstream.enrollments AS e
JOIN touchstream.steps AS s USING (tenant_id, campaign_id, version)
LEFT JOIN touchstream.touches AS t USING (tenant_id, enrollment_id, number)
WHERE e.tenant_id = %s AND e.enrollment_id = %s
ORDER BY s.number

-- waits --
SELECT touch_number, fact, reason, at, until
FROM touchstream.decisions
WHERE
    tenant_id = %s AND contact_id = %s AND enrollment_id = %s
    AND fact IN ('touch.deferred', 'touch.retried')
ORDER BY at, topic_partition, topic_offset

-- senders --
SELECT count(*) FROM touchstream.senders

-- calls --
SELECT
    i.tenant_id, coalesce(c.granted, 0), coalesce(l.held, 0), i.queued, i.completed, i.failed
FROM (
    SELECT
        tenant_id,
        count(*) FILTER (WHERE status = 'queued') AS queued,
        count(*) FILTER (WHERE status = 'completed') AS completed,
        count(*) FILTER (WHERE status = 'failed') AS failed
    FROM touchstream.call_items GROUP BY 1
) AS i
LEFT JOIN (
    SELECT tenant_id, count(*) AS granted
    FROM touchstream.calls WHERE slot_granted_at IS NOT NULL GROUP BY 1
) AS c USING (tenant_id)
LEFT JOIN (
    SELECT tenant_id, count(*) AS held
    FROM touchstream.call_leases WHERE state <> 'expired' GROUP BY 1
) AS l USING (tenant_id)
ORDER BY 1

-- call_campaigns --
SELECT
    user_id, id, status, total_contacts, completed_calls, successful_calls, reviewed_successful,
    failed_calls
FROM calls.call_campaigns
ORDER BY 1, 2

-- call_outcomes --
SELECT coalesce(outcome, 'lost'), count(*)
FROM touchstream.calls WHERE slot_granted_at IS NOT NULL
GROUP BY 1 ORDER BY 2 DESC, 1

-- accounts --
SELECT s.tenant_id, s.sender_id, s.channel, count(l.sender_id), min(l.commanded_at), max(l.commanded_at)
FROM touchstream.senders AS s
LEFT JOIN touchstream.send_log AS l USING (tenant_id, sender_id)
GROUP BY 1, 2, 3
ORDER BY 1, 2

-- reports --
SELECT tenant_id, campaign_id, reason, "values"
FROM touchstream.facts WHERE fact = 'campaign.report'
ORDER BY at, topic_offset
