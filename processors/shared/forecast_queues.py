"""The queues of a forecast: which touches wait for an account, in the order of their ranks (C-38).

A touch is named by its place among all touches in the order of their ranks: the lowest is first.
"""

from heapq import heappop, heappush
from operator import attrgetter
from typing import NamedTuple

from processors.shared.forecast_gates import NEVER_CLOSED, AccountGate

Place = int
"""The place of a touch in the order of all ranks."""

NOBODY: Place = 1 << 62
"""The first entry of an empty queue: after all others."""


class PlannedLane:
    """The touches that share the limits of a campaign or a mail domain. While one of these limits
    is used up, the lane is closed: it stands in no queue."""

    __slots__ = ("closure", "queue", "touches")

    def __init__(self, queue: "Queue") -> None:
        self.queue = queue
        self.closure = NEVER_CLOSED
        self.touches: list[Place] = []

    def enter(self) -> None:
        """Puts the lane into its queue, at the place of its first touch."""
        first = self.touches[0]
        self.queue.lanes[first] = self
        self.queue.push(first)

    def leave(self) -> None:
        """Drops the first touch, whose entry has been taken from the queue."""
        heappop(self.touches)
        if self.touches:
            self.enter()


class Queue:
    """What waits for one account, or for any, by the action and the kind of touch. An entry is a
    touch, or the first touch of a lane; `lanes` are by such entries. `first` is the first entry,
    NOBODY if there is none; `has_choice` is whether several accounts may send it."""

    __slots__ = ("account", "action", "entries", "first", "has_choice", "kind", "lanes")

    def __init__(self, account: str, action: str, kind: int, has_choice: bool) -> None:
        self.account, self.action, self.kind = account, action, kind
        self.has_choice = has_choice
        self.entries: list[Place] = []
        self.lanes: dict[Place, PlannedLane] = {}
        self.first = NOBODY

    def push(self, place: Place) -> None:
        """Adds an entry."""
        heappush(self.entries, place)
        self.first = self.entries[0]

    def pop(self) -> Place:
        """Takes the first entry."""
        place = heappop(self.entries)
        self.first = self.entries[0] if self.entries else NOBODY
        return place

    def put_right(self) -> None:
        """Puts lanes whose first touch is another one by now where they belong, as far as they are
        first."""
        while self.entries:
            place = self.first
            lane = self.lanes.get(place)
            if lane is None or (lane.touches and lane.touches[0] == place):
                return
            self.pop()
            if lane.touches and lane.touches[0] > place:
                lane.enter()


class Door(NamedTuple):
    """A queue with the limits of an account that may send its touches."""

    queue: Queue
    gate: AccountGate


by_first = attrgetter("queue.first")
"""Doors are tried in the order of the first entries of their queues."""
