-- Everything the projection says to PostgreSQL. An upsert rewrites a row only where something changed.

-- open --
SELECT
    set_config('search_path', 'touchstream', false),
    -- Rows and place are one transaction: a server that dies loses both, and they are read again.
    set_config('synchronous_commit', 'off', false),
    set_config('idle_in_transaction_session_timeout', '15s', false),
    set_config('lock_timeout', '10s', false),
    set_config('jit', 'off', false)

-- end_stalled --
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE
    datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
    AND application_name = current_setting('application_name')
    AND xact_start < clock_timestamp() - interval '5 seconds'

-- claim --
INSERT INTO places AS p (group_name, topic, partition, next_offset, owner_epoch)
VALUES (%s, %s, %s, 0, 1)
ON CONFLICT (group_name, topic, partition) DO UPDATE SET owner_epoch = p.owner_epoch + 1
RETURNING next_offset, owner_epoch

-- advance --
UPDATE places AS p SET next_offset = b.next_offset
FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[])
    AS b (topic, partition, expected, next_offset, owner_epoch)
WHERE
    p.group_name = %s AND p.topic = b.topic AND p.partition = b.partition
    AND p.next_offset = b.expected AND p.owner_epoch = b.owner_epoch

-- places --
SELECT topic, partition, next_offset, owner_epoch FROM touchstream.places
WHERE group_name = %s
ORDER BY topic, partition

-- add_month --
SELECT add_facts_month(%s)

-- rebuild --
LOCK TABLE touchstream.places IN EXCLUSIVE MODE;
UPDATE touchstream.places SET next_offset = 0, owner_epoch = owner_epoch + 1;
TRUNCATE
    touchstream.tenants, touchstream.contacts, touchstream.campaigns, touchstream.steps,
    touchstream.enrollments, touchstream.touches, touchstream.facts, touchstream.send_log,
    touchstream.tasks, touchstream.touch_metrics, touchstream.step_metrics;

-- forget_contacts --
DELETE FROM contacts AS t
USING unnest(%s::text[], %s::text[]) AS b (tenant_id, contact_id)
WHERE t.tenant_id = b.tenant_id AND t.contact_id = b.contact_id

-- forget_variables --
UPDATE enrollments AS t SET variables = NULL, last_error = NULL
FROM unnest(%s::text[], %s::text[]) AS b (tenant_id, contact_id)
WHERE
    t.tenant_id = b.tenant_id AND t.contact_id = b.contact_id
    AND (t.variables IS NOT NULL OR t.last_error IS NOT NULL)

-- forget_errors --
UPDATE touches AS t SET error = NULL
FROM unnest(%s::text[], %s::text[]) AS b (tenant_id, contact_id)
JOIN enrollments AS e ON e.tenant_id = b.tenant_id AND e.contact_id = b.contact_id
WHERE t.tenant_id = e.tenant_id AND t.enrollment_id = e.enrollment_id AND t.error IS NOT NULL

-- tenants --
INSERT INTO tenants AS t SELECT * FROM in_tenants
ON CONFLICT (tenant_id) DO UPDATE SET (
    status, timezone, quiet, strict_start, strict_regions, delay_by_service, limits, services,
    templates_gone, created_at, updated_at, caps, fence
) = ROW (
    excluded.status, excluded.timezone, excluded.quiet, excluded.strict_start,
    excluded.strict_regions, excluded.delay_by_service, excluded.limits, excluded.services,
    excluded.templates_gone, excluded.created_at, excluded.updated_at, excluded.caps, excluded.fence
)
WHERE (
    t.status, t.timezone, t.quiet, t.strict_start, t.strict_regions, t.delay_by_service, t.limits,
    t.services, t.templates_gone, t.created_at, t.updated_at, t.caps, t.fence
) IS DISTINCT FROM (
    excluded.status, excluded.timezone, excluded.quiet, excluded.strict_start,
    excluded.strict_regions, excluded.delay_by_service, excluded.limits, excluded.services,
    excluded.templates_gone, excluded.created_at, excluded.updated_at, excluded.caps, excluded.fence
)

