-- How many people of a campaign go on or are held, and how many commands are out, is 0 and not NULL where there are
-- none: a count that nobody has come to is no missing number. The rest of the view is that of 0019.
CREATE OR REPLACE VIEW outreach.campaign_progress WITH (security_invoker = true) AS
SELECT
    c.id,
    c.org_id,
    c.name,
    c.status,
    CASE
        WHEN c.status = 'active' AND c.start_date > calls.wall_clock(coalesce(k.timezone, o.timezone), now())::date
            THEN 'armed'
        WHEN c.status = 'completed' AND c.settled_at IS NULL THEN 'settling'
        WHEN c.status = 'completed' THEN 'settled'
        ELSE c.status
    END AS phase,
    round(c.contacts_reached * 100.0 / c.target_contacts_count, 2) AS progress_percentage,
    c.contacts_reached >= c.target_contacts_count AS is_complete,
    c.response_rate AS actual_response_rate,
    c.response_rate >= c.target_response_rate AS is_response_rate_reached,
    c.conversions >= c.target_conversion_count AS is_conversion_count_reached,
    round(c.conversions * 100.0 / nullif(c.responses_received, 0), 2) AS conversion_rate,
    round(c.conversions * 100.0 / nullif(c.contacts_reached, 0), 2) AS overall_performance,
    c.completion_policy,
    c.end_reason,
    to_timestamp((k.dates ->> 'end')::numeric / 1000000) AS ends_at,
    to_timestamp((k.dates ->> 'report')::numeric / 1000000) AS report_at,
    to_timestamp((k.dates ->> 'archive')::numeric / 1000000) AS archive_at,
    to_timestamp((k.dates ->> 'retention')::numeric / 1000000) AS retention_at,
    coalesce((k.counts ->> 'live')::integer, 0) AS live_contacts,
    coalesce((k.counts ->> 'frozen')::integer, 0) AS held_contacts,
    coalesce((k.counts ->> 'out')::integer, 0) AS commands_out,
    coalesce(k.timezone, o.timezone) AS timezone
FROM outreach.campaigns AS c
JOIN touchstream.campaigns AS k ON k.tenant_id = c.org_id AND k.campaign_id = c.campaign_id
JOIN touchstream.tenants AS o ON o.tenant_id = c.org_id;
