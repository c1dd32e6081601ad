"""The steps of a test: what people, senders and owners do, and what a test looks at afterwards."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from schemas.base.times import HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.enrollment import Enrollment, Touch
from schemas.internal.facts import Fact, FactKind
from schemas.internal.messages import CommandRevoked, RequestTouch, contact_key
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import Contact, ContactState
from tests.testing.builders import (
    CAMPAIGN,
    CONTACT,
    TENANT,
    answer_fields,
    job,
    sent,
    tenant,
    world_with_campaign,
)
from tests.testing.world import START, World

__all__ = ["HOUR", "MINUTE", "START", "World", "job", "sent", "tenant", "world_with_campaign"]

_decode = msgspec.msgpack.Decoder(ContactState).decode
_causes = iter(range(10**9))

Answer = Callable[[World, RequestTouch], Sequence[m.Message]]
Sender = Callable[[World], None]


def deliver(world: World, *messages: m.Message) -> World:
    """Appends messages to their logs and runs the world until nothing moves any more."""
    world.append(*messages)
    world.settle()
    return world


# worlds


def enrolled(contact_id: str = CONTACT, changes: Any = None, **campaign: Any) -> World:
    """A world in which a job has just enrolled Ann; `changes` are those of the job."""
    return deliver(world_with_campaign(**campaign), job(contact_id=contact_id, **(changes or {})))


def prospecting(*steps: dict[str, Any], **settings: Any) -> World:
    """A world in which Ann, who has an address on every channel, was just enrolled by hand."""
    world = world_with_campaign(kind="prospecting", steps=list(steps), settings=settings)
    who = {"linkedin_url": "https://linkedin.com/in/ann", "timezone": "America/Chicago"}
    deliver(world, upserted(world, email="ann@example.com", phone="+15550100", **who))
    return deliver(world, enroll_by_hand(world))


# senders


def make_sender(answer: Answer, since: World | None = None) -> Sender:
    """A simulated sender on all channels: it reads each command once and answers it.

    With `since`, it leaves out the commands which that world has emitted already.
    """
    seen = {(t.command_id, t.emission) for t in since.commanded_touches()} if since else set()

    def answer_new_commands(world: World) -> None:
        for touch in world.commanded_touches():
            if (touch.command_id, touch.emission) not in seen:
                seen.add((touch.command_id, touch.emission))
                world.append(*answer(world, touch))

    return answer_new_commands


def working_senders(since: World | None = None) -> list[Sender]:
    """Senders that send every command."""
    return [make_sender(sent, since)]


def failing_sender(code: str = "timeout", permanent: bool = False) -> Sender:
    """A sender that fails to send every command."""
    return make_sender(lambda world, touch: failed(world, touch, code, permanent))


def failed(
    world: World, touch: RequestTouch, code: str = "timeout", permanent: bool = False
) -> list[m.Message]:
    """The answer of a sender that could not send the command."""
    fields = answer_fields(touch, world, f"f{touch.attempt}")
    return [m.TouchFailed(**fields, code=code, permanent=permanent)]


def seen(world: World, touch: RequestTouch, signal: str = "opened", **changes: Any) -> m.TouchSeen:
    """The person opened, clicked or read what was sent."""
    return m.TouchSeen(**{**answer_fields(touch, world, signal), **changes}, signal=signal)


def bounced(world: World, touch: RequestTouch, bounce_type: str = "hard") -> m.TouchBounced:
    """What was sent bounced."""
    return m.TouchBounced(**answer_fields(touch, world, "b"), bounce_type=bounce_type)


# people and owners


def event_fields(
    world: World, contact_id: str = CONTACT, tenant_id: str = TENANT
) -> dict[str, Any]:
    """The fields that every public event about a person has, with a new cause each time."""
    cause = f"test#{next(_causes)}"
    return {"tenant_id": tenant_id, "contact_id": contact_id, "cause": cause, "at": world.now}


def new_event(world: World, kind: type[m.ExternalEvent], **fields: Any) -> m.ExternalEvent:
    """A public event of this class about Ann, now."""
    return kind(**{**event_fields(world), **fields})


def upserted(world: World, contact_id: str = CONTACT, **person: Any) -> m.ContactUpserted:
    """Upstream reports new fields of a person."""
    return m.ContactUpserted(**event_fields(world, contact_id), person=m.Person(**person))


def unsubscribed(world: World, channel: str = "email", **changes: Any) -> m.ContactUnsubscribed:
    """Ann opts out of a channel, or of `all`."""
    return m.ContactUnsubscribed(**event_fields(world), channel=channel, **changes)


def reviewed(
    world: World,
    kind: str = "review_clicked",
    command_id: str | None = None,
    campaign_id: str | None = None,
) -> m.ReviewReceived:
    """Ann clicked the link to a review, or left feedback."""
    return m.ReviewReceived(
        **event_fields(world), kind=kind, command_id=command_id, campaign_id=campaign_id
    )


def replied(world: World, channel: str = "email", **changes: Any) -> m.ExternalEvent:
    """Ann replied on a channel."""
    return new_event(world, m.ContactReplied, channel=channel, **changes)


def accepted(world: World, **changes: Any) -> m.ExternalEvent:
    """Ann accepted the LinkedIn connection."""
    return new_event(world, m.ConnectionAccepted, **changes)


def enroll_by_hand(
    world: World, campaign_id: str = CAMPAIGN, **variables: str
) -> m.ContactEnrolled:
    """The owner enrolls Ann."""
    fields = event_fields(world)
    return m.ContactEnrolled(**fields, campaign_id=campaign_id, variables=variables or None)


def change_campaign(world: World, action: str, campaign_id: str = CAMPAIGN) -> m.ChangeCampaign:
    """The owner pauses, resumes or ends a campaign."""
    return m.ChangeCampaign(TENANT, campaign_id, action, f"test#{next(_causes)}", world.now)


# what a test looks at


def contact_of(world: World, contact_id: str = CONTACT, tenant_id: str = TENANT) -> Contact:
    """The state of a contact."""
    for (_, key), value in world.states("contact").items():
        if key == contact_key(tenant_id, contact_id):
            state = _decode(payload_of(value))
            assert isinstance(state, Contact)
            return state
    raise LookupError(contact_id)


def enrollment_of(world: World, index: int = -1, contact_id: str = CONTACT) -> Enrollment:
    """One of a contact's enrollments, by default the newest."""
    return contact_of(world, contact_id).enrollments[index]


