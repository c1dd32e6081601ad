"""A batch of records as rows: of the last state of each key, and of every fact."""

from collections.abc import Iterable

import msgspec

from schemas.base.error_codes import NotReadable
from schemas.internal.call_states import LEASE_PREFIX
from schemas.internal.states import POSITION_KEY
from schemas.internal.topics import CHANGELOGS, Topic
from sinks.copy_values import Row, Rows
from sinks.fact_rows import FactRows
from sinks.outreach_rows import outreach_id
from sinks.state_rows import ProjectedRecord, RunEnd, Undecodable, state_rows
from sinks.tables import TABLES

PROJECTED = (*CHANGELOGS, Topic.FACTS)
"""The topics whose records are projected."""

_FACTS = Topic.FACTS
"""Looked up once: the names of an enum are slow, and every record asks for it."""

_ERASED_AT = TABLES["contacts"].columns.index("erased_at")
_STEP_KEY = len(TABLES["steps"].key)


class Batch:
    """The rows of some records, by table.

    `deleted` are the contacts, as (tenant id, contact id), whose states were deleted; `freed` are
    the calls, as (tenant id, command id), whose slots were; `taken_back` are the runs whose planned
    touches were; `months` are the months, as (year,
    month), in which facts were recorded. Raises Undecodable for the first record that is neither a
    state nor a fact, NotReadable or StateTooNew for one that a later version has written.
    """

    def __init__(self, records: Iterable[ProjectedRecord]) -> None:
        self.rows: Rows = {name: [] for name in TABLES}
        self.deleted: list[tuple[str, str]] = []
        self.freed: list[tuple[str, str]] = []
        self.taken_back: list[RunEnd] = []
        last: dict[tuple[str, int, bytes], ProjectedRecord] = {}
        facts = FactRows()
        for record in records:
            topic, partition, offset, key, value = record
            if topic != _FACTS:
                last[topic, partition, key] = record
            elif value is not None:
                try:
                    facts.add(partition, offset, value)
                except NotReadable as error:
                    raise NotReadable(f"{topic}[{partition}] offset {offset}: {error}") from error
                except (msgspec.DecodeError, ValueError, OverflowError) as error:
                    raise Undecodable(topic, partition, offset, str(error)) from error
        try:
            for record in last.values():
                self._add_state(record)
        except (NotReadable, Undecodable):
            for record in last.values():
                if record[3] == POSITION_KEY:
                    self._add_state(record)  # names the version, if a later one wrote the states
            raise
        facts.add_to(self.rows)
        self.months = facts.months
        self.rows["steps"] = _distinct_steps(self.rows["steps"])

    @property
    def erased(self) -> list[tuple[str, str]]:
        """The erased contacts, as (tenant id, contact id)."""
        return [(row[0], row[1]) for row in self.rows["contacts"] if row[_ERASED_AT] is not None]

    @property
    def takes_back(self) -> bool:
        """Whether rows of contacts are removed, or parts of them."""
        return bool(self.deleted or self.erased or self.taken_back)

    @property
    def gone(self) -> list[tuple[str]]:
        """The ids in the schema `outreach` of campaigns that have no row there: they are deleted
        (S4-19), or were a draft of outreach and are of another kind now."""
        here = {row[0] for row in self.rows["outreach_campaigns"]}
        ids = (outreach_id(row[0], row[1]) for row in self.rows["campaigns"])
        return [(name,) for name in ids if name not in here]

    def _add_state(self, record: ProjectedRecord) -> None:
        topic, partition, offset, key, value = record
        try:
            if value is not None:
                state_rows(topic, partition, key, value, self.rows, self.taken_back)
            elif topic == Topic.CONTACT_CHANGELOG and not key.startswith(POSITION_KEY[:1]):
                tenant_id, _, contact_id = key.decode().partition("/")
                self.deleted.append((tenant_id, contact_id))
            elif topic == Topic.DISPATCH_CHANGELOG and key.startswith(LEASE_PREFIX):
                tenant_id, *_, command_id = key[1:].decode().split("/")
                self.freed.append((tenant_id, command_id))
        except msgspec.ValidationError as error:
            text = f"{topic}[{partition}] offset {offset}: a state that this version does not know"
            raise NotReadable(f"{text}: {error}") from error
        except (msgspec.DecodeError, ValueError, OverflowError, AttributeError) as error:
            raise Undecodable(topic, partition, offset, str(error)) from error


def _distinct_steps(steps: list[Row]) -> list[Row]:
    """One row of each key, in the order of the keys. Both the campaign changelog and the contact
    changelog have steps; the order keeps writers of the same steps from deadlocks."""
    return [row for _, row in sorted({row[:_STEP_KEY]: row for row in steps}.items())]
