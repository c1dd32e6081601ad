"""The claim order of the source (S3-11 … S3-15) as SQL: who is called next, of a table of items.

Direct calls go first (F-16), then priority, position and time. Of the users with a free slot, the
one served longest ago is next: by the clock, as the source has it, or by the number of its turn.
"""

from typing import NamedTuple

import psycopg
from psycopg import sql

TABLES = """
CREATE TEMP TABLE system (slots integer NOT NULL);
INSERT INTO system VALUES (10);

CREATE TEMP TABLE users (
    id text COLLATE "C" PRIMARY KEY,
    concurrent_calls_limit integer NOT NULL DEFAULT 2,
    system_concurrent_calls_limit integer,
    last_system_allocation_at bigint,
    last_turn integer
);

CREATE TEMP TABLE call_queue (
    id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL REFERENCES users,
    status text NOT NULL DEFAULT 'queued',
    direct boolean NOT NULL,
    priority integer NOT NULL,
    position bigint NOT NULL,
    created_at bigint NOT NULL
);
CREATE INDEX ON call_queue (user_id, status);
"""

NEXT = """
WITH free AS (
    SELECT u.*
    FROM users AS u
    CROSS JOIN (SELECT count(*) AS calls FROM call_queue WHERE status = 'processing') AS of_all
    CROSS JOIN LATERAL (
        SELECT count(*) AS calls FROM call_queue AS q
        WHERE q.user_id = u.id AND q.status = 'processing'
    ) AS own
    WHERE
        own.calls < u.concurrent_calls_limit
        AND of_all.calls < least((SELECT slots FROM system), u.system_concurrent_calls_limit)
)
SELECT q.user_id, q.id
FROM free AS u
JOIN call_queue AS q ON q.user_id = u.id AND q.status = 'queued'
ORDER BY u.{last} NULLS FIRST, u.id, q.direct DESC, q.priority DESC, q.position, q.created_at, q.id
LIMIT 1
"""

CLOCK, TURN = "last_system_allocation_at", "last_turn"


class Item(NamedTuple):
    """An item of the queue."""

    item_id: str
    user_id: str
    direct: bool
    priority: int
    position: int
    created_at: int


class ClaimOrder:
    """The tables of the source. The caller decides who is called, or asks who would be."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._turns = 0
        self._next = {
            last: sql.SQL(NEXT).format(last=sql.Identifier(last)) for last in (CLOCK, TURN)
        }
        connection.execute(TABLES)

    def set_user(self, user_id: str, calls: int, of_system: int | None = None) -> None:
        """Sets the limits of a user."""
        self._connection.execute(
            """INSERT INTO users VALUES (%s, %s, %s) ON CONFLICT (id) DO UPDATE SET
            concurrent_calls_limit = excluded.concurrent_calls_limit,
            system_concurrent_calls_limit = excluded.system_concurrent_calls_limit""",
            (user_id, calls, of_system),
        )

    def set_slots(self, slots: int) -> None:
        """Sets the limit of the system."""
        self._connection.execute("UPDATE system SET slots = %s", (slots,))

    def add(self, item: Item) -> None:
        """Adds an item."""
        statement = """INSERT INTO call_queue (id, user_id, direct, priority, position, created_at)
            VALUES (%s, %s, %s, %s, %s, %s)"""
        self._connection.execute(statement, item)

    def next_item(self, last: str) -> tuple[str, str] | None:
        """The user and the item that are next, with turns by CLOCK or TURN; None if no call may
        begin."""
        row = self._connection.execute(self._next[last]).fetchone()
        return None if row is None else (str(row[0]), str(row[1]))

    def call(self, item_id: str, now: int) -> None:
        """Gives a slot to an item."""
        self._turns += 1
        statement = "UPDATE call_queue SET status = 'processing' WHERE id = %s RETURNING user_id"
        (user_id,) = self._connection.execute(statement, (item_id,)).fetchone() or ("",)
        self._connection.execute(
            "UPDATE users SET last_system_allocation_at = %s, last_turn = %s WHERE id = %s",
            (now, self._turns, user_id),
        )

    def end(self, item_id: str) -> None:
        """Frees the slot of an item, or cancels a queued one."""
        self._connection.execute(
            "UPDATE call_queue SET status = 'completed' WHERE id = %s", (item_id,)
        )

    def last(self, user_id: str) -> tuple[int | None, int | None]:
        """When a user was served last, by the clock and by the number of the turn."""
        query = "SELECT last_system_allocation_at, last_turn FROM users WHERE id = %s"
        row = self._connection.execute(query, (user_id,)).fetchone()
        return (None, None) if row is None else (row[0], row[1])

    def calling(self) -> dict[str, int]:
        """The number of calls under way of each user that has one."""
        query = "SELECT user_id, count(*) FROM call_queue WHERE status = 'processing' GROUP BY 1"
        return {str(user): int(calls) for user, calls in self._connection.execute(query)}

    def ids_of_calls(self) -> list[str]:
        """The items whose calls are under way."""
        query = "SELECT id FROM call_queue WHERE status = 'processing' ORDER BY id"
        return [str(row[0]) for row in self._connection.execute(query)]
