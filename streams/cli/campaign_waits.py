"""Why a campaign sends less than it could, or nothing: accounts of its channels that are paused,
closed or removed, and what its touches wait for at dispatch."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from schemas.base.times import MomentUs, format_rfc3339, parse_rfc3339
from schemas.campaigns.compiled_definition import Definition
from schemas.channels import CHANNELS
from schemas.internal.messages import account_key, pool_key
from schemas.internal.topics import Layout, Topic
from streams.audit.dispatch_queue import NEXT, WaitingRow, is_of_queue, queue_view
from streams.base.partitioner import partition_of
from streams.base.settings import Settings
from streams.cli.sender_accounts import StoredAccount, read_accounts
from streams.cli.stored_states import stored_values
from streams.cli.zoned_times import distance, local_time

OPEN = "active"
"""The state of an account that may send now."""

ACCOUNTS_SHOWN = 5
"""The most accounts of a channel that are named one by one."""


class ClosedChannel(msgspec.Struct, frozen=True, kw_only=True):
    """A channel of the campaign with accounts that may not send now. `open` is how many may."""

    channel: str
    open: int
    closed: dict[str, str]
    """Why each of the others may not, by its id."""


class WaitingTouches(msgspec.Struct, frozen=True, kw_only=True):
    """Touches of the campaign that wait at dispatch for the same. `until` is when something opens,
    None if nobody knows it."""

    channel: str
    waiting: int
    reason: str
    until: str | None
    account: str | None


class CampaignWaits(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps a campaign from sending."""

    channels: list[ClosedChannel] = []
    touches: list[WaitingTouches] = []


def read_waits(
    settings: Settings, layout: Layout, definition: Definition, now: MomentUs
) -> CampaignWaits:
    """What keeps a campaign from sending at the moment `now`, by what the engine has stored."""
    tenant_id = definition.tenant_id
    waiting: list[WaitingRow] = []
    for number in sorted(_dispatch_partitions(definition, layout)):
        states = stored_values(
            settings, Topic.DISPATCH_CHANGELOG, lambda _, value: is_of_queue(value), number
        )
        waiting += queue_view(states, now, lambda _: False).waiting
    return waits_of(definition, read_accounts(settings, tenant_id, now), waiting, now)


def _dispatch_partitions(definition: Definition, layout: Layout) -> set[int]:
    """The partitions with the owners of the campaign's channels and of its call pool."""
    keys = [account_key(definition.tenant_id, each) for each in _channels(definition)]
    calls = definition.settings.calls
    if calls is not None:
        keys.append(pool_key(calls.pool_id))
    return {partition_of(key, layout.dispatch) for key in keys}


def _channels(definition: Definition) -> list[str]:
    return sorted({step.channel for step in definition.steps})


def waits_of(
    definition: Definition,
    accounts: Sequence[StoredAccount],
    waiting: Iterable[WaitingRow],
    now: MomentUs,
) -> CampaignWaits:
    """What keeps a campaign from sending. Removed accounts count where the channel has no other
    one: a channel that never had one sends without accounts."""
    channels = []
    for channel in _channels(definition):
        of_channel = [each for each in accounts if each.channel == channel]
        left = [each for each in of_channel if not each.record.removed_at]
        if CHANNELS[channel].by_pool:
            continue
        states = {each.terms.sender_id: each.state(now) for each in left or of_channel}
        closed = {name: state for name, state in states.items() if state != OPEN}
        if closed:
            number = len(states) - len(closed)
            channels.append(ClosedChannel(channel=channel, open=number, closed=closed))
    place = definition.tenant_id, definition.campaign_id
    touches = [
        WaitingTouches(
            channel=row.pool_id or row.channel,
            waiting=row.waiting,
            reason=row.reason,
            until=None if row.until is None else format_rfc3339(row.until),
            account=row.sender_id or row.agent_id,
        )
        for row in waiting
        if (row.tenant_id, row.campaign_id) == place and row.reason != NEXT
    ]
    return CampaignWaits(channels=channels, touches=touches)


def wait_lines(waits: CampaignWaits, zone: str, now: MomentUs) -> Iterator[str]:
    """The waits as text for people."""
    for each in waits.channels:
        if each.open:
            every = each.open + len(each.closed)
            yield f"{each.channel}: {each.open:,} of {every:,} accounts may send now"
        else:
            yield f"{each.channel}: no account may send now"
        rows = [*each.closed.items()]
        yield from (f"  {name}: {state}" for name, state in rows[:ACCOUNTS_SHOWN])
        if len(rows) > ACCOUNTS_SHOWN:
            yield f"  and {len(rows) - ACCOUNTS_SHOWN:,} more: touchstream sender list"
    for row in waits.touches:
        until = ""
        if row.until is not None:
            at = local_time(row.until, zone)
            until = f" until {at}, {distance(parse_rfc3339(row.until), now)}"
        yield f"{row.channel}: {row.waiting:,} wait for {row.reason}{until}"
