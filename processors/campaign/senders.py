"""Sender accounts of tenants and the platform's call pools: their settings are kept here, and
announced to the owners of their limits (C-38).

An order about an account that is not there, or one older than the newest order, is refused.
"""

from typing import Any

from msgspec.structs import replace

from processors.campaign.broadcast import announce_to_dispatch, refuse, tenant_key
from processors.fold.turn import Turn
from processors.shared.deduplication import add_if_new
from schemas.base.times import DAY, HOUR, DurationUs
from schemas.channels import CHANNELS
from schemas.internal import messages as m
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.states import PoolRecord, SenderRecord, TenantRecord
from schemas.internal.topics import Layout, Topic

SENDERS_MAX = 1_000
"""How many accounts a tenant may have: all of a channel are in one owner."""

_Order = (
    m.UpsertSender
    | m.RemoveSender
    | m.DeleteTenant
    | m.ThrottleSender
    | m.ReportUsage
    | m.ReportComplaints
)

THROTTLED_US: DurationUs = 5 * HOUR
"""How long an account is throttled if its provider names no end."""


def sender_key(tenant_id: str, sender_id: str) -> bytes:
    """The key of a SenderRecord."""
    return f"s/{tenant_id}/{sender_id}".encode()


def pool_record_key(pool_id: str) -> bytes:
    """The key of a PoolRecord."""
    return b"p/" + pool_id.encode()


def upsert(turn: Turn, message: m.UpsertSender) -> None:
    """Stores and announces an account, or refuses the order."""
    tenant = turn.store.edit(tenant_key(message.tenant_id), TenantRecord)
    sender_id = message.sender.sender_id
    key = sender_key(message.tenant_id, sender_id)
    before = turn.store.edit(key, SenderRecord)
    code = _refusal(tenant, before, message)
    if code is not None or tenant is None:
        refuse(turn, message, code or "TENANT_UNKNOWN", sender_id=sender_id)
        return
    record = SenderRecord(
        message.tenant_id,
        message.channel,
        message.sender,
        before.created_at if before else turn.now,
        turn.now,
        message.at,
        seen=before.seen if before else [],
        throttled_at=before.throttled_at if before else {},
    )
    turn.store.put(key, record)
    if before is None or before.removed_at:
        tenant.senders.append(sender_id)
    announce(turn, tenant, record, message.cause)  # the same terms too: they open an account again
    values: dict[str, Any] = {"sender_id": sender_id}
    if message.ignored:
        values["ignored"] = list(message.ignored)
    _emit(turn, FactKind.SENDER_UPDATED, message.channel, message, values)


def _refusal(
    tenant: TenantRecord | None, before: SenderRecord | None, message: m.UpsertSender
) -> str | None:
    """The code of the first reason against an order, or None."""
    if tenant is None or tenant.status != "active":
        return "TENANT_UNKNOWN" if tenant is None else "TENANT_DELETED"
    if CHANNELS[message.channel].by_pool:
        return "SENDER_CHANNEL_BY_POOL"
    if before is not None and before.channel != message.channel:
        return "SENDER_CHANNEL_CHANGED"
    if before is not None and message.at < before.reported_at:
        return "SENDER_UPDATE_STALE"
    is_new = before is None or before.removed_at
    return "SENDERS_TOO_MANY" if is_new and len(tenant.senders) >= SENDERS_MAX else None


def announce(turn: Turn, tenant: TenantRecord, record: SenderRecord, cause: str) -> None:
    """Sends an account to the owner of its channel, with the tenant's time zone if it has none."""
    terms = record.terms if record.terms.zone else replace(record.terms, zone=tenant.timezone)
    message = m.SenderAnnounced(record.tenant_id, record.channel, terms, record.removed_at, cause)
    turn.send(Topic.DISPATCH_LOG, m.account_key(record.tenant_id, record.channel), message)


def announce_new_zone(turn: Turn, tenant: TenantRecord, cause: str) -> None:
    """Sends all accounts that have the tenant's time zone, after it has changed."""
    for sender_id in tenant.senders:
        record = turn.store.read(sender_key(tenant.tenant_id, sender_id), SenderRecord)
        if record is not None and not record.terms.zone:
            announce(turn, tenant, record, cause)


def remove(turn: Turn, message: m.RemoveSender) -> None:
    """Removes an account, or refuses the order. A later removal of one that is gone already counts
    all the same: an update from before it, which arrives afterwards, is stale (X-1)."""
    record = turn.store.edit(sender_key(message.tenant_id, message.sender_id), SenderRecord)
    tenant = turn.store.edit(tenant_key(message.tenant_id), TenantRecord)
    if record is not None and record.removed_at:
        record.reported_at = max(record.reported_at, message.at)
    if tenant is None or _known(turn, message) is None or record is None:
        return
    if message.at < record.reported_at:
        refuse(turn, message, "SENDER_UPDATE_STALE", sender_id=message.sender_id)
        return
    record.reported_at = message.at
    _remove(turn, tenant, record, message)


def remove_all(turn: Turn, tenant: TenantRecord, message: m.DeleteTenant) -> None:
    """Removes all accounts of a tenant."""
    for sender_id in list(tenant.senders):
        record = turn.store.edit(sender_key(tenant.tenant_id, sender_id), SenderRecord)
        if record is not None:
            _remove(turn, tenant, record, message)


def _remove(
    turn: Turn, tenant: TenantRecord, record: SenderRecord, message: m.RemoveSender | m.DeleteTenant
) -> None:
    sender_id = record.terms.sender_id
    tenant.senders.remove(sender_id)
    record.removed_at = record.updated_at = turn.now
    announce(turn, tenant, record, message.cause)
    _emit(turn, FactKind.SENDER_REMOVED, record.channel, message, {"sender_id": sender_id})


