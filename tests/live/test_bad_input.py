"""Bad input on the public topics of a live engine: each bad record becomes a dead letter with its
bytes or a refusal with its code, and the good records around it are processed (promise 10)."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema

from processors.intake.dead_letters import VALUE_MAX_BYTES
from schemas.base.error_codes import RefusalCode
from schemas.base.times import format_rfc3339
from schemas.internal.facts import FactKind
from schemas.internal.topics import Layout, Topic
from schemas.public.example_events import COMMAND_ID, sample
from schemas.public.released import newest
from streams.audit.verify import verify
from streams.base.settings import Settings
from streams.embedded.registry import EmbeddedRegistry
from streams.embedded.stack import Stack
from streams.kafka.registry import registrar, registry_client
from tests.testing.live_engine import LiveEngine
from tests.testing.publishing import EventSource, now
from tests.testing.topic_readers import DeadLetterReader, FactReader, Origin, ReceivedDeadLetter
from tests.testing.two_tenant_engine import TwoTenantEngine, set_up_tenant
from tests.testing.unreadable_records import (
    AVRO,
    UNREADABLE_RECORDS,
    UnreadableRecord,
    body,
    headers,
)
from tests.testing.waiting import WAIT_TIMEOUT_S

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

SMALL = Layout(public=2, contact=2, dispatch=2, campaign=1, commands=2, facts=2)
SOON_HOURS = 0.0001


@pytest.fixture(scope="module")
def engine(
    stack: Stack, registry: EmbeddedRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TwoTenantEngine]:
    log_dir = tmp_path_factory.mktemp("bad-input")
    with LiveEngine(stack, log_dir, environment=registry.environment) as live:
        live.start(SMALL)
        settings = live.settings
        engine = TwoTenantEngine(
            live, EventSource(settings), DeadLetterReader(settings), FactReader(settings), registry
        )
        for tenant_id in ("acme", "quiet"):
            set_up_tenant(live, engine.publisher, engine.facts, tenant_id, delay_hours=SOON_HOURS)
            engine.publisher.job(tenant_id, "ann")
            engine.fact(FactKind.TOUCH_COMMANDED, tenant_id=tenant_id)
        verify(settings, wait_s=WAIT_TIMEOUT_S)  # waits until all is in PostgreSQL
        yield engine


@pytest.fixture(scope="module")
def letters(engine: TwoTenantEngine) -> dict[str, tuple[ReceivedDeadLetter | None, int]]:
    """Publishes every unreadable record, with good ones before and after it. Returns the dead
    letter and the offset of each, by its name."""
    before = engine.rows("quiet")
    packed = EventSource(engine.live.settings, _packing(engine.live.settings))
    origins: dict[str, Origin] = {}
    for number, unreadable in enumerate(UNREADABLE_RECORDS):
        engine.publisher.job("acme", f"good-{number}")
        publisher = packed if unreadable.packed else engine.publisher
        origins[unreadable.name] = publisher.put(
            unreadable.topic,
            unreadable.headers,
            unreadable.value,
            unreadable.key,
            unreadable.timestamp_ms,
        )
    engine.publisher.job("acme", "good-last")
    engine.wait_until(
        "all dead letters", lambda: set(origins.values()) <= engine.letters.read().keys()
    )
    good = {f"good-{number}" for number in range(len(UNREADABLE_RECORDS))} | {"good-last"}
    engine.wait_until(
        "the commands of the good jobs",
        lambda: good <= {f.contact_id for f in engine.facts.matching(FactKind.TOUCH_COMMANDED)},
    )
    assert engine.rows("quiet") == before
    letters = engine.letters.letters
    return {name: (letters.get(origin), origin[2]) for name, origin in origins.items()}


def _packing(settings: Settings) -> Producer:
    """A producer that compresses, so that a record larger than the broker's limit is accepted."""
    return Producer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            **settings.kafka,
            "compression.type": "gzip",
            "message.max.bytes": 30_000_000,
        }
    )


