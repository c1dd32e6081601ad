"""A machine whose clock is a day ahead gives its partitions up on a real Kafka, which refuses all
of its records."""

import pytest

from schemas.base.times import DAY
from schemas.internal.messages import TICK
from schemas.internal.topics import Topic
from streams.base.clock import ScaledClock
from streams.base.settings import Settings
from streams.base.transport import Stalled
from streams.embedded.stack import Stack
from streams.kafka.clients import idempotent_producer
from streams.kafka.topics import create_topics
from streams.kafka.transport import KafkaTransport
from streams.runtime.role_process import encoder_of
from streams.runtime.roles import task_maker
from streams.runtime.worker import Worker
from tests.testing.two_tenant_engine import ONE_EACH

pytestmark = pytest.mark.live


def test_records_that_the_broker_refuses_for_their_time_end_the_worker_with_that_reason(
    stack: Stack, topic_prefix: str
) -> None:
    settings = Settings(
        bootstrap_servers=stack.kafka.bootstrap,
        kafka=stack.kafka.credentials,
        topic_prefix=topic_prefix,
    )
    create_topics(settings, ONE_EACH)
    producer = idempotent_producer(settings)
    producer.produce(f"{topic_prefix}{Topic.CONTACT_LOG}", TICK, partition=0)
    assert producer.flush(15) == 0

    clock = ScaledClock(0, DAY, 1.0)
    transport = KafkaTransport(settings, "contact", [Topic.CONTACT_LOG], clock)
    worker = Worker(
        transport,
        task_maker("contact", ONE_EACH),
        encoder_of(settings),
        clock,
        max_clock_skew_us=2 * DAY,
        stalled_after_s=2.0,
    )
    try:
        with pytest.raises(Stalled, match=r"(?i)contact-log\[0\].*timestamp"):
            worker.run(lambda: False)
    finally:
        transport.close()
