"""Random histories: the actions of people, owners and upstream systems, as plain data that can be
played again.

A hash of the command id decides the answers of senders, so they are the same in every run.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from random import Random
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st

from schemas.base.opt_out_words import digest_of, word_of
from schemas.base.times import HOUR, MINUTE
from schemas.internal import messages as m
from tests.testing.builders import TENANT, answer_fields, campaign_document, tenant
from tests.testing.faulty_world import FaultyWorld
from tests.testing.random_calls import (
    CALL_ACTIONS,
    CALL_TERMS,
    number_of,
    reactions_to_call,
)
from tests.testing.random_definitions import OUTREACH, STEPS, definition
from tests.testing.world import START

PEOPLE = ("ann", "ben", "cem", "dua")
CAMPAIGNS = ("reviews", "roofs")
SERVICES = ("hvac", "roofing")
CAMPAIGN_ACTIONS = (*("paused", "resumed") * 2, "completed", "deleted", "archived", "activated")
ZONES = ("America/Chicago", "Europe/Rome", "", "Asia/Tokyo")
LATE_POLICIES = ("shift_by_pause", "send_now", "skip_older_than")


class Action(NamedTuple):
    """An action, `hours` after the last one. `kind` is an index of ACTION_KINDS, `contact` one of
    PEOPLE, and `variant` selects the details."""

    kind: int
    contact: int
    variant: int
    hours: float


class HistoryContext:
    """The world of a history, the messages so far, and a counter for causes. `limit` is the hourly
    limit of the tenant's e-mails."""

    def __init__(self, world: FaultyWorld, limit: int | None = 100) -> None:
        self.world = world
        self.limit = limit
        self.messages: list[m.Message] = []
        self.count = 0

    def cause(self) -> str:
        """A new cause."""
        self.count += 1
        return f"test#{self.count}"

    def event_fields(self, contact: int) -> dict[str, Any]:
        """The fields that every public event about a person has."""
        names = {"tenant_id": TENANT, "contact_id": PEOPLE[contact % 4], "cause": self.cause()}
        return {**names, "at": self.world.now}


_BOUNCES = (
    *("hard", "soft", "hard", "soft", "hard", "soft", "block", "unreachable", "opted_out"),
    *("content", "ours", "soft", "soft"),
)


def sender_reactions(world: FaultyWorld, touch: m.RequestTouch) -> list[tuple[int, m.Message]]:
    """The events that a command leads to, each with its delay in minutes."""
    dice = blake2b(f"{touch.command_id}{touch.emission}".encode(), digest_size=2).digest()
    fields = answer_fields(touch, world)
    sent = m.TouchSent(**fields)
    failed = m.TouchFailed(**fields, code="timeout")
    opened = m.TouchSeen(**fields, signal="opened")
    early = m.TouchSeen(**{**fields, "at": world.now - MINUTE}, signal="opened")
    scanned = m.TouchSeen(**fields, signal="clicked", automatic=True)
    bounced = m.TouchBounced(
        **fields, bounce_type=_BOUNCES[dice[1] % len(_BOUNCES)], rules=int(dice[1] % 4 > 0)
    )
    soft = m.TouchBounced(**fields, bounce_type="soft", rules=1)
    common = (touch.tenant_id, touch.contact_id, fields["cause"], world.now)
    clicked = m.ReviewReceived(*common, "review_clicked", touch.command_id)
    replied = m.ContactReplied(*common, channel=touch.channel)
    gone = m.TouchFailed(**fields, code="404")
    reactions: tuple[list[tuple[int, m.Message]], ...] = (
        [(0, sent)],
        [(0, sent), (3, opened), (4, early)],
        [(0, sent), (0, sent), (0, sent)],
        [],
        [(0, failed)],
        [(0, gone)],
        [(0, replied), (4, gone)],
        [(1, replied), (2, failed), (7, sent)],
        [(1, replied), (3, sent)],
        [(45, sent)],
        [(100, sent)],
        [(0, opened), (1, sent), (2, bounced)],
        [(0, failed), (0, failed), (10, sent)],
        [(0, sent), (200, clicked), (201, clicked)],
        [(0, m.TouchFailed(**fields, code="429"))],
        [(0, sent), (1, scanned), (5, opened)],
        [(0, m.TouchFailed(**fields, code=("550_5.1.1", "450", "21610", "21614")[dice[1] % 4]))],
        [(1, sent), (9, m.TouchFailed(**fields, code="opted_out"))],
        [(0, sent), (2, soft), (3, soft)],
        [(0, soft), (1, sent), (30, opened)],
        [(0, sent), (1, opened), (600, bounced), (601, soft)],
    )
    if touch.call is not None and dice[1] % 3:
        return reactions_to_call(world, fields, dice)
    if touch.channel == "voice":
        ended = m.CallEnded(**fields, outcome="answered" if dice[1] % 2 else "busy", seconds=9)
        return [*reactions[dice[0] % len(reactions)], (5, ended)]
    return reactions[dice[0] % len(reactions)]


