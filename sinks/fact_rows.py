"""Rows of facts, of the send log, and of the counts per touch and per step (S1-33, F-12, C-40,
S2-30).

A touch has one fact for its first open, one for its first click and so on, so the number of these
facts is a number of touches, even where the events came twice or late. The opens and clicks of
machines are history only.
"""

from schemas.internal.facts import Fact, FactKind, decode_known, is_by_machine
from sinks.call_fact_rows import CallRows
from sinks.copy_values import Row, Rows, jsonb, timestamptz_of
from sinks.tables import TABLES, Merge, non_key_columns

_TEXT = {kind: kind.value for kind in FactKind}
_REDATED, _COMMANDED = FactKind.TOUCH_REDATED, FactKind.TOUCH_COMMANDED
"""Looked up once: the texts and the names of an enum are slow, and every fact asks for them."""

_STEP_COUNTS = non_key_columns("step_metrics")
_TOUCH_COUNTS = len(non_key_columns("touch_metrics"))
"""The counts of a touch are the first so many counts of a step."""

_COUNTED = {
    kind: _STEP_COUNTS.index(column)
    for kind, column in {
        FactKind.TOUCH_SENT: "sends",
        FactKind.TOUCH_FAILED: "failures",
        FactKind.TOUCH_SKIPPED: "skips",
        FactKind.TOUCH_DELIVERED: "deliveries",
        FactKind.TOUCH_OPENED: "opens",
        FactKind.TOUCH_CLICKED: "clicks",
        FactKind.TOUCH_READ: "reads",
        FactKind.TOUCH_BOUNCED: "bounces",
        FactKind.TOUCH_CONVERTED: "conversions",
        FactKind.TRIGGER_MET: "triggers",
        FactKind.TRIGGER_TIMED_OUT: "timeouts",
    }.items()
}
"""The count that each kind of fact raises, as an index into `_STEP_COUNTS`."""

_SEND_LOG = TABLES["send_log"].columns
_OUTCOMES = _SEND_LOG[_SEND_LOG.index("sent_at") :]
"""The columns of the send log that facts of one send fill one by one."""

_LOGGED = {
    kind: _OUTCOMES.index(column)
    for kind, column in {
        FactKind.TOUCH_SENT: "sent_at",
        FactKind.TOUCH_FAILED: "failed_at",
        FactKind.TOUCH_RETRIED: "failed_at",
        FactKind.TOUCH_DELIVERED: "delivered_at",
        FactKind.TOUCH_OPENED: "opened_at",
        FactKind.TOUCH_CLICKED: "clicked_at",
        FactKind.TOUCH_READ: "read_at",
        FactKind.TOUCH_BOUNCED: "bounced_at",
        FactKind.TOUCH_CONVERTED: "converted_at",
        FactKind.TOUCH_COMMANDED: "commanded_at",
        FactKind.TOUCH_REVOKED: "revoked_at",
    }.items()
}
"""The column that each kind of fact fills with its time, as an index into `_OUTCOMES`."""

_LOGGED_AGAIN = {kind.value.removeprefix("touch."): column for kind, column in _LOGGED.items()}
"""The column that `touch.redated` fills, by the signal that it names as its reason. A first
response is another one by it too, and has no column."""

_SENDER = _OUTCOMES.index("sender_id")

_REASON_OF = {
    _OUTCOMES.index(column): _OUTCOMES.index(reason)
    for column, reason in (("failed_at", "reason"), ("revoked_at", "revoke_reason"))
}
"""The columns that keep the reason of the fact beside its time."""

_EARLIEST = [
    TABLES["send_log"].merges[TABLES["send_log"].columns.index(column)] is Merge.EARLIEST
    for column in _OUTCOMES
]
"""Whether of two times of a column the earlier one counts, by index into `_OUTCOMES`."""


def _logged_as(fact: Fact) -> int | None:
    """The column of the send log that the fact fills, or None."""
    if fact.fact is _REDATED:
        return _LOGGED_AGAIN.get(fact.reason or "")
    return _LOGGED.get(fact.fact)


