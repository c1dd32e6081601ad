"""The campaign processor alone: what it announces and states after orders."""

from typing import Any, TypeVar

import msgspec

from schemas.internal import messages as m
from schemas.internal.facts import Fact
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import CampaignState, State
from schemas.internal.topics import Topic
from tests.testing.builders import TENANT, tenant
from tests.testing.world import START, World

S = TypeVar("S", bound=State)
M = TypeVar("M", bound=m.Message)
_decode = msgspec.msgpack.Decoder(CampaignState).decode


def administered(*orders: m.Message, world: World | None = None) -> World:
    """A world with a tenant, in which only the campaign processor has run: after the orders."""
    if world is None:
        world = administered(tenant(), world=World())
    world.append(*orders)
    world.run_worker("campaign")
    world.run_worker("campaign")
    return world


def record_of(world: World, key: str, kind: type[S]) -> S:
    """A state of the campaign processor. Raises LookupError."""
    for (_, found), value in world.states("campaign").items():
        state: Any = _decode(payload_of(value)) if found == key.encode() else None
        if isinstance(state, kind):
            return state
    raise LookupError(key)


def announced(world: World, kind: type[M], topic: Topic = Topic.DISPATCH_LOG) -> list[M]:
    """The announcements of a class, partition after partition."""
    sent = (m.DECODE[topic](record.value or b"") for record in world.broker.topic(topic))
    return [message for message in sent if isinstance(message, kind)]


def codes(facts: list[Fact]) -> list[str | None]:
    """The reasons of facts."""
    return [fact.reason for fact in facts]


def order(kind: type[M], cause: str, /, at: int = START, **fields: Any) -> M:
    """An order of the tenant."""
    return kind(**{"tenant_id": TENANT, "cause": cause, "at": at, **fields})