@pytest.mark.parametrize("unreadable", UNREADABLE_RECORDS, ids=lambda unreadable: unreadable.name)
def test_an_unreadable_record_becomes_a_dead_letter_with_its_bytes(
    letters: dict[str, tuple[ReceivedDeadLetter | None, int]], unreadable: UnreadableRecord
) -> None:
    letter, _ = letters[unreadable.name]
    assert letter is not None
    assert letter.reason == unreadable.code, letter.detail
    assert (letter.value or b"") == (unreadable.value or b"")[:VALUE_MAX_BYTES]
    for name, value in unreadable.headers:
        assert letter.headers[f"original_{name}"] == value


def test_no_other_record_becomes_a_dead_letter(
    engine: TwoTenantEngine, letters: dict[str, tuple[ReceivedDeadLetter | None, int]]
) -> None:
    assert len(engine.letters.read()) == len(UNREADABLE_RECORDS)


def test_a_tombstone_is_neither_an_event_nor_a_dead_letter(engine: TwoTenantEngine) -> None:
    origin = engine.publisher.put(Topic.JOBS, [], None, b"acme/ann")
    engine.publisher.job("acme", "after-the-tombstone")
    engine.fact(FactKind.TOUCH_COMMANDED, contact_id="after-the-tombstone")
    assert origin not in engine.letters.read()


def test_a_job_with_an_unknown_zone_costs_the_zone(engine: TwoTenantEngine) -> None:
    customer = {**sample("job.completed")["customer"], "contact_id": "martian"}
    customer["timezone"] = "Mars/Olympus"
    value = body(job_id="job-martian", completed_at=format_rfc3339(now()), customer=customer)
    engine.publisher.put(Topic.JOBS, headers(ce_id=b"martian"), value)
    dropped = engine.fact(FactKind.EVENT_FIELD_DROPPED, cause="test#martian")
    assert (dropped.contact_id, dropped.reason) == ("martian", "TIMEZONE_UNKNOWN")
    engine.fact(FactKind.TOUCH_COMMANDED, contact_id="martian")


@pytest.mark.parametrize("key", [None, b"", b"\xff\x00", b"quiet/ann", b"x" * 5_000])
def test_the_key_of_a_public_record_has_no_influence(
    engine: TwoTenantEngine, key: bytes | None
) -> None:
    contact = f"keyed-{len(key or b'')}-{key is None}"
    engine.publisher.job("acme", contact, key=key)
    engine.fact(FactKind.TOUCH_COMMANDED, tenant_id="acme", contact_id=contact)


def test_a_schema_of_another_event_makes_a_dead_letter(engine: TwoTenantEngine) -> None:
    number = registrar(registry_client(engine.live.settings))("job.deleted")
    value = b"\x00" + number.to_bytes(4) + b"\x02a"
    origin = engine.publisher.put(Topic.JOBS, headers(content=AVRO), value)
    engine.wait_until("its letter", lambda: origin in engine.letters.read())
    assert engine.letters.letters[origin].reason == RefusalCode.AVRO_SCHEMA_MISMATCH


def test_an_event_with_a_registered_schema_is_processed(engine: TwoTenantEngine) -> None:
    number = registrar(registry_client(engine.live.settings))("job.completed")
    engine.publisher.job("acme", "framed", encoding="confluent", schema_id=number)
    engine.fact(FactKind.TOUCH_COMMANDED, contact_id="framed")


