"""What leads to a command, as it was recorded and as the present code says it: the command itself,
and what a processor orders of the next one.

Each log is folded as it was recorded, so a request that is not made any more would still have its
command: that is why requests, withdrawals and announcements are compared too, besides commands and
the moments at which they went out. Other facts and all states are commentary, and may grow richer.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from processors.fold.turn import Output
from schemas.base.error_codes import Refused
from schemas.base.times import from_datetime
from schemas.internal import facts
from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind
from schemas.internal.topics import COMMANDS, Layout, Topic
from schemas.public.codec import DecodeEvent
from schemas.public.commands import command_fields
from streams.audit.replay.recording import Piece
from streams.audit.replay.stamped_task import Stamped
from streams.base.partitioner import partition_of
from streams.base.transport import Partition
from streams.kafka.reader import TopicEntry
from streams.runtime.dead_letter import RETRIED

Name = tuple[object, ...]

UNREADABLE = "unreadable"
"""The kind of a command that no decoder takes."""

MOMENT_OF = {
    FactKind.TOUCH_COMMANDED: "touch.due",
    FactKind.TOUCH_REVOKED: "command.revoked",
    FactKind.TOUCH_WITHDRAWING: "WithdrawTouch",
}
"""Facts that tell when something was said which does not tell it itself."""

_NAMED_BY: dict[type, tuple[str, ...]] = {
    m.RequestTouch: ("command_id", "emission"),
    m.WithdrawTouch: ("command_id",),
    m.AmendTouch: ("command_id",),
    m.SuppressAddress: ("tenant_id", "channel", "recipient"),
    m.TenantAnnounced: ("tenant_id",),
    m.CampaignAnnounced: ("tenant_id", "campaign_id", "version"),
    m.StatusAnnounced: ("tenant_id", "campaign_id"),
    m.TemplateGone: ("tenant_id", "template_id"),
    m.RunsMoved: ("tenant_id", "campaign_id", "version"),
}
_CONTACTS = (m.RequestTouch, m.WithdrawTouch, m.AmendTouch, m.SuppressAddress)
_DECODE = {Topic.CONTACT_LOG: m.decode_contact, Topic.DISPATCH_LOG: m.decode_dispatch}
_MARKS = tuple(f'"{kind.value}"'.encode() for kind in MOMENT_OF)
_plain = msgspec.msgpack.Decoder().decode


class Order(NamedTuple):
    """One of these. `name` is the same on both sides; where several have it, the first is meant
    by the first. `at` is stream time, or, where nothing recorded tells that, the record's own.
    `log` is whose fold says it, as far as it can be told, and `offset` of which record; None for a
    timer, and for what was recorded."""

    kind: str
    name: Name
    fields: Mapping[str, Any]
    at: int
    log: Partition | None
    offset: int | None = None


def said_now(output: Output, log: Partition, layout: Layout) -> Order | None:
    """What the present code says, if it is one."""
    assert isinstance(output, Stamped)
    message, topic = output.message, output.topic
    when = (output.at, log, output.offset)
    if isinstance(message, m.CommandDue | m.CommandRevoked):
        kind, event_id, fields = command_fields(message)
        return Order(kind, (kind, event_id), fields, *when)
    if isinstance(message, Fact):
        return _moment(message, *when)
    if type(message) not in _NAMED_BY:
        return None
    number = output.partition
    if number is None:
        number = partition_of(output.key, layout.partitions(topic))
    name = _name(Partition(topic, number), message)
    return Order(type(message).__name__, name, msgspec.structs.asdict(message), *when)


def recorded(piece: Piece, layout: Layout, decode: DecodeEvent) -> Iterator[Order]:
    """Those among the records of a piece."""
    place, entries = piece
    for entry in entries:
        if place.topic in COMMANDS:
            yield _command(place, entry, layout, decode)
        elif place.topic is Topic.FACTS:
            if any(mark in entry.record.value for mark in _MARKS):
                with suppress(msgspec.DecodeError):
                    yield from _told(facts.decode(entry.record.value), layout)
        elif place.topic in _DECODE:
            yield from _ordered(place, entry, layout)


def _command(place: Partition, entry: TopicEntry, layout: Layout, decode: DecodeEvent) -> Order:
    at, log = entry.record.timestamp, None
    try:
        event = decode(entry.record.headers(), entry.value)
    except Refused as refused:
        name = (UNREADABLE, *place, entry.record.offset)
        return Order(UNREADABLE, name, {"reason": refused.code, "detail": refused.detail}, at, log)
    fields = event.data.model_dump(exclude_unset=True)
    channel = place.topic.value.removeprefix("commands.")
    log = _log(Topic.DISPATCH_LOG, m.account_key(fields["tenant_id"], channel), layout)
    return Order(event.type, (event.type, event.id), fields, at, log)


def _ordered(place: Partition, entry: TopicEntry, layout: Layout) -> Iterator[Order]:
    headers = entry.record.headers() or ()
    if any(name == RETRIED for name, _ in headers):
        return  # a dead letter sent back to its log: said once, by the record it repeats
    try:
        message = _DECODE[place.topic](entry.record.value)
    except msgspec.DecodeError:
        return  # poison, on both sides
    if type(message) not in _NAMED_BY:
        return
    # The bytes and not the message: what they do not hold was not known then.
    fields = dict(zip(message.__struct_fields__, _plain(entry.record.value)[1:], strict=False))
    log, at = None, entry.record.timestamp
    if not isinstance(message, _CONTACTS):
        log = _log(Topic.CAMPAIGN_LOG, fields["tenant_id"].encode(), layout)
    elif "contact_id" in fields:
        key = m.contact_key(fields["tenant_id"], fields["contact_id"])
        log = _log(Topic.CONTACT_LOG, key, layout)
    if isinstance(message, m.RequestTouch):
        at = message.due_at
    yield Order(type(message).__name__, _name(place, message), fields, at, log)


def _told(fact: Fact, layout: Layout) -> Iterator[Order]:
    if fact.fact not in MOMENT_OF:
        return
    key = m.contact_key(fact.tenant_id, fact.contact_id or "")
    log = _log(Topic.CONTACT_LOG, key, layout)
    if fact.fact is not FactKind.TOUCH_WITHDRAWING:
        log = _log(Topic.DISPATCH_LOG, m.account_key(fact.tenant_id, fact.channel or ""), layout)
    order = _moment(fact, from_datetime(fact.at), log)
    if order is not None:
        yield order


def _moment(fact: Fact, at: int, log: Partition, offset: int | None = None) -> Order | None:
    kind = MOMENT_OF.get(fact.fact)
    if kind is None:
        return None
    names = ("tenant_id", "contact_id", "command_id", "step_id", "channel")
    fields = {name: getattr(fact, name) for name in names} | {"at": from_datetime(fact.at)}
    return Order(kind, (fact.fact, fact.command_id), fields, at, log, offset)


def _name(place: Partition, message: msgspec.Struct) -> Name:
    parts = (getattr(message, name) for name in _NAMED_BY[type(message)])
    return (type(message).__name__, *place, *parts)


def _log(topic: Topic, key: bytes, layout: Layout) -> Partition:
    return Partition(topic, partition_of(key, layout.partitions(topic)))


def unlike(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields that are not as they were. What is new since is no difference."""
    return tuple(name for name in then if name not in now or not same(then[name], now[name]))


def same(then: Any, now: Any) -> bool:
    """Whether a value is as it was recorded, as far as that goes: structs only ever grow, at
    their end."""
    match now:
        case msgspec.Struct():
            if not isinstance(then, list):
                return False
            return all(map(same, then, (getattr(now, name) for name in now.__struct_fields__)))
        case list() | tuple():
            return (
                isinstance(then, list | tuple)
                and len(then) == len(now)
                and all(map(same, then, now))
            )
        case Mapping():
            return (
                isinstance(then, Mapping)
                and then.keys() == now.keys()
                and all(same(then[key], value) for key, value in now.items())
            )
    return bool(then == now)
