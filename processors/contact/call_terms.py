"""What a call adds to a touch: the pool that has its slot, its terms, and the gates of its number,
its agent and its caller number."""

from typing import Any

from processors.contact.context import Context
from processors.shared.caller_lists import has_agent, has_number
from processors.shared.tenant_lookup import country_of
from schemas.addresses.number_kinds import ALLOWABLE, number_kind
from schemas.campaigns.compiled_definition import DEFAULT_POOL, CallSettings, Definition, Step
from schemas.channels import CHANNELS
from schemas.internal.enrollment import CallItem, Enrollment, Touch
from schemas.internal.limit_terms import TenantCallTerms
from schemas.internal.messages import CallTerms

NUMBER_NOT_ALLOWED, AGENT_UNKNOWN, NUMBER_UNKNOWN = CALL_GATES = (
    "number_not_allowed",
    "agent_unknown",
    "number_unknown",
)
"""The reasons for which a person is not called."""

BY_POOL = frozenset(name for name, row in CHANNELS.items() if row.by_pool)
"""The channels whose commands take a slot of a call pool."""

_USUAL = CallSettings()
_NO_ITEM = CallItem()
_SHORT = "short"


def pool_of(definition: Definition) -> str:
    """The call pool of the calls of a campaign."""
    calls = definition.settings.calls
    return DEFAULT_POOL if calls is None else calls.pool_id


def call_terms(
    context: Context, enrollment: Enrollment, definition: Definition, step: Step, pool_id: str
) -> CallTerms:
    """What the owner of a call pool must know of a call; `pool_id` is where it waits."""
    calls, item = definition.settings.calls or _USUAL, enrollment.call or _NO_ITEM
    agent_id, from_number = _agent_and_number(calls, item)
    redial, settings = step.redial, definition.settings.calls
    may_pause = settings is not None or redial is not None
    return CallTerms(
        pool_id,
        agent_id,
        from_number,
        calls.place_us,
        calls.ring_us,
        calls.max_us,
        calls.guard,
        context.call_hours(definition, step),
        item.direct,
        item.position,
        enrollment.started_at,
        redial.max_per_number_per_day if redial is not None and not item.direct else None,
        redial.min_gap_us if redial is not None and not item.direct else 0,
        may_pause and calls.failure_rate,
    )


def closed_for_call(
    context: Context, enrollment: Enrollment, definition: Definition, step: Step
) -> str | None:
    """The first gate of a call that no waiting opens, if any: the kind of the person's number, and
    an agent or caller number that the tenant's lists do not have. Without a list all are known."""
    tenant, country = context.tenant, country_of(context.tenant)
    terms = None if tenant is None else tenant.calls
    kind = _number_kind(context, step.channel)
    if kind and kind not in _allowed(terms, definition, step):
        return NUMBER_NOT_ALLOWED
    calls, item = definition.settings.calls or _USUAL, enrollment.call or _NO_ITEM
    agent_id, from_number = _agent_and_number(calls, item)
    if not has_agent(terms, agent_id):
        return AGENT_UNKNOWN
    return None if has_number(terms, from_number, country) else NUMBER_UNKNOWN


def call_gate_values(
    context: Context, enrollment: Enrollment, touch: Touch, reason: str
) -> dict[str, Any]:
    """The values of a closed gate of a call. No number is in them, also not the caller's."""
    if reason == NUMBER_NOT_ALLOWED:
        return {"kind": _number_kind(context, touch.channel)}
    calls = context.definition(enrollment).settings.calls or _USUAL
    agent_id, _ = _agent_and_number(calls, enrollment.call or _NO_ITEM)
    tenant = context.tenant
    terms = None if tenant is None else tenant.calls
    if reason == AGENT_UNKNOWN:
        return {"agent_id": agent_id, "known": 0 if terms is None else len(terms.agents)}
    return {"known": 0 if terms is None else len(terms.numbers)}


def _number_kind(context: Context, channel: str) -> str:
    return number_kind(context.address_text(channel), country_of(context.tenant))


def _allowed(terms: TenantCallTerms | None, definition: Definition, step: Step) -> tuple[str, ...]:
    """The kinds of numbers that are called. A campaign of before call settings was able to call
    short numbers, and still is."""
    allow = () if terms is None else tuple(kind for kind in terms.allow if kind in ALLOWABLE)
    is_older = step.redial is None and definition.settings.calls is None
    return (*allow, _SHORT) if is_older else allow


def _agent_and_number(calls: CallSettings, item: CallItem) -> tuple[str | None, str | None]:
    """The agent and the caller number: those of the item, else those of the campaign."""
    return item.agent_id or calls.agent_id, item.from_number or calls.from_number
