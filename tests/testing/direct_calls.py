"""Direct calls in a world: tenants that may call, requested calls, and what a dialler reports."""

from typing import Any

from schemas.internal import messages as m
from schemas.internal.limit_terms import TenantCallTerms
from tests.testing.builders import answer_fields, tenant
from tests.testing.world import START, World


def calling_tenant(**changes: Any) -> m.UpsertTenant:
    """The tenant acme without quiet hours; `calls` are the terms of its calls."""
    return tenant(**{"quiet_start": 0, "quiet_end": 0, **changes})


def world_that_calls(**terms: Any) -> World:
    """A world with the tenant acme."""
    world = World()
    world.append(calling_tenant(calls=TenantCallTerms(**terms)))
    world.settle()
    return world


def request_call(world: World, number: int, tenant_id: str = "acme", **fields: Any) -> str:
    """Asks for a call to the person of a number, and returns the id of that contact. A moment
    passes."""
    contact_id = f"p-{number}"
    phone = fields.pop("phone", f"+1212555{number:04}")
    world.append(
        m.CallRequested(
            tenant_id,
            contact_id,
            f"cli#{tenant_id}-{number}-{world.now}",
            world.now,
            m.Person(first_name="Ann", phone=phone),
            template_id="script",
            **fields,
        )
    )
    world.advance_to(world.now + 200_000)
    return contact_id


def report_call(world: World, message: type[m.Message], index: int = -1, **fields: Any) -> None:
    """What the dialler reports of a commanded call, by default of the last one."""
    touch = world.commanded_touches()[index]
    values = answer_fields(touch, world, f"{message.__name__}{world.now - START}")
    world.append(message(**values, **fields))
    world.settle()