REFUSED_EVENTS = [
    ("job.completed", {"tenant_id": "nobody"}, "TENANT_UNKNOWN"),
    ("touch.sent", {"contact_id": "stranger"}, "CONTACT_UNKNOWN"),
    ("touch.sent", {"contact_id": "ann"}, "COMMAND_UNKNOWN"),
    ("review.clicked", {"contact_id": "ann", "command_id": COMMAND_ID}, "COMMAND_UNKNOWN"),
    ("call.ended", {"contact_id": "stranger"}, "CONTACT_UNKNOWN"),
    ("call.progressed", {"contact_id": "ann"}, "COMMAND_UNKNOWN"),
    ("call.ended", {"contact_id": "ann"}, "COMMAND_UNKNOWN"),
    ("call.reviewed", {"contact_id": "ann"}, "COMMAND_UNKNOWN"),
    ("call.requested", {"tenant_id": "nobody"}, "TENANT_UNKNOWN"),
    ("sender.upserted", {"tenant_id": "nobody"}, "TENANT_UNKNOWN"),
    ("sender.upserted", {"channel": "voice", "actions": {}}, "SENDER_CHANNEL_BY_POOL"),
    ("sender.removed", {"sender_id": "nobody"}, "SENDER_UNKNOWN"),
    ("sender.throttled", {"sender_id": "nobody"}, "SENDER_UNKNOWN"),
    ("sender.usage_reported", {"sender_id": "nobody"}, "SENDER_UNKNOWN"),
    ("campaign.cancelled", {"campaign_id": "no-such"}, "CAMPAIGN_UNKNOWN"),
    ("campaign.paused", {"campaign_id": "no-such"}, "CAMPAIGN_UNKNOWN"),
    ("campaign.activated", {"tenant_id": "nobody"}, "TENANT_UNKNOWN"),
]


@pytest.mark.parametrize(("ce_type", "fields", "code"), REFUSED_EVENTS)
def test_an_event_about_something_unknown_is_refused_with_a_code(
    engine: TwoTenantEngine, ce_type: str, fields: dict[str, Any], code: str
) -> None:
    cause = engine.publisher.event(ce_type, **fields)
    assert engine.fact(FactKind.EVENT_REFUSED, cause=cause).reason == code


@pytest.mark.parametrize(
    ("completed_at", "reason"),
    [("2099-12-31T00:00:00Z", "JOB_IN_FUTURE"), ("2000-01-01T00:00:00Z", "JOB_TOO_OLD")],
)
def test_a_job_in_the_far_past_or_future_enrolls_nobody(
    engine: TwoTenantEngine, completed_at: str, reason: str
) -> None:
    cause = engine.publisher.job("acme", f"at-{completed_at[:4]}", completed_at=completed_at)
    assert engine.fact(FactKind.ENROLLMENT_DECLINED, cause=cause).reason == reason


def test_a_command_id_of_another_tenant_changes_nothing_of_either(engine: TwoTenantEngine) -> None:
    theirs = next(c for c in engine.commands() if c["tenant_id"] == "quiet")
    before = engine.rows("quiet")
    who = {"tenant_id": "acme", "contact_id": "ann", "command_id": theirs["command_id"]}
    for ce_type in ("touch.sent", "touch.failed", "touch.bounced", "review.clicked"):
        cause = engine.publisher.event(ce_type, **who)
        assert engine.fact(FactKind.EVENT_REFUSED, cause=cause).reason == "COMMAND_UNKNOWN"
    assert engine.rows("quiet") == before


CALL: dict[str, Any] = {"scheduled_for": None, "agent_id": None, "from_number": None}


def call(engine: TwoTenantEngine, tenant_id: str, contact_id: str, **changes: Any) -> str:
    """Asks for a direct call, and returns its command once it has a slot."""
    who: dict[str, Any] = {"tenant_id": tenant_id, "contact_id": contact_id}
    engine.publisher.event("call.requested", **who, **(CALL | changes))
    granted = engine.fact(FactKind.CALL_SLOT_GRANTED, tenant_id=tenant_id, contact_id=contact_id)
    assert granted.command_id is not None
    return granted.command_id


def test_a_call_of_another_tenant_is_neither_moved_nor_ended(engine: TwoTenantEngine) -> None:
    theirs = call(engine, "quiet", "cara")
    verify(engine.live.settings, wait_s=WAIT_TIMEOUT_S)  # waits until all is in PostgreSQL
    before = engine.rows("quiet")
    for ce_type in ("call.progressed", "call.ended", "call.reviewed", "touch.failed", "touch.sent"):
        for contact_id, code in (("ann", "COMMAND_UNKNOWN"), ("cara", "CONTACT_UNKNOWN")):
            cause = engine.publisher.event(ce_type, contact_id=contact_id, command_id=theirs)
            assert engine.fact(FactKind.EVENT_REFUSED, cause=cause).reason == code
    mine = call(engine, "acme", "ann", phone="+12125550102")  # the pool has read what came before
    assert not engine.facts.matching(FactKind.CALL_SLOT_FREED, tenant_id="quiet")
    assert not engine.facts.matching(FactKind.CALL_SLOT_FREED, command_id=theirs)
    assert engine.rows("quiet") == before
    for tenant_id, contact_id, command_id in (("quiet", "cara", theirs), ("acme", "ann", mine)):
        who: dict[str, Any] = {"tenant_id": tenant_id, "contact_id": contact_id}
        who["command_id"] = command_id
        engine.publisher.event("call.ended", **who)
        engine.fact(FactKind.CALL_SLOT_FREED, tenant_id=tenant_id, command_id=command_id)


