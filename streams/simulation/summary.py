"""The summary of a simulation: touches by hour and channel, why touches were not sent and what they
waited for, the funnel of each step, how runs ended and how long they took.

`Summary` is a listener. It counts facts and commands as they come, and keeps none of them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from processors.shared.limit_scopes import DEFAULT_PER_HOUR
from schemas.base.times import HOUR, MINUTE, format_rfc3339
from schemas.base.zones import zone
from schemas.internal.facts import Fact, FactKind, is_by_machine
from schemas.internal.messages import CommandDue, CommandRevoked, RunsCounted, Window
from schemas.internal.states import CampaignRecord
from streams.simulation.campaign_summary import CampaignSummary
from streams.simulation.drawn_signals import DrawnSignal
from streams.simulation.limit_summary import LimitSummary
from streams.simulation.quantiles import SummaryRow, optional_time, quantiles
from streams.simulation.run import SimulationResult
from streams.simulation.scenario import Scenario
from streams.simulation.senders import CommandedTouch
from streams.simulation.simulated_events import SimulatedEvent

_FUNNEL = {
    FactKind.TOUCH_SCHEDULED: "scheduled",
    FactKind.TOUCH_COMMANDED: "commanded",
    FactKind.TOUCH_SENT: "sent",
    FactKind.TOUCH_DELIVERED: "delivered",
    FactKind.TOUCH_OPENED: "opened",
    FactKind.TOUCH_READ: "read",
    FactKind.TOUCH_CLICKED: "clicked",
    FactKind.TRIGGER_MET: "answered",
    FactKind.TOUCH_CALL_ENDED: "called",
    FactKind.TOUCH_CONVERTED: "converted",
    FactKind.TOUCH_BOUNCED: "bounced",
    FactKind.TOUCH_SKIPPED: "skipped",
    FactKind.TOUCH_FAILED: "failed",
}
STAGES = tuple(_FUNNEL.values())
"""The stages of the funnel in the order of a touch's life."""

_WITH_TIME = frozenset(
    (
        FactKind.TOUCH_DEFERRED,
        FactKind.TOUCH_SCHEDULED,
        FactKind.TOUCH_RETRIED,
        FactKind.ENROLLMENT_STARTED,
        FactKind.ENROLLMENT_FROZEN,
        FactKind.ENROLLMENT_RESUMED,
        FactKind.ENROLLMENT_COMPLETED,
        FactKind.ENROLLMENT_STOPPED,
    )
)
"""The facts whose time counts; of all others only the number does."""

_REPEAT = "repeat"
"""The reason under which a repeated command is counted."""

_FIRST_EMISSION = {"emission": 1}
_SCHEDULING = (FactKind.TOUCH_SCHEDULED, FactKind.TOUCH_RETRIED)

_FactKey = tuple[FactKind, str, str | None, str | None, str | None, str | None]
"""Kind, tenant id, campaign id, step id, channel, reason."""


