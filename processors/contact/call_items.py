"""What an order adds to the run of a call campaign: priority, time, agent and place in the queue
(S3-11, S3-12, S3-18), and direct calls (F-16)."""

from typing import Any, NamedTuple

from processors.contact import profile
from processors.contact.context import Context
from processors.contact.run_counts import next_position
from schemas.base.priorities import parse_priority
from schemas.base.times import parse_moment
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import DIRECT_CALLS
from schemas.internal.enrollment import CallItem
from schemas.internal.messages import CallRequested, ContactEnrolled
from schemas.internal.states import KnownCampaign

PRIORITY, SCHEDULED_FOR, AGENT = ITEM_VARIABLES = ("priority", "scheduled_for", "agent")
"""The variables of an order that are about the call; the others are for its template."""

NAME_BONUS = 100
"""What a name adds to the priority of a person (S3-11)."""


class OrderedCall(NamedTuple):
    """The item of an order, the variables of its template, and the names of fields that could not
    be read."""

    item: CallItem | None
    variables: dict[str, str] | None
    dropped: list[str]


def is_call_campaign(campaign: KnownCampaign) -> bool:
    """Whether each run of a campaign is an item of its queue of calls."""
    return KINDS[campaign.definitions[campaign.version].kind].redial is not None


def time_is_invalid(message: ContactEnrolled) -> bool:
    """Whether the order names a time for the call that is none. A person must not be called at
    another time than the one that was meant."""
    text = (message.variables or {}).get(SCHEDULED_FOR, "").strip()
    if not text:
        return False
    try:
        parse_moment(text)
    except ValueError:
        return True
    return False


def ordered_call(
    context: Context, campaign: KnownCampaign, variables: dict[str, str] | None
) -> OrderedCall:
    """The item of an order by hand. Its time must be valid."""
    if not is_call_campaign(campaign):
        return OrderedCall(None, variables, [])
    given = variables or {}
    rest = {name: text for name, text in given.items() if name not in ITEM_VARIABLES}
    custom = parse_priority(given.get(PRIORITY, ""))
    when = given.get(SCHEDULED_FOR, "").strip()
    item = CallItem(
        agent_id=given.get(AGENT, "").strip() or None,
        scheduled_for=parse_moment(when) if when else None,
        priority=_bonus(context) + (custom or 0),
        position=next_position(context, campaign.campaign_id),
    )
    return OrderedCall(item, rest or None, [PRIORITY] if custom is None else [])


def _bonus(context: Context) -> int:
    person = context.contact.profile
    return NAME_BONUS if (person.first_name + person.last_name).strip() else 0


def direct_item(context: Context, message: CallRequested) -> CallItem:
    """The item of a direct call. Its person is reported before."""
    profile.update(context, message.person, message.at, message.cause)
    return CallItem(
        message.agent_id,
        message.from_number,
        message.scheduled_for,
        _bonus(context) + message.priority,
        next_position(context, DIRECT_CALLS),
        message.template_id,
        direct=True,
    )


def item_values(item: CallItem, dropped: list[str]) -> dict[str, Any]:
    """The values of an item in the fact of its run's start."""
    values: dict[str, Any] = {"priority": item.priority, "position": item.position}
    if item.agent_id is not None:
        values["agent_id"] = item.agent_id
    if dropped:
        values["dropped"] = dropped
    return values
