"""In a time lapse the timestamps of other clients are real times; intake takes the lapse's time."""

import time

import pytest

from processors.fold.task import Record
from processors.fold.turn import Output, Turn
from processors.intake import IntakeProcessor
from schemas.base.times import DAY, HOUR, MINUTE, SECOND, format_rfc3339
from schemas.internal import messages as m
from schemas.internal.facts import Fact, fact_time
from schemas.internal.topics import Topic
from schemas.public.codec import Decoder
from streams.base.clock import ScaledClock
from streams.base.settings import Settings
from streams.base.transport import Partition
from streams.runtime.role_process import intake_task_maker
from tests.testing.public_records import record_headers, record_value

NOW = time.time_ns() // 1_000
BEGAN = NOW - 10 * MINUTE
LAPSE = ScaledClock(BEGAN, BEGAN, 3_600.0)
"""A lapse that began ten minutes ago, and has shown 25 days since."""


def output_of(clock: ScaledClock, stamp: int, ce_time: int | None) -> Output:
    """The output of intake for a job whose record has this timestamp and this time."""
    outputs: list[Output] = []
    at = None if ce_time is None else format_rfc3339(ce_time).encode()
    headers = record_headers("job.completed", ce_time=at)
    record = Record(0, stamp, b"k", record_value("job.completed"), lambda: headers)
    turn = Turn(stamp, None, outputs, 0)  # type: ignore[arg-type]
    lapse_time = clock.record_time if clock.scaled else None
    IntakeProcessor(Topic.JOBS, Decoder().decode, lapse_time).apply(turn, record)
    (output,) = outputs
    return output


def test_a_time_of_the_lapse_is_accepted_from_a_client_that_stamps_the_real_time() -> None:
    stamp = BEGAN + 5 * MINUTE
    shown = BEGAN + 300 * HOUR
    output = output_of(LAPSE, stamp, shown)
    assert isinstance(output.message, m.JobCompleted)
    assert output.message.at == shown


def test_the_tasks_of_a_deployment_take_the_time_of_its_lapse() -> None:
    task = intake_task_maker(Settings(clock=LAPSE.text()))(Partition(Topic.JOBS, 0))
    at = format_rfc3339(BEGAN + 300 * HOUR).encode()
    headers = record_headers("job.completed", ce_time=at)
    stamp = BEGAN + 5 * MINUTE
    task.feed([Record(0, stamp, b"k", record_value("job.completed"), lambda: headers)])
    task.advance(10)
    (output,) = task.outputs
    assert isinstance(output.message, m.JobCompleted)


def test_without_a_time_the_event_happened_at_the_time_of_the_lapse() -> None:
    output = output_of(LAPSE, BEGAN + 5 * MINUTE, None)
    assert isinstance(output.message, m.JobCompleted)
    assert output.message.at == BEGAN + 300 * HOUR


def test_a_time_more_than_a_day_after_the_lapse_is_refused() -> None:
    shown = BEGAN + 300 * HOUR
    assert isinstance(output_of(LAPSE, BEGAN + 5 * MINUTE, shown + DAY).message, m.JobCompleted)
    late = output_of(LAPSE, BEGAN + 5 * MINUTE, shown + DAY + SECOND)
    assert isinstance(late.message, m.DeadLetter)
    assert late.message.code == "TIME_OUT_OF_RANGE"


@pytest.mark.parametrize("days", [2, 20])
def test_the_engines_own_client_stamps_the_time_of_the_lapse_and_gives_it_as_the_events(
    days: int,
) -> None:
    stamp = BEGAN + days * DAY
    output = output_of(LAPSE, stamp, stamp)
    assert isinstance(output.message, m.JobCompleted)
    assert output.message.at == stamp


@pytest.mark.parametrize("ce_time", [None, BEGAN + 2 * DAY])
@pytest.mark.parametrize("stamp", [BEGAN + 5 * MINUTE, BEGAN + 2 * DAY])
def test_a_record_has_the_same_time_whenever_it_is_read(
    monkeypatch: pytest.MonkeyPatch, stamp: int, ce_time: int | None
) -> None:
    outputs = []
    for read_at in (NOW, NOW + HOUR, NOW + 60 * DAY):
        monkeypatch.setattr(time, "time_ns", lambda read_at=read_at: read_at * 1_000)
        outputs.append(output_of(LAPSE, stamp, ce_time))
    assert outputs[0] == outputs[1] == outputs[2]


@pytest.mark.parametrize("stamp", [BEGAN + 5 * MINUTE, BEGAN + 300 * HOUR])
def test_a_dropped_field_is_told_at_the_time_of_the_lapse(stamp: int) -> None:
    """The real time, or that of the lapse: stamped by another client, or by the engine's own."""
    shown = BEGAN + 300 * HOUR
    headers = record_headers("job.completed", ce_time=format_rfc3339(shown).encode())
    customer = {"contact_id": "ann", "timezone": "Mars/Base"}
    value = record_value("job.completed", customer=customer)
    outputs: list[Output] = []
    turn = Turn(stamp, None, outputs, 0)  # type: ignore[arg-type]
    record = Record(0, stamp, b"k", value, lambda: headers)
    IntakeProcessor(Topic.JOBS, Decoder().decode, LAPSE.record_time).apply(turn, record)
    _, fact = outputs
    assert isinstance(fact.message, Fact)
    assert fact.message.at == fact_time(shown)


def test_a_record_from_before_this_run_of_the_lapse_may_have_any_time_of_it() -> None:
    """`touchstream up` was stopped after 20 days of the lapse, and has started again."""
    again = ScaledClock(BEGAN, BEGAN + 20 * DAY, 3_600.0)
    output = output_of(again, BEGAN - HOUR, BEGAN + 19 * DAY)
    assert isinstance(output.message, m.JobCompleted)


def test_at_normal_speed_the_timestamp_counts() -> None:
    clock = ScaledClock()
    output = output_of(clock, BEGAN, None)
    assert isinstance(output.message, m.JobCompleted)
    assert output.message.at == BEGAN == clock.record_time(BEGAN)
    assert isinstance(output_of(clock, BEGAN, BEGAN + DAY + SECOND).message, m.DeadLetter)
