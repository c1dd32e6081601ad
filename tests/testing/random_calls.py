"""Actions of random histories about calls, sender accounts and call pools, and what diallers
report.

With a limit that is not tight, no slot, account or spacing decides who comes first: then a history
has one result, however its records are cut into batches.
"""

from typing import Any, Protocol

import msgspec

from schemas.base.times import MINUTE, SECOND
from schemas.internal import messages as m
from schemas.internal.limit_terms import LimitTerms, SenderTerms, TenantCallTerms
from tests.testing.builders import TENANT, campaign_document
from tests.testing.world import START, World

CALL_CAMPAIGNS = ("calls-1", "calls-2", "calls-3")
"""Several, because a call campaign completes by itself, and is not published again."""

SENDER_IDS = ("s1", "s2")
CALL_TERMS = TenantCallTerms(slots=100)
"""So many calls at a time that no slot decides."""


class CallHistory(Protocol):
    """What an action needs of the history that it is part of."""

    world: Any
    limit: int | None

    def cause(self) -> str:
        """A new cause."""
        ...

    def event_fields(self, contact: int) -> dict[str, Any]:
        """The fields that every public event about a person has."""
        ...


def _is_tight(history: CallHistory) -> bool:
    return history.limit != 100


def publish_calls(history: CallHistory, contact: int, variant: int) -> list[m.Message]:
    """Publishes a version of a call campaign, and puts a person into one."""
    redial: Any = "usual" if variant % 2 else {"max_attempts": 2, "outcomes": {"busy": [15]}}
    hours = {"first_call_time": "08:00", "last_call_time": "20:00"} if variant % 3 == 2 else {}
    calls = {**hours, "failure_rate": _is_tight(history)}
    if _is_tight(history):
        calls["slots"] = 1 + variant % 2
    document = campaign_document(
        campaign_id=CALL_CAMPAIGNS[contact % 3],
        name="Calls",
        kind="calls",
        steps=[{"id": "call", "channel": "voice", "template_id": "t1", "redial": redial}],
        settings={"calls": calls, "quiet_hours": "none"},
    )
    text = msgspec.json.encode(document)
    names = (TENANT, CALL_CAMPAIGNS[contact % 3])
    published = m.PublishCampaign(*names, history.cause(), START, text)
    return [published, *queue_call(history, contact, variant)]


def queue_call(history: CallHistory, contact: int, variant: int) -> list[m.Message]:
    """Puts a person into a call campaign."""
    person = m.Person(first_name="Ann" if variant % 2 else None, phone=number_of(contact))
    variables = {"priority": ("5", "high", "-3", "")[variant % 4]}
    return [
        m.ContactUpserted(**history.event_fields(contact), person=person),
        m.ContactEnrolled(
            **history.event_fields(contact),
            campaign_id=CALL_CAMPAIGNS[(contact + variant // 4) % 3],
            variables=variables,
        ),
    ]


def request_call(history: CallHistory, contact: int, variant: int) -> list[m.Message]:
    """Asks for a direct call, now or for later."""
    later = history.world.now + 90 * MINUTE if variant % 3 == 2 else None
    person = m.Person(phone=number_of(contact))
    fields = history.event_fields(contact)
    return [m.CallRequested(**fields, person=person, scheduled_for=later, priority=variant)]


def number_of(contact: int) -> str:
    """The phone number of a person."""
    return f"+1212555010{contact % 4}"


def change_sender(history: CallHistory, _: int, variant: int) -> list[m.Message]:
    """An account of e-mail is there, changed, removed, throttled, or was used by hand."""
    number = variant % 2 if _is_tight(history) else 0
    sender_id = SENDER_IDS[number]
    ids: dict[str, Any] = {"tenant_id": TENANT, "cause": history.cause(), "at": history.world.now}
    match variant // 2:
        case 0:
            return [m.RemoveSender(sender_id=sender_id, **ids)]
        case 1:
            until = history.world.now + 45 * MINUTE
            return [m.ThrottleSender(sender_id=sender_id, until=until, **ids)]
        case 2 if _is_tight(history):
            used_at = history.world.now
            usage = {"sender_id": sender_id, "action": "", "used_at": used_at, "count": 2}
            return [m.ReportUsage(**usage, **ids)]
    terms = SenderTerms(sender_id, {"": _limits(history)}, "", paused=variant == 7)
    return [m.UpsertSender(channel="email", sender=terms, **ids)]


def _limits(history: CallHistory) -> LimitTerms:
    if not _is_tight(history):
        return LimitTerms(per_hour=1_000)
    return LimitTerms(per_hour=2, per_day=9, spacing_us=30 * SECOND, jitter_us=7 * SECOND)


def change_pool(history: CallHistory, contact: int, variant: int) -> list[m.Message]:
    """The pool of calls has other slots, or a call campaign is cancelled."""
    if variant == 7:
        names = (TENANT, CALL_CAMPAIGNS[contact % 3], "cancelled", history.cause())
        return [m.ChangeCampaign(*names, history.world.now)]
    slots = 1 + variant if _is_tight(history) else 100 + variant
    weights = {TENANT: 1 + contact}
    return [m.UpsertPool("calls", history.cause(), history.world.now, slots, weights)]


def reactions_to_call(
    world: World, fields: dict[str, Any], dice: bytes
) -> list[tuple[int, m.Message]]:
    """What is reported of a call, each with its delay in minutes: a fifth of the ends is lost, and
    some come twice, late, or before the progress."""
    call_id = f"CA-{dice.hex()}"
    ringing = m.CallProgressed(**fields, state="ringing", call_id=call_id)
    live = m.CallProgressed(**fields, state="in_progress", call_id=call_id)
    outcome = ("answered", "busy", "no_answer", "voicemail", "failed", "unknown")[dice[1] % 6]
    ended = m.CallEnded(**fields, outcome=outcome, seconds=9, call_id=call_id, raw_status=outcome)
    reviewed = m.CallReviewed(**fields, success=True, result="meeting")
    reports: tuple[list[tuple[int, m.Message]], ...] = (
        [(0, ringing), (1, live), (5, ended), (20, reviewed)],
        [(2, ended)],
        [(0, live)],
        [(0, ringing), (45, ended)],
        [(3, ended), (4, ended), (6, live)],
        [(1, ringing)],
        [(1, live), (40, live), (41, ended)],
        [(2, ended), (3, reviewed)],
        [(0, m.TouchFailed(**fields, code="PLACE_UNKNOWN"))],
        [(5, ended), (5, ringing)],
    )
    return reports[dice[0] % len(reports)]


CALL_ACTIONS = (
    publish_calls,
    queue_call,
    queue_call,
    request_call,
    change_sender,
    change_sender,
    change_pool,
)
