"""The design of the sources in PostgreSQL alone: a table of enrollments with four touches a row, a
claim with row locks, and a send log.

A worker claims the due touches of all four positions (`FOR UPDATE SKIP LOCKED`), sends them and
commits: a touch whose worker dies before the commit can be claimed again (S0-1 to S0-5). With rules
it asks, in the one statement that records the outcome: is the campaign active, is there a template,
has the customer an address and no opt-out on this channel (F-8), are there quiet hours in the
customer's zone (F-6), and has the business sent 100 messages on this channel within the last hour
(F-11). Positions 2 to 4 are claimed after the touch before them (S0-4). All four touches are
scheduled at enrollment, so a touch that is moved leaves the others where they are (S1-25).

A throttle that two workers keep together needs a lock of the business: a claim leaves those touches
to a later one whose business another worker has. What is sent is counted in a second statement,
whose snapshot is younger than the lock.

Signals come in batches, each with its event id; one that came before changes nothing. Not built:
enrollment, failures and their retries, row-level security.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import psycopg

POSITIONS = (1, 2, 3, 4)
CLAIM_MAX = 100
"""Touches of each position that one claim takes."""

THROTTLE = 100
BUSINESS_ENROLLMENTS = 100
"""Enrollments of each business: their touches of a run stay within the throttle."""

_PER_TOUCH = "".join(
    f"touch_{n}_scheduled_at timestamptz, touch_{n}_sent_at timestamptz, "
    f"touch_{n}_status text NOT NULL DEFAULT 'pending', "
    for n in POSITIONS
)
SCHEMA = f"""
CREATE SCHEMA peer;
SET search_path = peer;
CREATE TABLE businesses (id bigint PRIMARY KEY, throttle int NOT NULL);
CREATE TABLE customers (
    id bigint PRIMARY KEY, business_id bigint NOT NULL, email text, phone text,
    timezone text NOT NULL, region text,
    opted_out_email boolean NOT NULL DEFAULT false, opted_out_sms boolean NOT NULL DEFAULT false);
CREATE TABLE campaigns (
    id bigint PRIMARY KEY, business_id bigint NOT NULL, status text NOT NULL DEFAULT 'active');
CREATE TABLE campaign_touches (
    campaign_id bigint NOT NULL, touch_number smallint NOT NULL, channel text NOT NULL,
    delay_hours int NOT NULL, template_id text, PRIMARY KEY (campaign_id, touch_number));
CREATE TABLE campaign_enrollments (
    id bigint PRIMARY KEY, business_id bigint NOT NULL, campaign_id bigint NOT NULL,
    customer_id bigint NOT NULL, status text NOT NULL DEFAULT 'active', stop_reason text,
    current_touch smallint NOT NULL DEFAULT 1, {_PER_TOUCH}
    updated_at timestamptz) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE TABLE send_logs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, business_id bigint NOT NULL,
    campaign_id bigint, campaign_enrollment_id bigint, touch_number smallint, channel text NOT NULL,
    created_at timestamptz NOT NULL, delivered_at timestamptz, opened_at timestamptz,
    clicked_at timestamptz, converted_at timestamptz) WITH (fillfactor = 80);
CREATE TABLE processed_events (event_id text PRIMARY KEY);
"""

INDEXES = "".join(
    f"CREATE INDEX touch_{n}_due ON peer.campaign_enrollments (touch_{n}_scheduled_at) WHERE"
    f" status = 'active' AND current_touch = {n} AND touch_{n}_sent_at IS NULL;\n"
    for n in POSITIONS
) + (
    """
CREATE UNIQUE INDEX one_active ON peer.campaign_enrollments (customer_id, campaign_id)
    WHERE status = 'active';
CREATE INDEX of_campaign ON peer.campaign_enrollments (business_id, campaign_id, status);
CREATE INDEX logs_of_campaign ON peer.send_logs (campaign_id, touch_number);
CREATE INDEX logs_of_enrollment ON peer.send_logs (campaign_enrollment_id, touch_number);
CREATE INDEX logs_of_throttle ON peer.send_logs (business_id, channel, created_at);
"""
)

_LOADED_TOUCHES = ", ".join(
    f"began + interval '{hours} hours', CASE WHEN touch > {n} THEN began + interval '{hours} hours'"
    f" END, CASE WHEN touch > {n} THEN 'sent' ELSE 'pending' END"
    for n, hours in zip(POSITIONS, (4, 28, 100, 268), strict=True)
)
LOAD = f"""
INSERT INTO peer.businesses SELECT b, {THROTTLE}
    FROM generate_series(0, %(number)s / {BUSINESS_ENROLLMENTS}) b;
