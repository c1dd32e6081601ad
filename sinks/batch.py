"""A batch of records as rows, ready to be written: the last state of each key, every fact."""

from collections.abc import Iterable

import msgspec

from schemas.internal.states import META
from schemas.internal.topics import CHANGELOGS, Topic
from sinks.copy_values import Row, Rows
from sinks.fact_rows import Counting
from sinks.state_rows import Record, Undecodable, state_rows
from sinks.tables import TABLES

PROJECTED = (*CHANGELOGS, Topic.FACTS)

_ERASED_AT = TABLES["contacts"].columns.index("erased_at")
_STEP_KEY = len(TABLES["steps"].key)


class Batch:
    """What records say, ready to be written."""

    def __init__(self, records: Iterable[Record]) -> None:
        """Raises Undecodable for the first record that is no state and no fact."""
        self.rows: Rows = {name: [] for name in TABLES}
        self.gone: list[tuple[str, str]] = []
        last: dict[tuple[str, int, bytes], Record] = {}
        counting = Counting()
        for record in records:
            topic, partition, offset, key, value = record
            if topic != Topic.FACTS:
                last[topic, partition, key] = record
            elif value is not None:
                try:
                    counting.add(partition, offset, value)
                except (msgspec.DecodeError, ValueError, OverflowError) as error:
                    raise Undecodable(topic, partition, offset, str(error)) from error
        for record in last.values():
            self._state(record)
        counting.rows(self.rows)
        self.months = counting.months
        self.rows["steps"] = _distinct(self.rows["steps"])

    @property
    def erased(self) -> list[tuple[str, str]]:
        """The contacts that are erased; few, so looking is cheaper than remembering."""
        return [(row[0], row[1]) for row in self.rows["contacts"] if row[_ERASED_AT] is not None]

    def _state(self, record: Record) -> None:
        topic, partition, offset, key, value = record
        try:
            if value is not None:
                state_rows(topic, partition, key, value, self.rows)
            elif topic == Topic.CONTACT_CHANGELOG and not key.startswith(META[:1]):
                tenant_id, _, contact_id = key.decode().partition("/")
                self.gone.append((tenant_id, contact_id))
        except (msgspec.DecodeError, ValueError, OverflowError, AttributeError) as error:
            raise Undecodable(topic, partition, offset, str(error)) from error


def _distinct(steps: list[Row]) -> list[Row]:
    """Steps are told from two sides: once each, by key, because writers share them."""
    return [row for _, row in sorted({row[:_STEP_KEY]: row for row in steps}.items())]
