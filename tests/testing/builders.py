"""Builders of valid messages and campaign documents; a test names what it wants to be different."""

from itertools import count
from typing import Any

import msgspec

from schemas.internal import messages as m
from tests.testing.world import START, World

_causes = count(1)

TENANT, CONTACT, CAMPAIGN = "acme", "ann", "reviews"


def step(
    name: str = "a",
    channel: str = "email",
    hours: float | None = 0,
    template_id: str | None = "t",
    **fields: Any,
) -> dict[str, Any]:
    """A step of a campaign document: an e-mail without delay, from a template.

    None leaves the field out. `fields` are further fields of the step, or others' values by the
    names that the document has for them.
    """
    row: dict[str, Any] = {"id": name, "channel": channel}
    if hours is not None:
        row["delay_hours"] = hours
    if template_id is not None:
        row["template_id"] = template_id
    return row | fields


def connection_request(hours: float = 0, **wait: Any) -> dict[str, Any]:
    """A step that requests a LinkedIn connection and waits up to 168 hours for its acceptance."""
    wait_for = {"event": "connection_accepted", "max_wait_hours": 168, **wait}
    return step("request", "linkedin", hours, action="send_connection_request", wait_for=wait_for)


def campaign_document(**changes: Any) -> dict[str, Any]:
    """Two e-mails and a text message: 24, 72 and 168 hours apart, as the standard preset (F-3)."""
    steps = [
        step("mail-1", "email", 24, "t1"),
        step("mail-2", "email", 72, "t2"),
        step("text-1", "sms", 168, "t3"),
    ]
    document = {
        "tenant_id": TENANT,
        "campaign_id": CAMPAIGN,
        "name": "Reviews",
        "steps": steps,
    }
    return {**document, **changes}


def tenant(**changes: Any) -> m.UpsertTenant:
    """A tenant in Chicago."""
    fields = {"tenant_id": TENANT, "cause": "t#1", "at": START, "timezone": "America/Chicago"}
    return m.UpsertTenant(**{**fields, **changes})


def publish(**changes: Any) -> m.PublishCampaign:
    """The campaign document, published."""
    document = campaign_document(**changes)
    return m.PublishCampaign(
        document["tenant_id"],
        document["campaign_id"],
        f"c#{next(_causes)}",
        START,
        msgspec.json.encode(document),
    )


def job(job_id: str = "j1", at: int = START, **changes: Any) -> m.JobCompleted:
    """A job for Ann, completed at `at`."""
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


def answer_fields(touch: m.RequestTouch, world: World, event: str = "s") -> dict[str, Any]:
    """The fields that every answer of a sender has; `event` makes its cause a different one."""
    return {
        "tenant_id": touch.tenant_id,
        "contact_id": touch.contact_id,
        "cause": f"sender#{event}-{touch.command_id}-{touch.emission}",
        "at": world.now,
        "command_id": touch.command_id,
    }


def sent(world: World, touch: m.RequestTouch) -> list[m.Message]:
    """The answer of a sender that has sent the command."""
    return [m.TouchSent(**answer_fields(touch, world))]


def world_with_campaign(**changes: Any) -> World:
    """A world whose partitions all know the tenant and the campaign."""
    world = World()
    world.append(tenant())
    world.settle()
    world.append(publish(**changes))
    world.settle()
    return world
