-- The recount stands in temporary tables of the same names; `e` is what is expected, `f` what PostgreSQL shows.
--
-- A contact's state forgets its oldest ended enrollments, and a campaign's old versions go when nobody needs them.
-- The tables keep both, so a settled row that the states no longer tell is no difference.

-- kept_enrollments --
f.status IN ('completed', 'stopped')

-- kept_touches --
NOT EXISTS (
    SELECT FROM pg_temp.enrollments AS x
    WHERE x.tenant_id = f.tenant_id AND x.enrollment_id = f.enrollment_id
)
AND EXISTS (
    SELECT FROM touchstream.enrollments AS x
    WHERE
        x.tenant_id = f.tenant_id AND x.enrollment_id = f.enrollment_id
        AND x.status IN ('completed', 'stopped')
)

-- kept_steps --
f.version < (
    SELECT x.version FROM pg_temp.campaigns AS x
    WHERE x.tenant_id = f.tenant_id AND x.campaign_id = f.campaign_id
)