INSERT INTO peer.campaigns SELECT id, id FROM peer.businesses;
INSERT INTO peer.campaign_touches SELECT c.id, t.n, t.channel, t.hours, t.channel || '-' || t.n
    FROM peer.campaigns c, (VALUES (1, 'sms', 4), (2, 'email', 24), (3, 'sms', 72),
    (4, 'email', 168)) t (n, channel, hours);
INSERT INTO peer.customers
    SELECT i, i / {BUSINESS_ENROLLMENTS}, 'ann.lee.' || i || '@example.com', '+1555' || i,
        %(zone)s, 'IL' FROM generate_series(0, %(number)s - 1) i;
INSERT INTO peer.campaign_enrollments
    SELECT i, i / {BUSINESS_ENROLLMENTS}, i / {BUSINESS_ENROLLMENTS}, i, 'active', NULL, touch,
        {_LOADED_TOUCHES}, began
    FROM (SELECT i, 1 + i %% 4 AS touch,
        %(now)s::timestamptz - interval '12 days' + i * 7919 %% 3600 * interval '1 second' AS began
        FROM generate_series(0, %(number)s - 1) i) made;
"""
LOAD += "".join(
    "INSERT INTO peer.send_logs (business_id, campaign_id, campaign_enrollment_id, touch_number,"
    " channel, created_at, delivered_at)"
    f" SELECT business_id, campaign_id, id, {n}, '{channel}', touch_{n}_sent_at, touch_{n}_sent_at"
    f" FROM peer.campaign_enrollments WHERE touch_{n}_sent_at IS NOT NULL;\n"
    for n, channel in zip(POSITIONS, ("sms", "email", "sms", "email"), strict=True)
)
"""Enrollments of the aggressive preset, a quarter at each position, with the log of
what was sent. All their touches are due."""


def _due(position: int, guarded: bool, locked: bool) -> str:
    before = ""
    if guarded and position > 1:
        before = f" AND touch_{position - 1}_status <> 'pending'"
    return (
        f"SELECT id, business_id, {position} AS touch FROM peer.campaign_enrollments"
        f" WHERE status = 'active' AND current_touch = {position}"
        f" AND touch_{position}_scheduled_at <= %(now)s AND touch_{position}_sent_at IS NULL"
        f"{before} ORDER BY touch_{position}_scheduled_at LIMIT {CLAIM_MAX}"
        + (" FOR UPDATE SKIP LOCKED" if locked else "")
    )


def _claim(guarded: bool, locked: bool = True) -> str:
    parts = ", ".join(f"due_{n} AS ({_due(n, guarded, locked)})" for n in POSITIONS)
    return (
        f"WITH {parts}, due AS ("
        + " UNION ALL ".join(f"SELECT * FROM due_{n}" for n in POSITIONS)
        + ")"
    )


DUE = _claim(guarded=True, locked=False) + " SELECT count(*) FROM due"
"""The due query alone, without locks."""

CLAIM_BARE = _claim(guarded=False) + " SELECT id, touch FROM due"
CLAIM = (
    _claim(guarded=True)
    + """, held AS (
    SELECT id FROM peer.businesses WHERE id IN (SELECT business_id FROM due)
    FOR UPDATE SKIP LOCKED)
SELECT due.id, due.touch FROM due JOIN held ON held.id = due.business_id"""
)
"""Claims due touches, and with rules their businesses."""

_OUTCOMES = ", ".join(
    f"touch_{n}_scheduled_at = CASE WHEN touch = {n} AND outcome = 'moved' THEN later"
    f" ELSE touch_{n}_scheduled_at END,"
    f" touch_{n}_sent_at = CASE WHEN touch = {n} AND outcome = 'sent' THEN %(now)s"
    f" ELSE touch_{n}_sent_at END,"
    f" touch_{n}_status = CASE WHEN touch = {n} AND outcome <> 'moved' THEN outcome"
    f" ELSE touch_{n}_status END"
    for n in POSITIONS
)
_RECORD = f""", recorded AS (
    UPDATE peer.campaign_enrollments e SET {_OUTCOMES},
        current_touch = CASE WHEN outcome = 'moved' OR touch = 4 THEN touch ELSE touch + 1 END,
        status = CASE WHEN outcome <> 'moved' AND touch = 4 THEN 'completed' ELSE status END,
        updated_at = %(now)s
    FROM decided d WHERE e.id = d.id),
logged AS (
    INSERT INTO peer.send_logs
        (business_id, campaign_id, campaign_enrollment_id, touch_number, channel, created_at)
    SELECT business_id, campaign_id, id, touch, channel, %(now)s FROM decided
    WHERE outcome = 'sent')