def touch_of(world: World, index: int = -1) -> Touch:
    """A touch of Ann's newest enrollment, by default the last one."""
    return enrollment_of(world).touches[index]


def scheduled_steps(world: World) -> list[tuple[str, float]]:
    """The steps that were commanded, each with its scheduled time in hours since START, in order of
    time."""
    touches = sorted(world.commanded_touches(), key=lambda t: (t.due_at, t.touch_number))
    return [(touch.step_id, (touch.due_at - START) / HOUR) for touch in touches]


def commanded_steps(world: World) -> list[tuple[str, float]]:
    """The steps that were commanded, each with the time of its command in hours since START."""
    facts = world.facts(FactKind.TOUCH_COMMANDED)
    return [(fact.step_id or "", hours_since_start(fact)) for fact in facts]


def hours_since_start(fact: Fact) -> float:
    """The time of a fact in hours since START."""
    return round(fact.at.timestamp() / 3600 - START / HOUR, 6)


def revocations(world: World) -> list[CommandRevoked]:
    """The revocations on the command topics."""
    return [command for command in world.commands() if isinstance(command, CommandRevoked)]


def reasons(world: World, kind: FactKind) -> Sequence[str | None]:
    """The reason of every fact of a kind."""
    return [fact.reason for fact in world.facts(kind)]
