-- Who may see outreach (C-27, S4-105 … S4-107, N-9). A login is bound to one organization by the table
-- `outreach.members`, which the owner of the database keeps: nothing that a session sets can change it. Within the
-- organization an admin and the owner of a campaign may do all, a ta_manager and a recruiter may read, and a member
-- has the campaigns that it owns. What a login may do here is to read, because the projection alone writes;
-- `outreach.may` answers for the application that publishes orders about campaigns.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'touchstream_member') THEN
        CREATE ROLE touchstream_member NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;  -- another database of this server was migrated at the same moment
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'role touchstream_member is missing and % may not create it', current_user
            USING ERRCODE = 'insufficient_privilege',
            HINT = 'let an administrator run: CREATE ROLE touchstream_member NOLOGIN';
END $$;

CREATE TABLE outreach.members (
    login name PRIMARY KEY,
    org_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    role text NOT NULL CHECK (role IN ('admin', 'ta_manager', 'recruiter', 'member'))
);

ALTER TABLE outreach.members ENABLE ROW LEVEL SECURITY;
ALTER TABLE outreach.members FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON outreach.members TO CURRENT_USER USING (true) WITH CHECK (true);

-- The organization, the user id and the role of the login, whatever role it has taken on since; NULL for a login that
-- is no member. They read `outreach.members` with the rights of its owner.
CREATE FUNCTION outreach.caller_org() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT org_id FROM outreach.members WHERE login = session_user
$$;

CREATE FUNCTION outreach.caller_id() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT user_id FROM outreach.members WHERE login = session_user
$$;

CREATE FUNCTION outreach.caller_role() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT role FROM outreach.members WHERE login = session_user
$$;

ALTER TABLE outreach.campaigns ENABLE ROW LEVEL SECURITY;
ALTER TABLE outreach.campaigns FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON outreach.campaigns TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY tenant ON outreach.campaigns FOR SELECT TO touchstream_reader
    USING (org_id = current_setting('touchstream.tenant_id', true));
CREATE POLICY campaigns_org_isolation ON outreach.campaigns AS RESTRICTIVE TO touchstream_member
    USING (org_id = (SELECT outreach.caller_org()));
CREATE POLICY campaigns_owner_full_access ON outreach.campaigns TO touchstream_member
    USING (owner_id = (SELECT outreach.caller_id()) OR (SELECT outreach.caller_role()) = 'admin');
CREATE POLICY campaigns_team_view ON outreach.campaigns FOR SELECT TO touchstream_member
    USING ((SELECT outreach.caller_role()) IN ('admin', 'ta_manager', 'recruiter'));

-- Contacts and events are visible through a campaign that is (S4-105).
CREATE POLICY campaign_contacts_via_campaign ON touchstream.run_results FOR SELECT TO touchstream_member
    USING (
        tenant_id = (SELECT outreach.caller_org())
        AND EXISTS (
            SELECT FROM outreach.campaigns AS c
            WHERE c.org_id = run_results.tenant_id AND c.campaign_id = run_results.campaign_id
        )
    );
CREATE POLICY engagement_tracking_via_contact ON touchstream.engagements FOR SELECT TO touchstream_member
    USING (
        tenant_id = (SELECT outreach.caller_org())
        AND EXISTS (
            SELECT FROM outreach.campaigns AS c
            WHERE c.org_id = engagements.tenant_id AND c.campaign_id = engagements.campaign_id
        )
    );

-- The other tables of the views: a member reaches them only through the views of `outreach`, because it has no right
-- to the schema `touchstream`.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['campaigns', 'contacts', 'enrollments', 'facts', 'step_metrics', 'steps', 'tenants'] LOOP
        EXECUTE format(
            'CREATE POLICY member ON touchstream.%I FOR SELECT TO touchstream_member '
            'USING (tenant_id = (SELECT outreach.caller_org()))', name
        );
    END LOOP;
END $$;

GRANT SELECT ON
    touchstream.campaigns, touchstream.contacts, touchstream.enrollments, touchstream.facts, touchstream.run_results,
    touchstream.engagements, touchstream.step_metrics, touchstream.steps, touchstream.tenants
TO touchstream_member;

-- Whether the login may do something with a campaign that it sees (S4-107): read, edit, activate, pause, resume,
-- complete, reassign or archive.
CREATE FUNCTION outreach.may(action text, campaign text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = '' AS $$
    SELECT coalesce(bool_or(
        $1 = 'read'
        OR (
            $1 IN ('edit', 'activate', 'pause', 'resume', 'complete', 'reassign', 'archive')
            AND (c.owner_id = outreach.caller_id() OR outreach.caller_role() = 'admin')
        )
    ), false)
    FROM outreach.campaigns AS c
    WHERE c.id = $2 AND c.org_id = outreach.caller_org()
$$;

GRANT USAGE ON SCHEMA outreach TO touchstream_reader, touchstream_member;
GRANT SELECT ON outreach.campaigns TO touchstream_reader, touchstream_member;
