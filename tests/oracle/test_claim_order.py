"""The claim order of the source as its SQL gives it, on a real PostgreSQL, against the owner of a
call pool, over random histories.

Before each grant the SQL is asked who is next. The engine must grant what the SQL would, but for
two differences, which are asserted: users of one moment take turns by number and not by the clock,
and a user whose queue was empty begins behind those who have waited for their turn of this round.
"""

from collections import Counter
from collections.abc import Iterator
from random import Random

import psycopg
import pytest

from schemas.base.times import SECOND
from schemas.internal import messages as m
from tests.oracle.claim_order import CLOCK, TURN, ClaimOrder, Item
from tests.processors.dispatch.calls_log import CallsLog, call, pool, reported, tenant_calls
from tests.sinks.conftest import Database, server
from tests.testing.world import START

__all__ = ["server"]

HISTORIES, PARTS, STEPS = 48, 6, 100
USERS = "abcde"


@pytest.fixture
def order(server: Database) -> Iterator[ClaimOrder]:
    """Empty tables of the source."""
    with psycopg.connect(server.dsn) as connection:
        yield ClaimOrder(connection)
        connection.rollback()


class ClaimHistory:
    """A random history of calls that the engine and the SQL see step by step."""

    def __init__(self, seed: int, order: ClaimOrder) -> None:
        self.dice = Random(seed)
        self.order = order
        self.now = START
        self.log = CallsLog(restarts=False)
        self.limits = dict.fromkeys(USERS, 2)
        self.of_system: dict[str, int | None] = dict.fromkeys(USERS)
        self.calls: dict[str, m.RequestTouch] = {}
        self.queued: dict[str, list[str]] = {user: [] for user in USERS}
        self.under_way: list[str] = []
        self.waited: Counter[str] = Counter()
        self.joined: set[str] = set()
        self.grants = 0
        self.differences: Counter[str] = Counter()
        for user in USERS:
            order.set_user(user, 2)
            self.fold(tenant_calls(user))

    def step(self) -> None:
        """One random thing happens; many of them in the same moment."""
        if self.dice.random() < 0.4:
            self.now += self.dice.choice((1, SECOND))
        chance = self.dice.random()
        if chance < 0.5 or not self.under_way:
            self.request(self.dice.choice(USERS))
        elif chance < 0.9:
            self.end(self.dice.choice(self.under_way))
        elif chance < 0.95:
            self.change_limit(self.dice.choice(USERS))
        else:
            slots = self.dice.randint(1, 6)
            self.order.set_slots(slots)
            self.fold(pool(slots))

    def request(self, user: str) -> None:
        """A user wants one more call."""
        number = len(self.calls)
        touch = call(
            number,
            tenant_id=user,
            command_id=f"c{number:03}",
            priority=self.dice.choice((0, 0, 100, -3)),
            position=self.dice.randint(1, 3),
            created_at=START + self.dice.randint(0, 2),
            direct=self.dice.random() < 0.1,
        )
        assert touch.call is not None
        rank = (touch.priority, touch.call.position, touch.call.created_at)
        self.order.add(Item(touch.command_id, user, touch.call.direct, *rank))
        self.calls[touch.command_id] = touch
        if not self.queued[user]:
            self.joined.add(user)
        self.queued[user].append(touch.command_id)
        self.fold(touch)

    def end(self, item_id: str) -> None:
        """A call ends."""
        self.under_way.remove(item_id)
        self.order.end(item_id)
        self.fold(reported(self.calls[item_id], at=self.now))

    def change_limit(self, user: str) -> None:
        """A user gets another limit of its own, and sometimes one of the system."""
        self.limits[user] = self.dice.randint(1, 4)
        of_system = self.of_system[user] = self.dice.choice((None, None, 3))
        self.order.set_user(user, self.limits[user], of_system)
        self.fold(tenant_calls(user, slots=self.limits[user], pool_slots=of_system))

    def fold(self, message: m.Message) -> None:
        """Lets the engine fold a message, and compares each of its grants with the SQL."""
        seen = len(self.log.outputs)
        self.log.append(message, at=self.now).append(m.Tick(), at=self.now)
        for output in self.log.outputs[seen:]:
            if isinstance(output, m.CommandDue):
                self.compare(output.touch)
        assert self.order.next_item(TURN) is None, "a call that may begin has begun"
        calling = self.order.calling()
        assert calling == Counter(self.calls[i].tenant_id for i in self.under_way)

    def compare(self, touch: m.RequestTouch) -> None:
        """Compares a grant of the engine with the one that the SQL would make."""
        user, item_id = touch.tenant_id, touch.command_id
        by_turn, by_clock = self.order.next_item(TURN), self.order.next_item(CLOCK)
        assert by_turn is not None and by_clock is not None, "the limits of the SQL are kept"
        for name, (other, other_item) in (("turn", by_turn), ("clock", by_clock)):
            if other == user:
                assert item_id == other_item, "within a user the order is that of the SQL"
            elif other in self.joined:
                self.differences[f"{name}: joined"] += 1
            else:
                assert name == "clock", "by number there is no other difference"
                (moment, turn), (other_moment, other_turn) = map(self.order.last, (user, other))
                assert moment == other_moment, "only users of one moment change places"
                assert (turn or 0) < (other_turn or 0), "and the number decides"
                self.differences["clock: one moment"] += 1
        self.count_waits(user)
        self.order.call(item_id, self.now)
        self.queued[user].remove(item_id)
        self.under_way.append(item_id)
        self.joined.discard(user)
        self.grants += 1

    def count_waits(self, served: str) -> None:
        """Nobody with work and a free slot waits for more grants than there are users with work."""
        calling = self.order.calling()
        for user in USERS:
            is_free = calling.get(user, 0) < self.limits[user] and len(self.under_way) < (
                self.of_system[user] or 1_000
            )
            waits = user != served and is_free and self.queued[user]
            self.waited[user] = self.waited[user] + 1 if waits else 0
            assert self.waited[user] < len(USERS)


