"""What must hold for the calls of a pool over any history: ends that are lost, late, doubled and in
another order, any size of batches, and restarts at any time."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.dispatch.call_leases import LATE_US
from processors.shared.send_windows import is_open
from schemas.base.times import DAY, HOUR, MINUTE, SECOND
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal import messages as m
from schemas.internal.call_states import ACTIVE, Lease, PoolTenant
from schemas.internal.states import Request
from tests.processors.dispatch.calls_log import (
    LONGEST,
    MAX,
    RING,
    CallsLog,
    call,
    pool,
    reported,
    tenant_calls,
)
from tests.testing.world import START

TENANTS = "abc"
POOL_SLOTS, SLOTS, AGENT_SLOTS = 3, 2, 1
HOURS = m.Window("UTC", 0, 0, only=StepWindow(15 * 60, 17 * 60), end_is_open=True)


class Plan(NamedTuple):
    """One call: who asks for it and when, to which number, and how it goes. The shares are of the
    longest time that a sender may take. `reports` are the minutes after its end at which the end is
    reported; none is a lost one."""

    tenant: str
    number: int
    agent: str | None
    asked_at: int
    place: float
    ring: float
    talk: float
    progress: tuple[str, ...]
    reports: tuple[int, ...]


shares = st.floats(0, 1)
plans = st.builds(
    Plan,
    st.sampled_from(TENANTS),
    st.integers(0, 4),
    st.sampled_from((None, "x")),
    st.integers(0, 40).map(lambda minutes: START + minutes * MINUTE),
    shares,
    shares,
    shares,
    st.sampled_from(((), ("ringing",), ("ringing", "in_progress"), ("in_progress", "ringing"))),
    st.sampled_from(((), (0,), (0,), (0, 0), (1, 3), (30,), (0, 90))),
)


class ObedientSenders:
    """Senders that place every command once, not after `place_by`, and keep to the durations of the
    contract. `calls` are the moments of placing and of the end of each call."""

    def __init__(self, log: CallsLog, asked: dict[str, Plan]) -> None:
        self.log, self.asked = log, asked
        self.touches: dict[str, m.RequestTouch] = {}
        self.calls: dict[str, tuple[int, int]] = {}
        self.reports: list[tuple[int, str, str]] = []
        self.seen = 0

    def place(self) -> None:
        """Places the calls of new commands, and plans what is reported of them."""
        for due in self.log.sent(m.CommandDue)[self.seen :]:
            self.seen += 1
            touch, now = due.touch, self.log.task.stream_time
            name = touch.command_id
            assert name not in self.calls, "a call is placed once"
            plan = self.asked[name]
            begun = now + int(plan.place * (due.place_by - now))
            answered = begun + int(plan.ring * RING)
            ended = answered + int(plan.talk * MAX)
            self.touches[name], self.calls[name] = touch, (begun, ended)
            at = {"ringing": begun, "in_progress": answered}
            self.reports += [(at[state], name, state) for state in plan.progress]
            self.reports += [(ended + minutes * MINUTE, name, "ended") for minutes in plan.reports]
        self.reports.sort()

    def live_at(self, moment: int) -> list[str]:
        """The calls that are really under way at a moment."""
        return [name for name, (begun, ended) in self.calls.items() if begun <= moment < ended]


def played(asked: Sequence[Plan], batch: int = 1_000) -> tuple[CallsLog, ObedientSenders]:
    """Plays a history to its end, with a look at every record."""
    terms = [tenant_calls(t, slots=SLOTS, agents={"x": AGENT_SLOTS}) for t in TENANTS]
    log = CallsLog(pool(POOL_SLOTS), *terms, batch=batch)
    named = {f"c{place:02}": plan for place, plan in enumerate(asked)}
    senders = ObedientSenders(log, named)
    waiting = sorted(named, key=lambda name: (named[name].asked_at, name))
    while waiting or senders.reports or log.leases() or log.states(Request):
        moments = [log.task.next_due()]
        moments += [named[waiting[0]].asked_at] if waiting else []
        moments += [senders.reports[0][0]] if senders.reports else []
        now = max(min(moments), log.task.stream_time)
        messages: list[m.Message] = []
        while senders.reports and senders.reports[0][0] <= now:
            at, name, state = senders.reports.pop(0)
            messages.append(reported(senders.touches[name], state, at))
        while waiting and named[waiting[0]].asked_at <= now:
            messages.append(requested(waiting[0], named[waiting[0]]))
            waiting.pop(0)
        for message in messages or [m.Tick()]:
            log.append(message, at=now)
            senders.place()
            check_slots(log, senders)
    return log, senders


def requested(name: str, plan: Plan) -> m.RequestTouch:
    """The request of a plan: most calls have hours, which open again the next day."""
    return call(
        plan.number,
        command_id=name,
        contact_id=name,
        tenant_id=plan.tenant,
        agent_id=plan.agent,
        position=0,
        hours=HOURS if plan.number else None,
        expires_at=START + 9 * DAY,
    )


def check_slots(log: CallsLog, senders: ObedientSenders) -> None:
    """Slots and numbers are kept at every moment; a lost call counts until its lease ends."""
    leases = [lease for lease in log.leases() if lease.state != "overrun"]
    touches = [lease.touch for lease in leases]
    assert len(touches) <= POOL_SLOTS
    assert all(count <= SLOTS for count in Counter(t.tenant_id for t in touches).values())
    agents = Counter((t.tenant_id, t.call.agent_id) for t in touches if t.call and t.call.agent_id)
    assert all(count <= AGENT_SLOTS for count in agents.values())
    numbers = Counter(lease.number for lease in leases)
    assert all(count == 1 for count in numbers.values())
    live = [senders.touches[name] for name in senders.live_at(log.task.stream_time)]
    assert len(live) <= POOL_SLOTS
    assert all(count <= SLOTS for count in Counter(t.tenant_id for t in live).values())


@settings(max_examples=120, deadline=None)
@given(st.lists(plans, min_size=1, max_size=12))
def test_slots_are_kept_and_every_call_is_placed_once(asked: list[Plan]) -> None:
    log, senders = played(asked)
    assert len(senders.calls) == len(asked)
    assert log.leases() == []
    log.pass_time(log.task.stream_time + LATE_US + LONGEST)
    assert log.states(Lease) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(plans, min_size=1, max_size=8))
def test_no_call_is_placed_outside_of_its_hours(asked: list[Plan]) -> None:
    log, senders = played(asked)
    for due in log.sent(m.CommandDue):
        if due.touch.call.hours is not None:
            assert is_open(HOURS, senders.calls[due.touch.command_id][0])
            assert is_open(HOURS, due.place_by)
        assert due.place_by <= due.send_before


@settings(max_examples=60, deadline=None)
@given(st.lists(plans, min_size=1, max_size=8), st.integers(1, 5))
def test_batches_and_restarts_change_nothing(asked: list[Plan], batch: int) -> None:
    log, _ = played(asked)
    restarted, _ = played(asked, batch)
    assert restarted.outputs == log.outputs
    assert dict(restarted.task.store.items()) == dict(log.task.store.items())


@settings(max_examples=60, deadline=None)
@given(st.lists(plans, min_size=1, max_size=10), st.randoms())
def test_the_order_of_contacts_inside_one_moment_changes_no_count(
    asked: list[Plan], dice: object
) -> None:
    """Who is called differs, but not how many calls of each tenant are under way at rest."""
    plans_now = [
        plan._replace(asked_at=START, number=n, agent=None) for n, plan in enumerate(asked)
    ]
    names = [f"c{place:02}" for place in range(len(plans_now))]
    shuffled = names.copy()
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    counts = []
    for order in (names, shuffled):
        log = CallsLog(*[tenant_calls(t, slots=SLOTS) for t in TENANTS])
        for name in order:
            log.append(requested(name, plans_now[names.index(name)]))
        counts.append(Counter(lease.touch.tenant_id for lease in log.leases()))
    assert counts[0] == counts[1]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 4)), min_size=1, max_size=6),
    st.lists(st.integers(0, 3), max_size=30),
)
def test_a_tenant_with_work_and_a_free_slot_is_served_in_one_round(
    asked: list[tuple[str, int]], ends: list[int]
) -> None:
    """Within as many grants as there are tenants with work."""
    log = CallsLog(pool(2), *[tenant_calls(t, slots=2) for t in "abcd"])
    touches: dict[str, m.RequestTouch] = {}
    rounds: dict[str, int] = {}

    def look(before: int) -> None:
        granted = [due.touch.tenant_id for due in log.sent(m.CommandDue)[before:]]
        working = {each.touch.tenant_id for each in log.states(Request)}
        for tenant in granted:
            rounds[tenant] = 0
            for other in working - {tenant}:
                full = sum(lease.touch.tenant_id == other for lease in log.leases()) >= 2
                rounds[other] = 0 if full else rounds.get(other, 0) + 1
                assert rounds[other] <= len(working | set(granted)) + 1
        for seat in log.states(PoolTenant):
            if seat.tenant_id not in working:
                rounds[seat.tenant_id] = 0

    for place, (tenant, number) in enumerate(asked):
        before = len(log.sent(m.CommandDue))
        for n in range(number):
            name = f"{tenant}{place}{n}"
            fields = {"tenant_id": tenant, "command_id": name, "contact_id": name}
            touches[name] = call(place * 10 + n, **fields)
            log.append(touches[name])
        look(before)
        for end in ends[place * 5 : place * 5 + 5]:
            names = log.under_way()
            before = len(log.sent(m.CommandDue))
            if names:
                log.append(reported(touches[names[end % len(names)]]))
            look(before)


def test_a_call_that_waits_has_a_reason_at_every_record() -> None:
    log = CallsLog(pool(1), *[tenant_calls(t) for t in TENANTS])
    for n, tenant in enumerate("abcabc"):
        log.append(call(n, tenant_id=tenant, command_id=f"{tenant}{n}"))
        assert all(log.waits().values())
    assert {lease.state for lease in log.leases()} <= ACTIVE
    assert HOUR > LONGEST > MINUTE > SECOND