def throttle(turn: Turn, message: m.ThrottleSender) -> None:
    """Announces that a provider has closed an account for a time, or refuses the order. The newest
    one counts, also if it ends earlier."""
    record = _known(turn, message)
    if record is None or not _has_action(turn, record, message):
        return
    if message.at < record.throttled_at.get(message.action, 0):
        refuse(turn, message, "SENDER_UPDATE_STALE", sender_id=message.sender_id)
        return
    record.throttled_at[message.action] = message.at
    until = message.at + THROTTLED_US if message.until is None else message.until
    ids = (message.tenant_id, record.channel, message.sender_id)
    announced = m.SenderThrottled(*ids, message.action, until, message.cause)
    turn.send(Topic.DISPATCH_LOG, m.account_key(message.tenant_id, record.channel), announced)
    values = {"sender_id": message.sender_id, "action": message.action}
    _emit(turn, FactKind.SENDER_THROTTLED, record.channel, message, values, until)


def report_usage(turn: Turn, message: m.ReportUsage) -> None:
    """Announces what was sent from an account by other means, or refuses the order. A report counts
    once."""
    record = _known(turn, message)
    if record is None or not _has_action(turn, record, message):
        return
    if message.used_at > turn.now + DAY:
        refuse(turn, message, "SENDER_USAGE_IN_FUTURE", sender_id=message.sender_id)
        return
    if not add_if_new(record.seen, message.cause):
        refuse(turn, message, "EVENT_DUPLICATE", sender_id=message.sender_id)
        return
    ids = (message.tenant_id, record.channel, message.sender_id)
    used = m.SenderUsed(*ids, message.action, message.used_at, message.count, message.cause)
    turn.send(Topic.DISPATCH_LOG, m.account_key(message.tenant_id, record.channel), used)
    names = {"sender_id": message.sender_id, "action": message.action, "count": message.count}
    values = names | {"at": fact_time(message.used_at)}
    _emit(turn, FactKind.SENDER_USED, record.channel, message, values)


def report_complaints(turn: Turn, message: m.ReportComplaints) -> None:
    """Announces how many of an account's messages people have reported as spam, or refuses the
    order. A report counts once."""
    record = _known(turn, message)
    if record is None:
        return
    if not add_if_new(record.seen, message.cause):
        refuse(turn, message, "EVENT_DUPLICATE", sender_id=message.sender_id)
        return
    ids = (message.tenant_id, record.channel, message.sender_id)
    numbers = (message.delivered, message.complaints)
    announced = m.SenderComplained(*ids, *numbers, message.at, message.cause)
    turn.send(Topic.DISPATCH_LOG, m.account_key(message.tenant_id, record.channel), announced)
    counts = dict(zip(("delivered", "complaints"), numbers, strict=True))
    values = {"sender_id": message.sender_id, **counts, "at": fact_time(message.at)}
    _emit(turn, FactKind.SENDER_COMPLAINTS_REPORTED, record.channel, message, values)


def _known(
    turn: Turn,
    message: m.RemoveSender | m.ThrottleSender | m.ReportUsage | m.ReportComplaints,
) -> SenderRecord | None:
    """The account of an order, open for change; refuses the order where it is not there."""
    record = turn.store.edit(sender_key(message.tenant_id, message.sender_id), SenderRecord)
    if record is None or record.removed_at:
        refuse(turn, message, "SENDER_UNKNOWN", sender_id=message.sender_id)
        return None
    return record


def _has_action(
    turn: Turn, record: SenderRecord, message: m.ThrottleSender | m.ReportUsage
) -> bool:
    """Whether an account's channel has the action of an order, which is all of them if it is empty;
    refuses the order if not."""
    if not message.action or message.action in CHANNELS[record.channel].actions:
        return True
    refuse(turn, message, "SENDER_ACTION_UNKNOWN", sender_id=message.sender_id)
    return False


def _emit(
    turn: Turn,
    kind: FactKind,
    channel: str,
    message: _Order,
    values: dict[str, Any],
    until: int | None = None,
) -> None:
    turn.emit_fact(
        kind,
        message.tenant_id,
        channel=channel,
        cause=message.cause,
        until=None if until is None else fact_time(until),
        values=values,
    )


def upsert_pool(turn: Turn, layout: Layout, message: m.UpsertPool) -> None:
    """Stores a call pool and announces it to every partition of dispatch-log, or refuses an order
    older than the newest one."""
    key = pool_record_key(message.pool_id)
    before = turn.store.edit(key, PoolRecord)
    if before is not None and message.at < before.reported_at:
        refuse(turn, message, "POOL_UPDATE_STALE", pool_id=message.pool_id)
        return
    settings = (message.slots, message.weights, message.reserved)
    created_at = before.created_at if before else turn.now
    record = PoolRecord(message.pool_id, *settings, created_at, turn.now, message.at)
    turn.store.put(key, record)
    if before is None or (before.slots, before.weights, before.reserved) != settings:
        announced = m.PoolAnnounced(message.pool_id, *settings, message.cause)
        announce_to_dispatch(turn, layout, m.pool_key(message.pool_id), announced)
    turn.emit_fact(
        FactKind.POOL_UPDATED,
        m.PLATFORM,
        cause=message.cause,
        values={
            "pool_id": message.pool_id,
            "slots": message.slots,
            "weights": len(message.weights),
            "reserved": sum(message.reserved.values()),
        },
    )
