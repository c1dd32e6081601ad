"""Requests through the owner of a channel with a sender account that has all its limits, while
100,000 touches wait; the size of the account's state; and the forecast of what waits.

The fold runs alone, without Kafka and without encoding its outputs.
"""

from collections.abc import Iterator, Sequence
from time import process_time
from typing import NamedTuple

from bench.contact import BATCH
from bench.harness import Stopwatch, run_pinned
from bench.report import Figure, rounded_median
from processors.dispatch import DispatchProcessor
from processors.fold.task import Record, Task
from processors.shared.forecast import forecast
from processors.shared.forecast_plan import plan_of
from schemas.base.times import DAY, SECOND, MomentUs, parse_rfc3339
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal import messages as m
from schemas.internal.dispatch_messages import DISPATCH_RULES
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import POSITION_KEY, State
from streams.runtime.worker import STEPS_MAX, raise_gc_threshold

TARGET = 5_000
ROUNDS = 3
WAITING, WAITING_QUICK = 100_000, 10_000
TENANT, CHANNEL = "acme", "email"
START: MomentUs = parse_rfc3339("2026-03-02T09:00:00Z")
LIMITS = LimitTerms(
    per_hour=200,
    per_day=1_000,
    per_week=6_000,
    per_month=20_000,
    spacing_us=30 * SECOND,
    jitter_us=5 * SECOND,
)
ACCOUNT = SenderTerms(
    "account-1",
    {"": LIMITS},
    "America/New_York",
    window=StepWindow(0, 1_439),
    warm_up=(5_000, 5, 5_000),
    max_new_per_day=900,
)
"""Limits of an hour, a day, a week and a month; spacing, warm-up, first touches and a window."""


class SenderMeasurement(NamedTuple):
    """One run: arrivals and requests a second, bytes of the account, seconds of the forecast."""

    arrivals: float
    requests: float
    commands: int
    state_bytes: int
    rewritten_bytes: float
    forecast_s: float


def run(quick: bool = False) -> Figure:
    """Measures each run in a process of its own."""
    waiting = WAITING_QUICK if quick else WAITING
    runs = [run_pinned(measured, waiting) for _ in range(ROUNDS)]
    speeds = [each.requests for each in runs]
    arrivals = rounded_median(each.arrivals for each in runs)
    return Figure(
        name="senders",
        what="requests through a sender account with seven limits while others wait, on one core",
        value=rounded_median(speeds),
        unit="requests/s",
        target=TARGET,
        ratio=rounded_median(each.requests / each.arrivals for each in runs),
        of="requests that only come to wait",
        runs=speeds,
        settings={"waiting": waiting, "a request": "it comes to wait, and every third one is sent"},
        beside={
            "requests that come to wait, requests/s": arrivals,
            "commands of a run": runs[0].commands,
            "state of the account, bytes": max(each.state_bytes for each in runs),
            "bytes of the account rewritten by a command": runs[0].rewritten_bytes,
            "forecast of all that wait, s": rounded_median(each.forecast_s for each in runs),
        },
    )


def measured(waiting: int) -> SenderMeasurement:
    """Lets so many requests wait, then as many come as the account sends a part of."""
    raise_gc_threshold()
    bench = _Owner()
    bench.fold([(START, _order())])
    watch = Stopwatch()
    bench.fold([*((START, _request(n)) for n in range(waiting)), (START + SECOND, m.Tick())])
    arrivals = watch.measure(waiting).per_second
    number = waiting // 5
    later = [(START + SECOND + n * 12 * SECOND, _request(waiting + n)) for n in range(number)]
    before = bench.commands
    watch = Stopwatch()
    bench.fold(later)
    requests = watch.measure(number).per_second
    commands = bench.commands - before
    plan = plan_of(bench.states(), TENANT, CHANNEL)
    began = process_time()
    expected = forecast(plan, bench.task.stream_time)
    spent = process_time() - began
    assert len(expected) >= waiting
    state_bytes = bench.account_bytes()
    return SenderMeasurement(arrivals, requests, commands, state_bytes, bench.rewritten(), spent)


class _Owner:
    """A task of dispatch with the number of its commands."""

    def __init__(self) -> None:
        self.task = Task(DispatchProcessor(), 0)
        self.task.restored()
        self.offset = self.commands = 0

    def fold(self, messages: Sequence[tuple[MomentUs, m.Message]]) -> None:
        """Folds messages with their timestamps, in batches."""
        records = [
            Record(self.offset + place, at, b"k", m.encode(message))
            for place, (at, message) in enumerate(messages)
        ]
        self.offset += len(records)
        for first in range(0, len(records), BATCH):
            self.task.feed(records[first : first + BATCH])
            while self.task.advance(STEPS_MAX):
                outputs = self.task.outputs
                self.commands += sum(isinstance(out.message, m.CommandDue) for out in outputs)
                outputs.clear()
            self.task.commit(self.task.changes())

    def states(self) -> Iterator[tuple[bytes, State]]:
        """The committed states by their keys."""
        decode = DispatchProcessor.decode_state
        for key, value in self.task.store.items():
            if key != POSITION_KEY:
                yield key, decode(payload_of(value))

    def account_bytes(self) -> int:
        """The bytes of the account and its logs."""
        return sum(len(value) for key, value in self.task.store.items() if key[:1] == b"\x04")

    def rewritten(self) -> float:
        """The bytes of the account in the changelog of one command, as a mean of many."""
        total, before = 0, self.commands
        for _ in range(200):
            tick = Record(self.offset, self.task.next_due(), b"k", m.TICK)
            self.offset += 1
            self.task.feed([tick])
            while self.task.advance(STEPS_MAX):
                outputs = self.task.outputs
                self.commands += sum(isinstance(out.message, m.CommandDue) for out in outputs)
                outputs.clear()
            changes = self.task.changes()
            total += sum(len(value or b"") for key, value in changes if key[:1] == b"\x04")
            self.task.commit(changes)
        return round(total / max(1, self.commands - before))


def _order() -> m.SenderAnnounced:
    return m.SenderAnnounced(TENANT, CHANNEL, ACCOUNT)


def _request(number: int) -> m.RequestTouch:
    return m.RequestTouch(
        f"00000000-0000-0000-0000-{number:012}",
        TENANT,
        f"p-{number}",
        "outreach",
        1,
        f"e-{number}",
        "first",
        1,
        1,
        1,
        CHANNEL,
        "send_message",
        "template-1",
        f"p-{number}@people.example",
        {"first_name": "Ann", "last_name": "Lee"},
        START,
        START,
        START + 900 * DAY,
        number % 3,
        None,
        rules=DISPATCH_RULES,
        first=number % 2 == 0,
    )
