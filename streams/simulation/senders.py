"""The channel senders and the people whom they reach: a command is received, and the signals that
follow from it are drawn.

Every signal is drawn from a hash of the seed, the command id and the signal name. So neither the
order of the commands nor the Python version changes a result. A command that comes again is the
same send; a command that is revoked before it is sent gives no signal. From `send_before` on a
command is not sent, and after `place_by` no call is placed: the sender answers that the window is
closed.
"""

from heapq import heappop, heappush, heapreplace
from typing import NamedTuple

from schemas.base.provider_codes import WINDOW_CLOSED
from schemas.base.times import MomentUs
from schemas.internal.messages import CommandDue, CommandRevoked
from schemas.internal.state_bytes import NEVER
from streams.simulation.behaviour import Behaviour
from streams.simulation.drawn_signals import DRAW_RANGE, DrawnSignal, SignalRule, draw_signals
from streams.simulation.sender_outages import up_again

_TOO_LATE = SignalRule("failed", None, None, DRAW_RANGE, 0, 0, code=WINDOW_CLOSED)
"""The answer to a command that its sender comes to at or after `send_before`."""


class CommandedTouch(NamedTuple):
    """The touch that a signal is about: the ids, the channel, the emission and the sender account
    of its command."""

    tenant_id: str
    contact_id: str
    command_id: str
    channel: str
    campaign_id: str
    emission: int = 1
    sender_id: str | None = None


class SimulatedSenders:
    """The signals that are still to come. The heap holds one entry a command: its next signal."""

    def __init__(self, behaviour: Behaviour, seed: int) -> None:
        self._behaviour, self._seed = behaviour, seed
        self._heap: list[tuple[int, int, CommandedTouch, list[DrawnSignal], int]] = []
        self._order = 0
        self._revoked: set[str] = set()
        self._too_late: set[str] = set()
        """The commands of which no emission so far is sent: their senders come to them too late."""

    def fresh_copy(self, seed: int | None = None) -> "SimulatedSenders":
        """Returns senders of the same behaviour that have received no command; their seed is the
        same without another one."""
        return SimulatedSenders(self._behaviour, self._seed if seed is None else seed)

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
        behaviour = self._behaviour.of_message(due.channel, due.template_id)
        rules = behaviour.rules[due.channel, due.action]
        outages = self._behaviour.outages.get(due.channel, ())
        signals = draw_signals(rules, due.command_id, self._seed, up_again(outages, now), outages)
        if _is_late(command, signals[0].at):
            signals = [DrawnSignal(signals[0].at, _TOO_LATE, False)]
            self._too_late.add(due.command_id)
        elif (traits := behaviour.calls.get(due.channel)) is not None:
            signals = traits.complete(signals, due.call, due.command_id, self._seed)
        touch = CommandedTouch(
            due.tenant_id,
            due.contact_id,
            due.command_id,
            due.channel,
            due.campaign_id,
            due.emission,
            due.sender_id,
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


def _is_late(command: CommandDue, at: MomentUs) -> bool:
    """Whether a sender that comes to the command at this moment must leave it."""
    return at >= command.send_before or (0 < command.place_by < at)
