-- A job's own status and service type (F-1), whether or not it enrolled anybody.
CREATE OR REPLACE VIEW reviews.jobs WITH (security_invoker = true) AS
SELECT
    j.job_id AS id,
    c.tenant_id AS business_id,
    c.contact_id AS customer_id,
    j.kept ->> 1 AS service_type,
    j.kept ->> 0 AS status
FROM touchstream.contacts AS c
CROSS JOIN LATERAL jsonb_each(c.jobs) AS j (job_id, kept)
WHERE j.kept <> 'false';
