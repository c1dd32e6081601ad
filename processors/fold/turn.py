"""What a processor uses while it folds one record or one timer: stream time, store and outputs."""

from typing import Any

import msgspec

from processors.fold.store import Store
from schemas.internal import facts
from schemas.internal.topics import Topic

_FACTS = Topic.FACTS  # the lookup of an enum member costs a Python call


class Output(msgspec.Struct, gc=False):
    """One record to be written. Where `partition` is None, the key decides it."""

    topic: Topic
    key: bytes
    message: msgspec.Struct
    partition: int | None = None


class Turn:
    """One record or timer. `now` is stream time in microseconds, the only time of a processor.
    `ignored` counts the records of the batch that are no event and no fault; the worker logs it.
    `visited` is how many states a sweep has visited in this step."""

    __slots__ = ("ignored", "now", "outputs", "partition", "store", "visited")

    def __init__(self, now: int, store: Store, outputs: list[Output], partition: int) -> None:
        self.now = now
        self.store = store
        self.outputs = outputs
        self.partition = partition
        self.ignored = self.visited = 0

    def send(
        self, topic: Topic, key: bytes, message: msgspec.Struct, partition: int | None = None
    ) -> None:
        """Adds a record of a log, a command topic or the dead letters to the outputs."""
        self.outputs.append(Output(topic, key, message, partition))

    def emit_fact(self, kind: facts.FactKind, tenant_id: str, **fields: Any) -> None:
        """Adds a fact about a decision at stream time to the outputs."""
        fact = facts.Fact(fact=kind, at=facts.fact_time(self.now), tenant_id=tenant_id, **fields)
        self.outputs.append(Output(_FACTS, fact.key(), fact))
