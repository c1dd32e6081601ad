-- The names and columns of the outreach dashboards (N-7, S4), as views over what the engine keeps. A view comes first
-- with the columns of S4, then with those that S4 does not have.
--
-- A deletion is an event and history is kept (C-32): what S4 cascades away is hidden here. The contacts and events of an
-- erased person and of a deleted campaign vanish; the counts of a campaign stay.

-- Parent tables (S4-117): the ids that events name.
CREATE VIEW outreach.organizations WITH (security_invoker = true) AS
SELECT tenant_id AS id, timezone, created_at, updated_at
FROM touchstream.tenants
WHERE status <> 'deleted';

-- The runs that are there.
CREATE VIEW outreach.contacts_kept WITH (security_invoker = true) AS
SELECT
    r.*,
    c.id AS outreach_id,
    c.variant_a_template_id,
    c.variant_b_template_id
FROM touchstream.run_results AS r
JOIN outreach.campaigns AS c ON c.org_id = r.tenant_id AND c.campaign_id = r.campaign_id
WHERE NOT EXISTS (
    SELECT FROM touchstream.contacts AS k
    WHERE k.tenant_id = r.tenant_id AND k.contact_id = r.contact_id AND k.erased_at IS NOT NULL
);

-- One row per run of a person through a campaign. `template_used_id` is the template of the variant once the tested
-- message was sent, else that of the first message. touchstream keeps no text of a reply.
CREATE VIEW outreach.campaign_contacts WITH (security_invoker = true) AS
SELECT
    r.enrollment_id AS id,
    r.outreach_id AS campaign_id,
    r.contact_type,
    r.user_id,
    r.lead_id,
    k.first_name,
    k.last_name,
    k.email,
    k.linkedin_url,
    coalesce(r.company_name, k.attributes ->> 'company_name') AS company_name,
    coalesce(r.title, k.attributes ->> 'title') AS title,
    r.status,
    r.variant AS ab_variant,
    CASE
        WHEN r.tested_at IS NULL OR r.variant IS NULL THEN r.template_id
        WHEN r.variant = 'A' THEN r.variant_a_template_id
        ELSE r.variant_b_template_id
    END AS template_used_id,
    r.sent_at,
    r.opened_at,
    r.clicked_at,
    r.responded_at,
    NULL::text AS response_text,
    r.converted_at,
    r.conversion_type,
    r.entity_id AS conversion_entity_id,
    r.created_at,
    r.updated_at,
    r.tenant_id AS org_id,
    r.contact_id,
    r.channel,
    r.reached,
    r.assigned_by,
    r.tested_at,
    r.response_channel,
    r.implied AS is_implied_response,
    r.bounced_at,
    r.opted_out_at AS unsubscribed_at,
    e.status AS run_status,
    e.reason AS run_reason
FROM outreach.contacts_kept AS r
LEFT JOIN touchstream.contacts AS k ON k.tenant_id = r.tenant_id AND k.contact_id = r.contact_id
LEFT JOIN touchstream.enrollments AS e ON e.tenant_id = r.tenant_id AND e.enrollment_id = r.enrollment_id;

CREATE VIEW outreach.user_profiles WITH (security_invoker = true) AS
SELECT owner_id AS id, org_id FROM outreach.campaigns
UNION
SELECT created_by AS id, org_id FROM outreach.campaigns WHERE created_by IS NOT NULL
UNION
SELECT user_id AS id, tenant_id AS org_id FROM outreach.contacts_kept WHERE user_id IS NOT NULL;

CREATE VIEW outreach.leads WITH (security_invoker = true) AS
SELECT DISTINCT lead_id AS id, tenant_id AS org_id FROM outreach.contacts_kept WHERE lead_id IS NOT NULL;

-- The templates that the newest version of a campaign names. `is_deleted` is whether the template is gone.
CREATE VIEW outreach.message_templates WITH (security_invoker = true) AS
SELECT
    t.id,
    c.org_id,
    s.channel,
    bool_or(coalesce(o.templates_gone ? t.id, false)) AS is_deleted
