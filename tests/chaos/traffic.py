"""Businesses at work: a thread that keeps publishing, and a ledger of what must come of it.

The ledger counts from what was published alone: it knows nothing of logs, states or facts.
"""

import threading
import time
from random import Random
from typing import Any

import msgspec
from confluent_kafka import Producer

from schemas.base.times import format_rfc3339
from schemas.public.codec import Encoding, encode_event
from schemas.public.events import EVENTS
from schemas.public.example_events import sample_model
from streams.base.settings import Settings
from streams.kafka.clients import idempotent_producer
from tests.chaos import prospects
from tests.chaos.prospects import OUTREACH

TENANTS = ("north", "south", "west")
SINGLE, STEPS, PAUSED = "single", "steps", "paused"
CAMPAIGNS = (SINGLE, STEPS, PAUSED, OUTREACH)
STEP_IDS = ("s1", "s2", "s3")
SOON_HOURS = 0.0001  # a third of a second
KINDS = 12
CHANNELS = ("email", "sms", "linkedin", "whatsapp", "voice")

Contact = tuple[str, str]


def kind_of(contact_id: str) -> int:
    """What a contact is like, for publisher and sender alike."""
    return int(contact_id.rpartition("-")[2]) % KINDS


def definition(tenant_id: str, campaign_id: str) -> dict[str, Any]:
    """One e-mail, three touches, or a sequence; no quiet hours, quick retries."""
    if campaign_id == OUTREACH:
        return prospects.definition(tenant_id)
    channels = ("email", "sms", "email") if campaign_id == STEPS else ("email",)
    services = {SINGLE: "hvac", STEPS: "plumbing", PAUSED: "roofing"}
    return {
        "tenant_id": tenant_id,
        "campaign_id": campaign_id,
        "name": f"Campaign {campaign_id}",
        "service_type": services[campaign_id],
        "settings": {"quiet_hours": "none", "retry_minutes": [0.005, 0.005, 0.005]},
        "steps": [
            {"id": step, "channel": channel, "template_id": "t", "delay_hours": SOON_HOURS}
            for step, channel in zip(STEP_IDS, channels, strict=False)
        ],
    }


class Ledger:
    """What must have been commanded, by what was published."""

    def __init__(self) -> None:
        self.must: dict[Contact, set[str]] = {}
        self.may: dict[Contact, set[str]] = {}
        self.unless_paused: dict[Contact, str] = {}
        self.published = 0

    def missing(
        self, commanded: dict[Contact, set[str]], declined: set[str]
    ) -> list[tuple[Contact, set[str]]]:
        """Touches that no command was seen for."""
        must = dict(self.must)
        for contact, cause in self.unless_paused.items():
            if cause not in declined:
                must[contact] = {STEP_IDS[0]}
        found = [(c, steps - commanded.get(c, set())) for c, steps in must.items()]
        return [(contact, steps) for contact, steps in found if steps]

    def needless(self, commanded: dict[Contact, set[str]]) -> list[tuple[Contact, set[str]]]:
        """Touches of prospects that nothing led to."""
        found = [(c, commanded.get(c, set()) - steps) for c, steps in self.may.items()]
        return [(contact, steps) for contact, steps in found if steps]


