"""The outputs that a replay compares: commands, the times at which they were sent, and the messages
between processors that lead to them (requests, withdrawals, announcements).

Each log is folded as it was recorded. A request that the current code does not make any more still
has its recorded command, so comparing commands alone would not be enough. Other facts and all
states are not compared: they may gain fields and values.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from processors.fold.turn import Output
from schemas.base.error_codes import Refused
from schemas.base.times import from_datetime
from schemas.channels import CHANNELS
from schemas.internal import facts
from schemas.internal import messages as m
from schemas.internal.dispatch_messages import DISPATCH_RULES
from schemas.internal.facts import Fact, FactKind
from schemas.internal.topics import COMMANDS, Layout, Topic
from schemas.public.codec import DecodeEvent
from schemas.public.commands import command_fields
from streams.audit.older_records import written_fields
from streams.audit.replay.recording import RecordBatch
from streams.audit.replay.stamped_task import StampedOutput
from streams.base.partitioner import partition_of
from streams.base.transport import Partition
from streams.kafka.reader import TopicEntry
from streams.runtime.dead_letter import RETRIED

MatchKey = tuple[object, ...]

UNREADABLE = "unreadable"
"""The kind of a command that cannot be decoded."""

OUTPUT_TIMED_BY = {
    FactKind.TOUCH_COMMANDED: "touch.due",
    FactKind.TOUCH_REVOKED: "command.revoked",
    FactKind.TOUCH_WITHDRAWING: "WithdrawTouch",
}
"""The timing facts, each with the kind of output whose time it holds. The records of these outputs
hold no stream time of their own."""

_MATCH_FIELDS: dict[type, tuple[str, ...]] = {
    m.RequestTouch: ("command_id", "emission"),
    m.WithdrawTouch: ("command_id",),
    m.AmendTouch: ("command_id",),
    m.SuppressAddress: ("tenant_id", "channel", "recipient"),
    m.LiftSuppression: ("tenant_id", "channel", "recipient"),
    m.CallReported: ("command_id", "state", "cause"),
    m.ShareSuppressions: ("tenant_id", "channel", "pool_id"),
    m.SuppressionsShared: ("tenant_id", "channel", "pool_id"),
    m.SenderAnnounced: ("tenant_id", "channel"),
    m.PoolAnnounced: ("pool_id",),
    m.CampaignLimitsAnnounced: ("tenant_id", "campaign_id"),
    m.CampaignGateAnnounced: ("tenant_id", "campaign_id"),
    m.AddressReopened: ("tenant_id", "channel", "address"),
    m.TenantAnnounced: ("tenant_id",),
    m.CampaignAnnounced: ("tenant_id", "campaign_id", "version"),
    m.StatusAnnounced: ("tenant_id", "campaign_id"),
    m.TemplateGone: ("tenant_id", "template_id"),
    m.RunsMoved: ("tenant_id", "campaign_id", "version"),
}
_FROM_CONTACT = (
    m.RequestTouch,
    m.WithdrawTouch,
    m.AmendTouch,
    m.SuppressAddress,
    m.LiftSuppression,
    m.CallReported,
)
_FROM_DISPATCH = (m.ShareSuppressions, m.SuppressionsShared)
_OF_TOUCHES = (m.RequestTouch, m.WithdrawTouch, m.AmendTouch)
"""Messages about one touch, which are where its owner is: in older versions never a call pool."""

LATER_KINDS = frozenset(
    kind.__name__
    for kind in (
        m.CallReported,
        m.ShareSuppressions,
        m.SuppressionsShared,
        m.CampaignGateAnnounced,
    )
)
"""Kinds of messages that older versions never wrote: a recording without any has none of them."""

_DECODE = {Topic.CONTACT_LOG: m.decode_contact, Topic.DISPATCH_LOG: m.decode_dispatch}
_TIMING_MARKS = tuple(f'"{kind.value}"'.encode() for kind in OUTPUT_TIMED_BY)
_decode_plain = msgspec.msgpack.Decoder().decode


class ComparedOutput(NamedTuple):
    """One output to compare.

    `match_key` pairs a recorded output with a current one; outputs with equal keys are paired in
    order. `at` is the stream time of the output, or its record's timestamp if the recording does
    not have the stream time; microseconds. `log` is the partition whose fold made the output, None
    if unknown. `offset` is that of the input record; None for timers and recorded outputs.
    """

    kind: str
    match_key: MatchKey
    fields: Mapping[str, Any]
    at: int
    log: Partition | None
    offset: int | None = None


def current_output(output: Output, log: Partition, layout: Layout) -> ComparedOutput | None:
    """An output of the current code as a compared output; None if it is not compared. `log` is the
    partition that was folded."""
    assert isinstance(output, StampedOutput)
    message, topic = output.message, output.topic
    when = (output.at, log, output.offset)
    if isinstance(message, m.CommandDue | m.CommandRevoked):
        kind, event_id, fields = command_fields(message)
        return ComparedOutput(kind, (kind, event_id), fields, *when)
    if isinstance(message, Fact):
        return _timing_output(message, *when)
    if type(message) not in _MATCH_FIELDS:
        return None
    number = output.partition
    if number is None:
        number = partition_of(output.key, layout.partitions(topic))
    match_key = _match_key(Partition(topic, number), message)
    fields = msgspec.structs.asdict(message)
    if isinstance(message, _OF_TOUCHES):
        fields["partition"] = number
    return ComparedOutput(type(message).__name__, match_key, fields, *when)


def recorded_outputs(
    batch: RecordBatch, layout: Layout, decode: DecodeEvent
) -> Iterator[ComparedOutput]:
    """The compared outputs among the records of a batch. `decode` reads commands."""
    partition, entries = batch
    for entry in entries:
        if partition.topic in COMMANDS:
            yield _command(partition, entry, layout, decode)
        elif partition.topic is Topic.FACTS:
            if any(mark in entry.record.value for mark in _TIMING_MARKS):
                with suppress(msgspec.DecodeError):
                    yield from _timing(facts.decode(entry.record.value), layout)
        elif partition.topic in _DECODE:
            yield from _message(partition, entry, layout)


def _command(
    partition: Partition, entry: TopicEntry, layout: Layout, decode: DecodeEvent
) -> ComparedOutput:
    at, log = entry.record.timestamp, None
    try:
        event = decode(entry.record.headers(), entry.value)
    except Refused as refused:
        match_key = (UNREADABLE, *partition, entry.record.offset)
        problem = {"reason": refused.code, "detail": refused.detail}
        return ComparedOutput(UNREADABLE, match_key, problem, at, log)
    fields = written_fields(event)
    channel = partition.topic.value.removeprefix("commands.")
    pool_id = (fields.get("call") or {}).get("pool_id", "")
    owner = m.dispatch_key(fields["tenant_id"], channel, pool_id)
    log = _partition_of(Topic.DISPATCH_LOG, owner, layout)
    return ComparedOutput(event.type, (event.type, event.id), fields, at, log)


def _message(partition: Partition, entry: TopicEntry, layout: Layout) -> Iterator[ComparedOutput]:
    headers = entry.record.headers() or ()
    if any(name == RETRIED for name, _ in headers):
        return  # a dead letter that was sent back to its log repeats an earlier record
    try:
        message = _DECODE[partition.topic](entry.record.value)
    except msgspec.DecodeError:
        return  # poison then and now
    if type(message) not in _MATCH_FIELDS:
        return
    # Taken from the bytes: the decoded message also has the fields that are newer than the bytes.
    values = _decode_plain(entry.record.value)[1:]
    fields = dict(zip(message.__struct_fields__, values, strict=False))
    log, at = None, entry.record.timestamp
    if isinstance(message, _OF_TOUCHES) and _has_owner_of_today(message):
        fields["partition"] = partition.number
    if isinstance(message, _FROM_DISPATCH):
        pass
    elif not isinstance(message, _FROM_CONTACT):
        key = fields.get("tenant_id", m.PLATFORM).encode()
        log = _partition_of(Topic.CAMPAIGN_LOG, key, layout)
    elif "contact_id" in fields:
        key = m.contact_key(fields["tenant_id"], fields["contact_id"])
        log = _partition_of(Topic.CONTACT_LOG, key, layout)
    if isinstance(message, m.RequestTouch):
        at = message.due_at
        if message.rules < DISPATCH_RULES:  # of the version that wrote it, and not a decision
            fields.pop("rules", None)
    yield ComparedOutput(type(message).__name__, _match_key(partition, message), fields, at, log)


def _timing(fact: Fact, layout: Layout) -> Iterator[ComparedOutput]:
    if fact.fact is FactKind.TOUCH_WITHDRAWING:
        key = m.contact_key(fact.tenant_id, fact.contact_id or "")
        log = _partition_of(Topic.CONTACT_LOG, key, layout)
    else:
        log = _partition_of(Topic.DISPATCH_LOG, owner_of(fact), layout)
    output = _timing_output(fact, from_datetime(fact.at), log)
    if output is not None:
        yield output


def owner_of(fact: Fact) -> bytes:
    """The key of dispatch-log under which dispatch has decided what a fact is about: the call pool
    that the fact names, else the account."""
    pool_id = (fact.values or {}).get("pool_id", "")
    return m.dispatch_key(fact.tenant_id, fact.channel or "", pool_id)


def _has_owner_of_today(message: m.RequestTouch | m.WithdrawTouch | m.AmendTouch) -> bool:
    """Whether a recorded message went to the owner that the touch has today."""
    if not CHANNELS[message.channel].by_pool:
        return True
    if isinstance(message, m.RequestTouch):
        return message.call is not None
    return bool(message.pool_id)


def _timing_output(
    fact: Fact, at: int, log: Partition, offset: int | None = None
) -> ComparedOutput | None:
    kind = OUTPUT_TIMED_BY.get(fact.fact)
    if kind is None:
        return None
    names = ("tenant_id", "contact_id", "command_id", "step_id", "channel")
    fields = {name: getattr(fact, name) for name in names} | {"at": from_datetime(fact.at)}
    return ComparedOutput(kind, (fact.fact, fact.command_id), fields, at, log, offset)


def _match_key(partition: Partition, message: msgspec.Struct) -> MatchKey:
    parts = (getattr(message, name) for name in _MATCH_FIELDS[type(message)])
    if isinstance(message, _OF_TOUCHES):
        return (type(message).__name__, partition.topic, *parts)
    return (type(message).__name__, *partition, *parts)


def _partition_of(topic: Topic, key: bytes, layout: Layout) -> Partition:
    return Partition(topic, partition_of(key, layout.partitions(topic)))


def differing_fields(recorded: Mapping[str, Any], current: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the recorded fields that have another value now, or none. Fields that are new
    since the recording do not count."""
    return tuple(
        name
        for name, value in recorded.items()
        if name not in current or not is_same(value, current[name])
    )


def is_same(recorded: Any, current: Any) -> bool:
    """Whether a current value equals the recorded one, as plain msgpack. A struct may have more
    fields at its end than the recorded array."""
    match current:
        case msgspec.Struct():
            if not isinstance(recorded, list):
                return False
            fields = (getattr(current, name) for name in current.__struct_fields__)
            return all(map(is_same, recorded, fields))
        case list() | tuple():
            return (
                isinstance(recorded, list | tuple)
                and len(recorded) == len(current)
                and all(map(is_same, recorded, current))
            )
        case Mapping():
            return (
                isinstance(recorded, Mapping)
                and recorded.keys() == current.keys()
                and all(is_same(recorded[key], value) for key, value in current.items())
            )
    return bool(recorded == current)
