"""The tables and triggers that S4 prints for its counts, and an application that keeps them as S4
describes it: every event sets its time and its status, whatever came before."""

from typing import Any
from uuid import UUID

import psycopg

PARENTS = """
CREATE TABLE organizations (id UUID PRIMARY KEY);
CREATE TABLE user_profiles (id UUID PRIMARY KEY);
CREATE TABLE leads (id UUID PRIMARY KEY);
"""

CAMPAIGNS = """
CREATE TABLE IF NOT EXISTS campaigns (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  org_id UUID NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  description TEXT,
  campaign_type TEXT NOT NULL DEFAULT 'talent_sourcing',
  channel TEXT NOT NULL DEFAULT 'email',
  status TEXT NOT NULL DEFAULT 'draft',
  target_audience TEXT,
  target_locations TEXT[],
  target_skills TEXT[],
  target_company_sizes TEXT[],
  is_ab_test BOOLEAN DEFAULT FALSE,
  variant_a_template_id UUID,
  variant_b_template_id UUID,
  ab_split_percentage INTEGER DEFAULT 50,
  target_contacts_count INTEGER,
  target_response_rate NUMERIC(5,2),
  target_conversion_count INTEGER,
  contacts_reached INTEGER DEFAULT 0,
  emails_sent INTEGER DEFAULT 0,
  linkedin_messages_sent INTEGER DEFAULT 0,
  responses_received INTEGER DEFAULT 0,
  conversions INTEGER DEFAULT 0,
  response_rate NUMERIC(5,2),
  start_date DATE,
  end_date DATE,
  owner_id UUID NOT NULL REFERENCES user_profiles(id),
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  created_by UUID REFERENCES user_profiles(id)
);
"""

CONTACTS = """
CREATE TABLE IF NOT EXISTS campaign_contacts (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  campaign_id UUID NOT NULL REFERENCES campaigns(id) ON DELETE CASCADE,
  contact_type TEXT NOT NULL DEFAULT 'candidate',
  user_id UUID REFERENCES user_profiles(id),
  lead_id UUID REFERENCES leads(id),
  first_name TEXT,
  last_name TEXT,
  email TEXT,
  linkedin_url TEXT,
  company_name TEXT,
  title TEXT,
  status TEXT NOT NULL DEFAULT 'pending',
  ab_variant TEXT,
  template_used_id UUID,
  sent_at TIMESTAMPTZ,
  opened_at TIMESTAMPTZ,
  clicked_at TIMESTAMPTZ,
  responded_at TIMESTAMPTZ,
  response_text TEXT,
  converted_at TIMESTAMPTZ,
  conversion_type TEXT,
  conversion_entity_id UUID,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
CREATE TABLE IF NOT EXISTS engagement_tracking (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  campaign_contact_id UUID NOT NULL REFERENCES campaign_contacts(id) ON DELETE CASCADE,
  event_type TEXT NOT NULL,
  event_data JSONB,
  event_timestamp TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  tracking_id TEXT,
  user_agent TEXT,
  ip_address TEXT,
  clicked_url TEXT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
"""

RESPONSE_RATE = """
CREATE OR REPLACE FUNCTION update_campaign_response_rate()
RETURNS TRIGGER AS $$
BEGIN
  NEW.response_rate = CASE
    WHEN NEW.contacts_reached > 0
    THEN ROUND((NEW.responses_received::numeric / NEW.contacts_reached) * 100, 2)
    ELSE 0
  END;
  RETURN NEW;
END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER campaigns_response_rate_trigger
  BEFORE INSERT OR UPDATE OF responses_received, contacts_reached ON campaigns
  FOR EACH ROW
  EXECUTE FUNCTION update_campaign_response_rate();
"""

AUTO_COMPLETE = """
CREATE OR REPLACE FUNCTION auto_complete_campaigns()
RETURNS void AS $$
BEGIN
  UPDATE campaigns
  SET status = 'completed', updated_at = NOW()
  WHERE status = 'active'
    AND end_date IS NOT NULL
    AND end_date <= CURRENT_DATE;
END;
$$ LANGUAGE plpgsql;
"""