class FactRows:
    """The rows of one batch of facts. `months` are the months, as (year, month), of its facts."""

    def __init__(self) -> None:
        self.history: list[Row] = []
        self.months: set[tuple[int, int]] = set()
        self._counts: dict[tuple[str, str, int, int, str], list[int]] = {}
        self._sends: dict[tuple[str, str], tuple[Fact, list[int | str | None]]] = {}
        self._calls = CallRows()

    def add(self, partition: int, offset: int, value: bytes) -> None:
        """Adds one record of the topic `facts`. Raises NotReadable if a later version has written
        it, msgspec.DecodeError if it is no fact."""
        fact = decode_known(value)
        recorded_at = timestamptz_of(fact.at)
        self.months.add((fact.at.year, fact.at.month))
        self.history.append(
            (
                fact.tenant_id,
                recorded_at,
                partition,
                offset,
                _TEXT[fact.fact],
                fact.contact_id,
                fact.campaign_id,
                fact.version,
                fact.enrollment_id,
                fact.job_id,
                fact.step_id,
                fact.touch_number,
                fact.channel,
                fact.command_id,
                fact.attempt,
                fact.cause,
                fact.reason,
                None if fact.until is None else timestamptz_of(fact.until),
                None if fact.values is None else jsonb(fact.values),
                None if fact.occurred_at is None else timestamptz_of(fact.occurred_at),
            )
        )
        if fact.reason is not None and is_by_machine(fact.fact, fact.reason):
            return
        if fact.fact in _COUNTED:
            self._count(fact)
        self._calls.add(fact, recorded_at)
        column = _logged_as(fact)
        if fact.command_id is not None and column is not None:
            occurred_at = fact.occurred_at
            happened_at = recorded_at if occurred_at is None else timestamptz_of(occurred_at)
            self._log_send(fact, column, happened_at)

    def _count(self, fact: Fact) -> None:
        if fact.campaign_id is None:
            return
        # A conversion without a touch is counted for touch number 0, and for no step.
        number, step_id = fact.touch_number or 0, fact.step_id or ""
        key = (fact.tenant_id, fact.campaign_id, fact.version or 0, number, step_id)
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = [0] * len(_STEP_COUNTS)
        counts[_COUNTED[fact.fact]] += 1

    def _log_send(self, fact: Fact, column: int, happened_at: int) -> None:
        """Fills a column of a send, as the merge rules of the table do: of a send, a failure or a
        revocation the first time counts, of a signal the earliest one."""
        assert fact.command_id is not None
        key = (fact.tenant_id, fact.command_id)
        send = self._sends.get(key)
        if send is None:
            send = self._sends[key] = (fact, [None] * len(_OUTCOMES))
        outcomes = send[1]
        before = outcomes[column]
        if before is None:
            outcomes[column] = happened_at
            if column in _REASON_OF:
                outcomes[_REASON_OF[column]] = fact.reason
            if fact.fact is _COMMANDED and fact.values:
                outcomes[_SENDER] = fact.values.get("sender_id") or None
        elif _EARLIEST[column]:
            outcomes[column] = min(int(before), happened_at)

    def add_to(self, rows: Rows) -> None:
        """Sets the rows of the fact tables. Counts are in the order of their keys, so that two
        writers of the same counts never deadlock."""
        rows["facts"] = self.history
        rows["calls"] = self._calls.rows()
        rows["touch_metrics"], rows["step_metrics"] = self._metrics()
        rows["send_log"] = [
            (
                tenant_id,
                command_id,
                fact.contact_id,
                fact.campaign_id,
                fact.version,
                fact.enrollment_id,
                fact.step_id,
                fact.touch_number,
                fact.channel,
                fact.attempt,
                *outcomes,
            )
            for (tenant_id, command_id), (fact, outcomes) in self._sends.items()
        ]

    def _metrics(self) -> tuple[list[Row], list[Row]]:
        """The rows of `touch_metrics` and of `step_metrics`."""
        touches: _Sums = {}
        steps: _Sums = {}
        for (tenant_id, campaign_id, version, number, step_id), counts in self._counts.items():
            if any(of_touch := counts[:_TOUCH_COUNTS]):
                _add(touches, (tenant_id, campaign_id, version, number), of_touch)
            if step_id:
                _add(steps, (tenant_id, campaign_id, version, step_id), counts)
        return _in_order(touches), _in_order(steps)


_Sums = dict[tuple[str, str, int, int | str], list[int]]


def _add(sums: _Sums, key: tuple[str, str, int, int | str], counts: list[int]) -> None:
    before = sums.get(key)
    sums[key] = counts if before is None else [a + b for a, b in zip(before, counts, strict=True)]


def _in_order(sums: _Sums) -> list[Row]:
    return [(*key, *sums[key]) for key in sorted(sums)]