FROM outreach.campaigns AS c
JOIN touchstream.steps AS s
    ON s.tenant_id = c.org_id AND s.campaign_id = c.campaign_id AND s.version = c.version
LEFT JOIN touchstream.tenants AS o ON o.tenant_id = c.org_id
CROSS JOIN LATERAL (
    VALUES (s.template_id), (s.experiment ->> 'template_a'), (s.experiment ->> 'template_b')
) AS t (id)
WHERE t.id IS NOT NULL
GROUP BY t.id, c.org_id, s.channel;

-- The touches of the runs that are there.
CREATE VIEW outreach.touches_kept WITH (security_invoker = true) AS
SELECT e.*, c.id AS outreach_id
FROM touchstream.engagements AS e
JOIN outreach.campaigns AS c ON c.org_id = e.tenant_id AND c.campaign_id = e.campaign_id
WHERE NOT EXISTS (
    SELECT FROM touchstream.contacts AS k
    WHERE k.tenant_id = e.tenant_id AND k.contact_id = e.contact_id AND k.erased_at IS NOT NULL
);

-- One row per event (S4-46, S4-47): the first of its kind of each touch, and of each run the response and the opt-out.
-- `event_timestamp` is when it happened, `created_at` when it was recorded (S4-48). The engine gets no address of a
-- reader and no name of a program; LinkedIn reports no view, so there is no linkedin_viewed (S4-49).
CREATE VIEW outreach.engagement_tracking WITH (security_invoker = true) AS
SELECT
    v.campaign_contact_id || '/' || v.number || '/' || v.event_type AS id,
    v.campaign_contact_id,
    v.event_type,
    CASE v.event_type
        WHEN 'email_sent' THEN jsonb_build_object('provider', v.sender_id, 'message_id', v.command_id)
        WHEN 'linkedin_sent' THEN jsonb_build_object('message_id', v.command_id)
        WHEN 'link_clicked' THEN jsonb_build_object('url', f.fact ->> 'url')
        WHEN 'email_bounced' THEN jsonb_build_object('bounce_type', f.fact ->> 'reason', 'bounce_reason', v.reason)
        WHEN 'unsubscribed' THEN jsonb_build_object('reason', f.fact ->> 'reason')
        WHEN 'response_received' THEN jsonb_build_object('channel', v.channel)
        ELSE '{}'
    END AS event_data,
    v.event_timestamp,
    v.command_id AS tracking_id,
    NULL::text AS user_agent,
    NULL::text AS ip_address,
    CASE v.event_type WHEN 'link_clicked' THEN f.fact ->> 'url' END AS clicked_url,
    coalesce((f.fact ->> 'at')::timestamptz, v.event_timestamp) AS created_at,
    v.org_id,
    v.campaign_id,
    v.contact_id,
    v.channel
