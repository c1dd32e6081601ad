-- Counts by step (S2-30): where runs branch, a touch's number says little of which step it was. Conversions that no
-- step is credited with stand in touch_metrics alone.

CREATE TABLE touchstream.step_metrics (
    tenant_id text COLLATE "C" NOT NULL,
    campaign_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    step_id text COLLATE "C" NOT NULL,
    sends bigint NOT NULL,
    failures bigint NOT NULL,
    skips bigint NOT NULL,
    deliveries bigint NOT NULL,
    opens bigint NOT NULL,
    clicks bigint NOT NULL,
    reads bigint NOT NULL,
    bounces bigint NOT NULL,
    conversions bigint NOT NULL,
    triggers bigint NOT NULL,
    timeouts bigint NOT NULL,
    PRIMARY KEY (tenant_id, campaign_id, version, step_id)
) WITH (fillfactor = 50);

SELECT touchstream.isolate('step_metrics');

-- What was told before this table was there.
INSERT INTO touchstream.step_metrics
SELECT
    tenant_id,
    campaign_id,
    coalesce(version, 0),
    step_id,
    count(*) FILTER (WHERE fact = 'touch.sent'),
    count(*) FILTER (WHERE fact = 'touch.failed'),
    count(*) FILTER (WHERE fact = 'touch.skipped'),
    count(*) FILTER (WHERE fact = 'touch.delivered'),
    count(*) FILTER (WHERE fact = 'touch.opened'),
    count(*) FILTER (WHERE fact = 'touch.clicked'),
    count(*) FILTER (WHERE fact = 'touch.read'),
    count(*) FILTER (WHERE fact = 'touch.bounced'),
    count(*) FILTER (WHERE fact = 'touch.converted'),
    count(*) FILTER (WHERE fact = 'trigger.met'),
    count(*) FILTER (WHERE fact = 'trigger.timed_out')
FROM touchstream.facts
WHERE
    campaign_id IS NOT NULL AND step_id IS NOT NULL
    AND fact IN (
        'touch.sent', 'touch.failed', 'touch.skipped', 'touch.delivered', 'touch.opened', 'touch.clicked', 'touch.read',
        'touch.bounced', 'touch.converted', 'trigger.met', 'trigger.timed_out'
    )
GROUP BY tenant_id, campaign_id, coalesce(version, 0), step_id;

-- Per step over all versions: numbers, channels and actions are the newest version's, NULL where it has the step no
-- more. Shares are of the sends, and of the waits that are over; NULL without one (C-16).
CREATE VIEW prospecting.campaign_step_analytics WITH (security_invoker = true) AS
SELECT
    m.tenant_id AS owner_id,
    m.campaign_id,
    s.number AS step_number,
    m.step_id,
    s.channel,
    s.action AS action_type,
    sum(m.sends) AS sends,
    sum(m.failures) AS failures,
    sum(m.skips) AS skips,
    sum(m.deliveries) AS deliveries,
    sum(m.opens) AS opens,
    sum(m.clicks) AS clicks,
    sum(m.reads) AS reads,
    sum(m.bounces) AS bounces,
    sum(m.conversions) AS conversions,
    sum(m.triggers) AS triggers,
    sum(m.timeouts) AS timeouts,
    round(sum(m.opens) / nullif(sum(m.sends), 0), 4) AS open_rate,
    round(sum(m.clicks) / nullif(sum(m.sends), 0), 4) AS click_rate,
    round(sum(m.conversions) / nullif(sum(m.sends), 0), 4) AS conversion_rate,
    round(sum(m.triggers) / nullif(sum(m.triggers) + sum(m.timeouts), 0), 4) AS trigger_rate
FROM touchstream.step_metrics AS m
JOIN prospecting.campaigns AS c ON c.owner_id = m.tenant_id AND c.id = m.campaign_id
LEFT JOIN touchstream.steps AS s
    ON s.tenant_id = m.tenant_id AND s.campaign_id = m.campaign_id AND s.version = c.version AND s.step_id = m.step_id
GROUP BY m.tenant_id, m.campaign_id, m.step_id, s.number, s.channel, s.action;

GRANT SELECT ON touchstream.step_metrics, prospecting.campaign_step_analytics TO touchstream_reader;