def publish_campaign(context: HistoryContext, campaign: int, variant: int) -> m.PublishCampaign:
    """Publishes a version of a campaign with e-mails and a text message."""
    steps = [
        {"id": "a", "channel": "email", "delay_hours": 5, "template_id": "t1"},
        {"id": "b", "channel": "sms", "delay_hours": 14, "template_id": f"t{variant % 3}"},
        {"id": "c", "channel": "email", "delay_hours": 30, "template_id": "t3"},
    ]
    body = campaign_document(
        campaign_id=CAMPAIGNS[campaign % 2],
        service_type=None if campaign % 2 == 0 else "roofing",
        steps=steps[: 2 + variant % 2],
        settings={
            "late_policy": LATE_POLICIES[variant % 3],
            **({"late_skip_hours": 3} if variant % 3 == 2 else {}),
            "priority": variant % 4,
            "cooldown_days": variant % 2,
        },
    )
    text = msgspec.json.encode(body)
    return m.PublishCampaign(TENANT, CAMPAIGNS[campaign % 2], context.cause(), START, text)


def complete_job(context: HistoryContext, contact: int, variant: int) -> list[m.Message]:
    """Completes a job, now or up to two hours ago."""
    person = m.Person(
        first_name=PEOPLE[contact % 4],
        email=f"{PEOPLE[contact % 3]}@example.com",  # dua reads ann's mail
        phone=number_of(contact) if variant % 5 else None,
        timezone=ZONES[variant % 4],
    )
    fields = context.event_fields(contact)
    at = context.world.now - (variant % 3) * HOUR
    return [
        m.JobCompleted(
            **fields,
            job_id=f"j{context.count}",
            service_type=SERVICES[variant % 2],
            completed_at=at,
            person=person,
            enroll=variant % 7 != 6,
        )
    ]


def _publish_and_enroll(context: HistoryContext, contact: int, variant: int) -> list[m.Message]:
    """Publishes a version of the prospecting campaign, and enrolls a person in it."""
    text = msgspec.json.encode(definition(contact * 8 + variant))
    published = m.PublishCampaign(TENANT, OUTREACH, context.cause(), START, text)
    return [published, *_enroll_prospect(context, contact, variant)]


def _enroll_prospect(context: HistoryContext, contact: int, variant: int) -> list[m.Message]:
    person = m.Person(
        email=f"{PEOPLE[contact % 3]}@example.com",
        phone=number_of(contact),
        linkedin_url=f"https://linkedin.com/in/{PEOPLE[contact % 4]}" if variant % 4 else None,
    )
    return [
        m.ContactUpserted(**context.event_fields(contact), person=person),
        m.ContactEnrolled(**context.event_fields(contact), campaign_id=OUTREACH),
    ]


def _respond(context: HistoryContext, contact: int, variant: int) -> list[m.Message]:
    """A reply, an accepted connection or a conversion, now or reported late."""
    fields = context.event_fields(contact)
    fields["at"] -= (0, 0, 0, 20 * HOUR)[variant % 4]
    match variant % 4:
        case 0:
            automatic = variant > 4
            return [m.ContactReplied(**fields, channel="email", automatic=automatic, rules=1)]
        case 1:
            return [m.ConnectionAccepted(**fields)]
        case 2:
            named: dict[str, Any] = {"entity_id": f"m-{variant % 3}"} if variant > 1 else {}
            named |= {"campaign_id": OUTREACH} if variant > 4 else {}
            kind = "meeting"
            return [
                m.ConversionRecorded(**fields, conversion_type=kind, rules=contact % 2, **named)
            ]
    return [m.ContactReplied(**fields, channel="whatsapp")]


def _pause_or_resume(context: HistoryContext, contact: int, variant: int) -> list[m.Message]:
    make = m.ContactPaused if variant % 2 else m.ContactResumed
    return [
        make(**context.event_fields(contact), campaign_id=OUTREACH if variant % 4 > 1 else None)
    ]


def _migrate_runs(context: HistoryContext, _: int, variant: int) -> list[m.Message]:
    steps = {STEPS[variant % 4]: (None, STEPS[variant % 3])[variant % 2]}
    return [m.MoveRuns(TENANT, OUTREACH, context.cause(), context.world.now, None, steps)]


def _backfill(context: HistoryContext, contact: int, variant: int) -> list[m.Message]:
    (event,) = (
        complete_job(context, contact, variant) if variant % 2 else _respond(context, contact, 2)
    )
    assert isinstance(event, m.ExternalEvent)
    return [
        m.BackfilledEvent(event.tenant_id, event.contact_id, event.cause, event.at, m.encode(event))
    ]


def _repeat_message(context: HistoryContext, _: int, variant: int) -> list[m.Message]:
    return [context.messages[-1 - variant * 3 % len(context.messages)]]