-- contacts --
INSERT INTO contacts AS t SELECT * FROM in_contacts
ON CONFLICT (tenant_id, contact_id) DO UPDATE SET (
    first_name, last_name, email, phone, timezone, region, linkedin_url, attributes, opted_out,
    bounced, jobs, erased_at, created_at, updated_at, replied, connected_at
) = ROW (
    excluded.first_name, excluded.last_name, excluded.email, excluded.phone, excluded.timezone,
    excluded.region, excluded.linkedin_url, excluded.attributes, excluded.opted_out,
    excluded.bounced, excluded.jobs, excluded.erased_at, excluded.created_at, excluded.updated_at,
    excluded.replied, excluded.connected_at
)
WHERE (
    t.first_name, t.last_name, t.email, t.phone, t.timezone, t.region, t.linkedin_url, t.attributes,
    t.opted_out, t.bounced, t.jobs, t.erased_at, t.created_at, t.updated_at, t.replied,
    t.connected_at
) IS DISTINCT FROM (
    excluded.first_name, excluded.last_name, excluded.email, excluded.phone, excluded.timezone,
    excluded.region, excluded.linkedin_url, excluded.attributes, excluded.opted_out,
    excluded.bounced, excluded.jobs, excluded.erased_at, excluded.created_at, excluded.updated_at,
    excluded.replied, excluded.connected_at
)

-- campaigns --
INSERT INTO campaigns AS t SELECT * FROM in_campaigns
ON CONFLICT (tenant_id, campaign_id) DO UPDATE SET (
    status, version, name, kind, service_type, definition, known_by, created_at, updated_at
) = ROW (
    excluded.status, excluded.version, excluded.name, excluded.kind, excluded.service_type,
    excluded.definition, excluded.known_by, excluded.created_at, excluded.updated_at
)
WHERE (
    t.status, t.version, t.name, t.kind, t.service_type, t.definition, t.known_by, t.created_at,
    t.updated_at
) IS DISTINCT FROM (
    excluded.status, excluded.version, excluded.name, excluded.kind, excluded.service_type,
    excluded.definition, excluded.known_by, excluded.created_at, excluded.updated_at
)

-- steps --
INSERT INTO steps AS t SELECT * FROM in_steps
ON CONFLICT (tenant_id, campaign_id, version, step_id) DO UPDATE SET (
    number, channel, action, template_id, delay_seconds, anchor, wait_for, skip_when, send_window
) = ROW (
    excluded.number, excluded.channel, excluded.action, excluded.template_id,
    excluded.delay_seconds, excluded.anchor, excluded.wait_for, excluded.skip_when,
    excluded.send_window
)
WHERE (
    t.number, t.channel, t.action, t.template_id, t.delay_seconds, t.anchor, t.wait_for,
    t.skip_when, t.send_window
) IS DISTINCT FROM (
    excluded.number, excluded.channel, excluded.action, excluded.template_id,
    excluded.delay_seconds, excluded.anchor, excluded.wait_for, excluded.skip_when,
    excluded.send_window
)

-- enrollments --
INSERT INTO enrollments AS t SELECT * FROM in_enrollments
ON CONFLICT (tenant_id, enrollment_id) DO UPDATE SET (
    contact_id, campaign_id, version, cycle, job_id, service_type, anchor_at, started_at, status,
    reason, ended_at, frozen_at, touch_number, next_due_at, converted_at, conversion, variables,
    step_id, waiting_since, waiting_until, holds, errors, last_error
) = ROW (
    excluded.contact_id, excluded.campaign_id, excluded.version, excluded.cycle, excluded.job_id,
    excluded.service_type, excluded.anchor_at, excluded.started_at, excluded.status,
    excluded.reason, excluded.ended_at, excluded.frozen_at, excluded.touch_number,
    excluded.next_due_at, excluded.converted_at, excluded.conversion, excluded.variables,
    excluded.step_id, excluded.waiting_since, excluded.waiting_until, excluded.holds,
    excluded.errors, excluded.last_error
)
WHERE (
    t.contact_id, t.campaign_id, t.version, t.cycle, t.job_id, t.service_type, t.anchor_at,
    t.started_at, t.status, t.reason, t.ended_at, t.frozen_at, t.touch_number, t.next_due_at,
    t.converted_at, t.conversion, t.variables, t.step_id, t.waiting_since, t.waiting_until, t.holds,
    t.errors, t.last_error
) IS DISTINCT FROM (
    excluded.contact_id, excluded.campaign_id, excluded.version, excluded.cycle, excluded.job_id,
    excluded.service_type, excluded.anchor_at, excluded.started_at, excluded.status,
    excluded.reason, excluded.ended_at, excluded.frozen_at, excluded.touch_number,
    excluded.next_due_at, excluded.converted_at, excluded.conversion, excluded.variables,
    excluded.step_id, excluded.waiting_since, excluded.waiting_until, excluded.holds,
    excluded.errors, excluded.last_error
)

