-- Addresses of a person that have no column of their own, by name (C-19).
ALTER TABLE touchstream.contacts ADD COLUMN other_addresses jsonb NOT NULL DEFAULT '{}';

-- Every address that is known, one row for each.
CREATE VIEW touchstream.contact_addresses WITH (security_invoker = true) AS
SELECT c.tenant_id, c.contact_id, a.name, a.address
FROM touchstream.contacts AS c
CROSS JOIN LATERAL (
    VALUES ('email', c.email), ('phone', c.phone), ('linkedin_url', c.linkedin_url)
    UNION ALL
    SELECT o.key, o.value FROM jsonb_each_text(c.other_addresses) AS o
) AS a (name, address)
WHERE a.address IS NOT NULL;

GRANT SELECT ON touchstream.contact_addresses TO touchstream_reader;

-- What happened on each channel in each run (S2-5 ... S2-7), for any channel: one row for a run and a channel on which
-- it has had a touch. The views of the prospecting schema show three channels under the names of S2.
CREATE VIEW touchstream.channel_state WITH (security_invoker = true) AS
SELECT
    t.tenant_id,
    t.campaign_id,
    t.contact_id,
    t.enrollment_id,
    t.channel,
    count(*)::integer AS touches,
    count(t.sent_at)::integer AS sent,
    count(*) FILTER (WHERE t.phase = 'skipped')::integer AS skipped,
    count(*) FILTER (WHERE t.phase = 'failed')::integer AS failed,
    count(t.delivered_at)::integer AS delivered,
    count(t.opened_at)::integer AS opened,
    count(t.read_at)::integer AS read,
    count(t.clicked_at)::integer AS clicked,
    count(t.bounced_at)::integer AS bounced,
    count(t.converted_at)::integer AS converted,
    count(t.called_at)::integer AS called,
    min(t.sent_at) AS first_sent_at,
    max(t.sent_at) AS last_sent_at,
    r.replied_at,
    coalesce(r.replied_at >= e.started_at, false) AS replied,
    to_timestamp((coalesce(c.opted_out ->> t.channel, c.opted_out ->> 'all'))::numeric / 1000000) AS opted_out_at
FROM touchstream.touches AS t
JOIN touchstream.enrollments AS e USING (tenant_id, enrollment_id)
LEFT JOIN touchstream.contacts AS c ON c.tenant_id = t.tenant_id AND c.contact_id = t.contact_id
LEFT JOIN LATERAL (
    SELECT to_timestamp((c.replied ->> t.channel)::numeric / 1000000) AS replied_at
) AS r ON true
GROUP BY
    t.tenant_id, t.campaign_id, t.contact_id, t.enrollment_id, t.channel,
    e.started_at, r.replied_at, c.opted_out;

GRANT SELECT ON touchstream.channel_state TO touchstream_reader;
