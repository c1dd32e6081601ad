"""Topics that may have a retention, and what came of records that are cut off."""

from collections.abc import Mapping

import msgspec

from schemas.internal.contact_messages import ExternalEvent
from schemas.internal.facts import FactKind
from schemas.internal.messages import DECODE
from schemas.internal.topics import COMMANDS, LOGS, PUBLIC_IN, Topic
from streams.base.transport import Partition

MAY_BE_CUT = (*PUBLIC_IN, *COMMANDS, Topic.FACTS, Topic.DEAD_LETTERS)
"""The topics that no task folds from their beginning."""

_FACT_OF_INTAKE = f'"fact":"{FactKind.EVENT_FIELD_DROPPED}"'.encode()


def may_be_of_intake(topic: Topic, value: bytes | None) -> bool:
    """Whether intake may have written a record of a log, or a fact, for a public record. It names
    the event that caused it, and not the record."""
    if topic is Topic.FACTS:
        return _FACT_OF_INTAKE in (value or b"")
    if topic not in LOGS:
        return False
    try:
        message = DECODE[topic](value or b"")
    except msgspec.DecodeError:
        return False
    if topic is Topic.CAMPAIGN_LOG:
        return hasattr(message, "cause")
    return isinstance(message, ExternalEvent)


def cut_texts(begins: Mapping[Partition, int]) -> list[str]:
    """A line for each partition that is cut, from its first offset."""
    return [
        f"{topic}[{number}]: log cut at offset {begin}: what was before is not compared"
        for (topic, number), begin in sorted(begins.items())
    ]