-- touches --
INSERT INTO touches AS t SELECT * FROM in_touches
ON CONFLICT (tenant_id, enrollment_id, number) DO UPDATE SET (
    step_id, contact_id, campaign_id, version, channel, scheduled_at, due_at, phase, wait, attempt,
    emission, command_id, reason, requested_at, commanded_at, sent_at, resolved_at, delivered_at,
    opened_at, clicked_at, read_at, bounced_at, converted_at, error, template_id, visit, awaited,
    awaited_at, outcome, call_outcome, called_at
) = ROW (
    excluded.step_id, excluded.contact_id, excluded.campaign_id, excluded.version, excluded.channel,
    excluded.scheduled_at, excluded.due_at, excluded.phase, excluded.wait, excluded.attempt,
    excluded.emission, excluded.command_id, excluded.reason, excluded.requested_at,
    excluded.commanded_at, excluded.sent_at, excluded.resolved_at, excluded.delivered_at,
    excluded.opened_at, excluded.clicked_at, excluded.read_at, excluded.bounced_at,
    excluded.converted_at, excluded.error, excluded.template_id, excluded.visit, excluded.awaited,
    excluded.awaited_at, excluded.outcome, excluded.call_outcome, excluded.called_at
)
WHERE (
    t.step_id, t.contact_id, t.campaign_id, t.version, t.channel, t.scheduled_at, t.due_at, t.phase,
    t.wait, t.attempt, t.emission, t.command_id, t.reason, t.requested_at, t.commanded_at,
    t.sent_at, t.resolved_at, t.delivered_at, t.opened_at, t.clicked_at, t.read_at, t.bounced_at,
    t.converted_at, t.error, t.template_id, t.visit, t.awaited, t.awaited_at, t.outcome,
    t.call_outcome, t.called_at
) IS DISTINCT FROM (
    excluded.step_id, excluded.contact_id, excluded.campaign_id, excluded.version, excluded.channel,
    excluded.scheduled_at, excluded.due_at, excluded.phase, excluded.wait, excluded.attempt,
    excluded.emission, excluded.command_id, excluded.reason, excluded.requested_at,
    excluded.commanded_at, excluded.sent_at, excluded.resolved_at, excluded.delivered_at,
    excluded.opened_at, excluded.clicked_at, excluded.read_at, excluded.bounced_at,
    excluded.converted_at, excluded.error, excluded.template_id, excluded.visit, excluded.awaited,
    excluded.awaited_at, excluded.outcome, excluded.call_outcome, excluded.called_at
)

-- facts --
INSERT INTO facts SELECT * FROM in_facts

-- send_log --
INSERT INTO send_log AS t SELECT * FROM in_send_log
ON CONFLICT (tenant_id, command_id) DO UPDATE SET
    sent_at = coalesce(t.sent_at, excluded.sent_at),
    failed_at = coalesce(t.failed_at, excluded.failed_at),
    reason = coalesce(t.reason, excluded.reason),
    delivered_at = least(t.delivered_at, excluded.delivered_at),
    opened_at = least(t.opened_at, excluded.opened_at),
    clicked_at = least(t.clicked_at, excluded.clicked_at),
    read_at = least(t.read_at, excluded.read_at),
    bounced_at = least(t.bounced_at, excluded.bounced_at),
    converted_at = least(t.converted_at, excluded.converted_at)

-- tasks --
INSERT INTO tasks AS t SELECT * FROM in_tasks
ON CONFLICT (topic, partition) DO UPDATE SET (
    next_offset, stream_time, timers, next_due
) = ROW (
    excluded.next_offset, excluded.stream_time, excluded.timers, excluded.next_due
)
WHERE (
    t.next_offset, t.stream_time, t.timers, t.next_due
) IS DISTINCT FROM (
    excluded.next_offset, excluded.stream_time, excluded.timers, excluded.next_due
)

-- touch_metrics --
INSERT INTO touch_metrics AS t SELECT * FROM in_touch_metrics
ON CONFLICT (tenant_id, campaign_id, version, touch_number) DO UPDATE SET
    sends = t.sends + excluded.sends,
    failures = t.failures + excluded.failures,
    skips = t.skips + excluded.skips,
    deliveries = t.deliveries + excluded.deliveries,
    opens = t.opens + excluded.opens,
    clicks = t.clicks + excluded.clicks,
    reads = t.reads + excluded.reads,
    bounces = t.bounces + excluded.bounces,
    conversions = t.conversions + excluded.conversions

-- step_metrics --
INSERT INTO step_metrics AS t SELECT * FROM in_step_metrics
ON CONFLICT (tenant_id, campaign_id, version, step_id) DO UPDATE SET
    sends = t.sends + excluded.sends,
    failures = t.failures + excluded.failures,
    skips = t.skips + excluded.skips,
    deliveries = t.deliveries + excluded.deliveries,
    opens = t.opens + excluded.opens,
    clicks = t.clicks + excluded.clicks,
    reads = t.reads + excluded.reads,
    bounces = t.bounces + excluded.bounces,
    conversions = t.conversions + excluded.conversions,
    triggers = t.triggers + excluded.triggers,
    timeouts = t.timeouts + excluded.timeouts
