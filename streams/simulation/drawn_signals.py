"""What is drawn of a command: which signals follow from it, and when.

Every signal is drawn from a hash of the seed, the command id and the signal name. So neither the
order of the commands nor the Python version changes a result.
"""

from hashlib import blake2b
from operator import attrgetter
from struct import Struct
from typing import NamedTuple

from schemas.base.times import MILLISECOND, MomentUs
from streams.simulation.sender_outages import Outages, up_again


class SignalRule(NamedTuple):
    """When one signal happens: after the signal `follows` (None: after the command), unless the
    signal `unless` has happened, if a drawn number is below `threshold`."""

    name: str
    follows: str | None
    unless: str | None
    threshold: int
    """The probability as an integer of 0 to `DRAW_RANGE`."""

    delay_us: int
    """The least delay after the signal `follows`."""

    spread_us: int
    """The greatest delay is `delay_us` plus this; the delay is distributed evenly between them."""

    variant_threshold: int = 0
    """The probability (as an integer) of the variant of the signal: a hard bounce, an opt-out of
    all channels, a signal of a machine, a call that has reached its aim."""

    code: str = ""
    """The failure code, the conversion type, or the outcome of a call."""

    number: int = 0
    """1 for a permanent failure; the least seconds of a call."""


def kind_of(name: str) -> str:
    """What the signal of a rule is: the part of its name before a colon. Conversions of several
    types are several signals of one kind, such as `converted:interview_scheduled`."""
    return name.partition(":")[0]


SignalRules = tuple[SignalRule, ...]
"""The rules of one channel and action. A rule stands after the rule that it follows."""

DRAW_RANGE = 2**64
"""Drawn numbers are below this."""


class DrawnSignal(NamedTuple):
    """A signal and its time in microseconds. `is_variant` selects the variant of the signal that
    `SignalRule.variant_threshold` describes. `seconds` is how long a call has lasted."""

    at: int
    rule: SignalRule
    is_variant: bool
    seconds: int = 0


def draw_signals(
    rules: SignalRules, command_id: str, seed: int, now: MomentUs, outages: Outages = ()
) -> list[DrawnSignal]:
    """Draws all signals of a command in order of time. The first one is `sent` or `failed`, at a
    moment at which the sender is up."""
    happened_at: dict[str | None, int] = {None: now}
    signals = []
    for rule in rules:
        since = happened_at.get(rule.follows)
        if since is None or (rule.unless is not None and rule.unless in happened_at):
            continue
        chance = delay = variant = 0
        if rule.threshold < DRAW_RANGE or rule.spread_us or rule.variant_threshold:
            chance, delay, variant = draw_numbers(seed, command_id, rule.name)
            if chance >= rule.threshold:
                continue
        extra_us = rule.spread_us * delay // DRAW_RANGE // MILLISECOND * MILLISECOND
        at = since + rule.delay_us + extra_us
        if outages and rule.follows is None:
            at = up_again(outages, at)
        happened_at[rule.name] = at
        signals.append(DrawnSignal(at, rule, variant < rule.variant_threshold))
    if len(signals) > 1:
        signals.sort(key=attrgetter("at"))
    return signals


def draw_numbers(seed: int, command_id: str, signal: str) -> tuple[int, int, int]:
    """Returns three numbers below `DRAW_RANGE`. They decide whether the signal happens, how late,
    and in which variant."""
    text = f"{seed}\x1f{command_id}\x1f{signal}".encode()
    chance, delay, variant = _three_numbers(blake2b(text, digest_size=24).digest())
    return chance, delay, variant


_three_numbers = Struct(">QQQ").unpack
