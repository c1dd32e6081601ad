"""The sender accounts of a simulation: what each has sent, against all of its limits, and what its
touches waited on."""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise

from msgspec.structs import replace

from processors.dispatch.account_commands import count_day
from processors.shared.sender_rules import warm_up_rule
from schemas.base.times import DAY, HOUR, MILLISECOND, SECOND, format_rfc3339
from schemas.internal.facts import Fact
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from schemas.internal.messages import RequestTouch, UpsertSender
from schemas.internal.sender_states import Sender
from streams.simulation.platform_setup import SenderKey
from streams.simulation.quantiles import SummaryRow

_WINDOWS = {"hour": HOUR, "day": DAY, "week": 7 * DAY, "month": 30 * DAY}

_Sends = dict[tuple[str, str, str], "array[int]"]
"""The moments of commands in milliseconds, by tenant, account and the action that is counted."""


class AccountSummary:
    """Counts the commands of sender accounts. `senders` are those that were set up, with their
    limits at the start, and `zones` are the time zones of tenants, for accounts without one."""

    def __init__(self, senders: Mapping[SenderKey, UpsertSender], zones: Mapping[str, str]) -> None:
        self._senders, self._zones = senders, zones
        self._sends: _Sends = {}
        self._by_hour: Counter[tuple[int, str, str]] = Counter()
        self._held: dict[SenderKey, Counter[str]] = {}

    @property
    def channels(self) -> frozenset[str]:
        """The channels with accounts."""
        return frozenset(order.channel for order in self._senders.values())

    def has_accounts(self, tenant_id: str, channel: str) -> bool:
        """Whether a tenant has accounts on a channel."""
        return any(
            key[0] == tenant_id and order.channel == channel for key, order in self._senders.items()
        )

    def on_command(self, touch: RequestTouch, now: int) -> None:
        """Counts a command that names its account."""
        if not touch.sender_id:
            return
        key = (touch.tenant_id, touch.sender_id)
        order = self._senders.get(key)
        action = touch.action if order and touch.action in order.sender.limits else ""
        self._sends.setdefault((*key, action), array("q")).append(now // MILLISECOND)
        self._by_hour[now // HOUR, *key] += 1

    def on_wait(self, fact: Fact) -> None:
        """Counts what a touch waits on that is meant for an account."""
        sender_id = (fact.values or {}).get("sender_id")
        if sender_id:
            held = self._held.setdefault((fact.tenant_id, str(sender_id)), Counter())
            held[fact.reason or ""] += 1

    # The result

    def rows(self) -> Iterator[SummaryRow]:
        """Yields a row for each account and each action that it counts by itself. An action with
        limits of its own that has sent nothing has no row."""
        for key, order in sorted(self._senders.items()):
            for action, terms in order.sender.limits.items():
                sends = self._sends.get((*key, action), array("q"))
                if sends or not action:
                    yield self._row(key, order, action, terms, sends)

    def _row(
        self,
        key: SenderKey,
        order: UpsertSender,
        action: str,
        terms: LimitTerms,
        sends: Sequence[int],
    ) -> SummaryRow:
        held = Counter[str]() if action else self._held.get(key, Counter())
        return {
            "tenant_id": key[0],
            "channel": order.channel,
            "sender_id": key[1],
            "action": action,
            "commands": len(sends),
            "first_at": format_rfc3339(sends[0] * MILLISECOND) if sends else None,
            "last_at": format_rfc3339(sends[-1] * MILLISECOND) if sends else None,
            "limits": limit_uses(terms, sends) + ([] if action else self._warm_up(key, order)),
            "held": dict(sorted(held.items(), key=lambda pair: (-pair[1], pair[0]))),
        }

    def _warm_up(self, key: SenderKey, order: UpsertSender) -> list[SummaryRow]:
        """The commands of all actions against the warm-up; nothing without one."""
        sends = (moments for of, moments in self._sends.items() if of[:2] == key)
        terms = order.sender
        zone = terms.zone or self._zones.get(key[0], "UTC")
        row = warm_up_use(replace(terms, zone=zone), sorted(chain.from_iterable(sends)))
        return [] if row is None else [row]

    def by_hour(self) -> Iterator[SummaryRow]:
        """Yields the commands of each account in each hour."""
        for (hour, tenant_id, sender_id), number in sorted(self._by_hour.items()):
            at = format_rfc3339(hour * HOUR)
            names = {"tenant_id": tenant_id, "sender_id": sender_id}
            yield {"hour": at, **names, "commands": number}


def warm_up_use(sender: SenderTerms, sends: Sequence[int]) -> SummaryRow | None:
    """Returns the day with the most commands by the clock of the account, with the limit that the
    warm-up had on this day; None without a warm-up or without commands."""
    rule = warm_up_rule(sender)
    if rule is None or not sends:
        return None
    log = Sender("", "", sender)
    most = limit = 0
    for moment in sends:
        at = moment * MILLISECOND
        count_day(log, at, 1)
        if log.sent_today > most:
            most, limit = log.sent_today, rule.limit(log, at)
    return {"window": "warm_up", "limit": limit, "most": most}


def limit_uses(terms: LimitTerms, sends: Sequence[int]) -> list[SummaryRow]:
    """Returns each limit with the most that was sent in a window of its length. A limit by the
    calendar may be reached by fewer."""
    rows: list[SummaryRow] = []
    for name, window_us in _WINDOWS.items():
        limit = getattr(terms, f"per_{name}")
        if limit is not None:
            most = most_within(sends, window_us // MILLISECOND)
            rows.append({"window": name, "limit": limit, "most": most})
    if terms.spacing_us:
        gaps = (later - earlier for earlier, later in pairwise(sends))
        least = min(gaps, default=None)
        rows.append(
            {
                "window": "spacing_seconds",
                "limit": terms.spacing_us // SECOND,
                "least": None if least is None else least * MILLISECOND / SECOND,
            }
        )
    return rows


def most_within(moments: Sequence[int], window: int) -> int:
    """Returns how many of the moments, which are in order, are at most in any window of this
    length."""
    first = most = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - window:
            first += 1
        most = max(most, last - first + 1)
    return most
