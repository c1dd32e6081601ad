-- What sequences add (S2): replies and connections of a person, waits and ways of a run, visits of a step.

ALTER TABLE touchstream.contacts
    ADD COLUMN replied jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN connected_at timestamptz;

ALTER TABLE touchstream.tenants
    ADD COLUMN caps jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN fence timestamptz;

ALTER TABLE touchstream.steps
    ADD COLUMN wait_for jsonb,
    ADD COLUMN skip_when jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN send_window jsonb;

ALTER TABLE touchstream.enrollments
    ADD COLUMN step_id text COLLATE "C",
    ADD COLUMN waiting_since timestamptz,
    ADD COLUMN waiting_until timestamptz,
    ADD COLUMN holds jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN errors integer NOT NULL DEFAULT 0,
    ADD COLUMN last_error text;

ALTER TABLE touchstream.touches
    ADD COLUMN visit integer NOT NULL DEFAULT 1,
    ADD COLUMN awaited text,
    ADD COLUMN awaited_at timestamptz,
    ADD COLUMN outcome text,
    ADD COLUMN call_outcome text,
    ADD COLUMN called_at timestamptz;
