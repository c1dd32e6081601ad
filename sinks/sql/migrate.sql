-- lock --
SELECT pg_advisory_xact_lock(hashtext('touchstream.migrate'))

-- bootstrap --
CREATE SCHEMA IF NOT EXISTS touchstream;
CREATE TABLE IF NOT EXISTS touchstream.migrations (
    name text PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- forget_activity --
SELECT pg_stat_clear_snapshot()

-- projectors --
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'touchstream projection %'

-- applied --
SELECT name, sha256 FROM touchstream.migrations

-- record --
INSERT INTO touchstream.migrations (name, sha256) VALUES (%s, %s)
