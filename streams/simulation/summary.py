"""What a simulation comes to: touches by hour and channel, why others were not sent and what they
waited on, the funnel of each step, how runs ended and how long they took.

A listener: it counts facts and commands as they come, and keeps none of them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from processors.dispatch.limits import DEFAULT_PER_HOUR
from schemas.base.times import HOUR, MINUTE, format_rfc3339
from schemas.base.zones import zone
from schemas.internal.facts import Fact, FactKind
from schemas.internal.messages import CommandDue, CommandRevoked, UpsertTenant
from streams.simulation.run import SimulationResult
from streams.simulation.senders import CommandedTouch, DrawnSignal
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
_LOOKED_AT = frozenset(
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
_REPEAT = "repeat"
_FIRST = {"emission": 1}
_DATED = (FactKind.TOUCH_SCHEDULED, FactKind.TOUCH_RETRIED)

Row = dict[str, Any]
_Key = tuple[FactKind, str, str | None, str | None, str | None, str | None]


class Summary:
    """`tenants` have a zone, where a touch's hours are held to no other, and limits."""

    def __init__(self, tenants: Mapping[str, UpsertTenant]) -> None:
        self._tenants = tenants
        self._zones = {name: tenant.timezone for name, tenant in tenants.items()}
        self._facts: dict[_Key, int] = {}
        self._hours: Counter[tuple[int, str, str]] = Counter()
        self._held: Counter[tuple[int, str, str, str]] = Counter()
        self._local: Counter[tuple[int, str]] = Counter()
        self._events: Counter[str] = Counter()
        self._begun: dict[int, int] = {}
        self._paused: set[int] = set()
        self._took: Counter[int] = Counter()
        self._span = [0, 0]
        self.repeats = self.revocations = 0
        self.refused: list[Fact] = []

    # listening

    def facts(self, facts: list[Fact], now: int) -> None:
        """What was decided."""
        counts = self._facts
        for fact in facts:
            kind, reason = fact.fact, fact.reason
            if kind is FactKind.TOUCH_COMMANDED and (fact.values or _FIRST)["emission"] > 1:
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
            if kind in _LOOKED_AT:
                self._look(fact, now)
            elif kind is FactKind.CAMPAIGN_REFUSED and fact.reason != "EVENT_DUPLICATE":
                self.refused.append(fact)

    def _look(self, fact: Fact, now: int) -> None:
        if fact.fact in _DATED:
            if fact.values and "window" in fact.values:  # it is what the time was moved for
                self._hold(fact, now, "quiet_hours")
            return
        if fact.fact is FactKind.TOUCH_DEFERRED:
            self._hold(fact, now, fact.reason or "")
            return
        run = int((fact.enrollment_id or "0")[-12:], 16)  # an id's tail takes a third of its room
        match fact.fact:
            case FactKind.ENROLLMENT_STARTED:
                self._begun[run] = now
            case FactKind.ENROLLMENT_FROZEN:
                self._paused.add(run)
            case FactKind.ENROLLMENT_RESUMED:
                self._paused.discard(run)
            case _:
                self._paused.discard(run)
                begun = self._begun.pop(run, None)
                if begun is not None and fact.fact is FactKind.ENROLLMENT_COMPLETED:
                    self._took[(now - begun) // MINUTE] += 1

    def _hold(self, fact: Fact, now: int, reason: str) -> None:
        self._held[now // HOUR, fact.tenant_id, fact.channel or "", reason] += 1

    def command(self, command: CommandDue | CommandRevoked, now: int) -> None:
        """What went out; a repeat is the same send."""
        if isinstance(command, CommandRevoked):
            self.revocations += 1
            return
        touch = command.touch
        if touch.emission > 1:
            self.repeats += 1
            return
        self._span = [self._span[0] or now, now]
        self._hours[now // HOUR, touch.tenant_id, touch.channel] += 1
        name = touch.quiet.zone if touch.quiet else self._zones.get(touch.tenant_id, "UTC")
        self._local[_local_hour(name, now // _QUARTER), touch.channel] += 1

    def event(self, who: CommandedTouch, said: DrawnSignal, told: SimulatedEvent) -> None:
        """What a sender or a person said."""
        self._events[told.ce_type] += 1

    # telling

    def told(self, ended: SimulationResult, about: Row) -> Row:
        """All of it, as plain values in a fixed order."""
        return {
            "simulation": {
                **about,
                "ended_at": format_rfc3339(ended.at),
                "finished": ended.finished,
                "records": ended.records,
            },
            "touches": {
                "commanded": sum(self._hours.values()),
                "repeated": self.repeats,
                "revoked": self.revocations,
                "first_at": _moment(self._span[0]),
                "last_at": _moment(self._span[1]),
                "by_channel": dict(sorted(self._by_channel().items())),
                "by_hour": list(self._by_hour()),
                "by_local_hour": list(self._by_local_hour()),
            },
            "not_sent": self._reasons(FactKind.TOUCH_SKIPPED, FactKind.TOUCH_FAILED),
            "waited": list(self._waits()),
            "limits": list(self._limits()),
            "held_by_hour": list(self._holds()),
            "funnel": list(self._funnel()),
            "runs": self._runs(),
            "events": dict(sorted(self._events.items())),
            "refused": self._tally(FactKind.EVENT_REFUSED),
            "facts": {str(kind): n for kind, n in sorted(self._kinds().items())},
        }

    def _by_channel(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for (_, _, channel), number in self._hours.items():
            found[channel] += number
        return found

    def _by_hour(self) -> Iterator[Row]:
        for (hour, tenant_id, channel), number in sorted(self._hours.items()):
            at = format_rfc3339(hour * HOUR)
            yield {"hour": at, "tenant_id": tenant_id, "channel": channel, "touches": number}

    def _by_local_hour(self) -> Iterator[Row]:
        for (hour, channel), number in sorted(self._local.items()):
            yield {"hour": hour, "channel": channel, "touches": number}

    def _reasons(self, *kinds: FactKind) -> list[Row]:
        found: Counter[tuple[str, str, str]] = Counter()
        for (kind, _, _, _, channel, reason), number in self._facts.items():
            if kind in kinds:
                found[kind.removeprefix("touch."), channel or "", reason or ""] += number
        return [
            {"how": how, "channel": channel, "reason": reason, "touches": number}
            for (how, channel, reason), number in _most(found)
        ]

    def _waits(self) -> Iterator[Row]:
        """What touches waited on before they went, if they did: how often, and from when to
        when."""
        found: Counter[tuple[str, str, str]] = Counter()
        hours: dict[tuple[str, str, str], list[int]] = {}
        for (hour, tenant_id, channel, reason), number in self._held.items():
            key = (tenant_id, channel, reason)
            found[key] += number
            hours.setdefault(key, []).append(hour)
        for key, number in _most(found):
            yield {
                "tenant_id": key[0],
                "channel": key[1],
                "reason": key[2],
                "times": number,
                "first_hour": format_rfc3339(min(hours[key]) * HOUR),
                "last_hour": format_rfc3339(max(hours[key]) * HOUR),
                "hours": len(hours[key]),
            }

    def _holds(self) -> Iterator[Row]:
        for (hour, tenant_id, channel, reason), number in sorted(self._held.items()):
            at = format_rfc3339(hour * HOUR)
            names = {"tenant_id": tenant_id, "channel": channel, "reason": reason}
            yield {"hour": at, **names, "times": number}

    def _limits(self) -> Iterator[Row]:
        """Of the accounts that sent; as they were to begin with."""
        for tenant_id, channel in sorted({key[1:] for key in self._hours}):
            tenant = self._tenants.get(tenant_id)
            limits = {} if tenant is None else tenant.limits
            most = limits.get(channel, DEFAULT_PER_HOUR)
            yield {"tenant_id": tenant_id, "channel": channel, "per_hour": most}

    def _funnel(self) -> Iterator[Row]:
        steps: dict[tuple[str, str, str, str], Counter[str]] = {}
        for (kind, tenant_id, campaign_id, step_id, channel, reason), n in self._facts.items():
            stage = _FUNNEL.get(kind)
            if stage is not None and step_id is not None and reason != _REPEAT:
                key = (tenant_id, campaign_id or "", step_id, channel or "")
                steps.setdefault(key, Counter())[stage] += n
        for key, counts in steps.items():  # in the order in which they were come to
            names = zip(("tenant_id", "campaign_id", "step_id", "channel"), key, strict=True)
            yield {**dict(names), **{stage: counts[stage] for stage in STAGES if counts[stage]}}

    def _runs(self) -> Row:
        kinds = self._kinds()
        return {
            "started": kinds[FactKind.ENROLLMENT_STARTED],
            "declined": self._tally(FactKind.ENROLLMENT_DECLINED),
            "completed": kinds[FactKind.ENROLLMENT_COMPLETED],
            "stopped": self._tally(FactKind.ENROLLMENT_STOPPED),
            "paused": len(self._paused),
            "not_ended": len(self._begun),
            "hours_to_complete": _quantiles(self._took),
        }

    def _kinds(self) -> Counter[FactKind]:
        found: Counter[FactKind] = Counter()
        for key, number in self._facts.items():
            found[key[0]] += number
        return found

    def _tally(self, kind: FactKind) -> dict[str, int]:
        found: Counter[str] = Counter()
        for key, number in self._facts.items():
            if key[0] is kind:
                found[key[5] or ""] += number
        return dict(_most(found))


_QUARTER = 15 * MINUTE
"""Zones differ by quarters of an hour."""


@lru_cache(maxsize=65_536)
def _local_hour(name: str, quarter: int) -> int:
    at = datetime.fromtimestamp(quarter * _QUARTER // 1_000_000, UTC)
    return at.astimezone(zone(name)).hour


def _moment(micros: int) -> str | None:
    return format_rfc3339(micros) if micros else None


def _most(found: Counter[Any]) -> list[tuple[Any, int]]:
    """The most first; as many as each other by name."""
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))


def _quantiles(minutes: Counter[int]) -> Row | None:
    """Of whole minutes."""
    whole = sum(minutes.values())
    if not whole:
        return None
    asked = {"median": 0.5, "nine_of_ten": 0.9, "longest": 1.0}
    return {name: round(_at_share(minutes, whole * share) / 60, 2) for name, share in asked.items()}


def _at_share(minutes: Mapping[int, int], rank: float) -> int:
    seen = 0
    for value in sorted(minutes):
        seen += minutes[value]
        if seen >= rank:
            break
    return value


def busiest(rows: Iterable[Row], most: int) -> list[Row]:
    """The hours with the most touches, in order of time."""
    chosen = sorted(rows, key=lambda row: (-row["touches"], row["hour"]))[:most]
    return sorted(chosen, key=lambda row: str(row["hour"]))