class Publisher:
    """Events on the public topics; `run` and `rest` switch the flow."""

    def __init__(self, settings: Settings, seed: int, rate: float) -> None:
        self.ledger = Ledger()
        self._prefix = settings.topic_prefix
        self._producer: Producer = idempotent_producer(settings)
        self._random = Random(seed)
        self._pause_s = 1 / rate
        self._number = 0
        self._flowing = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._ended = False
        self._paused: set[str] = set()
        self._thread = threading.Thread(target=self._work, name="publisher", daemon=True)

    def tell_tenants(self) -> None:
        """First the tenants: no order holds between topics."""
        for tenant_id in TENANTS:
            self._tenant(tenant_id)
        self.flush()

    def tell_campaigns(self) -> None:
        """Then their campaigns; jobs may come when all are ready."""
        for tenant_id in TENANTS:
            for campaign_id in CAMPAIGNS:
                who = {"tenant_id": tenant_id, "campaign_id": campaign_id}
                whole = definition(tenant_id, campaign_id)
                self.publish("campaign.published", tenant_id, **who, definition=whole)
        self.flush()
        self._thread.start()

    def run(self) -> None:
        """Traffic flows."""
        self._idle.clear()
        self._flowing.set()

    def rest(self) -> None:
        """Traffic ends; whatever was paused goes on, and all is with the broker."""
        self._flowing.clear()
        self._idle.wait(30)
        for tenant_id in sorted(self._paused):
            self._steer(tenant_id, "campaign.resumed")
        self._paused.clear()
        self.flush()

    def end(self) -> None:
        """For good."""
        self._ended = True
        self.rest()

    def flush(self) -> None:
        if self._producer.flush(60):
            raise TimeoutError("the broker does not take what is published")

    def publish(self, ce_type: str, key: str, *, event_id: str = "", **fields: Any) -> str:
        """One event, JSON or Avro; its id."""
        self._number += 1
        event_id = event_id or f"e{self._number}"
        encoding: Encoding = "json" if self._number % 2 else "avro"
        now = time.time_ns() // 1_000
        headers, value = encode_event(
            ce_type,
            sample_model(ce_type, **fields),
            encoding,
            event_id=event_id,
            source="chaos",
            time=now,
        )
        topic = EVENTS[ce_type].topic
        self._producer.produce(f"{self._prefix}{topic}", value, key, headers=[*headers])
        self._producer.poll(0)
        self.ledger.published += 1
        return f"chaos#{event_id}"

    def _work(self) -> None:
        number = 0
        while not self._ended:
            if not self._flowing.is_set():
                self._idle.set()
                time.sleep(0.02)
                continue
            self._contact(TENANTS[number % 3], f"c-{number}")
            if number % 4 == 0:
                self._prospect(TENANTS[number // 4 % 3], f"p-{number // 4}")
            if number % 40 == 0:
                self._tenant(TENANTS[number // 40 % 3])
            if number % 50 == 25:
                self._toggle(self._random.choice(TENANTS))
            number += 1
            time.sleep(self._pause_s)

    def _contact(self, tenant_id: str, contact_id: str) -> None:
        key, who = f"{tenant_id}/{contact_id}", {"tenant_id": tenant_id, "contact_id": contact_id}
        kind, contact = kind_of(contact_id), (tenant_id, contact_id)
        if kind in (7, 8, 9):
            self.publish("contact.upserted", key, **who, email=f"{contact_id}@example.com")
            self.publish("contact.enrolled", key, **who, campaign_id=STEPS)
            self.ledger.must[contact] = {STEP_IDS[0]} if kind == 9 else set(STEP_IDS)
        elif kind == 11:
            cause = self._job(key, who, "roofing")
            self.ledger.unless_paused[contact] = cause
        else:
            self._job(key, who, "hvac", twice=kind == 6)
            if kind == 10:
                self.publish("contact.unsubscribed", key, **who, channel="all", command_id=None)
            else:
                self.ledger.must[contact] = {STEP_IDS[0]}

    def _prospect(self, tenant_id: str, contact_id: str) -> None:
        key, who = f"{tenant_id}/{contact_id}", {"tenant_id": tenant_id, "contact_id": contact_id}
        self.publish(
            "contact.upserted",
            key,
            **who,
            email=f"{contact_id}@{tenant_id}.example.com",
            phone="+15550100",
            linkedin_url=f"https://linkedin.com/in/{contact_id}",
        )
        self.publish("contact.enrolled", key, **who, campaign_id=OUTREACH)
        contact = (tenant_id, contact_id)
        self.ledger.must[contact] = prospects.must(contact_id)
        self.ledger.may[contact] = prospects.may(contact_id)

    def _job(self, key: str, who: dict[str, str], service: str, *, twice: bool = False) -> str:
        fields: dict[str, Any] = {
            "tenant_id": who["tenant_id"],
            "job_id": f"job-{who['contact_id']}",
            "service_type": service,
            "completed_at": format_rfc3339(time.time_ns() // 1_000),
            "customer": {"contact_id": who["contact_id"], "email": f"{key}@example.com"},
        }
        event_id = f"job-{key}"
        cause = self.publish("job.completed", key, event_id=event_id, **fields)
        if twice:
            self.publish("job.completed", key, event_id=event_id, **fields)
        return cause

    def _tenant(self, tenant_id: str) -> None:
        self.publish(
            "tenant.upserted",
            tenant_id,
            tenant_id=tenant_id,
            timezone="UTC",
            quiet_hours={"start": "00:00", "end": "00:00"},
            limits={channel: {"per_hour": None} for channel in CHANNELS},
            delay_hours_by_service={},
        )

    def _toggle(self, tenant_id: str) -> None:
        paused = tenant_id in self._paused
        self._steer(tenant_id, "campaign.resumed" if paused else "campaign.paused")
        self._paused.symmetric_difference_update({tenant_id})

    def _steer(self, tenant_id: str, ce_type: str) -> None:
        self.publish(ce_type, tenant_id, tenant_id=tenant_id, campaign_id=PAUSED)


def text(value: bytes | None) -> dict[str, Any]:
    """A JSON value as it stands on a topic."""
    found: dict[str, Any] = msgspec.json.decode(value or b"{}")
    return found
