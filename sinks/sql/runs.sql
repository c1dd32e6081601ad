-- The steps of a campaign and its live enrollments, for the plan of a migration.

-- steps --
SELECT version, step_id, channel, action
FROM touchstream.steps
WHERE tenant_id = %s AND campaign_id = %s
ORDER BY version, number

-- runs --
SELECT
    e.contact_id, e.version,
    array_agg(t.step_id ORDER BY t.number) AS visited,
    bool_or(t.phase IN ('requested', 'commanded', 'withdrawing') OR (t.phase = 'scheduled' AND t.emission > 0)) AS out
FROM touchstream.enrollments AS e
JOIN touchstream.touches AS t USING (tenant_id, enrollment_id)
WHERE e.tenant_id = %s AND e.campaign_id = %s AND e.status IN ('active', 'frozen')
GROUP BY e.contact_id, e.version, e.enrollment_id
ORDER BY e.contact_id
