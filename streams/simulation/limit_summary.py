"""The part of a summary about slots and sender accounts: queues, calls, accounts and their limits.

A simulation without calls and without sender accounts has no such part.
"""

from collections.abc import Mapping

from schemas.channels import CHANNELS
from schemas.internal.facts import Fact, FactKind
from schemas.internal.messages import RequestTouch, UpsertPool, UpsertSender
from streams.simulation.account_summary import AccountSummary
from streams.simulation.call_summary import CallSummary
from streams.simulation.platform_setup import SenderKey
from streams.simulation.quantiles import SummaryRow
from streams.simulation.queue_summary import QueueSummary

_OF_POOLS = frozenset(name for name, row in CHANNELS.items() if row.by_pool)


class LimitSummary:
    """Counts what concerns the `channels`: those of call pools, and those with sender accounts."""

    def __init__(
        self,
        senders: Mapping[SenderKey, UpsertSender],
        pools: Mapping[str, UpsertPool],
        zones: Mapping[str, str],
    ) -> None:
        self._accounts = AccountSummary(senders, zones)
        self._calls = CallSummary(pools)
        self._queues = QueueSummary()
        self.channels = _OF_POOLS | self._accounts.channels

    def on_fact(self, fact: Fact, now: int) -> None:
        """Counts a fact of one of the channels."""
        self._queues.on_fact(fact, now)
        if fact.channel in _OF_POOLS:
            self._calls.on_fact(fact, now)
        if fact.fact is FactKind.TOUCH_DEFERRED:
            self._accounts.on_wait(fact)

    def on_command(self, touch: RequestTouch, now: int) -> None:
        """Counts a command of one of the channels."""
        self._accounts.on_command(touch, now)

    def has_no_hourly_default(self, tenant_id: str, channel: str) -> bool:
        """Whether the limit of 100 an hour does not hold where a tenant has set none: its accounts
        or its slots hold instead."""
        return channel in _OF_POOLS or self._accounts.has_accounts(tenant_id, channel)

    def to_dict(self) -> SummaryRow:
        """Returns the parts that there are."""
        parts: SummaryRow = {}
        if (calls := self._calls.to_dict()) is not None:
            parts["calls"] = calls
        if accounts := list(self._accounts.rows()):
            parts["accounts"] = accounts
            parts["accounts_by_hour"] = list(self._accounts.by_hour())
        if parts:
            parts["waits"] = list(self._queues.waits())
            parts["waiting_by_hour"] = list(self._queues.by_hour())
        return parts