FROM (
    SELECT
        tenant_id AS org_id, outreach_id AS campaign_id, contact_id, enrollment_id AS campaign_contact_id, number,
        'email_sent' AS event_type, sent_at AS event_timestamp, 'touch.sent' AS fact, command_id, sender_id, reason,
        channel
    FROM outreach.touches_kept WHERE channel = 'email' AND sent_at IS NOT NULL
    UNION ALL
    SELECT
        tenant_id, outreach_id, contact_id, enrollment_id, number,
        'linkedin_sent', sent_at, 'touch.sent', command_id, sender_id, reason, channel
    FROM outreach.touches_kept WHERE channel = 'linkedin' AND sent_at IS NOT NULL
    UNION ALL
    SELECT
        tenant_id, outreach_id, contact_id, enrollment_id, number,
        'email_opened', opened_at, 'touch.opened', command_id, sender_id, reason, channel
    FROM outreach.touches_kept WHERE opened_at IS NOT NULL
    UNION ALL
    SELECT
        tenant_id, outreach_id, contact_id, enrollment_id, number,
        'link_clicked', clicked_at, 'touch.clicked', command_id, sender_id, reason, channel
    FROM outreach.touches_kept WHERE clicked_at IS NOT NULL
    UNION ALL
    SELECT
        tenant_id, outreach_id, contact_id, enrollment_id, number,
        'email_bounced', bounced_at, 'touch.bounced', command_id, sender_id, reason, channel
    FROM outreach.touches_kept WHERE bounced_at IS NOT NULL
    UNION ALL
    SELECT
        tenant_id, outreach_id, contact_id, enrollment_id, 0,
        'response_received', responded_at, 'contact.replied', NULL, NULL, NULL, response_channel
    FROM outreach.contacts_kept WHERE responded_at IS NOT NULL
    UNION ALL
    SELECT
        tenant_id, outreach_id, contact_id, enrollment_id, 0,
        'unsubscribed', opted_out_at, 'contact.opted_out', NULL, NULL, NULL, NULL
    FROM outreach.contacts_kept WHERE opted_out_at IS NOT NULL
) AS v
CROSS JOIN LATERAL (
    -- The fact has more than the state keeps. It is read only where one of its columns is selected.
    SELECT (
        SELECT jsonb_build_object('at', f.at, 'reason', f.reason, 'url', f."values" ->> 'url')
        FROM touchstream.facts AS f
        WHERE
            f.tenant_id = v.org_id AND f.contact_id = v.contact_id AND f.fact = v.fact
            AND (f.command_id = v.command_id OR (v.command_id IS NULL AND coalesce(f.occurred_at, f.at) = v.event_timestamp))
        ORDER BY f.at
        LIMIT 1
    ) AS fact
) AS f;

-- S4 keeps this as a materialized view, which row security cannot protect, and refreshes it hourly. Its
-- `conversion_rate` counts per person reached and is called `overall_rate` here; `conversion_rate` is per response, as
-- the rules of S4 have it (C-17). A rate of nothing is NULL (C-16).
CREATE VIEW outreach.campaign_performance_summary WITH (security_invoker = true) AS
SELECT
    c.id AS campaign_id,
    c.name,
    c.status,
    c.campaign_type,
    c.channel,
    c.contacts_reached,
    c.response_rate,
    c.conversions,
    round(c.conversions * 100.0 / nullif(c.contacts_reached, 0), 2) AS overall_rate,
    coalesce(k.total_contacts, 0) AS total_contacts,
    coalesce(k.pending_contacts, 0) AS pending_contacts,
    coalesce(e.total_events, 0) AS total_events,
    round(c.conversions * 100.0 / nullif(c.responses_received, 0), 2) AS conversion_rate,
    c.org_id
FROM outreach.campaigns AS c
LEFT JOIN LATERAL (
    SELECT count(*) AS total_contacts, count(*) FILTER (WHERE r.status = 'pending') AS pending_contacts
    FROM outreach.contacts_kept AS r
    WHERE r.tenant_id = c.org_id AND r.campaign_id = c.campaign_id
) AS k ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS total_events
    FROM outreach.engagement_tracking AS t
    WHERE t.org_id = c.org_id AND t.campaign_id = c.id
) AS e ON true;

-- How a response rate is shown (S4-59). Where the ranges of S4 meet, the edge belongs to the better one.
CREATE FUNCTION outreach.response_band(rate numeric) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN rate >= 30 THEN 'Excellent'
        WHEN rate >= 20 THEN 'Good'
        WHEN rate >= 10 THEN 'Average'
        WHEN rate >= 5 THEN 'Below Average'
        WHEN rate IS NOT NULL THEN 'Poor'
    END
$$;

CREATE FUNCTION outreach.response_color(rate numeric) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE outreach.response_band(rate)
        WHEN 'Excellent' THEN 'Green'
        WHEN 'Good' THEN 'Light Green'
        WHEN 'Average' THEN 'Yellow'
        WHEN 'Below Average' THEN 'Orange'
        WHEN 'Poor' THEN 'Red'
    END
$$;