def _upsert_contact(context: HistoryContext, contact: int, variant: int) -> list[m.Message]:
    people = (
        m.Person(email=f"new{variant}@example.com"),
        m.Person(email=""),
        m.Person(timezone="Asia/Tokyo"),
        m.Person(phone="+15559"),
    )
    return [m.ContactUpserted(**context.event_fields(contact), person=people[variant % 4])]


def _unsubscribe(context: HistoryContext, contact: int, variant: int) -> list[m.Message]:
    channel = ("email", "sms", "sms", "all")[variant % 4]
    return [m.ContactUnsubscribed(**context.event_fields(contact), channel=channel)]


def _consent(context: HistoryContext, contact: int, variant: int) -> list[m.Message]:
    """The person agrees again, now or reported late, has left, or answers with one word; or an
    address is opened again."""
    fields = context.event_fields(contact)
    fields["at"] -= (0, 6 * HOUR)[variant % 2]
    match variant % 4:
        case 0:
            channel = ("email", "all", "sms")[contact % 3]
            return [m.ContactResubscribed(**fields, channel=channel, evidence="form 7")]
        case 1:
            keyword = digest_of(word_of(("start", "no more", "hello")[contact % 3]))
            return [m.ContactReplied(**fields, channel="sms", keyword=keyword)]
        case 2 if variant > 4:
            return [m.ContactReplied(**fields, channel="email", gone=True)]
    address = f"{PEOPLE[contact % 3]}@example.com"
    names = (TENANT, "email", address, "our_fault", context.cause())
    return [m.ReopenAddress(*names, context.world.now)]


def _change_tenant(context: HistoryContext, contact: int, variant: int) -> list[m.Message]:
    if (contact, variant) == (3, 6):
        return [m.DeleteTenant(TENANT, context.cause(), context.world.now)]
    limit = context.limit if variant % 3 else None
    return [
        tenant(
            cause=context.cause(),
            at=context.world.now,
            limits={"email": limit},
            timezone=ZONES[variant % 2],
            caps={"per_day": 1 + contact} if variant % 4 == 3 else {},
            opt_out_words=("NO MORE",) if variant % 2 else (),
            calls=CALL_TERMS if context.limit == 100 else None,
        )
    ]


ACTION_KINDS: tuple[Callable[[HistoryContext, int, int], Sequence[m.Message]], ...] = (
    complete_job,
    complete_job,
    complete_job,
    complete_job,
    _repeat_message,
    _repeat_message,
    _upsert_contact,
    _unsubscribe,
    lambda context, contact, variant: [
        m.ReviewReceived(**context.event_fields(contact), kind="feedback_submitted")
    ],
    lambda context, contact, variant: [
        m.ContactStopped(
            **context.event_fields(contact),
            campaign_id=CAMPAIGNS[variant % 2] if variant % 3 else None,
        )
    ],
    lambda context, contact, variant: [
        m.JobDeleted(**context.event_fields(contact), job_id=f"j{variant}")
    ],
    lambda context, contact, variant: [
        m.ContactEnrolled(**context.event_fields(contact), campaign_id=CAMPAIGNS[variant % 2])
    ],
    lambda context, contact, variant: [
        m.ChangeCampaign(
            TENANT,
            CAMPAIGNS[contact % 2],
            CAMPAIGN_ACTIONS[variant % 4],
            context.cause(),
            context.world.now,
        )
    ],
    lambda context, contact, variant: [
        m.ChangeCampaign(
            TENANT,
            CAMPAIGNS[contact % 2],
            CAMPAIGN_ACTIONS[variant % 8],
            context.cause(),
            context.world.now,
        )
    ],
    lambda context, contact, variant: [publish_campaign(context, contact, variant)],
    lambda context, contact, variant: [
        m.DeleteTemplate(TENANT, f"t{variant % 3}", context.cause(), context.world.now)
    ],
    _change_tenant,
    lambda context, contact, variant: (
        [m.ContactErased(**context.event_fields(contact))] if variant == 7 else []
    ),
    _publish_and_enroll,
    _publish_and_enroll,
    _enroll_prospect,
    _respond,
    _respond,
    _pause_or_resume,
    _migrate_runs,
    _backfill,
    _consent,
    _consent,
    *CALL_ACTIONS,
)

actions = st.builds(
    Action,
    st.integers(0, len(ACTION_KINDS) - 1),
    st.integers(0, 3),
    st.integers(0, 7),
    st.sampled_from((0.0, 0.1, 1.0, 5.0, 5.5, 19.0, 30.0)),
)
histories = st.lists(actions, min_size=1, max_size=18)


def random_history(seed: int, length: int) -> list[Action]:
    """A random history of `length` actions, the same for the same seed. Hypothesis makes others
    that it can shrink."""
    dice = Random(seed)
    hours = (0.0, 0.1, 1.0, 5.0, 5.5, 19.0, 30.0)
    return [
        Action(
            dice.randrange(len(ACTION_KINDS)),
            dice.randrange(4),
            dice.randrange(8),
            dice.choice(hours),
        )
        for _ in range(length)
    ]
