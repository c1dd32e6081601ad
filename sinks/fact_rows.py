"""From facts to history rows, the send log and the counts per touch and per step (S1-33, F-12,
C-40, S2-30).

A first open, click … is one fact per touch, so counting facts is counting touches, whatever came
twice or late.
"""

from datetime import UTC, datetime

from schemas.internal.facts import Fact, FactKind, decode
from sinks.copy_values import Row, Rows, document

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

COUNTED = {
    FactKind.TOUCH_SENT: 0,
    FactKind.TOUCH_FAILED: 1,
    FactKind.TOUCH_SKIPPED: 2,
    FactKind.TOUCH_DELIVERED: 3,
    FactKind.TOUCH_OPENED: 4,
    FactKind.TOUCH_CLICKED: 5,
    FactKind.TOUCH_READ: 6,
    FactKind.TOUCH_BOUNCED: 7,
    FactKind.TOUCH_CONVERTED: 8,
    FactKind.TRIGGER_MET: 9,
    FactKind.TRIGGER_TIMED_OUT: 10,
}
"""Which count a fact raises, in the order of the columns of a step."""

_OF_TOUCH = 9
"""So many of them are a touch's too."""

LOGGED = {
    FactKind.TOUCH_SENT: 0,
    FactKind.TOUCH_FAILED: 1,
    FactKind.TOUCH_RETRIED: 1,
    FactKind.TOUCH_DELIVERED: 3,
    FactKind.TOUCH_OPENED: 4,
    FactKind.TOUCH_CLICKED: 5,
    FactKind.TOUCH_READ: 6,
    FactKind.TOUCH_BOUNCED: 7,
    FactKind.TOUCH_CONVERTED: 8,
}
"""Which moment of the send log a fact tells, in the order of the columns after the attempt."""

_REASON = 2


def _place(fact: Fact) -> int | None:
    """Which moment of the send log it tells; what redates a touch tells an earlier one."""
    redates = fact.fact is FactKind.TOUCH_REDATED
    return LOGGED.get(FactKind(f"touch.{fact.reason}") if redates else fact.fact)


def micros(moment: datetime) -> int:
    """Exact microseconds since 2000."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


class Counting:
    """The facts of one batch: as rows, and summed up."""

    def __init__(self) -> None:
        self.history: list[Row] = []
        self.months: set[tuple[int, int]] = set()
        self._counts: dict[tuple[str, str, int, int, str], list[int]] = {}
        self._sends: dict[tuple[str, str], tuple[Fact, list[int | str | None]]] = {}

    def add(self, partition: int, offset: int, value: bytes) -> None:
        """One fact; raises msgspec.DecodeError where it is none."""
        fact = decode(value)
        when = micros(fact.at)
        self.months.add((fact.at.year, fact.at.month))
        self.history.append(
            (
                fact.tenant_id,
                when,
                partition,
                offset,
                fact.fact.value,
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
                None if fact.until is None else micros(fact.until),
                None if fact.values is None else document(fact.values),
                None if fact.occurred_at is None else micros(fact.occurred_at),
            )
        )
        if fact.fact in COUNTED:
            self._count(fact)
        place = _place(fact)
        if fact.command_id is not None and place is not None:
            told = when if fact.occurred_at is None else micros(fact.occurred_at)
            self._log(fact, place, told)

    def _count(self, fact: Fact) -> None:
        if fact.campaign_id is None:
            return
        # A conversion that no touch is credited with stands under touch 0, and under no step.
        number, step_id = fact.touch_number or 0, fact.step_id or ""
        key = (fact.tenant_id, fact.campaign_id, fact.version or 0, number, step_id)
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = [0] * len(COUNTED)
        counts[COUNTED[fact.fact]] += 1

    def _log(self, fact: Fact, place: int, when: int) -> None:
        assert fact.command_id is not None
        key = (fact.tenant_id, fact.command_id)
        found = self._sends.get(key)
        if found is None:
            found = self._sends[key] = (fact, [None] * 9)
        moments = found[1]
        before = moments[place]
        if before is None or place > _REASON:
            moments[place] = when if before is None else min(int(before), when)
        if place == 1:
            moments[_REASON] = fact.reason

    def rows(self, rows: Rows) -> None:
        """Everything, as rows; counts in the order of their keys, because writers share them."""
        rows["facts"] = self.history
        rows["touch_metrics"], rows["step_metrics"] = self._summed()
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
                *moments,
            )
            for (tenant_id, command_id), (fact, moments) in self._sends.items()
        ]

    def _summed(self) -> tuple[list[Row], list[Row]]:
        touches: _Sums = {}
        steps: _Sums = {}
        for (tenant_id, campaign_id, version, number, step_id), counts in self._counts.items():
            if any(of_touch := counts[:_OF_TOUCH]):
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