-- Where a campaign is, by its own counts: armed before its first day, settling while commands are out after its
-- completion (C-8, C-34). The names of the progress are those of S4 (N-11).
CREATE VIEW outreach.campaign_progress WITH (security_invoker = true) AS
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
    (k.counts ->> 'live')::integer AS live_contacts,
    (k.counts ->> 'frozen')::integer AS held_contacts,
    (k.counts ->> 'out')::integer AS commands_out,
    coalesce(k.timezone, o.timezone) AS timezone
FROM outreach.campaigns AS c
JOIN touchstream.campaigns AS k ON k.tenant_id = c.org_id AND k.campaign_id = c.campaign_id
JOIN touchstream.tenants AS o ON o.tenant_id = c.org_id;

-- Both readings of each disputed number under a name of its own, counted from the rows when they are read. Sends are
-- messages, also those that were sent again; contacts_sent are people with such a message (C-15).
CREATE VIEW outreach.campaign_metrics WITH (security_invoker = true) AS
SELECT
    c.id,
    c.org_id,
    c.name,
    r.total_contacts,
    r.pending_contacts,
    r.reached,
    r.reached_current,
    s.email_sends,
    s.email_sends - s.email_bounces AS email_delivered,
    t.email_contacts_sent,
    s.linkedin_sends,
    s.linkedin_sends - s.linkedin_bounces AS linkedin_delivered,
    t.linkedin_contacts_sent,
    r.opened,
    r.clicked,
    r.responses,
    r.implied_responses,
    r.conversions,
    r.opt_outs,
    r.bounces,
    p.response_rate,
    coalesce(p.response_rate, 0) AS response_rate_display,
    round(r.responses * 100.0 / nullif(r.reached_current, 0), 2) AS response_rate_current,
    round(r.responses * 100.0 / nullif(r.total_contacts, 0), 2) AS response_rate_of_all,
    round(r.conversions * 100.0 / nullif(r.responses, 0), 2) AS conversion_rate,
    round(r.conversions * 100.0 / nullif(r.responses + r.implied_responses, 0), 2) AS conversion_rate_with_implied,
    round(r.conversions * 100.0 / nullif(r.reached, 0), 2) AS overall_rate,
    outreach.response_band(p.response_rate) AS response_band,
    outreach.response_color(p.response_rate) AS response_color
FROM outreach.campaigns AS c
CROSS JOIN LATERAL (
    SELECT
        count(*)::integer AS total_contacts,
        count(*) FILTER (WHERE r.status = 'pending')::integer AS pending_contacts,
        count(*) FILTER (WHERE r.reached)::integer AS reached,
        count(*) FILTER (WHERE r.status IN ('sent', 'opened', 'responded', 'converted'))::integer AS reached_current,
        count(r.opened_at)::integer AS opened,
        count(r.clicked_at)::integer AS clicked,
        count(r.responded_at)::integer AS responses,
        count(*) FILTER (WHERE r.implied)::integer AS implied_responses,
        count(r.converted_at)::integer AS conversions,
        count(r.opted_out_at)::integer AS opt_outs,
        count(r.bounced_at)::integer AS bounces
    FROM outreach.contacts_kept AS r
    WHERE r.tenant_id = c.org_id AND r.campaign_id = c.campaign_id
) AS r
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(m.sends) FILTER (WHERE d.channel = 'email'), 0)::integer AS email_sends,
        coalesce(sum(m.bounces) FILTER (WHERE d.channel = 'email'), 0)::integer AS email_bounces,
        coalesce(sum(m.sends) FILTER (WHERE d.channel = 'linkedin'), 0)::integer AS linkedin_sends,
        coalesce(sum(m.bounces) FILTER (WHERE d.channel = 'linkedin'), 0)::integer AS linkedin_bounces
    FROM touchstream.step_metrics AS m
    JOIN touchstream.steps AS d USING (tenant_id, campaign_id, version, step_id)
    WHERE m.tenant_id = c.org_id AND m.campaign_id = c.campaign_id
) AS s
CROSS JOIN LATERAL (
    SELECT
        count(DISTINCT e.enrollment_id) FILTER (WHERE e.channel = 'email')::integer AS email_contacts_sent,
        count(DISTINCT e.enrollment_id) FILTER (WHERE e.channel = 'linkedin')::integer AS linkedin_contacts_sent
    FROM outreach.touches_kept AS e
    WHERE e.tenant_id = c.org_id AND e.campaign_id = c.campaign_id AND e.sent_at IS NOT NULL
) AS t
CROSS JOIN LATERAL (
    SELECT round(r.responses * 100.0 / nullif(r.reached, 0), 2) AS response_rate
) AS p;

