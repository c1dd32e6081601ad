-- The three system presets (S0-8 … S0-14, F-2, F-3): no tenant's, read by all, changed by none. A test compares them
-- with the documents that the engine offers for duplication.

CREATE TABLE touchstream.presets (
    preset_id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    touches jsonb NOT NULL
);

INSERT INTO touchstream.presets (preset_id, name, touches) VALUES
    ('conservative', 'Conservative', '[
        {"touch_number": 1, "channel": "email", "delay_hours": 24},
        {"touch_number": 2, "channel": "email", "delay_hours": 72}]'),
    ('standard', 'Standard', '[
        {"touch_number": 1, "channel": "email", "delay_hours": 24},
        {"touch_number": 2, "channel": "email", "delay_hours": 72},
        {"touch_number": 3, "channel": "sms", "delay_hours": 168}]'),
    ('aggressive', 'Aggressive', '[
        {"touch_number": 1, "channel": "sms", "delay_hours": 4},
        {"touch_number": 2, "channel": "email", "delay_hours": 24},
        {"touch_number": 3, "channel": "sms", "delay_hours": 72},
        {"touch_number": 4, "channel": "email", "delay_hours": 168}]');

ALTER TABLE touchstream.presets ENABLE ROW LEVEL SECURITY;
ALTER TABLE touchstream.presets FORCE ROW LEVEL SECURITY;
CREATE POLICY everyone ON touchstream.presets FOR SELECT USING (true);
GRANT SELECT ON touchstream.presets TO touchstream_reader;
