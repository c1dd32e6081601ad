"""The public events that the engine received between two times, each with the time at which it
reached its internal log.

The engine's time is the timestamp of that log. An event that is fed again at the same time meets
the same timers.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

import msgspec

from processors.intake import IntakeProcessor
from processors.intake.dead_letters import headers_of
from schemas.base.error_codes import Refused
from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.topics import PUBLIC_IN, Topic
from schemas.public.codec import PublicEvent
from streams.base.settings import Settings
from streams.kafka.reader import TopicEntry, TopicReader
from streams.kafka.registry import decoder_of

INTAKE_DELAY_MAX_US = HOUR
"""An event that reaches its log later than this counts as not received, and keeps its own time."""

OnUnreadable = Callable[[str, str, str], None]
Notify = Callable[[str], None]

_LOGS = {Topic.CONTACT_LOG: m.decode_contact, Topic.CAMPAIGN_LOG: m.decode_campaign}
FROM_INTAKE = (
    m.ExternalEvent,
    m.PublishCampaign,
    m.ChangeCampaign,
    m.MoveRuns,
    m.DeleteTemplate,
    m.UpsertTenant,
    m.DeleteTenant,
    m.ReopenAddress,
    m.UpsertSender,
    m.RemoveSender,
    m.ThrottleSender,
    m.ReportUsage,
    m.ReportComplaints,
    m.UpsertPool,
)
"""The messages that intake writes; all others are written by processors."""


class _LogPosition(NamedTuple):
    """The position of an event's message in an internal log. Positions sort as the engine processes
    them: at one moment contact-log comes before campaign-log, whose outputs reach contacts
    later."""

    at: int
    rank: int
    offset: int


def read_recorded_events(
    settings: Settings,
    since_at: int | None,
    before_at: int | None,
    on_unreadable: OnUnreadable,
    notify: Notify,
) -> list[tuple[int, PublicEvent]]:
    """The events whose records lie between two moments, each with the time at which it reached its
    log, in the order in which the engine processed them. All times are microseconds.

    Calls `on_unreadable` with place, code and detail of each record that is no event, and `notify`
    with a progress message. Raises KafkaException, FatalClientError, SchemaUnavailable.
    """
    logs_before_at = None if before_at is None else before_at + INTAKE_DELAY_MAX_US
    positions = _log_positions(settings, since_at, logs_before_at, notify)
    events: list[tuple[_LogPosition, PublicEvent]] = []
    for event in _public_events(settings, since_at, before_at, on_unreadable, notify):
        waiting = positions.get(f"{event.source}#{event.id}")
        position = waiting.pop(0) if waiting else _LogPosition(event.time or 0, 0, 0)
        events.append((position, event))
    events.sort(key=lambda pair: pair[0])
    return [(position.at, event) for position, event in events]


def _public_events(
    settings: Settings,
    since_at: int | None,
    before_at: int | None,
    on_unreadable: OnUnreadable,
    notify: Notify,
) -> Iterator[PublicEvent]:
    """The events of the public topics, parsed as intake parses them. An event without a time gets
    its record's timestamp."""
    decode, clock = decoder_of(settings), settings.scaled_clock()
    for topic in PUBLIC_IN:
        intake = IntakeProcessor(topic, decode, clock.record_time if clock.scaled else None)
        for number, entry in _entries(settings, topic, since_at, before_at, notify):
            record = entry.record
            if record.tombstone:
                continue
            try:
                event = intake.read(record, headers_of(record))
            except Refused as refused:
                on_unreadable(f"{topic}[{number}]@{record.offset}", refused.code, refused.detail)
                continue
            if event.time is None:
                event = msgspec.structs.replace(event, time=intake.record_time(record, None))
            yield event


def _log_positions(
    settings: Settings, since_at: int | None, before_at: int | None, notify: Notify
) -> dict[str, list[_LogPosition]]:
    """The positions of the messages that intake has written, by their cause: several if an event
    was published several times."""
    positions: dict[str, list[_LogPosition]] = {}
    for rank, (topic, decode) in enumerate(_LOGS.items()):
        for _, entry in _entries(settings, topic, since_at, before_at, notify):
            record = entry.record
            try:
                message = decode(record.value)
            except msgspec.DecodeError:
                continue  # poison: the fold makes a dead letter of it
            if isinstance(message, FROM_INTAKE):
                position = _LogPosition(record.timestamp, rank, record.offset)
                positions.setdefault(message.cause, []).append(position)
    return positions


def _entries(
    settings: Settings, topic: Topic, since_at: int | None, before_at: int | None, notify: Notify
) -> Iterator[tuple[int, TopicEntry]]:
    read = 0
    with closing(TopicReader(settings, topic)) as reader:
        for number, entries in reader.read_between(since_at, before_at):
            for entry in entries:
                yield number, entry
            read += len(entries)
            notify(f"{topic}: {read:,} records read")