-- The counts of each variant in each stratum of each experiment, by which it is decided: a person who was given the
-- winner after the decision is in none of them. `reached` are those who were sent the tested message.
CREATE VIEW outreach.ab_test_strata WITH (security_invoker = true) AS
SELECT
    c.id AS campaign_id,
    c.org_id,
    x.experiment_id,
    x.split,
    x.variant,
    coalesce(sum(x.number) FILTER (WHERE x.name = 'runs'), 0)::integer AS total_contacts,
    coalesce(sum(x.number) FILTER (WHERE x.name = 'reached'), 0)::integer AS reached,
    coalesce(sum(x.number) FILTER (WHERE x.name = 'responses'), 0)::integer AS responses,
    coalesce(sum(x.number) FILTER (WHERE x.name = 'conversions'), 0)::integer AS conversions,
    coalesce(sum(x.number) FILTER (WHERE x.name = 'opt_outs'), 0)::integer AS opt_outs,
    coalesce(sum(x.number) FILTER (WHERE x.name = 'bounces'), 0)::integer AS bounces
FROM outreach.campaigns AS c
JOIN touchstream.campaigns AS k ON k.tenant_id = c.org_id AND k.campaign_id = c.campaign_id
CROSS JOIN LATERAL (
    SELECT
        split_part(n.key, '/', 1) AS experiment_id,
        split_part(n.key, '/', 2)::integer AS split,
        split_part(n.key, '/', 3) AS variant,
        split_part(n.key, '/', 4) AS name,
        n.value::bigint AS number
    FROM jsonb_each_text(k.counts) AS n
    WHERE n.key LIKE '%/%/%/%'
) AS x
GROUP BY c.id, c.org_id, x.experiment_id, x.split, x.variant;

-- The results of each variant (S4-67, S4-71). Rates are per person reached; `response_rate_of_all` is that of the query
-- of S4, per contact of the variant (C-16).
CREATE VIEW outreach.ab_test_results WITH (security_invoker = true) AS
SELECT
    s.campaign_id,
    s.org_id,
    s.experiment_id,
    s.variant AS ab_variant,
    (
        SELECT k.experiments -> s.experiment_id -> 'terms' ->> ('template_' || lower(s.variant))
        FROM touchstream.campaigns AS k
        WHERE k.tenant_id = s.org_id AND k.campaign_id = split_part(s.campaign_id, '/', 2)
    ) AS template_id,
    sum(s.total_contacts)::integer AS total_contacts,
    sum(s.reached)::integer AS reached,
    sum(s.responses)::integer AS responses,
    sum(s.conversions)::integer AS conversions,
    sum(s.opt_outs)::integer AS opt_outs,
    sum(s.bounces)::integer AS bounces,
    round(sum(s.responses) * 100.0 / nullif(sum(s.reached), 0), 2) AS response_rate,
    round(sum(s.responses) * 100.0 / nullif(sum(s.total_contacts), 0), 2) AS response_rate_of_all,
    round(sum(s.conversions) * 100.0 / nullif(sum(s.responses), 0), 2) AS conversion_rate,
    round(sum(s.conversions) * 100.0 / nullif(sum(s.reached), 0), 2) AS overall_rate
FROM outreach.ab_test_strata AS s
GROUP BY s.campaign_id, s.org_id, s.experiment_id, s.variant;

