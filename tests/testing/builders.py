"""Valid messages with one thing changed."""

from itertools import count
from typing import Any

import msgspec

from schemas.internal import messages as m
from tests.testing.world import START, World

_events = count(1)

TENANT, CONTACT, CAMPAIGN = "acme", "ann", "reviews"


def document(**changes: Any) -> dict[str, Any]:
    """Two e-mails and a text message: 24, 72 and 168 hours apart, as the standard preset (F-3)."""
    steps = [
        {"id": "mail-1", "channel": "email", "delay_hours": 24, "template_id": "t1"},
        {"id": "mail-2", "channel": "email", "delay_hours": 72, "template_id": "t2"},
        {"id": "text-1", "channel": "sms", "delay_hours": 168, "template_id": "t3"},
    ]
    whole = {
        "tenant_id": TENANT,
        "campaign_id": CAMPAIGN,
        "name": "Reviews",
        "steps": steps,
    }
    return {**whole, **changes}


def tenant(**changes: Any) -> m.UpsertTenant:
    """A tenant in Chicago."""
    fields = {"tenant_id": TENANT, "cause": "t#1", "at": START, "timezone": "America/Chicago"}
    return m.UpsertTenant(**{**fields, **changes})


def publish(**changes: Any) -> m.PublishCampaign:
    """The campaign, published."""
    whole = document(**changes)
    return m.PublishCampaign(
        whole["tenant_id"],
        whole["campaign_id"],
        f"c#{next(_events)}",
        START,
        msgspec.json.encode(whole),
    )


def job(job_id: str = "j1", at: int = START, **changes: Any) -> m.JobCompleted:
    """Ann's boiler is repaired."""
    fields: dict[str, Any] = {
        "tenant_id": TENANT,
        "contact_id": CONTACT,
        "cause": f"jobs#{job_id}",
        "at": at,
        "job_id": job_id,
        "service_type": "hvac",
        "completed_at": at,
        "person": m.Person(
            first_name="Ann", email="ann@example.com", phone="+15550100", timezone="America/Chicago"
        ),
    }
    return m.JobCompleted(**{**fields, **changes})


def about(touch: m.RequestTouch, world: World, event: str = "s") -> dict[str, Any]:
    """What every sender's answer carries."""
    return {
        "tenant_id": touch.tenant_id,
        "contact_id": touch.contact_id,
        "cause": f"sender#{event}-{touch.command_id}-{touch.emission}",
        "at": world.now,
        "command_id": touch.command_id,
    }


def sent(world: World, touch: m.RequestTouch) -> list[m.Message]:
    """The sender has sent it."""
    return [m.TouchSent(**about(touch, world))]


def begun(**changes: Any) -> World:
    """A world with the tenant and its campaign known everywhere."""
    world = World()
    world.tell(tenant())
    world.settle()
    world.tell(publish(**changes))
    world.settle()
    return world
