"""The channel senders and the people whom they reach: a command is received, and the signals that
follow from it are drawn.

Every signal is drawn from a hash of the seed, the command id and the signal name. So neither the
order of the commands nor the Python version changes a result. A command that comes again is the
same send; a command that is revoked before it is sent gives no signal. From `send_before` on a
command is not sent: its sender answers that the window is closed.
"""

from hashlib import blake2b
from heapq import heappop, heappush, heapreplace
from operator import attrgetter
from typing import NamedTuple

from schemas.base.provider_codes import WINDOW_CLOSED
from schemas.base.times import MILLISECOND, MomentUs
from schemas.internal.messages import CommandDue, CommandRevoked
from schemas.internal.state_bytes import NEVER
from streams.simulation.behaviour import DRAW_RANGE, Behaviour, SignalRule, SignalRules
from streams.simulation.sender_outages import Outages, up_again

_TOO_LATE = SignalRule("failed", None, None, DRAW_RANGE, 0, 0, code=WINDOW_CLOSED)
"""The answer to a command that its sender comes to at or after `send_before`."""


class CommandedTouch(NamedTuple):
    """The touch that a signal is about: the ids, the channel and the emission of its command."""

    tenant_id: str
    contact_id: str
    command_id: str
    channel: str
    campaign_id: str
    emission: int = 1


class DrawnSignal(NamedTuple):
    """A signal and its time in microseconds. `is_variant` selects the variant of the signal that
    `SignalRule.variant_threshold` describes."""

    at: int
    rule: SignalRule
    is_variant: bool


class SimulatedSenders:
    """The signals that are still to come. The heap holds one entry a command: its next signal."""

    def __init__(self, behaviour: Behaviour, seed: int) -> None:
        self._behaviour, self._seed = behaviour, seed
        self._rules = behaviour.rules
        self._heap: list[tuple[int, int, CommandedTouch, list[DrawnSignal], int]] = []
        self._order = 0
        self._revoked: set[str] = set()
        self._too_late: set[str] = set()
        """The commands of which no emission so far is sent: their senders come to them too late."""

    def fresh_copy(self) -> "SimulatedSenders":
        """Returns senders of the same behaviour and seed that have received no command."""
        return SimulatedSenders(self._behaviour, self._seed)

    @property
    def next_at(self) -> int:
        """The time of the next signal in microseconds; NEVER if there is none."""
        return self._heap[0][0] if self._heap else NEVER

    def receive(self, command: CommandDue | CommandRevoked, now: int) -> None:
        """Draws the signals of a command that goes out at `now`."""
        if isinstance(command, CommandRevoked):
            self._revoked.add(command.command_id)
            return
        due = command.touch
        if due.emission > 1 and due.command_id not in self._too_late:
            return  # a repeated command is dropped by its id
        self._too_late.discard(due.command_id)
        rules = self._rules[due.channel, due.action]
        outages = self._behaviour.outages.get(due.channel, ())
        signals = draw_signals(rules, due.command_id, self._seed, up_again(outages, now), outages)
        if signals[0].at >= command.send_before:
            signals = [DrawnSignal(signals[0].at, _TOO_LATE, False)]
            self._too_late.add(due.command_id)
        touch = CommandedTouch(
            due.tenant_id,
            due.contact_id,
            due.command_id,
            due.channel,
            due.campaign_id,
            due.emission,
        )
        self._order += 1
        heappush(self._heap, (signals[0].at, self._order, touch, signals, 0))

    def pop(self) -> tuple[CommandedTouch, DrawnSignal] | None:
        """Removes the next signal; returns None if its command was revoked before it was sent."""
        _, order, touch, signals, index = self._heap[0]
        revoked = index == 0 and touch.command_id in self._revoked
        if revoked or index + 1 == len(signals):
            heappop(self._heap)
        else:
            heapreplace(self._heap, (signals[index + 1].at, order, touch, signals, index + 1))
        return None if revoked else (touch, signals[index])


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
    digest = blake2b(text, digest_size=24).digest()
    return (
        int.from_bytes(digest[:8], "big"),
        int.from_bytes(digest[8:16], "big"),
        int.from_bytes(digest[16:], "big"),
    )
