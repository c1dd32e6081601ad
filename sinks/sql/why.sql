-- Why something was sent, was not, or waits: whose an id is, and everything kept of that contact.
--
-- Ids of enrollments and commands have indexes of their own. A contact's is its tenant's to give: without a tenant it
-- is looked for in each. The facts of an enrollment are found through its contact.

-- tenant --
SELECT set_config('touchstream.tenant_id', %s, false)

-- whose_enrollment --
SELECT tenant_id, contact_id, enrollment_id
FROM touchstream.enrollments
WHERE enrollment_id = %(id)s AND tenant_id = coalesce(%(tenant)s, tenant_id)

-- whose_command --
SELECT tenant_id, contact_id, enrollment_id
FROM touchstream.touches
WHERE command_id = %(id)s AND tenant_id = coalesce(%(tenant)s, tenant_id)

-- whose_attempt --
SELECT tenant_id, contact_id, enrollment_id
FROM touchstream.send_log
WHERE command_id = %(id)s AND tenant_id = coalesce(%(tenant)s, tenant_id)

-- whose_contact --
SELECT t.tenant_id, c.contact_id, NULL
FROM touchstream.tenants AS t
CROSS JOIN LATERAL (
    SELECT contact_id FROM touchstream.contacts
    WHERE tenant_id = t.tenant_id AND contact_id = %(id)s
    OFFSET 0
) AS c
WHERE t.tenant_id = coalesce(%(tenant)s, t.tenant_id)
ORDER BY t.tenant_id

-- facts --
SELECT
    fact, at, tenant_id, contact_id, campaign_id, version, enrollment_id, job_id, step_id, touch_number, channel,
    command_id, attempt, cause, reason, until, "values", occurred_at
FROM touchstream.facts
WHERE tenant_id = %(tenant)s AND contact_id = %(contact)s
ORDER BY topic_partition, topic_offset

-- enrollments --
SELECT
    enrollment_id, campaign_id, version, cycle, job_id, service_type, anchor_at, started_at, status, reason, ended_at,
    frozen_at, converted_at, conversion, waiting_since, waiting_until, holds, errors, last_error
FROM touchstream.enrollments
WHERE tenant_id = %(tenant)s AND contact_id = %(contact)s
ORDER BY started_at, enrollment_id

-- touches --
SELECT
    t.enrollment_id, t.step_id, t.number, t.channel, t.scheduled_at, t.due_at, t.phase, t.wait, t.attempt, t.emission,
    t.command_id, t.reason, t.requested_at, t.commanded_at, t.sent_at, t.resolved_at, t.delivered_at, t.opened_at,
    t.clicked_at, t.read_at, t.bounced_at, t.converted_at, t.error, t.template_id, t.visit, t.awaited, t.awaited_at,
    t.outcome, t.call_outcome, t.called_at
FROM touchstream.touches AS t
JOIN touchstream.enrollments AS e USING (tenant_id, enrollment_id)
WHERE e.tenant_id = %(tenant)s AND e.contact_id = %(contact)s
ORDER BY t.enrollment_id, t.number
