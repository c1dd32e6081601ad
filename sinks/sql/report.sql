-- What the report of a campaign shows beside its counts (campaign_report_query.py).

-- days --
SELECT (first.at AT TIME ZONE %(zone)s)::date AS day, first.kind, first.variant, count(*)
FROM touchstream.run_results AS r
CROSS JOIN LATERAL (
    VALUES
        ('reached', '', r.sent_at),
        ('responses', '', r.responded_at),
        ('conversions', '', r.converted_at),
        ('opt_outs', '', r.opted_out_at),
        ('bounces', '', r.bounced_at),
        ('tested', r.variant, r.tested_at),
        ('tested_responses', r.variant, CASE WHEN r.responded_at >= r.tested_at THEN r.responded_at END)
) AS first (kind, variant, at)
WHERE r.tenant_id = %(tenant)s AND r.campaign_id = %(campaign)s AND first.at IS NOT NULL
    AND (first.variant = '' OR first.variant IN ('A', 'B') AND r.assigned_by = 'hash')
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3

-- report --
SELECT "values", at
FROM touchstream.facts
WHERE tenant_id = %(tenant)s AND campaign_id = %(campaign)s AND at >= %(since)s AND fact = 'campaign.report'
ORDER BY at DESC, topic_offset DESC
LIMIT 1
