"""What a processor may look at and say while it takes one record or one timer."""

from typing import Any

import msgspec

from processors.fold.store import Store
from schemas.internal import facts
from schemas.internal.topics import Topic

_FACTS = Topic.FACTS  # a member is looked up in Python, so once


class Output(msgspec.Struct, gc=False):
    """One record to be written; `partition` None means by key."""

    topic: Topic
    key: bytes
    message: msgspec.Struct
    partition: int | None = None


class Turn:
    """One record or timer: `now` is stream time, the only time there is."""

    __slots__ = ("now", "outputs", "partition", "store")

    def __init__(self, now: int, store: Store, outputs: list[Output], partition: int) -> None:
        self.now = now
        self.store = store
        self.outputs = outputs
        self.partition = partition

    def send(
        self, topic: Topic, key: bytes, message: msgspec.Struct, partition: int | None = None
    ) -> None:
        """A message for a log or a command topic."""
        self.outputs.append(Output(topic, key, message, partition))

    def emit_fact(self, kind: facts.FactKind, tenant_id: str, **fields: Any) -> None:
        """A fact: what was decided now, and on what."""
        fact = facts.Fact(fact=kind, at=facts.fact_time(self.now), tenant_id=tenant_id, **fields)
        self.outputs.append(Output(_FACTS, fact.key(), fact))
