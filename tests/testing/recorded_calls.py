"""States and facts of calls, call pools and sender accounts, as changelogs and facts have them.
Builders take changes."""

from typing import Any

import msgspec

from schemas.base.times import DAY, HOUR, SECOND
from schemas.campaigns.compiled_definition import (
    CallSettings,
    CampaignSettings,
    Definition,
    Redial,
    Step,
    StepWindow,
)
from schemas.internal import facts
from schemas.internal.call_states import Lease
from schemas.internal.dispatch_messages import CallTerms, RequestTouch
from schemas.internal.enrollment import CallItem, Enrollment, Phase, Status, Touch
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from schemas.internal.sender_states import Sender
from schemas.internal.states import CampaignRecord, PoolRecord, SenderRecord

CALLED_AT = 1_790_000_000_000_000
NINE_TO_SIX = StepWindow(9 * 60, 18 * 60, 0b11111)


def call_definition(tenant_id: str, **settings: Any) -> Definition:
    """A call campaign with one call."""
    step = Step("call", "voice", 0, "enrollment", "script", "place_call", redial=Redial())
    calls = CallSettings(agent_id="agent-7", hours=NINE_TO_SIX)
    chosen = CampaignSettings(**{"calls": calls, "timezone": "UTC", **settings})
    return Definition(
        tenant_id, "calls", "Renewals", (step,), chosen, "calls", description="Ask for a renewal"
    )


def call_campaign(
    tenant_id: str, status: str = "active", campaign_id: str = "calls", **settings: Any
) -> CampaignRecord:
    definition = msgspec.structs.replace(
        call_definition(tenant_id, **settings), campaign_id=campaign_id
    )
    times = (CALLED_AT, CALLED_AT)
    return CampaignRecord(
        tenant_id, campaign_id, status, 1, definition, b"", [0], *times, started_at=CALLED_AT
    )


def call_command(tenant_id: str, name: str = "ada") -> str:
    return f"command-{tenant_id}-{name}"


def call_touch(tenant_id: str, name: str = "ada", **changes: Any) -> Touch:
    """A call whose command is out."""
    touch = Touch(
        "call",
        1,
        "voice",
        CALLED_AT,
        CALLED_AT,
        Phase.COMMANDED,
        command_id=call_command(tenant_id, name),
        requested_at=CALLED_AT,
        commanded_at=CALLED_AT,
        pool_id="calls",
    )
    return msgspec.structs.replace(touch, **changes)


def answered(tenant_id: str, name: str = "ada", **changes: Any) -> Touch:
    """A call that reached the person."""
    ended_at = CALLED_AT + 90 * SECOND
    ended = {"sent_at": ended_at, "resolved_at": ended_at, "called_at": ended_at}
    known = {"call_outcome": "answered", "call_id": f"CA-{tenant_id}-{name}", "call_seconds": 60}
    return call_touch(tenant_id, name, **{"phase": Phase.SENT, **ended, **known, **changes})


def item(
    tenant_id: str, *touches: Touch, name: str = "ada", call: CallItem | None = None, **changes: Any
) -> Enrollment:
    """A run of the call campaign; by default its call is under way."""
    run = Enrollment(
        f"item-{tenant_id}-{name}",
        "calls",
        1,
        1,
        None,
        None,
        CALLED_AT,
        CALLED_AT,
        touches=list(touches or (call_touch(tenant_id, name),)),
        call=call or CallItem(priority=100, position=1),
    )
    return msgspec.structs.replace(run, **changes)


def completed(
    tenant_id: str, *touches: Touch, status: Status = Status.COMPLETED, **changes: Any
) -> Enrollment:
    """A run that has ended; by default its call reached the person."""
    made = touches or (answered(tenant_id, changes.get("name", "ada")),)
    ended = {"status": status, "ended_at": CALLED_AT + 2 * HOUR}
    return item(tenant_id, *made, **{**ended, **changes})


def lease(tenant_id: str, state: str = "placing", name: str = "ada") -> Lease:
    """The slot of a call."""
    call = CallTerms("calls", "agent-7", None, 60 * SECOND, 45 * SECOND, 900 * SECOND)
    touch = RequestTouch(
        command_id=call_command(tenant_id, name),
        tenant_id=tenant_id,
        contact_id=name,
        campaign_id="calls",
        campaign_version=1,
        enrollment_id=f"item-{tenant_id}-{name}",
        step_id="call",
        touch_number=1,
        attempt=1,
        emission=1,
        channel="voice",
        action="place_call",
        template_id="script",
        recipient="+15550001",
        variables={},
        scheduled_at=CALLED_AT,
        due_at=CALLED_AT,
        expires_at=CALLED_AT + DAY,
        priority=0,
        quiet=None,
        call=call,
    )
    return Lease(touch, state, CALLED_AT, CALLED_AT + HOUR)


def call_fact(
    tenant_id: str, kind: facts.FactKind, name: str = "ada", **changes: Any
) -> facts.Fact:
    """A fact about a call."""
    made = facts.Fact(
        fact=kind,
        at=facts.fact_time(CALLED_AT),
        tenant_id=tenant_id,
        contact_id=name,
        campaign_id="calls",
        version=1,
        enrollment_id=f"item-{tenant_id}-{name}",
        step_id="call",
        touch_number=1,
        channel="voice",
        command_id=call_command(tenant_id, name),
        attempt=1,
    )
    return msgspec.structs.replace(made, **changes)


def pool(slots: int = 10) -> PoolRecord:
    """The pool that is always there, as the platform has set it."""
    return PoolRecord("calls", slots, {"acme": 3}, {"acme": 1}, CALLED_AT, CALLED_AT, CALLED_AT)


def sender_terms(sender_id: str, **changes: Any) -> SenderTerms:
    limits = {"": LimitTerms(per_hour=200, per_day=1_000, spacing_us=30 * SECOND)}
    return msgspec.structs.replace(SenderTerms(sender_id, limits, ""), **changes)


def sender(tenant_id: str, removed_at: int = 0, **changes: Any) -> SenderRecord:
    """An e-mail account, as its owner has set it."""
    terms = sender_terms("account-1", **changes)
    times = (CALLED_AT, CALLED_AT, CALLED_AT)
    return SenderRecord(tenant_id, "email", terms, *times, removed_at)


def sender_state(tenant_id: str, **changes: Any) -> Sender:
    """The account in the owner of its channel."""
    made = Sender(tenant_id, "email", sender_terms("account-1"), sending_days=3, last_day=20_717)
    return msgspec.structs.replace(made, **changes)
