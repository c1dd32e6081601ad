"""The publisher stamps events with the deployment's time; in a time lapse they have a ce_time
too."""

import time
from unittest.mock import Mock

import pytest

from schemas.base.times import DAY, parse_rfc3339
from schemas.public.example_events import sample_model
from streams.base.clock import ScaledClock
from streams.base.settings import Settings
from streams.cli.event_publisher import EventPublisher

NOW = time.time_ns() // 1_000
LAPSE = ScaledClock(NOW, NOW + 30 * DAY, 60.0)


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Mock:
    made = Mock()
    monkeypatch.setattr("streams.cli.event_publisher.idempotent_producer", Mock(return_value=made))
    return made


def test_an_event_without_a_time_gets_that_of_the_lapse(producer: Mock) -> None:
    model = sample_model("job.completed")
    EventPublisher(Settings(clock=LAPSE.text())).send("job.completed", model, "e-1")
    sent = producer.produce.call_args.kwargs
    happened = parse_rfc3339(dict(sent["headers"])["ce_time"].decode())
    assert NOW + 30 * DAY <= happened <= LAPSE.now()


def test_at_normal_speed_the_timestamp_of_the_record_is_enough(producer: Mock) -> None:
    EventPublisher(Settings()).send("job.completed", sample_model("job.completed"), "e-1")
    assert "ce_time" not in dict(producer.produce.call_args.kwargs["headers"])
