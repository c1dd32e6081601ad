"""Publishes events and other records on the public topics of a live engine."""

import time
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from schemas.base.times import format_rfc3339
from schemas.internal.topics import Topic
from schemas.public.codec import Encoding, encode_event
from schemas.public.events import EVENTS
from schemas.public.example_events import sample_model
from streams.base.settings import Settings
from streams.kafka.clients import idempotent_producer
from tests.testing.topic_readers import Origin

Headers = list[tuple[str, bytes]]


def now() -> int:
    """The current time in microseconds."""
    return time.time_ns() // 1_000


class EventSource:
    """A source of events: `put` publishes any bytes, and `event` an example event with changed
    fields. `through` is the producer, by default an idempotent one. In a time lapse events and
    records have the time of the lapse."""

    def __init__(self, settings: Settings, through: Producer | None = None) -> None:
        self._clock = settings.scaled_clock()
        self._prefix = settings.topic_prefix
        self._producer = through or idempotent_producer(settings)
        self._events = 0

    def put(
        self,
        topic: Topic,
        headers: Headers,
        value: bytes | None,
        key: bytes | None = b"k",
        timestamp_ms: int = 0,
    ) -> Origin:
        """Publishes a record, and returns its topic, partition and offset. A timestamp of 0 means
        now."""
        origins: list[Origin] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            origins.append((topic.value, message.partition() or 0, message.offset() or 0))

        name = f"{self._prefix}{topic}"
        if self._clock.scaled and not timestamp_ms:
            timestamp_ms = self._clock.now() // 1_000
        self._producer.produce(
            name, value, key, headers=[*headers], timestamp=timestamp_ms, on_delivery=delivered
        )
        assert self._producer.flush(30) == 0
        return origins[0]

    def event(
        self,
        ce_type: str,
        encoding: Encoding = "json",
        *,
        key: bytes | None = b"k",
        event_id: str = "",
        schema_id: int | None = None,
        **fields: Any,
    ) -> str:
        """Publishes a valid event on its topic, and returns its cause."""
        self._events += 1
        event_id = event_id or f"e{self._events}"
        headers, value = encode_event(
            ce_type,
            sample_model(ce_type, **fields),
            encoding,
            event_id=event_id,
            source="test",
            time=self._clock.now(),
            schema_id=schema_id,
        )
        topic = EVENTS[ce_type].topic
        assert topic is not None
        self.put(topic, headers, value, key)
        return f"test#{event_id}"

    def tenant(self, tenant_id: str) -> str:
        """Publishes a tenant without quiet hours and limits."""
        return self.event(
            "tenant.upserted",
            tenant_id=tenant_id,
            timezone="UTC",
            quiet_hours={"start": "00:00", "end": "00:00"},
            calling_hours=False,
            limits={"email": {"per_hour": None}, "sms": {"per_hour": None}},
            delay_hours_by_service={},
        )

    def campaign(self, tenant_id: str, *, delay_hours: float, key: bytes = b"k") -> str:
        """Publishes a campaign of one e-mail for every service type."""
        step = {"id": "s1", "channel": "email", "template_id": "t", "delay_hours": delay_hours}
        whole = {
            "tenant_id": tenant_id,
            "campaign_id": "reviews",
            "name": "Reviews",
            "settings": {"quiet_hours": "none"},
            "steps": [step],
        }
        return self.event(
            "campaign.published",
            key=key,
            tenant_id=tenant_id,
            campaign_id="reviews",
            definition=whole,
        )

    def jobs(self, tenant_id: str, contacts: list[str], completed_at: str) -> None:
        """Publishes many jobs at once, each for a contact of its own."""
        for contact_id in contacts:
            fields = self._job(tenant_id, contact_id, completed_at)
            headers, value = encode_event(
                "job.completed",
                sample_model("job.completed", **fields),
                event_id=f"job-{contact_id}",
                source="test",
            )
            name = f"{self._prefix}{Topic.JOBS}"
            self._producer.produce(name, value, contact_id, headers=[*headers])
            self._producer.poll(0)
        assert self._producer.flush(60) == 0

    def job(self, tenant_id: str, contact_id: str, **changes: Any) -> str:
        """Publishes a job that was finished just now."""
        fields = self._job(tenant_id, contact_id, format_rfc3339(now()))
        return self.event("job.completed", **{**fields, **changes})

    def _job(self, tenant_id: str, contact_id: str, completed_at: str) -> dict[str, Any]:
        return {
            "tenant_id": tenant_id,
            "job_id": f"job-{contact_id}",
            "completed_at": completed_at,
            "customer": {"contact_id": contact_id, "email": f"{contact_id}@example.com"},
        }