SELECT id, touch, outcome, channel, template_id, recipient FROM decided"""

_CLAIMED = """WITH asked AS (
    SELECT e.id, a.touch, e.business_id, e.campaign_id, e.customer_id, t.channel, t.template_id
    FROM unnest(%(ids)s::bigint[], %(touches)s::smallint[]) a (id, touch)
    JOIN peer.campaign_enrollments e ON e.id = a.id
    JOIN peer.campaign_touches t ON t.campaign_id = e.campaign_id AND t.touch_number = a.touch)"""

SEND_BARE = (
    _CLAIMED
    + """, decided AS (
    SELECT *, 'sent' AS outcome, NULL::timestamptz AS later, '' AS recipient FROM asked)"""
    + _RECORD
)
"""Records claimed touches as sent, with nothing asked."""

SEND = (
    _CLAIMED
    + """, facts AS (
    SELECT asked.*, g.status AS campaign_status, b.throttle, c.timezone,
        CASE channel WHEN 'email' THEN c.email ELSE c.phone END AS recipient,
        CASE channel WHEN 'email' THEN c.opted_out_email ELSE c.opted_out_sms END AS opted_out,
        %(now)s AT TIME ZONE c.timezone AS here,
        CASE WHEN c.region IN ('FL', 'OK', 'WA') THEN 20 ELSE 21 END AS quiet_from
    FROM asked JOIN peer.businesses b ON b.id = asked.business_id
    JOIN peer.campaigns g ON g.id = asked.campaign_id
    JOIN peer.customers c ON c.id = asked.customer_id),
gated AS (
    SELECT *, CASE
        WHEN campaign_status <> 'active' THEN 'held'
        WHEN template_id IS NULL OR opted_out OR recipient IS NULL THEN 'skipped'
        WHEN extract(hour FROM here) < 8 OR extract(hour FROM here) >= quiet_from THEN 'quiet'
        ELSE 'sent' END AS gate
    FROM facts),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY business_id, channel, gate ORDER BY id) AS place
    FROM gated),
recent AS (
    SELECT business_id, channel, log.number, log.oldest
    FROM (SELECT DISTINCT business_id, channel, throttle FROM gated WHERE gate = 'sent') one,
    LATERAL (SELECT count(*) AS number, min(created_at) AS oldest FROM (
        SELECT created_at FROM peer.send_logs l
        WHERE l.business_id = one.business_id AND l.channel = one.channel
            AND l.created_at > %(now)s - interval '1 hour'
        ORDER BY created_at DESC LIMIT one.throttle) sent) log),
decided AS (
    SELECT id, touch, business_id, campaign_id, channel, template_id, recipient,
        CASE WHEN gate = 'skipped' THEN gate
            WHEN gate = 'sent' AND place <= throttle - number THEN gate
            ELSE 'moved' END AS outcome,
        CASE gate
            WHEN 'quiet' THEN (date_trunc('day', here + CASE WHEN extract(hour FROM here) < 8
                THEN interval '0' ELSE interval '1 day' END) + interval '8 hours')
                AT TIME ZONE timezone
            WHEN 'held' THEN %(now)s + interval '5 minutes'
            ELSE coalesce(oldest, %(now)s) + interval '1 hour' END AS later
    FROM ranked LEFT JOIN recent USING (business_id, channel))"""
    + _RECORD
)
"""Decides about claimed touches and records the outcomes: sent, skipped, or moved to a later
time."""

SIGNALS = """WITH fresh AS (
    INSERT INTO peer.processed_events SELECT DISTINCT unnest(%(events)s::text[])
    ON CONFLICT DO NOTHING RETURNING event_id),
signal AS (
    SELECT DISTINCT ON (event_id) event_id, kind, enrollment, touch
    FROM unnest(%(events)s::text[], %(kinds)s::text[], %(enrollments)s::bigint[],
        %(touches)s::smallint[]) s (event_id, kind, enrollment, touch)
    JOIN fresh USING (event_id) ORDER BY event_id),
of_touch AS (
    SELECT enrollment, touch, bool_or(kind = 'delivered') AS delivered,
        bool_or(kind = 'opened') AS opened, bool_or(kind = 'clicked') AS clicked,
        bool_or(kind IN ('review_clicked', 'feedback_submitted')) AS converted
    FROM signal GROUP BY enrollment, touch),
seen AS (
    UPDATE peer.send_logs l SET
        delivered_at = CASE WHEN delivered THEN coalesce(delivered_at, %(now)s)
            ELSE delivered_at END,
        opened_at = CASE WHEN opened THEN coalesce(opened_at, %(now)s) ELSE opened_at END,
        clicked_at = CASE WHEN clicked THEN coalesce(clicked_at, %(now)s) ELSE clicked_at END,
        converted_at = CASE WHEN converted THEN coalesce(converted_at, %(now)s)
            ELSE converted_at END
    FROM of_touch s WHERE l.campaign_enrollment_id = s.enrollment AND l.touch_number = s.touch),
