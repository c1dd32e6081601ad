"""Records of changelogs and facts of two tenants with one contact each. Builders take changes."""

from typing import Any

import msgspec

from schemas.base.ids import command_id, enrollment_id
from schemas.base.times import DAY, HOUR
from schemas.campaigns.compiled_definition import Definition, Step
from schemas.internal import facts
from schemas.internal.call_states import Lease, lease_key
from schemas.internal.enrollment import Enrollment, Phase, Status, Touch
from schemas.internal.sender_states import Sender
from schemas.internal.state_bytes import pack
from schemas.internal.states import (
    POSITION_KEY,
    CampaignRecord,
    Contact,
    KnownCampaign,
    Profile,
    SenderRecord,
    State,
    TaskPosition,
    TenantRecord,
)
from schemas.internal.topics import Topic
from sinks.projection import Projection
from sinks.state_rows import ProjectedRecord
from tests.testing.recorded_calls import (
    call_campaign,
    call_fact,
    item,
    lease,
    pool,
    sender,
    sender_state,
)
from tests.testing.recorded_outreach import (
    message,
    outreach_campaign,
    outreach_fact,
    outreach_run,
)

T0 = 1_790_000_000_000_000
TENANTS = ("acme", "bolt")
CONTACT, CAMPAIGN, FACTS = Topic.CONTACT_CHANGELOG, Topic.CAMPAIGN_CHANGELOG, Topic.FACTS
DISPATCH = Topic.DISPATCH_CHANGELOG

_encode = msgspec.msgpack.Encoder().encode


def definition(tenant: str, *channels: str, campaign: str = "reviews") -> Definition:
    channels = channels or ("email", "sms", "email")
    steps = tuple(
        Step(f"s{number}", channel, number * 24 * HOUR, "previous_scheduled", f"template-{number}")
        for number, channel in enumerate(channels, 1)
    )
    return Definition(tenant, campaign, "After the job", steps, service_type="hvac")


def campaign(tenant: str, status: str = "active", version: int = 1, **more: Any) -> CampaignRecord:
    name = more.pop("campaign", "reviews")
    return CampaignRecord(
        tenant, name, status, version, definition(tenant, campaign=name), b"", [0], T0, T0
    )


def tenant(tenant_id: str, **changes: Any) -> TenantRecord:
    record = TenantRecord(
        tenant_id,
        "active",
        "America/New_York",
        None,
        1200,
        (),
        {},
        {},
        created_at=T0,
        updated_at=T0,
    )
    return msgspec.structs.replace(record, **changes)


def command(tenant_id: str, number: int = 1) -> str:
    return command_id(tenant_id, "reviews", "ada", 1, f"s{number}", 1)


def touch(tenant_id: str, number: int = 1, **changes: Any) -> Touch:
    at = T0 + number * DAY
    made = Touch(f"s{number}", number, "email", at, at)
    return msgspec.structs.replace(made, **changes)


def sent(tenant_id: str, number: int = 1) -> Touch:
    at = T0 + number * DAY
    return touch(
        tenant_id, number, phase=Phase.SENT, sent_at=at, command_id=command(tenant_id, number)
    )


def enrollment(tenant_id: str, *touches: Touch, **changes: Any) -> Enrollment:
    made = Enrollment(
        enrollment_id(tenant_id, "reviews", "ada", 1),
        "reviews",
        1,
        1,
        "job-1",
        "hvac",
        T0,
        T0,
        touches=list(touches or (sent(tenant_id), touch(tenant_id, 2))),
    )
    return msgspec.structs.replace(made, **changes)


def contact(tenant_id: str, *enrollments: Enrollment, **changes: Any) -> Contact:
    made = Contact(
        Profile(
            "Ada",
            "Lovelace",
            timezone="America/New_York",
            addresses={"email": ("ada@example.com", T0), "phone": ("+15550001", T0)},
        ),
        jobs={"job-1": ("completed", "hvac")},
        enrollments=list(enrollments or (enrollment(tenant_id),)),
        created_at=T0,
        updated_at=T0,
    )
    return msgspec.structs.replace(made, **changes)


def fact(tenant_id: str, kind: facts.FactKind, number: int = 1, **changes: Any) -> facts.Fact:
    made = facts.Fact(
        fact=kind,
        at=facts.fact_time(T0 + number * DAY),
        tenant_id=tenant_id,
        contact_id="ada",
        campaign_id="reviews",
        version=1,
        enrollment_id=enrollment_id(tenant_id, "reviews", "ada", 1),
        step_id=f"s{number}",
        touch_number=number,
        channel="email",
        command_id=command(tenant_id, number),
        attempt=1,
    )
    return msgspec.structs.replace(made, **changes)


