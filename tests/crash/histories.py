"""Random histories: what people, owners and senders do, as plain data that can be played again.

Senders answer as a hash of the command id tells them: the same in every run of a history.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from random import Random
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st

from schemas.base.times import HOUR, MINUTE
from schemas.internal import messages as m
from tests.crash.faulty_world import Rig
from tests.crash.outreach import OUTREACH, STEPS, definition
from tests.testing.builders import TENANT, answer_fields, campaign_document, tenant
from tests.testing.world import START

PEOPLE = ("ann", "ben", "cem", "dua")
CAMPAIGNS = ("reviews", "roofs")
SERVICES = ("hvac", "roofing")
ACTIONS = (*("paused", "resumed") * 2, "completed", "deleted", "archived", "activated")
ZONES = ("America/Chicago", "Europe/Rome", "", "Asia/Tokyo")
LATE = ("shift_by_pause", "send_now", "skip_older_than")


class Move(NamedTuple):
    """Somebody does something, so many hours after the last move."""

    kind: int
    who: int
    what: int
    hours: float


class Told:
    """What was said so far in a rig: some of it is said again."""

    def __init__(self, rig: Rig, limit: int | None = 100) -> None:
        self.rig = rig
        self.limit = limit
        self.said: list[m.Message] = []
        self.count = 0

    def cause(self) -> str:
        """An event of its own."""
        self.count += 1
        return f"test#{self.count}"

    def outside(self, who: int) -> dict[str, Any]:
        """What every public event about a person carries."""
        names = {"tenant_id": TENANT, "contact_id": PEOPLE[who % 4], "cause": self.cause()}
        return {**names, "at": self.rig.now}


def reaction(rig: Rig, touch: m.RequestTouch) -> list[tuple[int, m.Message]]:
    """What comes of a command: minutes later, and the event."""
    dice = blake2b(f"{touch.command_id}{touch.emission}".encode(), digest_size=2).digest()
    fields = answer_fields(touch, rig)
    sent = m.TouchSent(**fields)
    failed = m.TouchFailed(**fields, code="timeout")
    opened = m.TouchSeen(**fields, signal="opened")
    early = m.TouchSeen(**{**fields, "at": rig.now - MINUTE}, signal="opened")
    bounced = m.TouchBounced(**fields, bounce_type="hard" if dice[1] % 2 else "soft")
    who = (touch.tenant_id, touch.contact_id, fields["cause"], rig.now)
    clicked = m.ReviewReceived(*who, "review_clicked", touch.command_id)
    replied = m.ContactReplied(*who, channel=touch.channel)
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
    )
    if touch.channel == "voice":
        ended = m.CallEnded(**fields, outcome="answered" if dice[1] % 2 else "busy", seconds=9)
        return [*reactions[dice[0] % len(reactions)], (5, ended)]
    return reactions[dice[0] % len(reactions)]


def publish(told: Told, which: int, what: int) -> m.PublishCampaign:
    """A version of a campaign; both have e-mails and text messages."""
    steps = [
        {"id": "a", "channel": "email", "delay_hours": 5, "template_id": "t1"},
        {"id": "b", "channel": "sms", "delay_hours": 14, "template_id": f"t{what % 3}"},
        {"id": "c", "channel": "email", "delay_hours": 30, "template_id": "t3"},
    ]
    body = campaign_document(
        campaign_id=CAMPAIGNS[which % 2],
        service_type=None if which % 2 == 0 else "roofing",
        steps=steps[: 2 + what % 2],
        settings={
            "late_policy": LATE[what % 3],
            **({"late_skip_hours": 3} if what % 3 == 2 else {}),
            "priority": what % 4,
            "cooldown_days": what % 2,
        },
    )
    text = msgspec.json.encode(body)
    return m.PublishCampaign(TENANT, CAMPAIGNS[which % 2], told.cause(), START, text)


def job(told: Told, who: int, what: int) -> list[m.Message]:
    person = m.Person(
        first_name=PEOPLE[who % 4],
        email=f"{PEOPLE[who % 3]}@example.com",  # dua reads ann's mail
        phone=f"+1555{who % 4}" if what % 5 else None,
        timezone=ZONES[what % 4],
    )
    fields = told.outside(who)
    at = told.rig.now - (what % 3) * HOUR
    return [
        m.JobCompleted(
            **fields,
            job_id=f"j{told.count}",
            service_type=SERVICES[what % 2],
            completed_at=at,
            person=person,
            enroll=what % 7 != 6,
        )
    ]


def _sequence(told: Told, who: int, what: int) -> list[m.Message]:
    """A version of the prospecting campaign, and somebody enters it."""
    text = msgspec.json.encode(definition(who * 8 + what))
    published = m.PublishCampaign(TENANT, OUTREACH, told.cause(), START, text)
    return [published, *_entered(told, who, what)]


def _entered(told: Told, who: int, what: int) -> list[m.Message]:
    person = m.Person(
        email=f"{PEOPLE[who % 3]}@example.com",
        phone=f"+1555{who % 4}",
        linkedin_url=f"https://linkedin.com/in/{PEOPLE[who % 4]}" if what % 4 else None,
    )
    return [
        m.ContactUpserted(**told.outside(who), person=person),
        m.ContactEnrolled(**told.outside(who), campaign_id=OUTREACH),
    ]


def _responded(told: Told, who: int, what: int) -> list[m.Message]:
    """What people do on any channel, now or told late."""
    fields = told.outside(who)
    fields["at"] -= (0, 0, 0, 20 * HOUR)[what % 4]
    match what % 4:
        case 0:
            return [m.ContactReplied(**fields, channel="email", automatic=what > 4)]
        case 1:
            return [m.ConnectionAccepted(**fields)]
        case 2:
            return [m.ConversionRecorded(**fields, conversion_type="meeting")]
    return [m.ContactReplied(**fields, channel="whatsapp")]


def _steered(told: Told, who: int, what: int) -> list[m.Message]:
    make = m.ContactPaused if what % 2 else m.ContactResumed
    return [make(**told.outside(who), campaign_id=OUTREACH if what % 4 > 1 else None)]


def _moved(told: Told, _: int, what: int) -> list[m.Message]:
    steps = {STEPS[what % 4]: (None, STEPS[what % 3])[what % 2]}
    return [m.MoveRuns(TENANT, OUTREACH, told.cause(), told.rig.now, None, steps)]


def _past(told: Told, who: int, what: int) -> list[m.Message]:
    (event,) = job(told, who, what) if what % 2 else _responded(told, who, 2)
    assert isinstance(event, m.ExternalEvent)
    return [
        m.BackfilledEvent(event.tenant_id, event.contact_id, event.cause, event.at, m.encode(event))
    ]


def _again(told: Told, _: int, what: int) -> list[m.Message]:
    return [told.said[-1 - what * 3 % len(told.said)]]


def _told(told: Told, who: int, what: int) -> list[m.Message]:
    people = (
        m.Person(email=f"new{what}@example.com"),
        m.Person(email=""),
        m.Person(timezone="Asia/Tokyo"),
        m.Person(phone="+15559"),
    )
    return [m.ContactUpserted(**told.outside(who), person=people[what % 4])]


def _unsubscribed(told: Told, who: int, what: int) -> list[m.Message]:
    channel = ("email", "sms", "sms", "all")[what % 4]
    return [m.ContactUnsubscribed(**told.outside(who), channel=channel)]


def _tenant(told: Told, who: int, what: int) -> list[m.Message]:
    if (who, what) == (3, 6):
        return [m.DeleteTenant(TENANT, told.cause(), told.rig.now)]
    limit = told.limit if what % 3 else None
    return [
        tenant(
            cause=told.cause(),
            at=told.rig.now,
            limits={"email": limit},
            timezone=ZONES[what % 2],
            caps={"per_day": 1 + who} if what % 4 == 3 else {},
        )
    ]


MOVES: tuple[Callable[[Told, int, int], Sequence[m.Message]], ...] = (
    job,
    job,
    job,
    job,
    _again,
    _again,
    _told,
    _unsubscribed,
    lambda p, who, what: [m.ReviewReceived(**p.outside(who), kind="feedback_submitted")],
    lambda p, who, what: [
        m.ContactStopped(**p.outside(who), campaign_id=CAMPAIGNS[what % 2] if what % 3 else None)
    ],
    lambda p, who, what: [m.JobDeleted(**p.outside(who), job_id=f"j{what}")],
    lambda p, who, what: [m.ContactEnrolled(**p.outside(who), campaign_id=CAMPAIGNS[what % 2])],
    lambda p, who, what: [
        m.ChangeCampaign(TENANT, CAMPAIGNS[who % 2], ACTIONS[what % 4], p.cause(), p.rig.now)
    ],
    lambda p, who, what: [
        m.ChangeCampaign(TENANT, CAMPAIGNS[who % 2], ACTIONS[what % 8], p.cause(), p.rig.now)
    ],
    lambda p, who, what: [publish(p, who, what)],
    lambda p, who, what: [m.DeleteTemplate(TENANT, f"t{what % 3}", p.cause(), p.rig.now)],
    _tenant,
    lambda p, who, what: [m.ContactErased(**p.outside(who))] if what == 7 else [],
    _sequence,
    _sequence,
    _entered,
    _responded,
    _responded,
    _steered,
    _moved,
    _past,
)

moves = st.builds(
    Move,
    st.integers(0, len(MOVES) - 1),
    st.integers(0, 3),
    st.integers(0, 7),
    st.sampled_from((0.0, 0.1, 1.0, 5.0, 5.5, 19.0, 30.0)),
)
histories = st.lists(moves, min_size=1, max_size=18)


def chance(seed: int, length: int) -> list[Move]:
    """A history by dice, for those that need no shrinking."""
    dice = Random(seed)
    hours = (0.0, 0.1, 1.0, 5.0, 5.5, 19.0, 30.0)
    return [
        Move(dice.randrange(len(MOVES)), dice.randrange(4), dice.randrange(8), dice.choice(hours))
        for _ in range(length)
    ]