def test_a_call_ends_once_whatever_is_reported_of_it_afterwards(engine: TwoTenantEngine) -> None:
    command_id = call(engine, "acme", "good-1", phone="+12125550103")
    who: dict[str, Any] = {"contact_id": "good-1", "command_id": command_id}
    engine.publisher.event("call.ended", outcome="melted", raw_status="melted", **who)
    engine.publisher.event("call.ended", outcome="completed", **who)
    engine.publisher.event("call.progressed", state="initiated", **who)
    engine.publisher.event("call.reviewed", **who)
    engine.fact(FactKind.CALL_REVIEWED, command_id=command_id)
    call(engine, "acme", "good-2", phone="+12125550104")
    assert len(engine.facts.matching(FactKind.CALL_SLOT_FREED, command_id=command_id)) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"agent_id": "nobody"}, "agent_unknown"),
        ({"from_number": "+12125550199"}, "number_unknown"),
        ({"phone": "+19005550123"}, "number_not_allowed"),
        ({"phone": "+449011234567"}, "number_not_allowed"),
    ],
)
def test_a_call_that_may_not_be_made_is_not_made(
    engine: TwoTenantEngine, changes: dict[str, Any], reason: str
) -> None:
    contact_id = f"not-called-{reason}-{len(str(changes))}"
    engine.publisher.event("call.requested", contact_id=contact_id, **(CALL | changes))
    assert engine.fact(FactKind.TOUCH_SKIPPED, contact_id=contact_id).reason == reason
    assert not engine.facts.matching(FactKind.CALL_SLOT_GRANTED, contact_id=contact_id)


def test_an_account_of_another_tenant_is_neither_changed_nor_removed(
    engine: TwoTenantEngine,
) -> None:
    cause = engine.publisher.event("sender.upserted", tenant_id="quiet", sender_id="theirs")
    engine.fact(FactKind.SENDER_UPDATED, cause=cause)
    verify(engine.live.settings, wait_s=WAIT_TIMEOUT_S)
    before = engine.rows("quiet")
    for ce_type in ("sender.removed", "sender.throttled", "sender.usage_reported"):
        cause = engine.publisher.event(ce_type, sender_id="theirs")
        assert engine.fact(FactKind.EVENT_REFUSED, cause=cause).reason == "SENDER_UNKNOWN"
    cause = engine.publisher.event("sender.upserted", sender_id="theirs")
    assert engine.fact(FactKind.SENDER_UPDATED, cause=cause).tenant_id == "acme"
    verify(engine.live.settings, wait_s=WAIT_TIMEOUT_S)
    assert engine.rows("quiet") == before


def test_a_priority_that_is_no_number_costs_only_itself(engine: TwoTenantEngine) -> None:
    value = body("call.requested", contact_id="prior", priority="high", **CALL)
    engine.publisher.put(Topic.CONTACTS, headers("call.requested", ce_id=b"prior"), value)
    dropped = engine.fact(FactKind.EVENT_FIELD_DROPPED, cause="test#prior")
    assert (dropped.values or {})["fields"] == {"priority": "FIELD_INVALID"}
    engine.fact(FactKind.ENROLLMENT_STARTED, contact_id="prior")


def test_a_repeated_answer_of_a_sender_counts_once(engine: TwoTenantEngine) -> None:
    mine = next(c for c in engine.commands() if c["contact_id"] == "good-0")
    who = {"contact_id": "good-0", "command_id": mine["command_id"]}
    for event_id in ("same", "same", "another"):
        engine.publisher.event("touch.sent", event_id=event_id, **who)
    engine.publisher.event("touch.opened", **who)
    engine.fact(FactKind.TOUCH_OPENED, command_id=mine["command_id"])
    assert len(engine.facts.matching(FactKind.TOUCH_SENT, command_id=mine["command_id"])) == 1


