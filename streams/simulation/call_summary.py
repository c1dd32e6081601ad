"""The calls of a simulation: slots in use against those that there are, outcomes by hour, and what
each tenant has got of a pool that all share."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.base.times import HOUR, format_rfc3339
from schemas.internal.call_states import KnownPool
from schemas.internal.facts import Fact, FactKind
from schemas.internal.messages import UpsertPool
from streams.simulation.quantiles import SummaryRow

LOST = "lost"
"""What is counted of a call whose slot has expired, as long as nobody has reported its end."""


class _HeldSlot(NamedTuple):
    pool_id: str
    tenant_id: str
    since: int


class _PoolLoad:
    """The slots in use of one pool, over time."""

    def __init__(self) -> None:
        self.in_use = self.granted = self.expired = self.overruns = self.most = 0
        self.held_us: Counter[int] = Counter()
        """The time for which slots were in use, by hour."""

        self.most_of_hour: Counter[int] = Counter()
        self.granted_in_hour: Counter[int] = Counter()
        self._changed_at = 0

    def change(self, by: int, now: int) -> None:
        """Counts one slot more or less from now on."""
        at = self._changed_at
        while self.in_use and at < now:
            until = min(now, (at // HOUR + 1) * HOUR)
            self.held_us[at // HOUR] += self.in_use * (until - at)
            self.most_of_hour[at // HOUR] = max(self.most_of_hour[at // HOUR], self.in_use)
            at = until
        self._changed_at = now
        self.in_use += by
        self.most = max(self.most, self.in_use)
        hour = now // HOUR
        self.most_of_hour[hour] = max(self.most_of_hour[hour], self.in_use)


class CallSummary:
    """Counts the facts of calls. `pools` are those that were set up."""

    def __init__(self, pools: Mapping[str, UpsertPool]) -> None:
        self._pools = pools
        self._loads: dict[str, _PoolLoad] = {}
        self._held: dict[str, _HeldSlot] = {}
        self._granted: Counter[tuple[int, str, str]] = Counter()
        self._held_us: Counter[tuple[str, str]] = Counter()
        self._outcomes: Counter[tuple[int, str]] = Counter()
        self._lost: dict[str, int] = {}
        """The hours in which lost calls were counted, by command id."""

    def on_fact(self, fact: Fact, now: int) -> None:
        """Counts a slot that is granted, freed or overrun, or the end of a call."""
        command_id = fact.command_id
        if command_id is None:
            return
        match fact.fact:
            case FactKind.CALL_SLOT_GRANTED:
                load = self._hold(fact, command_id, now)
                load.granted += 1
                load.granted_in_hour[now // HOUR] += 1
                self._granted[now // HOUR, _pool_id(fact), fact.tenant_id] += 1
            case FactKind.CALL_OVERRUN:
                self._hold(fact, command_id, now).overruns += 1
            case FactKind.CALL_SLOT_FREED:
                self._free(command_id, now)
            case FactKind.CALL_SLOT_EXPIRED:
                self._free(command_id, now)
                self._load(_pool_id(fact)).expired += 1
                self._outcomes[now // HOUR, LOST] += 1
                self._lost[command_id] = now // HOUR
            case FactKind.TOUCH_CALL_ENDED:
                self._outcomes[now // HOUR, fact.reason or ""] += 1
                if (hour := self._lost.pop(command_id, None)) is not None:  # it has ended late
                    self._outcomes[hour, LOST] -= 1

    def _load(self, pool_id: str) -> _PoolLoad:
        return self._loads.setdefault(pool_id, _PoolLoad())

    def _hold(self, fact: Fact, command_id: str, now: int) -> _PoolLoad:
        pool_id = _pool_id(fact)
        load = self._load(pool_id)
        if command_id not in self._held:
            self._held[command_id] = _HeldSlot(pool_id, fact.tenant_id, now)
            load.change(1, now)
        return load

    def _free(self, command_id: str, now: int) -> None:
        held = self._held.pop(command_id, None)
        if held is not None:
            self._load(held.pool_id).change(-1, now)
            self._held_us[held.pool_id, held.tenant_id] += now - held.since

    # The result

    def to_dict(self) -> SummaryRow | None:
        """Returns what was counted as plain values; None if there were no calls."""
        if not self._loads and not self._outcomes:
            return None
        return {
            "pools": list(self._pool_rows()),
            "by_hour": list(self._hour_rows()),
            "outcomes_by_hour": list(self._outcome_rows()),
            "tenants": list(self._tenant_rows()),
            "granted_by_hour": list(self._granted_rows()),
        }

    def _slots(self, pool_id: str) -> int:
        pool = self._pools.get(pool_id)
        return KnownPool(pool_id).slots if pool is None else pool.slots

    def _pool_rows(self) -> Iterator[SummaryRow]:
        for pool_id, load in sorted(self._loads.items()):
            yield {
                "pool_id": pool_id,
                "slots": self._slots(pool_id),
                "granted": load.granted,
                "most_at_once": load.most,
                "hours_in_use": round(sum(load.held_us.values()) / HOUR, 2),
                "expired": load.expired,
                "overruns": load.overruns,
                "in_use_at_the_end": load.in_use,
            }

    def _hour_rows(self) -> Iterator[SummaryRow]:
        for pool_id, load in sorted(self._loads.items()):
            for hour in sorted(load.most_of_hour):
                yield {
                    "hour": format_rfc3339(hour * HOUR),
                    "pool_id": pool_id,
                    "granted": load.granted_in_hour[hour],
                    "most": load.most_of_hour[hour],
                    "average": round(load.held_us[hour] / HOUR, 2),
                }

    def _outcome_rows(self) -> Iterator[SummaryRow]:
        for (hour, outcome), number in sorted((+self._outcomes).items()):
            yield {"hour": format_rfc3339(hour * HOUR), "outcome": outcome, "calls": number}

    def _tenant_rows(self) -> Iterator[SummaryRow]:
        """Yields what each tenant has got of each pool: calls, and time of slots."""
        granted: Counter[tuple[str, str]] = Counter()
        for (_, pool_id, tenant_id), number in self._granted.items():
            granted[pool_id, tenant_id] += number
        for (pool_id, tenant_id), number in sorted(granted.items()):
            pool = self._pools.get(pool_id)
            yield {
                "pool_id": pool_id,
                "tenant_id": tenant_id,
                "weight": 1 if pool is None else pool.weights.get(tenant_id, 1),
                "granted": number,
                "share": round(number / self._loads[pool_id].granted, 4),
                "hours_in_use": round(self._held_us[pool_id, tenant_id] / HOUR, 2),
            }

    def _granted_rows(self) -> Iterator[SummaryRow]:
        for (hour, pool_id, tenant_id), number in sorted(self._granted.items()):
            at = format_rfc3339(hour * HOUR)
            yield {"hour": at, "pool_id": pool_id, "tenant_id": tenant_id, "granted": number}


def _pool_id(fact: Fact) -> str:
    return str((fact.values or {}).get("pool_id", ""))
