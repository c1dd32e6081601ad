"""How many touches wait for a slot or a sender account, and how long each has waited.

A touch waits from its request to its command; what it waits on are limits and windows. Only the
channels with slots or sender accounts are counted.
"""

from collections import Counter
from collections.abc import Iterator

from schemas.base.times import HOUR, SECOND, format_rfc3339
from schemas.internal.facts import Fact, FactKind
from streams.simulation.quantiles import SummaryRow, quantiles

QueueKey = tuple[str, str]
"""Tenant id and channel."""

_LEAVES = frozenset((FactKind.TOUCH_WITHDRAWN, FactKind.TOUCH_SKIPPED, FactKind.TOUCH_FAILED))


class QueueSummary:
    """Counts the waiting touches of some channels by tenant."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[int, QueueKey]] = {}
        self._waiting: Counter[QueueKey] = Counter()
        self._last: dict[tuple[int, QueueKey], int] = {}
        self._most: dict[tuple[int, QueueKey], int] = {}
        self._seconds: dict[QueueKey, Counter[int]] = {}

    def on_fact(self, fact: Fact, now: int) -> None:
        """Counts a touch that is requested, goes out, or leaves without a command."""
        command_id = fact.command_id
        if command_id is None:
            return
        if fact.fact is FactKind.TOUCH_REQUESTED:
            key = (fact.tenant_id, fact.channel or "")
            self._since[command_id] = now, key
            self._count(key, 1, now)
        elif fact.fact is FactKind.TOUCH_COMMANDED or fact.fact in _LEAVES:
            found = self._since.pop(command_id, None)
            if found is None:
                return
            since, key = found
            self._count(key, -1, now)
            if fact.fact is FactKind.TOUCH_COMMANDED:
                self._seconds.setdefault(key, Counter())[(now - since) // SECOND] += 1

    def _count(self, key: QueueKey, change: int, now: int) -> None:
        self._waiting[key] += change
        place, waiting = (now // HOUR, key), self._waiting[key]
        self._last[place] = waiting
        self._most[place] = max(waiting, self._most.get(place, 0))

    def by_hour(self) -> Iterator[SummaryRow]:
        """Yields, for each hour with a change, how many touches wait at its end, and at most."""
        for hour, key in sorted(self._last):
            place = hour, key
            yield {
                "hour": format_rfc3339(hour * HOUR),
                "tenant_id": key[0],
                "channel": key[1],
                "waiting": self._last[place],
                "most": self._most[place],
            }

    def waits(self) -> Iterator[SummaryRow]:
        """Yields how long the touches have waited whose commands went out."""
        for key, seconds in sorted(self._seconds.items()):
            yield {
                "tenant_id": key[0],
                "channel": key[1],
                "touches": sum(seconds.values()),
                "minutes": quantiles(seconds, 60),
            }