@pytest.mark.parametrize("part", range(PARTS))
def test_the_engine_grants_what_the_sql_would_but_for_shared_moments_and_joiners(
    server: Database, part: int
) -> None:
    found: Counter[str] = Counter()
    grants = 0
    for seed in range(part, HISTORIES, PARTS):
        with psycopg.connect(server.dsn) as connection:
            history = ClaimHistory(seed, ClaimOrder(connection))
            for _ in range(STEPS):
                history.step()
            connection.rollback()
        found += history.differences
        grants += history.grants
    assert grants > 30 * HISTORIES // PARTS
    assert set(found) == {"turn: joined", "clock: joined", "clock: one moment"}
    assert found["turn: joined"] < grants / 4


def waiting_behind(slots: int, users: dict[str, int]) -> tuple[CallsLog, m.RequestTouch]:
    """A pool whose only slot has the returned call of another user, while each user gets a number
    of calls that wait; then it gets all its slots."""
    log = CallsLog(pool(1), *[tenant_calls(user, slots=100) for user in users], restarts=False)
    first = call(0, tenant_id="z", command_id="z0000")
    log.append(first)
    for user, number in users.items():
        log.append(*[call(n, tenant_id=user, command_id=f"{user}{n:04}") for n in range(number)])
    return log.append(pool(slots)), first


def test_turns_by_the_clock_starve_users_in_shared_moments_and_turns_by_number_do_not(
    order: ClaimOrder,
) -> None:
    """Forty moments of ten grants."""
    moments, slots, users = 40, 10, "abc"
    log, first = waiting_behind(slots, dict.fromkeys(users, moments * slots))
    log.append(reported(first))
    order.set_slots(slots)
    for user in users:
        order.set_user(user, 100)
        for n in range(moments * slots):
            order.add(Item(f"{user}{n:04}", user, False, 0, n, 0))
    by_clock: Counter[str] = Counter()
    for moment in range(moments):
        at = START + moment * SECOND
        under_way = log.under_way() if moment else []
        for item_id in under_way:
            touch = call(0, tenant_id=item_id[0], command_id=item_id, contact_id=contact(item_id))
            log.append(reported(touch, at=at), at=at)
        for item_id in order.ids_of_calls():
            order.end(item_id)
        while (found := order.next_item(CLOCK)) is not None:
            order.call(found[1], at)
            by_clock[found[0]] += 1
    by_number = Counter(item_id[0] for item_id in log.commanded() if item_id[0] != "z")
    assert by_clock == {"a": 320, "b": 40, "c": 40}
    assert by_number == {"a": 134, "b": 133, "c": 133}


def contact(item_id: str) -> str:
    """The contact of a call, as the builder of calls names it."""
    return f"p{int(item_id[1:])}"


def test_a_user_whose_queue_was_empty_begins_behind_those_who_wait_for_this_round(
    order: ClaimOrder,
) -> None:
    log, first = waiting_behind(1, {"a": 3, "b": 2})
    order.set_slots(1)
    for user in "abx":
        order.set_user(user, 2)
    for item_id in ("a0000", "a0001", "a0002", "b0000", "b0001", "x0000"):
        order.add(Item(item_id, item_id[0], False, 0, int(item_id[1:]), 0))

    def end(item_id: str) -> None:
        number = int(item_id[1:])
        log.append(reported(call(number, tenant_id=item_id[0], command_id=item_id)))
        order.end(item_id)

    log.append(reported(first))
    for ended, next_id in ((None, "a0000"), ("a0000", "b0000"), ("b0000", "a0001")):
        if ended is not None:
            end(ended)
        assert log.under_way() == [next_id]
        order.call(next_id, START)
    log.append(call(0, tenant_id="x", command_id="x0000"))
    end("a0001")
    assert order.next_item(TURN) == ("x", "x0000")
    for item_id in ("b0001", "x0000"):
        assert log.under_way() == [item_id]
        end(item_id)
    assert log.under_way() == ["a0002"]
