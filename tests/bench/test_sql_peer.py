"""The peer in PostgreSQL keeps the rules of the sources, so its speed is that of their design."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from bench import sql_peer
from bench.sql_peer import ClaimedTouch, TouchSignal
from streams.embedded.stack import Stack

pytestmark = pytest.mark.live

NOON = datetime(2026, 3, 2, 18, tzinfo=UTC)
"""Noon in Chicago."""

HOUR = timedelta(hours=1)
DUE_TOUCHES = 150
"""Of 60 enrollments, a quarter of them at each position: 4, 3, 2 and 1 touches are left."""


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[str]:
    with psycopg.connect(stack.postgres.dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE sql_peer TEMPLATE template0")
        yield make_conninfo(stack.postgres.dsn, dbname="sql_peer")
        connection.execute("DROP DATABASE sql_peer WITH (FORCE)")


@pytest.fixture
def peer(database: str) -> Iterator[psycopg.Connection]:
    """A connection to 60 enrollments of one business, all of whose touches are due."""
    sql_peer.load(database, 60, NOON, "America/Chicago")
    with sql_peer.connect(database) as connection:
        connection.execute("TRUNCATE peer.send_logs")
        yield connection


def send(
    connection: psycopg.Connection, now: datetime = NOON, *, one_by_one: bool = False
) -> list[ClaimedTouch]:
    """All touches that go or are decided otherwise until none is due."""
    outcomes: list[ClaimedTouch] = []
    while some := sql_peer.claim_and_send(connection, now, rules=True, one_by_one=one_by_one):
        outcomes += some
    return outcomes


def rows(connection: psycopg.Connection, query: str) -> list[Any]:
    return connection.execute(query.encode()).fetchall()


def signal(connection: psycopg.Connection, *signals: tuple[str, str, int, int]) -> int:
    return sql_peer.apply_signals(connection, [TouchSignal(*each) for each in signals], NOON)


LOGGED = "SELECT campaign_enrollment_id, touch_number FROM peer.send_logs ORDER BY id"


@pytest.mark.parametrize("one_by_one", [False, True])
def test_two_workers_send_each_touch_once_and_in_its_order(
    peer: psycopg.Connection, database: str, one_by_one: bool
) -> None:
    def work(_: int) -> list[ClaimedTouch]:
        with sql_peer.connect(database) as connection:
            return send(connection, one_by_one=one_by_one)

    with ThreadPoolExecutor(2) as pool:
        sent = [each for outcomes in pool.map(work, range(2)) for each in outcomes]
    sent += send(peer)  # what one worker has left to the other
    assert {each.outcome for each in sent} == {"sent"}
    logged = rows(peer, LOGGED)
    assert len(logged) == len(set(logged)) == len(sent) == DUE_TOUCHES
    for enrollment in range(60):
        touches = [touch for owner, touch in logged if owner == enrollment]
        assert touches == [*range(1 + enrollment % 4, 5)]
    query = "SELECT DISTINCT status FROM peer.campaign_enrollments"
    assert rows(peer, query) == [("completed",)]


def test_a_touch_whose_worker_dies_before_the_commit_is_claimed_again(
    peer: psycopg.Connection,
) -> None:
    with pytest.raises(RuntimeError), peer.transaction():
        assert sql_peer.claim_and_send(peer, NOON, rules=True, one_by_one=False)
        raise RuntimeError("the worker dies")
    assert len(send(peer)) == DUE_TOUCHES


def test_a_later_touch_waits_for_the_one_before_it(peer: psycopg.Connection) -> None:
    peer.execute("UPDATE peer.campaign_enrollments SET touch_1_status = 'pending' WHERE id = 1")
    assert all(each.enrollment != 1 for each in send(peer))


def test_a_touch_in_quiet_hours_moves_to_eight_and_the_others_stay(
    peer: psycopg.Connection,
) -> None:
    scheduled = "SELECT touch_1_scheduled_at, touch_2_scheduled_at FROM peer.campaign_enrollments"
    before = rows(peer, f"{scheduled} WHERE id = 0")[0]
    night = NOON + 10.5 * HOUR
    outcomes = send(peer, night)
    assert Counter(each.outcome for each in outcomes) == {"moved": 60}
    assert not rows(peer, LOGGED)
    morning = NOON + 20 * HOUR
    assert rows(peer, f"{scheduled} WHERE id = 0") == [(morning, before[1])]
    assert not send(peer, morning - timedelta(seconds=1))
    assert len(send(peer, morning)) == DUE_TOUCHES


def test_after_midnight_a_touch_moves_to_eight_of_the_same_day(peer: psycopg.Connection) -> None:
    send(peer, NOON + 13 * HOUR)
    query = "SELECT DISTINCT touch_1_scheduled_at FROM peer.campaign_enrollments WHERE id % 4 = 0"
    assert rows(peer, query) == [(NOON + 20 * HOUR,)]


def test_quiet_hours_begin_an_hour_earlier_in_a_stricter_state(peer: psycopg.Connection) -> None:
    peer.execute("UPDATE peer.customers SET region = 'FL' WHERE id < 20")
    outcomes = send(peer, NOON + 8.5 * HOUR)
    assert {each.enrollment for each in outcomes if each.outcome == "moved"} == {*range(20)}


def test_an_opt_out_skips_the_touches_of_its_channel_alone(peer: psycopg.Connection) -> None:
    signal(peer, ("e-1", "opted_out_email", 0, 1))
    outcomes = [each for each in send(peer) if each.enrollment == 0]
    assert [each.outcome for each in outcomes] == ["sent", "skipped", "sent", "skipped"]
    query = "SELECT touch_number FROM peer.send_logs WHERE campaign_enrollment_id = 0 ORDER BY id"
    assert rows(peer, query) == [(1,), (3,)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE peer.customers SET phone = NULL",
        "UPDATE peer.campaign_touches SET template_id = NULL WHERE channel = 'sms'",
    ],
)
def test_without_an_address_or_a_template_a_touch_is_skipped(
    peer: psycopg.Connection, change: str
) -> None:
    peer.execute(change.encode())
    outcomes = send(peer)
    assert {(each.channel, each.outcome) for each in outcomes} == {
        ("sms", "skipped"),
        ("email", "sent"),
    }


@pytest.mark.parametrize("one_by_one", [False, True])
def test_no_hour_has_more_messages_of_a_channel_than_the_throttle(
    peer: psycopg.Connection, one_by_one: bool
) -> None:
    peer.execute("UPDATE peer.businesses SET throttle = 10")
    sent = [
        each
        for minutes in range(0, 150, 50)
        for each in send(peer, NOON + timedelta(minutes=minutes), one_by_one=one_by_one)
        if each.outcome == "sent"
    ]
    assert Counter(each.channel for each in sent) == {"email": 20, "sms": 20}
    query = "SELECT channel, count(*) FROM peer.send_logs GROUP BY channel, created_at"
    assert sorted(rows(peer, query)) == [("email", 10), ("email", 10), ("sms", 10), ("sms", 10)]


def test_a_business_that_one_worker_has_is_left_to_its_next_claim(
    peer: psycopg.Connection, database: str
) -> None:
    with sql_peer.connect(database) as other, peer.transaction():
        peer.execute("SELECT FROM peer.businesses WHERE id = 0 FOR UPDATE")
        assert not sql_peer.claim_and_send(other, NOON, rules=True, one_by_one=False)
    assert len(send(peer)) == DUE_TOUCHES


def test_a_review_stops_its_enrollment_and_a_pause_freezes_those_of_a_campaign(
    peer: psycopg.Connection,
) -> None:
    signal(peer, ("e-1", "review_clicked", 0, 1))
    query = "SELECT status, stop_reason FROM peer.campaign_enrollments WHERE id = 0"
    assert rows(peer, query) == [("stopped", "review_clicked")]
    peer.execute(sql_peer.PAUSE, {"campaign": 0})
    assert not send(peer)
    peer.execute(sql_peer.RESUME, {"campaign": 0})
    assert {each.enrollment for each in send(peer)} == {*range(1, 60)}


def test_signals_count_once_by_their_event_id(peer: psycopg.Connection) -> None:
    send(peer)
    opened, clicked = ("e-1", "opened", 0, 1), ("e-2", "clicked", 4, 1)
    assert signal(peer, opened, opened, clicked, ("e-3", "review_clicked", 4, 1)) == 3
    assert signal(peer, opened, clicked, ("e-4", "delivered", 8, 1)) == 1
    numbers = peer.execute(sql_peer.ANALYTICS, {"campaign": 0}).fetchall()
    assert min(numbers) == (1, 15, 1, 1, 1, 1 / 15)
