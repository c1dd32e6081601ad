"""The words of a story: what people, senders and owners do, and what one looks at afterwards."""

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
from tests.testing.builders import CAMPAIGN, CONTACT, TENANT, about, begun, job, sent, tenant
from tests.testing.world import START, World

__all__ = ["HOUR", "MINUTE", "START", "World", "answering", "begun", "job", "sent", "tenant"]

_decode = msgspec.msgpack.Decoder(ContactState).decode
_causes = iter(range(10**9))

Answering = Callable[[World, RequestTouch], Sequence[m.Message]]


def answering(answer: Answering, since: World | None = None) -> Callable[[World], None]:
    """A simulated sender, on all channels: looks at each command once and answers.

    With `since`, what that world has commanded already is somebody else's.
    """
    seen = {(touch.command_id, touch.emission) for touch in since.due()} if since else set()

    def sender(world: World) -> None:
        for touch in world.due():
            if (touch.command_id, touch.emission) not in seen:
                seen.add((touch.command_id, touch.emission))
                world.tell(*answer(world, touch))

    return sender


def sending(since: World | None = None) -> list[Callable[[World], None]]:
    """Senders that send whatever they are told to."""
    return [answering(sent, since)]


def step(
    name: str, channel: str = "email", hours: float = 24, template: str | None = "t"
) -> dict[str, Any]:
    """One step of a campaign."""
    row = {"id": name, "channel": channel, "delay_hours": hours}
    return {**row, "template_id": template} if template else row


def tell(world: World, *told: m.Message) -> World:
    """Said, and taken in by everybody."""
    world.tell(*told)
    world.settle()
    return world


def enrolled(contact_id: str = CONTACT, changes: Any = None, **campaign: Any) -> World:
    """A world in which Ann has just been enrolled."""
    return tell(begun(**campaign), job(contact_id=contact_id, **(changes or {})))


def outside(world: World, contact_id: str = CONTACT, tenant_id: str = TENANT) -> dict[str, Any]:
    """What every public event about a person carries; each has a cause of its own."""
    cause = f"test#{next(_causes)}"
    return {"tenant_id": tenant_id, "contact_id": contact_id, "cause": cause, "at": world.now}


def told(world: World, contact_id: str = CONTACT, **person: Any) -> m.ContactUpserted:
    """Upstream says something new of a person."""
    return m.ContactUpserted(**outside(world, contact_id), person=m.Person(**person))


def failed(
    world: World, touch: RequestTouch, code: str = "timeout", permanent: bool = False
) -> list[m.Message]:
    """The sender could not send it."""
    fields = about(touch, world, f"f{touch.attempt}")
    return [m.TouchFailed(**fields, code=code, permanent=permanent)]


def failing(code: str = "timeout", permanent: bool = False) -> Callable[[World], None]:
    """A sender that never gets anything out."""
    return answering(lambda world, touch: failed(world, touch, code, permanent))


def seen(world: World, touch: RequestTouch, signal: str = "opened", **changes: Any) -> m.TouchSeen:
    """Somebody opened, clicked or read what was sent."""
    return m.TouchSeen(**{**about(touch, world, signal), **changes}, signal=signal)


def unsubscribed(world: World, channel: str = "email", **changes: Any) -> m.ContactUnsubscribed:
    """The person wants no more of a channel."""
    return m.ContactUnsubscribed(**outside(world), channel=channel, **changes)


def reviewed(
    world: World,
    kind: str = "review_clicked",
    command_id: str | None = None,
    campaign_id: str | None = None,
) -> m.ReviewReceived:
    """The person wrote a review, or is about to."""
    return m.ReviewReceived(
        **outside(world), kind=kind, command_id=command_id, campaign_id=campaign_id
    )


def bounced(world: World, touch: RequestTouch, bounce_type: str = "hard") -> m.TouchBounced:
    """The message came back."""
    return m.TouchBounced(**about(touch, world, "b"), bounce_type=bounce_type)


def change(world: World, action: str, campaign_id: str = CAMPAIGN) -> m.ChangeCampaign:
    """The owner pauses, resumes or ends a campaign."""
    return m.ChangeCampaign(TENANT, campaign_id, action, f"test#{next(_causes)}", world.now)


def happened(world: World, what: type[m.ExternalEvent], **fields: Any) -> m.ExternalEvent:
    """Some other public event about Ann, now."""
    return what(**{**outside(world), **fields})


def prospecting(*steps: dict[str, Any], **settings: Any) -> World:
    """A world in which Ann, who is on LinkedIn, has just been enrolled by hand."""
    world = begun(kind="prospecting", steps=list(steps), settings=settings)
    who = {"linkedin_url": "https://linkedin.com/in/ann", "timezone": "America/Chicago"}
    tell(world, told(world, email="ann@example.com", phone="+15550100", **who))
    return tell(world, by_hand(world))


# looking


def contact(world: World, contact_id: str = CONTACT, tenant_id: str = TENANT) -> Contact:
    """Everything known of a person."""
    for (_, key), value in world.states("contact").items():
        if key == contact_key(tenant_id, contact_id):
            state = _decode(payload_of(value))
            assert isinstance(state, Contact)
            return state
    raise LookupError(contact_id)


def run(world: World, index: int = -1, contact_id: str = CONTACT) -> Enrollment:
    """One of a person's enrollments, the newest unless told otherwise."""
    return contact(world, contact_id).enrollments[index]


def touch_of(world: World, index: int = -1) -> Touch:
    """A touch of Ann's newest enrollment."""
    return run(world).touches[index]


def sends(world: World) -> list[tuple[str, float]]:
    """What was commanded, each with its hours since the start."""
    return [(touch.step_id, (touch.due_at - START) / HOUR) for touch in world.due()]


def commanded(world: World) -> list[tuple[str, float]]:
    """What was commanded, and when dispatch let it go, in hours since the start."""
    facts = world.facts(FactKind.TOUCH_COMMANDED)
    return [(fact.step_id or "", hours(fact)) for fact in facts]


def hours(fact: Fact) -> float:
    """When a fact was decided, in hours since the start."""
    return round(fact.at.timestamp() / 3600 - START / HOUR, 6)


def revocations(world: World) -> list[CommandRevoked]:
    """The commands that were called back."""
    return [order for order in world.commands() if isinstance(order, CommandRevoked)]


def reasons(world: World, kind: FactKind) -> Sequence[str | None]:
    """Why, for every fact of a kind."""
    return [fact.reason for fact in world.facts(kind)]


def by_hand(world: World, campaign_id: str = CAMPAIGN, **variables: str) -> m.ContactEnrolled:
    """The owner enrolls Ann."""
    return m.ContactEnrolled(**outside(world), campaign_id=campaign_id, variables=variables or None)
