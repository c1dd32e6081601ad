-- The names and columns of the call dashboards (N-5, S3, F-15), as views over what the engine keeps. A view comes first
-- with the columns of S3, then with those that S3 does not have.
--
-- A deletion is an event and history is kept (C-32): what S3 cascades away is hidden here. The items of an erased
-- contact (S3-27) and of a deleted campaign vanish, and the counts of a campaign with them (S3-36).

CREATE SCHEMA calls;

-- The wall clock of a time zone; NULL where the zone is unknown.
CREATE FUNCTION calls.wall_clock(zone text, at timestamptz) RETURNS timestamp
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN at AT TIME ZONE zone;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN NULL;
END $$;

-- Whether calls may begin at a moment (S3-17): both ends are inside (F-16), and a window over midnight belongs to the
-- day on which it begins. `days` has a bit for each weekday, Monday the lowest. An unknown zone is never open.
CREATE FUNCTION calls.is_open(first time, last time, days integer, zone text, at timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT first IS NULL OR coalesce(
        CASE
            WHEN first < last THEN day_time BETWEEN first AND last AND days >> today & 1 = 1
            ELSE
                (day_time >= first AND days >> today & 1 = 1)
                OR (day_time <= last AND days >> (today + 6) % 7 & 1 = 1)
        END,
        false
    )
    FROM (
        SELECT wall::time AS day_time, extract(isodow FROM wall)::integer - 1 AS today
        FROM calls.wall_clock(zone, at) AS wall
    ) AS w
$$;

-- The tenants. The limit of the system is the smaller of the default pool's slots and the tenant's own (C-20); the one
-- who was served longest ago has the next turn (S3-15).
CREATE VIEW calls.users WITH (security_invoker = true) AS
SELECT
    t.tenant_id AS id,
    t.call_slots AS concurrent_calls_limit,
    least(coalesce(p.slots, 10), t.pool_slots) AS system_concurrent_calls_limit,
    t.created_at,
    t.updated_at,
    t.timezone,
    (SELECT max(slot_granted_at) FROM touchstream.calls AS c WHERE c.tenant_id = t.tenant_id)
        AS last_system_allocation_at
FROM touchstream.tenants AS t
LEFT JOIN touchstream.call_pools AS p ON p.pool_id = 'calls'
WHERE t.status <> 'deleted';

-- The agents that a tenant has set, and those that its campaigns name.
CREATE VIEW calls.agents WITH (security_invoker = true) AS
SELECT
    a.id,
    t.tenant_id AS user_id,
    (t.agents ->> a.id)::integer AS concurrent_calls_limit,
    (
        SELECT count(*)::integer FROM touchstream.call_leases AS l
        WHERE l.tenant_id = t.tenant_id AND l.agent_id = a.id AND l.state <> 'expired'
    ) AS active_calls
FROM touchstream.tenants AS t
CROSS JOIN LATERAL (
    SELECT jsonb_object_keys(t.agents) AS id
    UNION
    SELECT c.agent_id FROM touchstream.campaigns AS c
    WHERE c.tenant_id = t.tenant_id AND c.kind = 'calls' AND c.agent_id IS NOT NULL AND c.status <> 'deleted'
) AS a
WHERE t.status <> 'deleted';

CREATE VIEW calls.contacts WITH (security_invoker = true) AS
SELECT
    contact_id AS id,
    tenant_id AS user_id,
    phone AS phone_number,
    nullif(concat_ws(' ', first_name, last_name), '') AS name,
    email,
    timezone,
    created_at,
    updated_at
FROM touchstream.contacts
WHERE erased_at IS NULL;

-- The status by F-15: an active campaign whose first day has not come is scheduled. One branch for each status that
-- is not the stored one, so that a search by status is served by an index.
CREATE VIEW calls.campaigns_kept WITH (security_invoker = true) AS
SELECT c.*, 'scheduled' AS shown_status
FROM touchstream.campaigns AS c
JOIN touchstream.tenants AS t USING (tenant_id)
WHERE
    c.kind = 'calls' AND t.status <> 'deleted'
    AND c.status = 'active' AND c.start_day IS NOT NULL
    AND c.start_day > calls.wall_clock(coalesce(c.timezone, t.timezone), now())::date
UNION ALL
SELECT c.*, c.status AS shown_status
FROM touchstream.campaigns AS c
JOIN touchstream.tenants AS t USING (tenant_id)
WHERE
    c.kind = 'calls' AND t.status <> 'deleted'
    AND c.status IN ('draft', 'active', 'paused', 'completed', 'cancelled')
    AND (
        c.status <> 'active' OR c.start_day IS NULL
        OR coalesce(c.start_day <= calls.wall_clock(coalesce(c.timezone, t.timezone), now())::date, true)
    )
UNION ALL
SELECT c.*, 'completed' AS shown_status
FROM touchstream.campaigns AS c
JOIN touchstream.tenants AS t USING (tenant_id)
WHERE c.kind = 'calls' AND t.status <> 'deleted' AND c.status = 'archived';

-- The items that are there (S3-27).
CREATE VIEW calls.items_kept WITH (security_invoker = true) AS
SELECT i.*
FROM touchstream.call_items AS i
WHERE
    NOT EXISTS (
        SELECT FROM touchstream.contacts AS k
        WHERE k.tenant_id = i.tenant_id AND k.contact_id = i.contact_id AND k.erased_at IS NOT NULL
    )
    AND NOT EXISTS (
        SELECT FROM touchstream.campaigns AS c
        WHERE c.tenant_id = i.tenant_id AND c.campaign_id = i.campaign_id AND c.kind = 'calls' AND c.status = 'deleted'
    );

-- Counts are counted when they are read, so nothing has to keep them up to date (S3-32 … S3-36). Successful are
-- completed items with a call id (F-17); reviewed_successful are those whose review was a success.
CREATE VIEW calls.call_campaigns WITH (security_invoker = true) AS
SELECT
    c.campaign_id AS id,
    c.tenant_id AS user_id,
    c.agent_id,
    c.name,
    nullif(c.definition ->> 'description', '') AS description,
    NULL::text AS next_action,
    c.shown_status AS status,
    c.start_day AS start_date,
    NULL::date AS end_date,
    c.first_call_time,
    c.last_call_time,
    s.total_contacts,
    s.completed_calls,
    s.successful_calls,
    s.failed_calls,
    c.started_at,
    c.ended_at AS completed_at,
    c.created_at,
    greatest(c.updated_at, (
        SELECT max(i.updated_at) FROM touchstream.call_items AS i
        WHERE i.tenant_id = c.tenant_id AND i.campaign_id = c.campaign_id
    )) AS updated_at,
    s.reviewed_successful,
    s.queued_calls,
    s.processing_calls,
    s.cancelled_calls,
    s.skipped_calls,
    c.timezone,
    c.call_days,
    coalesce(c.pool_id, 'calls') AS pool_id,
    c.call_slots AS concurrent_calls_limit,
    c.version
FROM calls.campaigns_kept AS c
CROSS JOIN LATERAL (
    SELECT
        count(*)::integer AS total_contacts,
        count(*) FILTER (WHERE i.status = 'completed')::integer AS completed_calls,
        count(*) FILTER (WHERE i.successful)::integer AS successful_calls,
        count(*) FILTER (WHERE i.status = 'failed')::integer AS failed_calls,
        count(*) FILTER (WHERE i.status = 'completed' AND i.reviewed)::integer AS reviewed_successful,
        count(*) FILTER (WHERE i.status = 'queued')::integer AS queued_calls,
        count(*) FILTER (WHERE i.status = 'processing')::integer AS processing_calls,
        count(*) FILTER (WHERE i.status = 'cancelled')::integer AS cancelled_calls,
        count(*) FILTER (WHERE i.status = 'skipped')::integer AS skipped_calls
    FROM calls.items_kept AS i
    WHERE i.tenant_id = c.tenant_id AND i.campaign_id = c.campaign_id
) AS s;

CREATE VIEW calls.call_queue WITH (security_invoker = true) AS
SELECT
    i.enrollment_id AS id,
    i.tenant_id AS user_id,
    i.campaign_id,
    coalesce(i.agent_id, c.agent_id) AS agent_id,
    i.contact_id,
    i.call_id,
    i.status,
    i.priority,
    i.position,
    i.scheduled_for,
    e.variables AS user_data,
    k.phone AS phone_number,
    nullif(concat_ws(' ', k.first_name, k.last_name), '') AS contact_name,
    i.started_at,
    i.completed_at,
    i.failure_reason,
    (
        SELECT max(l.slot_granted_at) FROM touchstream.calls AS l
        WHERE l.tenant_id = i.tenant_id AND l.enrollment_id = i.enrollment_id
    ) AS last_system_allocation_at,
    i.created_at,
    i.updated_at,
    i.direct,
    i.held,
    i.next_call_at,
    i.waits_for,
    i.call_outcome,
    i.call_seconds,
    i.successful,
    i.reviewed
FROM calls.items_kept AS i
JOIN touchstream.enrollments AS e ON e.tenant_id = i.tenant_id AND e.enrollment_id = i.enrollment_id
LEFT JOIN touchstream.contacts AS k ON k.tenant_id = i.tenant_id AND k.contact_id = i.contact_id
LEFT JOIN touchstream.campaigns AS c ON c.tenant_id = i.tenant_id AND c.campaign_id = i.campaign_id;

-- One row per call. The id is the provider's, and the id of the command where the provider has given none. The status of
-- a call under way is one of F-18; afterwards it is the outcome, as far as the owner of the slot knows it where the
-- contact does not, which may have been erased.
CREATE VIEW calls.calls WITH (security_invoker = true) AS
SELECT
    CASE WHEN c.call_id IS NULL THEN c.command_id ELSE c.call_id END AS id,
    c.tenant_id AS user_id,
    coalesce(c.agent_id, i.agent_id) AS agent_id,
    c.contact_id,
    CASE WHEN NOT i.direct THEN c.campaign_id END AS campaign_id,
    c.enrollment_id AS queue_id,
    c.command_id,
    c.attempt,
    CASE
        WHEN l.state = 'placing' THEN 'initiated'
        WHEN l.state = 'ringing' THEN 'ringing'
        WHEN l.state IN ('live', 'overrun') THEN 'in_progress'
        WHEN coalesce(c.outcome, c.freed_by) = 'answered' THEN 'completed'
        WHEN c.outcome IS NOT NULL THEN c.outcome
        WHEN c.freed_by IS NOT NULL THEN c.freed_by
        WHEN c.slot_expired_at IS NOT NULL THEN 'unknown'
        ELSE 'initiated'
    END AS status,
    coalesce(c.initiated_at, c.slot_granted_at) AS created_at,
    coalesce(c.in_progress_at, c.ended_at - c.seconds * interval '1 second') AS started_at,
    c.ended_at,
    c.seconds AS duration_seconds,
    CASE
        WHEN c.outcome IS NOT NULL OR c.freed_by IS NOT NULL THEN coalesce(c.outcome, c.freed_by)
        WHEN c.slot_expired_at IS NOT NULL AND l.state IS DISTINCT FROM 'overrun' THEN 'unknown'
    END AS outcome,
    nullif(c.raw_status, '') AS raw_status,
    nullif(c.answered_by, '') AS answered_by,
    c.reviewed,
    c.result,
    c.pool_id,
    c.slot_granted_at,
    coalesce(l.until, c.slot_until) AS slot_until,
    c.slot_freed_at,
    c.slot_expired_at,
    c.overrun_at,
    c.updated_at
FROM touchstream.calls AS c
LEFT JOIN touchstream.call_items AS i ON i.tenant_id = c.tenant_id AND i.enrollment_id = c.enrollment_id
LEFT JOIN touchstream.call_leases AS l ON l.tenant_id = c.tenant_id AND l.command_id = c.command_id;

-- The items of each tenant (S3-37), counted when they are read.
CREATE VIEW calls.queue_statistics WITH (security_invoker = true) AS
SELECT
    i.tenant_id AS user_id,
    count(*)::integer AS total,
    count(*) FILTER (WHERE i.status = 'queued')::integer AS queued,
    count(*) FILTER (WHERE i.status = 'processing')::integer AS processing,
    count(*) FILTER (WHERE i.status = 'completed')::integer AS completed,
    count(*) FILTER (WHERE i.status = 'failed')::integer AS failed,
    count(*) FILTER (WHERE i.status = 'cancelled')::integer AS cancelled,
    count(*) FILTER (WHERE i.status = 'skipped')::integer AS skipped,
    min(i.created_at) FILTER (WHERE i.status = 'queued') AS oldest_queued_at
FROM calls.items_kept AS i
GROUP BY i.tenant_id;

-- The calls of each campaign by outcome (S3-24): `outcome` is NULL for calls that have no end yet.
CREATE VIEW calls.call_campaign_analytics WITH (security_invoker = true) AS
SELECT
    c.user_id,
    c.campaign_id,
    c.outcome,
    count(*)::integer AS calls,
    count(DISTINCT c.queue_id)::integer AS contacts,
    sum(c.duration_seconds)::bigint AS seconds,
    round(avg(c.duration_seconds) FILTER (WHERE c.duration_seconds > 0), 1) AS average_seconds
FROM calls.calls AS c
WHERE c.campaign_id IS NOT NULL
GROUP BY c.user_id, c.campaign_id, c.outcome;

-- Active are the calls that have a slot (F-18).
CREATE FUNCTION calls.count_active_calls(user_id text) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT count(*)::integer FROM touchstream.call_leases AS l
    WHERE l.tenant_id = $1 AND l.state <> 'expired'
$$;

-- The slots of the default pool that are taken. It counts the calls of all tenants, whoever asks, and gives away no
-- more than this number, which the reasons of waiting calls have too.
CREATE FUNCTION calls.count_system_active_calls() RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT count(*)::integer FROM touchstream.call_leases AS l
    WHERE l.pool_id = 'calls' AND l.state <> 'expired'
$$;

-- The item whose call would be next, at most one row: a direct call, else by priority, position and time (S3-12, F-16);
-- none while the slots of the tenant or of the system are taken. To look at: the engine itself asks no table.
CREATE FUNCTION calls.get_next_queued_call(user_id text) RETURNS SETOF calls.call_queue
LANGUAGE sql STABLE AS $$
    WITH open_campaigns AS MATERIALIZED (
        SELECT c.campaign_id
        FROM calls.campaigns_kept AS c
        JOIN touchstream.tenants AS t USING (tenant_id)
        WHERE
            c.tenant_id = $1 AND c.shown_status = 'active'
            AND calls.is_open(
                c.first_call_time, c.last_call_time, c.call_days, coalesce(c.timezone, t.timezone), now()
            )
    ),
    next AS (
        (
            SELECT i.enrollment_id, true AS direct
            FROM calls.items_kept AS i
            WHERE
                i.tenant_id = $1 AND i.status = 'queued' AND i.direct AND NOT i.held
                AND coalesce(greatest(i.scheduled_for, i.next_call_at) <= now(), true)
            ORDER BY i.priority DESC, i.position, i.created_at, i.enrollment_id
            LIMIT 1
        )
        UNION ALL
        (
            SELECT i.enrollment_id, false AS direct
            FROM calls.items_kept AS i
            WHERE
                i.tenant_id = $1 AND i.status = 'queued' AND NOT i.direct AND NOT i.held
                AND coalesce(greatest(i.scheduled_for, i.next_call_at) <= now(), true)
                AND i.campaign_id = ANY (ARRAY(SELECT campaign_id FROM open_campaigns))
            ORDER BY i.priority DESC, i.position, i.created_at, i.enrollment_id
            LIMIT 1
        )
    )
    SELECT q.*
    FROM next
    JOIN calls.call_queue AS q ON q.user_id = $1 AND q.id = next.enrollment_id
    JOIN calls.users AS u ON u.id = $1
    WHERE
        calls.count_active_calls($1) < u.concurrent_calls_limit
        AND calls.count_system_active_calls() < u.system_concurrent_calls_limit
    ORDER BY next.direct DESC
    LIMIT 1
$$;

GRANT USAGE ON SCHEMA calls TO touchstream_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA calls TO touchstream_reader;