METRICS = """
CREATE OR REPLACE FUNCTION update_campaign_metrics()
RETURNS TRIGGER AS $$
DECLARE
  v_campaign_id uuid;
BEGIN
  -- Determine campaign_id from trigger operation
  IF TG_OP = 'DELETE' THEN
    v_campaign_id := OLD.campaign_id;
  ELSE
    v_campaign_id := NEW.campaign_id;
  END IF;

  -- Aggregate metrics from campaign_contacts
  UPDATE campaigns
  SET
    contacts_reached = (
      SELECT COUNT(*) FROM campaign_contacts
      WHERE campaign_id = v_campaign_id
        AND status IN ('sent', 'opened', 'responded', 'converted')
    ),
    emails_sent = (
      SELECT COUNT(*) FROM campaign_contacts cc
      WHERE cc.campaign_id = v_campaign_id
        AND EXISTS (
          SELECT 1 FROM engagement_tracking et
          WHERE et.campaign_contact_id = cc.id
            AND et.event_type = 'email_sent'
        )
    ),
    linkedin_messages_sent = (
      SELECT COUNT(*) FROM campaign_contacts
      WHERE campaign_id = v_campaign_id
        AND sent_at IS NOT NULL
        AND channel = 'linkedin'
    ),
    responses_received = (
      SELECT COUNT(*) FROM campaign_contacts
      WHERE campaign_id = v_campaign_id
        AND responded_at IS NOT NULL
    ),
    conversions = (
      SELECT COUNT(*) FROM campaign_contacts
      WHERE campaign_id = v_campaign_id
        AND converted_at IS NOT NULL
    ),
    updated_at = NOW()
  WHERE id = v_campaign_id;

  RETURN NEW;
END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER campaign_contacts_metrics_update
  AFTER INSERT OR UPDATE OR DELETE ON campaign_contacts
  FOR EACH ROW
  EXECUTE FUNCTION update_campaign_metrics();
"""

ORGANIZATION, CAMPAIGN, OWNER = (UUID(int=number) for number in (1, 2, 3))

EVENTS = {
    "send": ("email_sent", "sent_at", "sent"),
    "open": ("email_opened", "opened_at", "opened"),
    "click": ("link_clicked", "clicked_at", None),
    "reply": ("response_received", "responded_at", "responded"),
    "convert": (None, "converted_at", "converted"),
    "bounce": ("email_bounced", None, "bounced"),
    "unsubscribe": ("unsubscribed", None, "unsubscribed"),
}
"""Of each event its type, and the time and the status that it sets."""


class SourceDatabase:
    """The database of S4 with one active campaign, in a schema of its own."""

    def __init__(self, dsn: str) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True)
        self.run("DROP SCHEMA IF EXISTS s4 CASCADE")
        self.run("CREATE SCHEMA s4")
        self.run("SET search_path = s4")
        for statements in (PARENTS, CAMPAIGNS, CONTACTS, RESPONSE_RATE, AUTO_COMPLETE, METRICS):
            self.run(statements)
        self.run(f"INSERT INTO organizations VALUES ('{ORGANIZATION}')")
        self.run(f"INSERT INTO user_profiles VALUES ('{OWNER}')")
        self.run(
            f"""INSERT INTO campaigns (id, org_id, name, status, owner_id)
            VALUES ('{CAMPAIGN}', '{ORGANIZATION}', 'Java', 'active', '{OWNER}')"""
        )

    def run(self, statement: str) -> None:
        self.connection.execute(statement.encode())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode()).fetchall()

    def add(self, number: int) -> None:
        """A pending contact."""
        self.run(
            f"""INSERT INTO campaign_contacts (id, campaign_id, first_name)
            VALUES ('{UUID(int=100 + number)}', '{CAMPAIGN}', 'p{number}')"""
        )

    def apply(self, number: int, event: str) -> None:
        """Something happened to a contact: its event first, so that the trigger reads it."""
        kind, moment, status = EVENTS[event]
        contact_id = UUID(int=100 + number)
        if kind is not None:
            insert = b"""INSERT INTO engagement_tracking (campaign_contact_id, event_type)
                VALUES (%s, %s)"""
            self.connection.execute(insert, (contact_id, kind))
        changes = [f"{moment} = NOW()"] if moment else []
        changes += [f"status = '{status}'"] if status else []
        self.run(
            f"""UPDATE campaign_contacts SET {", ".join(changes)}, updated_at = NOW()
            WHERE id = '{contact_id}'"""
        )

    def counts(self) -> tuple[Any, ...]:
        """Reached, emails, responses, conversions and the response rate."""
        return self.rows(
            """SELECT contacts_reached, emails_sent, responses_received, conversions, response_rate
            FROM campaigns"""
        )[0]

    def statuses(self) -> dict[str, str]:
        """The status of each contact, by name."""
        return dict(self.rows("SELECT first_name, status FROM campaign_contacts"))

    def close(self) -> None:
        self.connection.close()