class Log:
    """Records with their offsets. `write` projects the records that are new."""

    def __init__(self) -> None:
        self.records: list[ProjectedRecord] = []
        self.ends: dict[tuple[str, int], int] = {}
        self._written = 0

    def raw(self, topic: str, key: bytes, value: bytes | None, partition: int = 0) -> "Log":
        offset = self.ends.get((topic, partition), 0)
        self.ends[topic, partition] = offset + 1
        self.records.append(ProjectedRecord(topic, partition, offset, key, value))
        return self

    def state(self, topic: str, key: str | bytes, state: State | None, partition: int = 0) -> "Log":
        name = key if isinstance(key, bytes) else key.encode()
        value = None if state is None else pack(state.due(), 0, _encode(state))
        return self.raw(topic, name, value, partition)

    def contact(self, tenant_id: str, state: Contact | None, name: str = "ada") -> "Log":
        return self.state(CONTACT, f"{tenant_id}/{name}", state)

    def campaign(self, record: CampaignRecord) -> "Log":
        return self.state(CAMPAIGN, f"c/{record.tenant_id}/{record.campaign_id}", record)

    def tenant(self, record: TenantRecord) -> "Log":
        return self.state(CAMPAIGN, f"t/{record.tenant_id}", record)

    def calls(self, tenant_id: str, *runs: Enrollment, name: str = "ada") -> "Log":
        """A contact with these items of the call queue."""
        return self.contact(tenant_id, contact(tenant_id, *runs), name)

    def lease(self, state: Lease, *, is_free: bool = False) -> "Log":
        touch = state.touch
        assert touch.call is not None
        key = lease_key(touch.tenant_id, touch.call.pool_id, touch.command_id)
        return self.state(DISPATCH, key, None if is_free else state)

    def sender(self, record: SenderRecord, state: Sender | None = None) -> "Log":
        names = f"{record.tenant_id}/{record.terms.sender_id}"
        if state is not None:
            self.state(DISPATCH, f"\x04{names}", state)
        return self.state(CAMPAIGN, f"s/{names}", record)

    def fact(self, *recorded: facts.Fact, partition: int = 0) -> "Log":
        for each in recorded:
            self.raw(FACTS, each.key(), facts.encode(each), partition)
        return self

    def write(self, dsn: str) -> "Log":
        projection = Projection(dsn, "test")
        for topic, partition in self.ends:
            projection.claim(topic, partition)
        projection.apply(self.records[self._written :], self.ends)
        projection.close()
        self._written = len(self.records)
        return self


def world_of_all_kinds() -> Log:
    """A log with records of every kind that is projected, for both tenants."""
    log = world()
    for name in TENANTS:
        log.campaign(call_campaign(name)).calls(name, item(name, name="cal"), name="cal")
        log.lease(lease(name, name="cal")).sender(sender(name), sender_state(name))
        log.fact(call_fact(name, facts.FactKind.CALL_SLOT_GRANTED, "cal"))
        log.campaign(outreach_campaign(name, counts={"runs": 1, "reached": 1, "sent_email": 1}))
        run = outreach_run(name, message(opened_at=T0 + 2 * HOUR), name="olu")
        log.contact(name, contact(name, run), "olu")
        log.fact(outreach_fact(name, facts.FactKind.TOUCH_SENT, "olu"))
    return log.state(CAMPAIGN, "p/calls", pool())


def world() -> Log:
    """A log with records of tenants, campaigns, people and touches, for both tenants."""
    log = Log()
    for name in TENANTS:
        log.tenant(tenant(name)).campaign(campaign(name)).contact(name, contact(name))
        known = KnownCampaign(name, "reviews", "active", 1, {1: definition(name)})
        log.state(CONTACT, f"\0c/{name}/reviews", known)
        log.fact(
            fact(name, facts.FactKind.TOUCH_SENT),
            fact(name, facts.FactKind.TOUCH_OPENED),
            fact(name, facts.FactKind.TOUCH_SCHEDULED, 2, reason="delay", command_id=None),
        )
    return log.state(CONTACT, POSITION_KEY, TaskPosition(7, T0, 2, T0 + DAY))


def outreach_log(*runs: Enrollment, **changes: Any) -> Log:
    """Acme's outreach campaign, with a person of its own for each run."""
    log = Log().tenant(tenant("acme")).campaign(outreach_campaign("acme", **changes))
    for run in runs:
        log.contact("acme", contact("acme", run), run.enrollment_id.split("-")[2])
    return log


def stopped(run: Enrollment, reason: str) -> Enrollment:
    return msgspec.structs.replace(run, status=Status.STOPPED, reason=reason, ended_at=T0 + DAY)