class Summary:
    """Counts what happens. The scenario's tenants, sender accounts and pools give the limits; its
    tenants also give the time zone of touches without one."""

    def __init__(self, scenario: Scenario) -> None:
        tenants = scenario.all_tenants()
        self._tenants = tenants
        self._zones = {name: tenant.timezone for name, tenant in tenants.items()}
        self._limited = LimitSummary(scenario.all_senders(), scenario.all_pools(), self._zones)
        self._facts: dict[_FactKey, int] = {}
        self._touches_by_hour: Counter[tuple[int, str, str]] = Counter()
        self._waits_by_hour: Counter[tuple[int, str, str, str]] = Counter()
        self._touches_by_local_hour: Counter[tuple[int, str]] = Counter()
        self._events: Counter[str] = Counter()
        self._started_at: dict[int, int] = {}
        self._paused: set[int] = set()
        self._minutes_to_complete: Counter[int] = Counter()
        self._first_touch_at = self._last_touch_at = 0
        self.first_commands = self.repeats = self.revocations = 0
        self._of_counts = CampaignSummary()
        self.refused: list[Fact] = []

    # The listener's methods

    def on_facts(self, facts: list[Fact], now: int) -> None:
        """Counts facts by kind, ids, channel and reason."""
        counts, limited = self._facts, self._limited
        for fact in facts:
            kind, reason = fact.fact, fact.reason
            if fact.channel in limited.channels:
                limited.on_fact(fact, now)
            if (
                kind is FactKind.TOUCH_COMMANDED
                and (fact.values or _FIRST_EMISSION)["emission"] > 1
            ):
                reason = _REPEAT
            key = (
                kind,
                fact.tenant_id,
                fact.campaign_id,
                fact.step_id,
                fact.channel,
                reason,
            )
            counts[key] = counts.get(key, 0) + 1
            if kind in _WITH_TIME:
                self._count_with_time(fact, now)
            elif fact.contact_id is None:
                self._of_counts.on_fact(fact, now)
                if kind is FactKind.CAMPAIGN_REFUSED and fact.reason != "EVENT_DUPLICATE":
                    self.refused.append(fact)

    def _count_with_time(self, fact: Fact, now: int) -> None:
        """Counts a wait of a touch, or the start, pause or end of a run."""
        if fact.fact in _SCHEDULING:
            if fact.values and "window" in fact.values:  # the send window moved its time
                retried = fact.fact is FactKind.TOUCH_RETRIED  # its reason is that of the failure
                reason = None if retried else fact.reason
                self._count_wait(fact, now, _wait_reason(fact, reason or "quiet_hours"))
            return
        if fact.fact is FactKind.TOUCH_DEFERRED:
            self._count_wait(fact, now, _wait_reason(fact, fact.reason or ""))
            return
        # The last 12 hexadecimal digits of the id take a third of the memory of the whole id.
        run = int((fact.enrollment_id or "0")[-12:], 16)
        match fact.fact:
            case FactKind.ENROLLMENT_STARTED:
                self._started_at[run] = now
            case FactKind.ENROLLMENT_FROZEN:
                self._paused.add(run)
            case FactKind.ENROLLMENT_RESUMED:
                self._paused.discard(run)
            case _:
                self._paused.discard(run)
                started_at = self._started_at.pop(run, None)
                if started_at is not None and fact.fact is FactKind.ENROLLMENT_COMPLETED:
                    self._minutes_to_complete[(now - started_at) // MINUTE] += 1

    def _count_wait(self, fact: Fact, now: int, reason: str) -> None:
        self._waits_by_hour[now // HOUR, fact.tenant_id, fact.channel or "", reason] += 1

    def on_command(self, command: CommandDue | CommandRevoked, now: int) -> None:
        """Counts an attempt by hour; a repeated command is the same attempt."""
        if isinstance(command, CommandRevoked):
            self.revocations += 1
            return
        touch = command.touch
        if touch.emission > 1:
            self.repeats += 1
            return
        self.first_commands += touch.attempt == 1
        if touch.channel in self._limited.channels:
            self._limited.on_command(touch, now)
        self._first_touch_at = self._first_touch_at or now
        self._last_touch_at = now
        self._touches_by_hour[now // HOUR, touch.tenant_id, touch.channel] += 1
        zone_name = touch.quiet.zone if touch.quiet else self._zones.get(touch.tenant_id, "UTC")
        local_hour = _local_hour(zone_name, now // _QUARTER_HOUR)
        self._touches_by_local_hour[local_hour, touch.channel] += 1

    def on_event(self, touch: CommandedTouch, signal: DrawnSignal, event: SimulatedEvent) -> None:
        """Counts a drawn event by its type."""
        self._events[event.ce_type] += 1

    def on_counts(self, counts: RunsCounted, campaign: CampaignRecord, now: int) -> None:
        """Takes over the counts of a campaign that decides by them."""
        self._of_counts.on_counts(counts, campaign, now)

    # The result

    def to_dict(self, result: SimulationResult, description: SummaryRow) -> SummaryRow:
        """Returns the summary as plain values in a fixed order. `description` is
        `Scenario.describe()` and what the caller adds to it."""
        return {
            "simulation": {
                **description,
                "ended_at": format_rfc3339(result.ended_at),
                "finished": result.finished,
                "records": result.records,
            },
            "touches": {
                "commanded": sum(self._touches_by_hour.values()),  # every attempt
                "first_attempts": self.first_commands,
                "repeated": self.repeats,
                "revoked": self.revocations,
                "first_at": optional_time(self._first_touch_at),
                "last_at": optional_time(self._last_touch_at),
                "by_channel": dict(sorted(self._by_channel().items())),
                "by_hour": list(self._by_hour()),
                "by_local_hour": list(self._by_local_hour()),
            },
            "not_sent": self._unsent_touches(),
            "retried": self._retried_touches(),
            "waited": list(self._waits()),
            "limits": list(self._limits()),
            "held_by_hour": list(self._waits_of_each_hour()),
            "funnel": list(self._funnel()),
            "runs": self._runs(),
            "events": dict(sorted(self._events.items())),
            "refused": self._count_by_reason(FactKind.EVENT_REFUSED),
            "facts": {str(kind): n for kind, n in sorted(self._count_by_kind().items())},
            **self._limited.to_dict(),
            **self._of_counts.to_dict(result.engine),
        }

    def _by_channel(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for (_, _, channel), number in self._touches_by_hour.items():
            counts[channel] += number
        return counts

    def _by_hour(self) -> Iterator[SummaryRow]:
        for (hour, tenant_id, channel), number in sorted(self._touches_by_hour.items()):
            at = format_rfc3339(hour * HOUR)
            yield {"hour": at, "tenant_id": tenant_id, "channel": channel, "touches": number}

    def _by_local_hour(self) -> Iterator[SummaryRow]:
        for (hour, channel), number in sorted(self._touches_by_local_hour.items()):
            yield {"hour": hour, "channel": channel, "touches": number}

    def _unsent_touches(self) -> list[SummaryRow]:
        counts: Counter[tuple[str, str, str]] = Counter()
        for (kind, _, _, _, channel, reason), number in self._facts.items():
            if kind in (FactKind.TOUCH_SKIPPED, FactKind.TOUCH_FAILED):
                counts[kind.removeprefix("touch."), channel or "", reason or ""] += number
        return [
            {"how": how, "channel": channel, "reason": reason, "touches": number}
            for (how, channel, reason), number in _most_frequent_first(counts)
        ]

    def _retried_touches(self) -> list[SummaryRow]:
        """How often a touch got another command, by the reason: a failure, or a send window that
        was closed when the sender came to it."""
        counts: Counter[tuple[str, str]] = Counter()
        for (kind, _, _, _, channel, reason), number in self._facts.items():
            if kind is FactKind.TOUCH_RETRIED:
                counts[channel or "", reason or ""] += number
        return [
            {"channel": channel, "reason": reason, "times": number}
            for (channel, reason), number in _most_frequent_first(counts)
        ]

    def _waits(self) -> Iterator[SummaryRow]:
        """Yields, for each reason to wait, how often it held a touch, and in which hours."""
        counts: Counter[tuple[str, str, str]] = Counter()
        hours: dict[tuple[str, str, str], list[int]] = {}
        for (hour, tenant_id, channel, reason), number in self._waits_by_hour.items():
            key = (tenant_id, channel, reason)
            counts[key] += number
            hours.setdefault(key, []).append(hour)
        for key, number in _most_frequent_first(counts):
            yield {
                "tenant_id": key[0],
                "channel": key[1],
                "reason": key[2],
                "times": number,
                "first_hour": format_rfc3339(min(hours[key]) * HOUR),
                "last_hour": format_rfc3339(max(hours[key]) * HOUR),
                "hours": len(hours[key]),
            }

    def _waits_of_each_hour(self) -> Iterator[SummaryRow]:
        for (hour, tenant_id, channel, reason), number in sorted(self._waits_by_hour.items()):
            at = format_rfc3339(hour * HOUR)
            names = {"tenant_id": tenant_id, "channel": channel, "reason": reason}
            yield {"hour": at, **names, "times": number}

    def _limits(self) -> Iterator[SummaryRow]:
        """Yields the initial limit of each tenant and channel that sent."""
        for tenant_id, channel in sorted({key[1:] for key in self._touches_by_hour}):
            tenant = self._tenants.get(tenant_id)
            limits = {} if tenant is None else tenant.limits
            own = self._limited.has_no_hourly_default(tenant_id, channel)
            per_hour = limits.get(channel, None if own else DEFAULT_PER_HOUR)
            yield {"tenant_id": tenant_id, "channel": channel, "per_hour": per_hour}

    def _funnel(self) -> Iterator[SummaryRow]:
        """Yields the steps in the order in which people reached them."""
        steps: dict[tuple[str, str, str, str], Counter[str]] = {}
        for (kind, tenant_id, campaign_id, step_id, channel, reason), n in self._facts.items():
            stage = None if is_by_machine(kind, reason) else _FUNNEL.get(kind)
            if stage is not None and step_id is not None and reason != _REPEAT:
                key = (tenant_id, campaign_id or "", step_id, channel or "")
                steps.setdefault(key, Counter())[stage] += n
        for key, counts in steps.items():
            names = zip(("tenant_id", "campaign_id", "step_id", "channel"), key, strict=True)
            yield {**dict(names), **{stage: counts[stage] for stage in STAGES if counts[stage]}}

    def _runs(self) -> SummaryRow:
        kinds = self._count_by_kind()
        return {
            "started": kinds[FactKind.ENROLLMENT_STARTED],
            "declined": self._count_by_reason(FactKind.ENROLLMENT_DECLINED),
            "completed": kinds[FactKind.ENROLLMENT_COMPLETED],
            "stopped": self._count_by_reason(FactKind.ENROLLMENT_STOPPED),
            "paused": len(self._paused),
            "not_ended": len(self._started_at),
            "hours_to_complete": quantiles(self._minutes_to_complete, 60),
        }

    def _count_by_kind(self) -> Counter[FactKind]:
        counts: Counter[FactKind] = Counter()
        for key, number in self._facts.items():
            counts[key[0]] += number
        return counts

    def _count_by_reason(self, kind: FactKind) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for key, number in self._facts.items():
            if key[0] is kind:
                counts[key[5] or ""] += number
        return dict(_most_frequent_first(counts))


_STEP_WINDOW = "step_window"
"""The reason under which a wait for the window of a step is counted, where no quiet hours hold."""


def _wait_reason(fact: Fact, reason: str) -> str:
    """What a touch waits on; the wait for a window is that of quiet hours, of the step, or of the
    hours of calls: another attempt has the reason of its failure."""
    window = (fact.values or {}).get("window") if reason == "quiet_hours" else None
    if not isinstance(window, Window) or window.start != window.end or window.allowed:
        return reason
    if window.end_is_open:
        return "call_hours"
    return _STEP_WINDOW if window.only is not None else reason


_QUARTER_HOUR = 15 * MINUTE
"""The offsets of time zones differ by quarters of an hour."""


@lru_cache(maxsize=65_536)
def _local_hour(zone_name: str, quarter: int) -> int:
    """Returns the hour of the day in a zone; `quarter` counts quarters of an hour since 1970."""
    at = datetime.fromtimestamp(quarter * _QUARTER_HOUR // 1_000_000, UTC)
    return at.astimezone(zone(zone_name)).hour


def _most_frequent_first(counts: Counter[Any]) -> list[tuple[Any, int]]:
    """Sorts by number, then by key."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def busiest_hours(rows: Iterable[SummaryRow], number: int) -> list[SummaryRow]:
    """Returns the rows with the most touches, in order of time."""
    chosen = sorted(rows, key=lambda row: (-row["touches"], row["hour"]))[:number]
    return sorted(chosen, key=lambda row: str(row["hour"]))
