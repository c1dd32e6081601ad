-- The contact that an id belongs to, and all facts, enrollments and touches of a contact, for `touchstream why`.
--
-- Ids of enrollments and commands have indexes of their own. A contact id is unique within its tenant only: without a
-- tenant it is looked up in each tenant. The facts of an enrollment are found through its contact.
--
-- {columns} stands for the columns that contact_history_query.py reads, each with the prefix `t.`.

-- tenant --
SELECT set_config('touchstream.tenant_id', %s, false)

-- owner_of_enrollment --
SELECT tenant_id, contact_id, enrollment_id
FROM touchstream.enrollments
WHERE enrollment_id = %(id)s AND tenant_id = coalesce(%(tenant)s, tenant_id)

-- owner_of_command --
SELECT tenant_id, contact_id, enrollment_id
FROM touchstream.touches
WHERE command_id = %(id)s AND tenant_id = coalesce(%(tenant)s, tenant_id)

-- owner_of_attempt --
SELECT tenant_id, contact_id, enrollment_id
FROM touchstream.send_log
WHERE command_id = %(id)s AND tenant_id = coalesce(%(tenant)s, tenant_id)

-- owner_of_contact --
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
SELECT {columns}
FROM touchstream.facts AS t
WHERE t.tenant_id = %(tenant)s AND t.contact_id = %(contact)s
ORDER BY t.topic_partition, t.topic_offset

-- enrollments --
SELECT {columns}
FROM touchstream.enrollments AS t
WHERE t.tenant_id = %(tenant)s AND t.contact_id = %(contact)s
ORDER BY t.started_at, t.enrollment_id

-- call_items --
SELECT {columns}
FROM touchstream.call_items AS t
WHERE t.tenant_id = %(tenant)s AND t.contact_id = %(contact)s

-- touches --
SELECT {columns}
FROM touchstream.touches AS t
JOIN touchstream.enrollments AS e USING (tenant_id, enrollment_id)
WHERE e.tenant_id = %(tenant)s AND e.contact_id = %(contact)s
ORDER BY t.enrollment_id, t.number
