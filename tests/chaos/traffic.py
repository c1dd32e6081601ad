"""The traffic of three businesses: a thread that publishes events, and a ledger of the commands
that these must lead to.

The ledger is computed from the published events alone, and not from logs, states or facts.
"""

import threading
import time
from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
from confluent_kafka import Producer

from schemas.base.times import format_rfc3339
from schemas.internal.messages import PLATFORM
from schemas.public.codec import Encoding, encode_event
from schemas.public.events import EVENTS
from schemas.public.example_events import sample_model
from streams.base.settings import Settings
from streams.kafka.clients import idempotent_producer
from tests.chaos import calls, prospects, talent
from tests.chaos.calls import CALLS
from tests.chaos.prospects import OUTREACH

TENANTS = ("north", "south", "west")
SINGLE, STEPS, PAUSED = "single", "steps", "paused"
CAMPAIGNS = (SINGLE, STEPS, PAUSED, OUTREACH, CALLS)
STEP_IDS = ("s1", "s2", "s3")
SOON_HOURS = 0.0001  # a third of a second
BEHAVIOURS = 12
OPENS, BOUNCES, REPEATS_ANSWER, JOB_TWICE = 2, 3, 4, 6
OPENS_EACH, FAILS_ONCE, REVIEWS, UNSUBSCRIBES, PAUSED_CAMPAIGN = 7, 8, 9, 10, 11
"""The behaviours of customers; those with another number do nothing."""

CHANNELS = ("email", "sms", "linkedin", "whatsapp", "voice")

Contact = tuple[str, str]


def behaviour_of(contact_id: str) -> int:
    """The behaviour of a customer, which follows from the id."""
    return int(contact_id.rpartition("-")[2]) % BEHAVIOURS


def definition(tenant_id: str, campaign_id: str) -> dict[str, Any]:
    """A campaign of one e-mail, of three touches, or a sequence, with quick retries."""
    if campaign_id == OUTREACH:
        return prospects.definition(tenant_id)
    if campaign_id == CALLS:
        return calls.definition(tenant_id)
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


class CommandLedger:
    """The touches that must be commanded, by contact, and those of prospects that may be."""

    def __init__(self) -> None:
        self.required: dict[Contact, set[str]] = {}
        self.allowed: dict[Contact, set[str]] = {}
        self.unless_paused: dict[Contact, str] = {}
        self.published = 0

    def missing(
        self, commanded: dict[Contact, set[str]], declined: set[str]
    ) -> list[tuple[Contact, set[str]]]:
        """The required touches without a command. `declined` are the causes of enrollments that
        were declined because their campaign was paused."""
        required = dict(self.required)
        for contact, cause in self.unless_paused.items():
            if cause not in declined:
                required[contact] = {STEP_IDS[0]}
        missing = [(c, steps - commanded.get(c, set())) for c, steps in required.items()]
        return [(contact, steps) for contact, steps in missing if steps]

    def unexpected(self, commanded: dict[Contact, set[str]]) -> list[tuple[Contact, set[str]]]:
        """The commanded touches of prospects that are not allowed."""
        touches = [(c, commanded.get(c, set()) - steps) for c, steps in self.allowed.items()]
        return [(contact, steps) for contact, steps in touches if steps]


