"""The channel senders and the people behind them: a command comes, and what is heard of it follows.

Everything is drawn from hashes of the seed, the command and the signal, so neither the order of
commands nor the version of Python changes anybody's fate. A command that comes again is the same
send; one that is revoked before it is sent is not sent.
"""

from hashlib import blake2b
from heapq import heappop, heappush, heapreplace
from typing import NamedTuple

from schemas.base.times import MILLISECOND
from schemas.internal.messages import CommandDue, CommandRevoked
from schemas.internal.state_bytes import NEVER
from streams.simulation.behaviour import DRAW_RANGE, Behaviour, Plan, SignalRule


class CommandedTouch(NamedTuple):
    """Whose touch it is that something is heard of."""

    tenant_id: str
    contact_id: str
    command_id: str
    channel: str
    campaign_id: str


class DrawnSignal(NamedTuple):
    """A signal, and when; `other` says that it is of the rarer sort (`SignalRule.part`)."""

    at: int
    row: SignalRule
    other: bool


class SimulatedSenders:
    """What is still to be said, by its time: of each command only what is next."""

    def __init__(self, behaviour: Behaviour, seed: int) -> None:
        self._behaviour, self._seed = behaviour, seed
        self._plans = behaviour.plans
        self._heap: list[tuple[int, int, CommandedTouch, list[DrawnSignal], int]] = []
        self._setup_record = 0
        self._revoked: set[str] = set()

    def fresh(self) -> "SimulatedSenders":
        """The same senders and people, who have heard of nothing yet."""
        return SimulatedSenders(self._behaviour, self._seed)

    @property
    def next_at(self) -> int:
        """When something is said next; NEVER if nothing is."""
        return self._heap[0][0] if self._heap else NEVER

    def take(self, command: CommandDue | CommandRevoked, now: int) -> None:
        """A command, as it goes out."""
        if isinstance(command, CommandRevoked):
            self._revoked.add(command.command_id)
            return
        touch = command.touch
        if touch.emission > 1:
            return  # seen
        said = draw_signals(
            self._plans[touch.channel, touch.action], touch.command_id, self._seed, now
        )
        who = CommandedTouch(
            touch.tenant_id, touch.contact_id, touch.command_id, touch.channel, touch.campaign_id
        )
        self._setup_record += 1
        heappush(self._heap, (said[0].at, self._setup_record, who, said, 0))

    def pop(self) -> tuple[CommandedTouch, DrawnSignal] | None:
        """What is said first; None where its command was revoked before it was sent."""
        _, order, who, said, place = self._heap[0]
        revoked = place == 0 and who.command_id in self._revoked
        if revoked or place + 1 == len(said):
            heappop(self._heap)
        else:
            heapreplace(self._heap, (said[place + 1].at, order, who, said, place + 1))
        return None if revoked else (who, said[place])


def draw_signals(plan: Plan, command_id: str, seed: int, now: int) -> list[DrawnSignal]:
    """All that will be heard of a command, in order of time; that it was sent or not comes
    first."""
    happened: dict[str | None, int] = {None: now}
    said = []
    for row in plan:
        since = happened.get(row.before)
        if since is None or (row.unless is not None and row.unless in happened):
            continue
        die = late = sort = 0
        if row.below < DRAW_RANGE or row.spread or row.part:
            die, late, sort = draw_numbers(seed, command_id, row.name)
            if die >= row.below:
                continue
        late = row.spread * late // DRAW_RANGE // MILLISECOND * MILLISECOND
        at = happened[row.name] = since + row.least + late
        said.append(DrawnSignal(at, row, sort < row.part))
    if len(said) > 1:
        said.sort(key=_at)
    return said


def _at(said: DrawnSignal) -> int:
    return said.at


def draw_numbers(seed: int, command_id: str, signal: str) -> tuple[int, int, int]:
    """Three numbers below 2**64: whether, how late, and of which sort."""
    told = f"{seed}\x1f{command_id}\x1f{signal}".encode()
    digest = blake2b(told, digest_size=24).digest()
    return (
        int.from_bytes(digest[:8], "big"),
        int.from_bytes(digest[8:16], "big"),
        int.from_bytes(digest[16:], "big"),
    )
