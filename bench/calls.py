"""Call pools: how many slots a second one owner grants while 100,000 calls of 200 tenants wait, and
how long a free slot stays free."""

import time
from collections import deque
from collections.abc import Iterable
from itertools import islice

from bench import engine
from bench.harness import InputRecord, broker, fill, run_pinned, topics, watch_committed
from bench.our_engine import run_until_committed
from bench.report import Figure, rounded_median
from processors.dispatch import DispatchProcessor
from processors.fold.task import Record, Task
from schemas.base.times import DAY, SECOND
from schemas.internal import messages as m
from schemas.internal.limit_terms import TenantCallTerms
from schemas.internal.topics import ONE_MACHINE, Topic
from streams.base.settings import Settings
from streams.kafka.clients import idempotent_producer
from streams.runtime.role_process import build_worker

TARGET = 2_000
TARGET_P99_MS = 100
ROUNDS = 3
SLOTS, TENANTS = 1_000, 200
POOL = "calls"
CHANNEL = "voice"
_KEY = m.pool_key(POOL)
_ENDS_PER_SECOND = 100


def run(quick: bool = False) -> Figure:
    """Measures several rounds with new topics, then the time from an end to the next command."""
    waiting, grants = (5_000, 2_000) if quick else (100_000, 20_000)
    speeds, requests, tails = [], [], []
    with broker() as settings:
        for _ in range(ROUNDS):
            with topics(settings, ONE_MACHINE) as named:
                requested, granted = run_pinned(grant_slots, named, waiting, grants)
                requests.append(requested)
                speeds.append(granted)
                tails.append(_slot_to_command_ms(named, waiting, grants, 100 if quick else 1_000))
                print(f"  {granted:,.0f} grants/s, p99 {tails[-1]:.0f} ms", flush=True)
    return Figure(
        name="calls",
        what=f"slots granted by one pool owner, {SLOTS:,} slots, {waiting:,} calls waiting",
        value=rounded_median(speeds),
        unit="grants/s",
        target=TARGET,
        ratio=rounded_median(speeds) / TARGET,
        of="what is asked for",
        runs=speeds,
        settings={"slots": SLOTS, "tenants": TENANTS, "waiting": waiting, "grants": grants},
        beside={
            "requests queued a second": rounded_median(requests),
            f"slot free to next command, p99 ms (target <= {TARGET_P99_MS})": rounded_median(tails),
        },
    )


def grant_slots(settings: Settings, waiting: int, grants: int) -> tuple[float, float]:
    """Folds the requests, then the ends of calls, of which each leads to a grant. Returns both as
    records a second."""
    worker, transport = build_worker("dispatch", settings)
    messages = [*_announcements(), *_requests(waiting)]
    number = fill(settings, Topic.DISPATCH_LOG, _records(messages))
    requested = run_until_committed(worker, number)
    number += fill(settings, Topic.DISPATCH_LOG, _records(islice(_ends(messages), grants)))
    granted = run_until_committed(worker, number)
    transport.close()
    return requested.per_second, granted.per_second * grants / granted.records


def _slot_to_command_ms(settings: Settings, waiting: int, after: int, number: int) -> float:
    """The 99th percentile of the time from the record of an end to the command that follows it."""
    messages = [*_announcements(), *_requests(waiting)]
    ends = [*islice(_ends(messages), after, after + number)]
    folded = len(messages) + after
    with (
        engine.run_roles(settings, ("dispatch",)),
        watch_committed(settings, "dispatch", Topic.DISPATCH_LOG, 1) as committed,
    ):
        consumer = engine.command_consumer(settings, 1, CHANNEL)
        commands = SLOTS + after
        while commands > 0:
            commands -= sum(each.error() is None for each in consumer.consume(10_000, 0.5))
        while committed() < folded:
            time.sleep(0.1)
        time.sleep(2)  # the new process restores its states
        writer, name = idempotent_producer(settings), settings.topic_prefix + Topic.DISPATCH_LOG
        latencies_ms = []
        for place, end in enumerate(ends):
            sent_at = time.monotonic()
            writer.produce(name, m.encode(end), _KEY)
            writer.poll(0)
            while not [each for each in consumer.consume(1, 5) if each.error() is None]:
                pass
            if place >= number // 10:  # the first ones warm up
                latencies_ms.append((time.monotonic() - sent_at) * 1e3)
            time.sleep(max(0.0, 1 / _ENDS_PER_SECOND - (time.monotonic() - sent_at)))
        writer.flush(10)
        consumer.close()
    return sorted(latencies_ms)[int(len(latencies_ms) * 0.99)]


def _announcements() -> list[m.Message]:
    """The pool and its tenants, whose suppressed numbers are known."""
    names = [f"tenant-{number:03}" for number in range(TENANTS)]
    calls = TenantCallTerms(slots=10)
    return [
        m.PoolAnnounced(POOL, SLOTS, {}, {}),
        *(
            m.TenantAnnounced(name, "active", "UTC", None, 0, (), {}, {}, calls=calls)
            for name in names
        ),
        *(m.SuppressionsShared(name, CHANNEL, POOL, {}, True) for name in names),
    ]


def _requests(number: int) -> Iterable[m.RequestTouch]:
    """Calls of all tenants, each of three campaigns, to another person."""
    now = time.time_ns() // 1_000_000_000 // 86_400 * DAY
    for index in range(number):
        terms = m.CallTerms(
            POOL, None, None, 60 * SECOND, 45 * SECOND, 900 * SECOND, position=index
        )
        yield m.RequestTouch(
            f"command-{index:07}",
            f"tenant-{index % TENANTS:03}",
            f"person-{index:07}",
            f"campaign-{index // TENANTS % 3}",
            1,
            f"enrollment-{index:07}",
            "call",
            *(1, 1, 1),
            CHANNEL,
            "place_call",
            "script-1",
            f"+1212{index:07}",
            {"first_name": "Ann"},
            *(now, now, now + 30 * DAY),
            index % 5,
            None,
            call=terms,
        )


def _ends(messages: Iterable[m.Message]) -> Iterable[m.CallReported]:
    """The ends of all calls, those that were granted first before the others. Who is granted
    follows from the order of the records alone, so a fold in memory knows it beforehand."""
    task = Task(DispatchProcessor(), 0)
    task.restored()
    under_way: deque[m.RequestTouch] = deque()

    def fold(*added: m.Message) -> None:
        task.feed(
            [
                Record(task.next_offset + place, 1, _KEY, m.encode(message))
                for place, message in enumerate(added)
            ]
        )
        while task.advance(1_000):
            under_way.extend(
                each.message.touch
                for each in task.outputs
                if isinstance(each.message, m.CommandDue)
            )
            task.commit(task.changes())

    fold(*messages)
    while under_way:
        touch = under_way.popleft()
        ids = (touch.tenant_id, touch.contact_id, touch.command_id)
        end = m.CallReported(*ids, POOL, "ended", 1, "dialler#1", "answered", 30)
        yield end
        fold(end)


def _records(messages: Iterable[m.Message]) -> Iterable[InputRecord]:
    return (InputRecord(_KEY, m.encode(message)) for message in messages)
