"""How simulated calls go: how long they ring and last, whether their progress is reported, and
whether their end is reported late or never.

A dialler sets the longest ringing and talking time of the command at its provider, so no call rings
or lasts longer.
"""

from collections.abc import Iterator
from operator import attrgetter
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BeforeValidator, Field, model_validator

from schemas.base.call_outcomes import call_outcome
from schemas.base.times import MILLISECOND, MINUTE, SECOND
from schemas.internal.dispatch_messages import CallTerms
from streams.simulation.behaviour_shares import PlainCode, Share, as_span
from streams.simulation.drawn_signals import (
    DRAW_RANGE,
    DrawnSignal,
    SignalRule,
    draw_numbers,
)

_SecondCount = Annotated[int, Field(ge=0, le=86_400)]
SecondSpan = Annotated[
    list[_SecondCount], Field(min_length=2, max_length=2), BeforeValidator(as_span)
]
"""A number of seconds, or `[least, most]` for an even distribution."""

_Fraction = Annotated[float, Field(ge=0, le=1)]


class CallOutcomeShare(Share):
    """One outcome of a call, and how long its talk lasts. The end comes after ringing and talk, or
    `after_minutes` or `after_hours` after the call was placed."""

    seconds: Annotated[SecondSpan, Field(default_factory=lambda: [0, 0])]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.seconds[0] > self.seconds[1]:
            raise ValueError("the first number of a span must not exceed the second")
        return self


CallOutcomeShares = dict[PlainCode, CallOutcomeShare]


class AssessedShare(Share):
    """What a call that somebody has answered has led to, as it is found out after its end.
    `successful` is the share of these calls that have reached their aim."""

    successful: _Fraction = 1.0


CALL_FIELDS: dict[str, tuple[Any, Any]] = {
    "outcomes": (CallOutcomeShares, {}),
    "ring_seconds": (SecondSpan, [5, 40]),
    "progress": (_Fraction, 0.0),
    "lost": (_Fraction, 0.0),
    "late": (Share | None, None),
    "assessed": (AssessedShare | None, None),
}
"""The fields of the model of a channel with calls. `progress` is the share of the calls whose
ringing and answer are reported; `lost` the share whose end is never reported, and `late` the share
whose end is reported that much later."""


class CallTraits(NamedTuple):
    """The drawn parts of a call besides its outcome. A span is the least value and the spread in
    microseconds; `talk_us` is by outcome, without those whose end has a time of its own."""

    ring_us: tuple[int, int]
    talk_us: dict[str, tuple[int, int]]
    progress: int
    lost: int
    late: SignalRule | None
    assessed: SignalRule | None

    def complete(
        self, signals: list[DrawnSignal], call: CallTerms | None, command_id: str, seed: int
    ) -> list[DrawnSignal]:
        """Gives the end of a drawn call its time and its seconds, and adds what else is reported
        of the call. Returns all signals in order of time."""
        end = next((signal for signal in signals if signal.rule.name == "called"), None)
        if end is None:
            return signals
        placed_at = next(signal.at for signal in signals if signal.rule.name == "sent")
        reported, ring, talk = draw_numbers(seed, command_id, "call")
        ring_us, talk_us = _drawn(self.ring_us, ring), end.rule.number * SECOND
        ended_at = end.at
        if end.rule.code in self.talk_us:
            talk_us = _drawn(self.talk_us[end.rule.code], talk)
            if call is not None:
                ring_us, talk_us = min(ring_us, call.ring_us), min(talk_us, call.max_us)
            ended_at = placed_at + max(MILLISECOND, ring_us + talk_us)
        others = [signal for signal in signals if signal is not end]
        if reported < self.progress:
            others += _progress(placed_at, ended_at, talk_us)
        others += self._end(end, ended_at, talk_us, command_id, seed)
        return sorted(others, key=attrgetter("at"))

    def _end(
        self, end: DrawnSignal, ended_at: int, talk_us: int, command_id: str, seed: int
    ) -> Iterator[DrawnSignal]:
        """Yields the report of the end, unless it is lost, and what a call that somebody has
        answered has led to."""
        lost, late, _ = draw_numbers(seed, command_id, "end")
        at = ended_at
        if self.late is not None and late < self.late.threshold:
            _, delay, _ = draw_numbers(seed, command_id, "late")
            at += _drawn((self.late.delay_us, self.late.spread_us), delay)
        if lost >= self.lost:
            yield DrawnSignal(at, end.rule, False, talk_us // SECOND)
        if self.assessed is not None and call_outcome(end.rule.code) == "answered":
            chance, delay, variant = draw_numbers(seed, command_id, "assessed")
            if chance < self.assessed.threshold:
                at += _drawn((self.assessed.delay_us, self.assessed.spread_us), delay)
                yield DrawnSignal(at, self.assessed, variant < self.assessed.variant_threshold)


def _drawn(span_us: tuple[int, int], number: int) -> int:
    """A value of the span, in whole milliseconds."""
    least_us, spread_us = span_us
    return least_us + spread_us * number // DRAW_RANGE // MILLISECOND * MILLISECOND


_RINGING = SignalRule("ringing", "sent", None, DRAW_RANGE, 0, 0)
_IN_PROGRESS = SignalRule("in_progress", "ringing", None, DRAW_RANGE, 0, 0)


def _progress(placed_at: int, ended_at: int, talk_us: int) -> Iterator[DrawnSignal]:
    yield DrawnSignal(placed_at + MILLISECOND, _RINGING, False)
    if talk_us:
        yield DrawnSignal(max(placed_at + MILLISECOND, ended_at - talk_us), _IN_PROGRESS, False)


def outcome_rules(outcomes: CallOutcomeShares) -> Iterator[SignalRule]:
    """Yields one rule for each outcome of a call. All of them have the same signal name and so use
    the same drawn number; each threshold adds to the one before, so at most one outcome happens."""
    probability = 0.0
    for name, outcome in outcomes.items():
        least_us, most_us = outcome.delay_range_us((MILLISECOND, MILLISECOND))
        probability += outcome.probability
        threshold = min(int(probability * DRAW_RANGE), DRAW_RANGE)
        seconds = outcome.seconds[0]
        yield SignalRule(
            "called", "sent", "called", threshold, least_us, most_us - least_us, 0, name, seconds
        )


def call_traits(model: Any) -> CallTraits:
    """The traits of the calls of a channel's model."""
    talk_us = {
        name: _span_us(outcome.seconds)
        for name, outcome in model.outcomes.items()
        if outcome.after_minutes is None and outcome.after_hours is None
    }
    return CallTraits(
        _span_us(model.ring_seconds),
        talk_us,
        int(model.progress * DRAW_RANGE),
        int(model.lost * DRAW_RANGE),
        _rule("late", model.late, (10 * MINUTE, 60 * MINUTE)),
        _rule("assessed", model.assessed, (1 * MINUTE, 20 * MINUTE)),
    )


def _span_us(seconds: list[int]) -> tuple[int, int]:
    least, most = seconds
    return least * SECOND, (most - least) * SECOND


def _rule(name: str, share: Share | None, default_us: tuple[int, int]) -> SignalRule | None:
    if share is None:
        return None
    least_us, most_us = share.delay_range_us(default_us)
    threshold = int(share.probability * DRAW_RANGE)
    successful = getattr(share, "successful", 0.0)
    return SignalRule(
        name,
        "called",
        None,
        threshold,
        least_us,
        most_us - least_us,
        int(successful * DRAW_RANGE),
    )