STEP = {"id": "a", "channel": "email", "delay_hours": 1}
INVALID_STEPS: list[tuple[list[dict[str, Any]], str]] = [
    ([STEP, STEP], "CAMPAIGN_STEP_ID_DUPLICATE"),
    ([{**STEP, "delay_hours": 0}], "CAMPAIGN_DELAY_INVALID"),
    ([{**STEP, "delay_hours": -2}], "CAMPAIGN_DELAY_INVALID"),
    ([{**STEP, "id": f"s{n}"} for n in range(5)], "CAMPAIGN_TOO_MANY_STEPS"),
    ([{**STEP, "channel": "pigeon"}], "CAMPAIGN_CHANNEL_UNKNOWN"),
    ([], "CAMPAIGN_STEPS_REQUIRED"),
]


@pytest.mark.parametrize(("steps", "code"), INVALID_STEPS)
def test_an_invalid_definition_is_refused_with_its_codes(
    engine: TwoTenantEngine, steps: list[dict[str, Any]], code: str
) -> None:
    whole = {**sample("campaign.published")["definition"], "campaign_id": "wrong", "steps": steps}
    cause = engine.publisher.event("campaign.published", campaign_id="wrong", definition=whole)
    values = engine.fact(FactKind.CAMPAIGN_REFUSED, cause=cause).values or {}
    assert code in [problem["code"] for problem in values["problems"]]


def test_a_registry_that_is_away_makes_no_dead_letters(engine: TwoTenantEngine) -> None:
    number = _register_schema(engine.live.settings)
    before = len(engine.letters.read())
    engine.registry.stop()
    try:
        engine.publisher.job("acme", "waiting", encoding="confluent", schema_id=number)
        engine.publisher.job("acme", "behind")
        text = "registry not to be reached"
        engine.wait_until("intake waits", lambda: engine.live.log_count("intake", 0, text))
        engine.live.pause(2)
        assert len(engine.letters.read()) == before
        assert not engine.facts.matching(FactKind.ENROLLMENT_STARTED, contact_id="waiting")
    finally:
        engine.registry.start()
    for contact in ("waiting", "behind"):
        engine.fact(FactKind.TOUCH_COMMANDED, contact_id=contact)
    assert len(engine.letters.read()) == before


def _register_schema(settings: Settings, field_name: str = "remark") -> int:
    """The id of a schema that intake has not used yet: the newest schema of a job with one more
    field."""
    schema = newest("job.completed")
    field = {"name": field_name, "type": "null", "default": None}  # takes no bytes in a record
    text = msgspec.json.encode({**schema, "fields": [*schema["fields"], field]}).decode()
    number: int = registry_client(settings).register_schema("remarked", Schema(text, "AVRO"))
    return number


def test_a_schema_that_is_registered_late_is_known_from_then_on(engine: TwoTenantEngine) -> None:
    early, before = _register_schema(engine.live.settings, "one") + 1, len(engine.letters.read())
    engine.publisher.job("acme", "too-early", encoding="confluent", schema_id=early)
    engine.wait_until("its letter", lambda: len(engine.letters.read()) == before + 1)
    assert [*engine.letters.letters.values()][-1].reason == RefusalCode.AVRO_SCHEMA_UNKNOWN
    assert _register_schema(engine.live.settings, "another") == early
    engine.publisher.job("acme", "in-time", encoding="confluent", schema_id=early)
    engine.fact(FactKind.TOUCH_COMMANDED, contact_id="in-time")


def test_verify_agrees_after_all_of_this(engine: TwoTenantEngine) -> None:
    report = verify(engine.live.settings, wait_s=WAIT_TIMEOUT_S)
    assert report.differences == []


def test_intake_was_never_restarted(engine: TwoTenantEngine) -> None:
    assert engine.live.log_count("intake", 0, '"starting"') == 1