left_channel AS (
    UPDATE peer.customers c SET opted_out_email = opted_out_email OR o.email,
        opted_out_sms = opted_out_sms OR o.sms
    FROM (SELECT customer_id, bool_or(kind = 'opted_out_email') AS email,
            bool_or(kind = 'opted_out_sms') AS sms
        FROM signal JOIN peer.campaign_enrollments e ON e.id = signal.enrollment
        WHERE kind LIKE 'opted_out_%%' GROUP BY customer_id) o
    WHERE c.id = o.customer_id),
stopped AS (
    UPDATE peer.campaign_enrollments e SET status = 'stopped', stop_reason = s.kind,
        updated_at = %(now)s
    FROM (SELECT enrollment, min(kind) AS kind FROM signal
        WHERE kind IN ('review_clicked', 'feedback_submitted', 'owner_stopped')
        GROUP BY enrollment) s
    WHERE e.id = s.enrollment AND e.status IN ('active', 'frozen'))
SELECT count(*) FROM fresh"""
"""Applies a batch of signals, of which those with a known event id change nothing."""

PAUSE = """WITH paused AS (UPDATE peer.campaigns SET status = 'paused' WHERE id = %(campaign)s)
UPDATE peer.campaign_enrollments SET status = 'frozen'
WHERE campaign_id = %(campaign)s AND status = 'active'"""
RESUME = """WITH resumed AS (UPDATE peer.campaigns SET status = 'active' WHERE id = %(campaign)s)
UPDATE peer.campaign_enrollments SET status = 'active'
WHERE campaign_id = %(campaign)s AND status = 'frozen'"""

ANALYTICS = """SELECT touch_number, count(*), count(opened_at), count(clicked_at),
    count(converted_at), count(opened_at)::float / count(*)
FROM peer.send_logs WHERE campaign_id = %(campaign)s GROUP BY touch_number"""
"""The numbers of a campaign by touch (S1-33, F-12)."""


class ClaimedTouch(NamedTuple):
    """A claimed touch with its outcome, and what its sender needs."""

    enrollment: int
    touch: int
    outcome: str
    channel: str
    template_id: str | None
    recipient: str | None


class TouchSignal(NamedTuple):
    """Something that is known of a touch: delivered, opened, clicked, or a reason to stop."""

    event_id: str
    kind: str
    enrollment: int
    touch: int


def load(dsn: str, number: int, now: datetime, zone: str) -> None:
    """Makes the tables anew, with so many enrollments of customers in a zone."""
    with psycopg.connect(dsn, autocommit=True) as connection, psycopg.ClientCursor(connection) as c:
        c.execute("DROP SCHEMA IF EXISTS peer CASCADE")
        c.execute(SCHEMA)
        c.execute(LOAD, {"number": number, "now": now, "zone": zone})
        c.execute(INDEXES)
        c.execute("VACUUM ANALYZE")


def connect(dsn: str) -> psycopg.Connection:
    """A connection of a worker. Its statements are planned once: with the plan of each call a row
    would cost four times as much."""
    options = "-c plan_cache_mode=force_generic_plan -c jit=off"
    return psycopg.connect(dsn, autocommit=True, options=options)


def claim_and_send(
    connection: psycopg.Connection, now: datetime, *, rules: bool, one_by_one: bool
) -> list[ClaimedTouch]:
    """Claims due touches and sends them in one transaction: the outcomes of each by one statement,
    or of all by one."""
    with connection.transaction():
        found = connection.execute(CLAIM if rules else CLAIM_BARE, {"now": now}).fetchall()
        size = 1 if one_by_one else len(found)
        sent: list[ClaimedTouch] = []
        for first in range(0, len(found), max(1, size)):
            part = found[first : first + size]
            asked = {"ids": [row[0] for row in part], "touches": [row[1] for row in part]}
            rows = connection.execute(SEND if rules else SEND_BARE, asked | {"now": now})
            sent += map(ClaimedTouch._make, rows)
        return sent


def apply_signals(
    connection: psycopg.Connection, signals: Sequence[TouchSignal], now: datetime
) -> int:
    """Applies signals in one transaction, and returns how many of them were new."""
    columns: Iterable[list[object]] = map(list, zip(*signals, strict=True))
    names = ("events", "kinds", "enrollments", "touches")
    row = connection.execute(SIGNALS, dict(zip(names, columns, strict=True)) | {"now": now})
    return int((row.fetchone() or (0,))[0])
