"""What the engine was told between two times: the events of the public topics, and when it took
each.

An event is taken when it stands in the log it is for, by the log's clock: that is the time that
counts for the engine, so told again at it, an event meets the same timers as it did then.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

import msgspec

from processors.intake import IntakeProcessor, headers_of
from schemas.base.error_codes import Refused
from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.topics import PUBLIC_IN, Topic
from schemas.public.codec import PublicEvent
from streams.base.settings import Settings
from streams.kafka.reader import TopicEntry, TopicReader
from streams.kafka.registry import decoder_of

TAKEN_WITHIN = HOUR
"""What intake takes later than this counts as not taken: it is told at its own time."""

Spoil = Callable[[str, str, str], None]
Notify = Callable[[str], None]

_LOGS = {Topic.CONTACT_LOG: m.decode_contact, Topic.CAMPAIGN_LOG: m.decode_campaign}
_FROM_INTAKE = (
    m.ExternalEvent,
    m.PublishCampaign,
    m.ChangeCampaign,
    m.MoveRuns,
    m.DeleteTemplate,
    m.UpsertTenant,
    m.DeleteTenant,
)


class _Taken(NamedTuple):
    """When an event was taken. At one moment contacts hear of it first: what a campaign is told
    comes to them later."""

    at: int
    log: int
    offset: int


def retold(
    settings: Settings, since: int | None, before: int | None, spoil: Spoil, tell: Notify
) -> list[tuple[int, PublicEvent]]:
    """Every event with its time, in the order in which the engine took them; `spoil` hears of
    records that are none, by place, code and reason. Raises KafkaException, Dead,
    SchemaUnavailable."""
    taken = _taken(settings, since, None if before is None else before + TAKEN_WITHIN, tell)
    found: list[tuple[_Taken, PublicEvent]] = []
    for event in _public(settings, since, before, spoil, tell):
        times = taken.get(f"{event.source}#{event.id}")
        found.append((times.pop(0) if times else _Taken(event.time or 0, 0, 0), event))
    found.sort(key=lambda one: one[0])
    return [(when.at, event) for when, event in found]


def _public(
    settings: Settings, since: int | None, before: int | None, spoil: Spoil, tell: Notify
) -> Iterator[PublicEvent]:
    """As intake reads them; one without a time of its own has its record's."""
    decode = decoder_of(settings)
    for topic in PUBLIC_IN:
        intake = IntakeProcessor(topic, decode)
        for number, entry in _entries(settings, topic, since, before, tell):
            record = entry.record
            try:
                event = intake.read(record, headers_of(record))
            except Refused as refused:
                spoil(f"{topic}[{number}]@{record.offset}", refused.code, refused.detail)
                continue
            if event.time is None:
                event = msgspec.structs.replace(event, time=record.timestamp)
            yield event


def _taken(
    settings: Settings, since: int | None, before: int | None, tell: Notify
) -> dict[str, list[_Taken]]:
    """When each event came into its log, by its cause; again and again if it was told so."""
    found: dict[str, list[_Taken]] = {}
    for rank, (topic, decode) in enumerate(_LOGS.items()):
        for _, entry in _entries(settings, topic, since, before, tell):
            record = entry.record
            try:
                message = decode(record.value)
            except msgspec.DecodeError:
                continue  # poison: the fold has parked it
            if isinstance(message, _FROM_INTAKE):
                when = _Taken(record.timestamp, rank, record.offset)
                found.setdefault(message.cause, []).append(when)
    return found


def _entries(
    settings: Settings, topic: Topic, since: int | None, before: int | None, tell: Notify
) -> Iterator[tuple[int, TopicEntry]]:
    read = 0
    with closing(TopicReader(settings, topic)) as reader:
        for number, entries in reader.read_between(since, before):
            for entry in entries:
                yield number, entry
            read += len(entries)
            tell(f"{topic}: {read:,} records read")