class TrafficPublisher:
    """A thread that publishes events on the public topics between `start` and `stop`."""

    def __init__(self, settings: Settings, seed: int, rate: float) -> None:
        self.ledger = CommandLedger()
        self._prefix = settings.topic_prefix
        self._producer: Producer = idempotent_producer(settings)
        self._random = Random(seed)
        self._pause_s = 1 / rate
        self._number = 0
        self.candidates = 0
        self._flowing = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._ended = False
        self._paused: set[str] = set()
        self._thread = threading.Thread(target=self._work, name="publisher", daemon=True)

    def publish_tenants(self) -> None:
        """Publishes the tenants. Campaigns must wait for them, because topics have no common
        order."""
        self.publish(
            "pool.upserted",
            PLATFORM,
            pool_id=calls.POOL,
            slots=calls.POOL_SLOTS,
            weights={},
            reserved={},
        )
        for tenant_id in (*TENANTS, talent.TENANT):
            self._publish_tenant(tenant_id)
        self.flush()

    def publish_campaigns(self) -> None:
        """Publishes the campaigns, and starts the thread. Jobs must wait until all campaigns are
        ready."""
        for account in talent.accounts():
            self.publish("sender.upserted", talent.TENANT, **account)
        document = talent.definition()
        self._publish_talent("campaign.published", definition=document)
        for tenant_id in TENANTS:
            for campaign_id in CAMPAIGNS:
                who = {"tenant_id": tenant_id, "campaign_id": campaign_id}
                document = definition(tenant_id, campaign_id)
                self.publish("campaign.published", tenant_id, **who, definition=document)
        self.flush()
        self._thread.start()

    def add_candidates(self) -> None:
        """Publishes the next people of the campaign of outreach. The thread must be idle."""
        for number in range(self.candidates, self.candidates + talent.BATCH):
            contact_id = f"t-{number}"
            key = f"{talent.TENANT}/{contact_id}"
            who = {"tenant_id": talent.TENANT, "contact_id": contact_id}
            email = f"{contact_id}@{talent.TENANT}.example.com"
            self.publish("contact.upserted", key, **who, email=email, addresses={})
            self.publish("contact.enrolled", key, **who, campaign_id=talent.CAMPAIGN, variables={})
        self.candidates += talent.BATCH
        self.flush()

    def convert(self, people: Sequence[str], number: int) -> None:
        """Publishes as many conversions of these people of the campaign of outreach at once. The
        thread must be idle."""
        for each in range(number):
            who = {"tenant_id": talent.TENANT, "contact_id": people[each % len(people)]}
            key = "/".join(who.values())
            what: dict[str, Any] = {
                "conversion_type": "interview",
                "entity_id": f"interview-{each}",
                "command_id": None,
                "campaign_id": None,
            }
            self.publish("conversion.recorded", key, **who, **what)
        self.flush()

    def activate_outreach(self) -> None:
        """Activates the campaign of outreach, which needs people for that."""
        self._publish_talent("campaign.activated")
        self.flush()

    def start(self) -> None:
        """Starts the traffic, with further people of the campaign of outreach."""
        self.add_candidates()
        self._idle.clear()
        self._flowing.set()

    def stop(self) -> None:
        """Stops the traffic, resumes paused campaigns, and waits until the broker has all
        events."""
        self._flowing.clear()
        if self._thread.is_alive():
            self._idle.clear()  # the thread may have set it just before it began to publish
            self._idle.wait(30)
        for tenant_id in sorted(self._paused):
            self._publish_change(tenant_id, "campaign.resumed")
        self._paused.clear()
        self.flush()

    def end(self) -> None:
        """Stops the traffic and the thread."""
        self.stop()
        self._ended = True

    def flush(self) -> None:
        if self._producer.flush(60):
            raise TimeoutError("the broker does not accept the published events in time")

    def publish(self, ce_type: str, key: str, *, event_id: str = "", **fields: Any) -> str:
        """Publishes an event, in JSON and Avro by turns, and returns its cause."""
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
            self._publish_customer(TENANTS[number % 3], f"c-{number}")
            if number % 4 == 0:
                self._publish_prospect(TENANTS[number // 4 % 3], f"p-{number // 4}")
            if number % 6 == 0:
                self._publish_callee(TENANTS[number // 6 % 3], f"k-{number // 6}")
            if number % 10 == 0:  # every role has work, so each recovery is seen soon
                self._publish_tenant(TENANTS[number // 10 % 3])
            if number % 50 == 25:
                self._toggle_campaign(self._random.choice(TENANTS))
            number += 1
            time.sleep(self._pause_s)

    def _publish_customer(self, tenant_id: str, contact_id: str) -> None:
        key, who = f"{tenant_id}/{contact_id}", {"tenant_id": tenant_id, "contact_id": contact_id}
        behaviour, contact = behaviour_of(contact_id), (tenant_id, contact_id)
        if behaviour in (OPENS_EACH, FAILS_ONCE, REVIEWS):
            self.publish("contact.upserted", key, **who, email=f"{contact_id}@example.com")
            self.publish("contact.enrolled", key, **who, campaign_id=STEPS)
            self.ledger.required[contact] = {STEP_IDS[0]} if behaviour == REVIEWS else set(STEP_IDS)
        elif behaviour == PAUSED_CAMPAIGN:
            self.ledger.unless_paused[contact] = self._publish_job(key, who, "roofing")
        else:
            self._publish_job(key, who, "hvac", twice=behaviour == JOB_TWICE)
            if behaviour == UNSUBSCRIBES:
                self.publish("contact.unsubscribed", key, **who, channel="all", command_id=None)
            else:
                self.ledger.required[contact] = {STEP_IDS[0]}

    def _publish_prospect(self, tenant_id: str, contact_id: str) -> None:
        key, who = f"{tenant_id}/{contact_id}", {"tenant_id": tenant_id, "contact_id": contact_id}
        self.publish(
            "contact.upserted",
            key,
            **who,
            email=f"{contact_id}@{tenant_id}.example.com",
            phone=f"+1212{2_000_000 + int(contact_id.rpartition('-')[2])}",
            linkedin_url=f"https://linkedin.com/in/{contact_id}",
            addresses={},
        )
        self.publish("contact.enrolled", key, **who, campaign_id=OUTREACH)
        contact = (tenant_id, contact_id)
        self.ledger.required[contact] = prospects.required(contact_id)
        self.ledger.allowed[contact] = prospects.allowed(contact_id)

    def _publish_callee(self, tenant_id: str, contact_id: str) -> None:
        key, who = f"{tenant_id}/{contact_id}", {"tenant_id": tenant_id, "contact_id": contact_id}
        phone = f"+1312{2_000_000 + int(contact_id.rpartition('-')[2])}"
        self.publish("contact.upserted", key, **who, phone=phone, addresses={})
        self.publish("contact.enrolled", key, **who, campaign_id=CALLS)
        self.ledger.required[tenant_id, contact_id] = {calls.CALL}

    def _publish_job(
        self, key: str, who: dict[str, str], service: str, *, twice: bool = False
    ) -> str:
        fields: dict[str, Any] = {
            "tenant_id": who["tenant_id"],
            "job_id": f"job-{who['contact_id']}",
            "service_type": service,
            "completed_at": format_rfc3339(time.time_ns() // 1_000),
            "customer": {
                "contact_id": who["contact_id"],
                "email": f"{who['contact_id']}@{who['tenant_id']}.example.com",
            },
        }
        event_id = f"job-{key}"
        cause = self.publish("job.completed", key, event_id=event_id, **fields)
        if twice:
            self.publish("job.completed", key, event_id=event_id, **fields)
        return cause

    def _publish_tenant(self, tenant_id: str) -> None:
        self.publish(
            "tenant.upserted",
            tenant_id,
            tenant_id=tenant_id,
            timezone="UTC",
            quiet_hours={"start": "00:00", "end": "00:00"},
            calling_hours=False,
            limits={channel: {"per_hour": None} for channel in CHANNELS},
            calls={"concurrent": calls.TENANT_SLOTS},
            delay_hours_by_service={},
        )

    def _publish_talent(self, ce_type: str, **fields: Any) -> None:
        who = {"tenant_id": talent.TENANT, "campaign_id": talent.CAMPAIGN}
        self.publish(ce_type, talent.TENANT, **who, **fields)

    def _toggle_campaign(self, tenant_id: str) -> None:
        paused = tenant_id in self._paused
        self._publish_change(tenant_id, "campaign.resumed" if paused else "campaign.paused")
        self._paused.symmetric_difference_update({tenant_id})

    def _publish_change(self, tenant_id: str, ce_type: str) -> None:
        self.publish(ce_type, tenant_id, tenant_id=tenant_id, campaign_id=PAUSED)


def parse_json(value: bytes | None) -> dict[str, Any]:
    """The fields of a record in JSON."""
    fields: dict[str, Any] = msgspec.json.decode(value or b"{}")
    return fields