-- The two-sided p of the pooled z-test of two shares (S4-68); NULL where there is nothing to compare.
CREATE FUNCTION outreach.p_fixed(a integer, of_a integer, b integer, of_b integer) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN of_a > 0 AND of_b > 0 AND a + b > 0 AND a + b < of_a + of_b THEN
            erfc(
                abs(a::float8 / of_a - b::float8 / of_b)
                / sqrt(p * (1 - p) * (1.0::float8 / of_a + 1.0::float8 / of_b) * 2)
            )
    END
    FROM (SELECT (a + b)::float8 / nullif(of_a + of_b, 0) AS p) AS pooled
$$;

-- Which of two shares is greater: A, B, or NULL for a tie or nothing to compare (C-22).
CREATE FUNCTION outreach.leader(a integer, of_a integer, b integer, of_b integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN of_a > 0 AND of_b > 0 THEN
            CASE sign(a::bigint * of_b - b::bigint * of_a) WHEN 1 THEN 'A' WHEN -1 THEN 'B' END
    END
$$;

-- One row per experiment of an outreach campaign: both variants side by side, and the decision. Differences are in
-- points of percent, A before B. `p_always` may be looked at any time and is what decides; `p_fixed` is right for one
-- look that was planned, and is NULL after the split was changed. A tie has no leader (C-22).
CREATE VIEW outreach.ab_tests WITH (security_invoker = true) AS
SELECT
    c.id AS campaign_id,
    c.org_id,
    x.key AS experiment_id,
    x.value ->> 'step_id' AS step_id,
    x.value -> 'terms' ->> 'template_a' AS variant_a_template_id,
    x.value -> 'terms' ->> 'template_b' AS variant_b_template_id,
    (x.value -> 'terms' ->> 'split')::integer AS ab_split_percentage,
    x.value -> 'terms' ->> 'primary_metric' AS primary_metric,
    x.value -> 'terms' ->> 'decide' AS decide,
    x.value -> 'terms' ->> 'on_winner' AS on_winner,
    a.reached AS reached_a,
    b.reached AS reached_b,
    a.response_rate AS response_rate_a,
    b.response_rate AS response_rate_b,
    round(a.responses * 100.0 / nullif(a.reached, 0) - b.responses * 100.0 / nullif(b.reached, 0), 2)
        AS response_rate_difference,
    a.conversion_rate AS conversion_rate_a,
    b.conversion_rate AS conversion_rate_b,
    round(a.conversions * 100.0 / nullif(a.responses, 0) - b.conversions * 100.0 / nullif(b.responses, 0), 2)
        AS conversion_rate_difference,
    a.overall_rate AS overall_rate_a,
    b.overall_rate AS overall_rate_b,
    round(a.conversions * 100.0 / nullif(a.reached, 0) - b.conversions * 100.0 / nullif(b.reached, 0), 2)
        AS overall_rate_difference,
    CASE WHEN n.strata = 1 THEN outreach.p_fixed(a.responses, a.reached, b.responses, b.reached) END
        AS p_fixed_responses,
    CASE WHEN n.strata = 1 THEN outreach.p_fixed(a.conversions, a.reached, b.conversions, b.reached) END
        AS p_fixed_conversions,
    CASE WHEN n.strata = 1 THEN outreach.p_fixed(a.conversions, a.responses, b.conversions, b.responses) END
        AS p_fixed_conversions_per_response,
    least(1, 1000000.0 / nullif((x.value ->> 'greatest_e')::numeric, 0))::double precision AS p_always,
    outreach.leader(a.responses, a.reached, b.responses, b.reached) AS by_response_rate,
    outreach.leader(a.conversions, a.responses, b.conversions, b.responses) AS by_conversion_rate,
    outreach.leader(a.conversions, a.reached, b.conversions, b.reached) AS by_overall,
    nullif(x.value -> 'decision' ->> 'winner', '') AS winner,
    to_timestamp((x.value -> 'decision' ->> 'decided_at')::numeric / 1000000) AS decided_at,
    x.value -> 'decision' -> 'counts' AS decided_on,
    x.value -> 'decision' IS NOT NULL AS is_decided
FROM outreach.campaigns AS c
JOIN touchstream.campaigns AS k ON k.tenant_id = c.org_id AND k.campaign_id = c.campaign_id
CROSS JOIN LATERAL jsonb_each(k.experiments) AS x
LEFT JOIN LATERAL (
    SELECT count(DISTINCT s.split) AS strata
    FROM outreach.ab_test_strata AS s
    WHERE s.campaign_id = c.id AND s.experiment_id = x.key
) AS n ON true
LEFT JOIN LATERAL (
    SELECT * FROM outreach.ab_test_results AS r
    WHERE r.campaign_id = c.id AND r.experiment_id = x.key AND r.ab_variant = 'A'
) AS a ON true
LEFT JOIN LATERAL (
    SELECT * FROM outreach.ab_test_results AS r
    WHERE r.campaign_id = c.id AND r.experiment_id = x.key AND r.ab_variant = 'B'
) AS b ON true;

-- The conversions of each person, as many as the engine keeps, with whom they are credited to: `weight_ppm` in parts of
-- a million; NULL with a reason where nobody is.
CREATE VIEW outreach.conversions WITH (security_invoker = true) AS
SELECT
    c.id AS campaign_id,
    k.tenant_id AS org_id,
    k.contact_id,
    w.key AS campaign_contact_id,
    to_timestamp((v.value ->> 'at')::numeric / 1000000) AS converted_at,
    v.value ->> 'conversion_type' AS conversion_type,
    v.value ->> 'entity_id' AS conversion_entity_id,
    w.value::integer AS weight_ppm,
    nullif(v.value ->> 'reason', '') AS reason
FROM touchstream.contacts AS k
CROSS JOIN LATERAL jsonb_each(k.conversions) AS v
LEFT JOIN LATERAL jsonb_each_text(v.value -> 'weights') AS w ON true
LEFT JOIN touchstream.run_results AS r ON r.tenant_id = k.tenant_id AND r.enrollment_id = w.key
LEFT JOIN outreach.campaigns AS c ON c.org_id = r.tenant_id AND c.campaign_id = r.campaign_id
WHERE
    k.conversions IS NOT NULL AND (w.key IS NULL OR c.id IS NOT NULL)
    AND EXISTS (
        SELECT FROM outreach.contacts_kept AS r
        WHERE r.tenant_id = k.tenant_id AND r.contact_id = k.contact_id
    );

-- From each opt-out to the last command after it on that channel: NULL, as it should be, where there was none.
CREATE VIEW outreach.opt_out_lag WITH (security_invoker = true) AS
SELECT
    k.tenant_id AS org_id,
    k.contact_id,
    o.key AS channel,
    p.opted_out_at,
    f.last_command_at,
    f.last_command_at - p.opted_out_at AS lag,
    f.commands_after
FROM touchstream.contacts AS k
CROSS JOIN LATERAL jsonb_each_text(k.opted_out) AS o
CROSS JOIN LATERAL (SELECT to_timestamp(o.value::numeric / 1000000) AS opted_out_at) AS p
CROSS JOIN LATERAL (
    SELECT max(f.at) AS last_command_at, count(*)::integer AS commands_after
    FROM touchstream.facts AS f
    WHERE
        f.tenant_id = k.tenant_id AND f.contact_id = k.contact_id AND f.fact = 'touch.commanded'
        AND f.at > p.opted_out_at AND (o.key = 'all' OR f.channel = o.key)
) AS f
WHERE
    k.opted_out <> '{}'
    AND EXISTS (
        SELECT FROM outreach.contacts_kept AS r
        WHERE r.tenant_id = k.tenant_id AND r.contact_id = k.contact_id
    );

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA outreach FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA outreach TO touchstream_reader, touchstream_member;
GRANT SELECT ON ALL TABLES IN SCHEMA outreach TO touchstream_reader, touchstream_member;
REVOKE SELECT ON outreach.members FROM touchstream_reader, touchstream_member;
