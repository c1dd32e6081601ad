-- When it happened by its sender's account: `at` is when the engine took it.
ALTER TABLE touchstream.facts ADD COLUMN occurred_at timestamptz;
