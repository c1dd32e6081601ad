"""When each waiting touch of a channel will be sent, and which limit decides it (C-38).

The forecast plays the queues of the accounts forward in memory, with the rules of the engine: it is
exact as long as nothing new comes. It knows the limits, the windows and the order of the queues; it
does not know frequency caps of addresses, opt-outs, and senders that fail.
"""

from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple

from processors.shared.forecast_limits import ForecastLimits, kind_of
from processors.shared.forecast_plan import Plan, PlannedSender, WaitingTouch
from processors.shared.limit_rules import GATHER_US
from processors.shared.send_windows import opens_at
from schemas.base.times import MomentUs
from schemas.internal.state_bytes import NEVER

ANY = "*"
"""Stands for the account of a queue whose touches any account may send."""


class ExpectedSend(NamedTuple):
    """When a touch is sent by which account, and the reason of the limit that it waited for last;
    empty if for none. `at` is NEVER for a touch that is not sent: its reason is that of the limit
    that never opens, such as `sender_paused`, or `expired` if it expires before."""

    command_id: str
    campaign_id: str
    sender_id: str
    at: MomentUs
    reason: str


def forecast(plan: Plan, now: MomentUs) -> list[ExpectedSend]:
    """All waiting touches of a plan, in the order in which they are sent; those that never are come
    last. The logs of the plan are used up."""
    return _Forecast(plan, now).run()


class _Lane:
    """The touches that share the limits of a campaign or a mail domain. While one of these limits
    is used up, the lane is closed: it stands in no queue."""

    __slots__ = ("closure", "entries", "queue")

    def __init__(self, queue: "_Queue") -> None:
        self.queue = queue
        self.closure: _Closure | None = None
        self.entries: list[_Entry] = []


class _Queue:
    """What waits for one account, or for any, by the action and the kind of touch: touches and
    lanes, each lane with the rank of its first touch."""

    __slots__ = ("account", "action", "entries", "kind")

    def __init__(self, account: str, action: str, kind: int) -> None:
        self.account, self.action, self.kind = account, action, kind
        self.entries: list[_Entry] = []

    def head(self) -> Any:
        """The rank of the first entry; None if the queue is empty. Lanes whose first touch has
        another rank by now are put where they belong."""
        entries = self.entries
        while entries:
            rank, number, what = entries[0]
            if not isinstance(what, _Lane) or (what.entries and what.entries[0][0] == rank):
                return rank
            heappop(entries)
            if what.entries and what.entries[0][0] > rank:
                heappush(entries, (what.entries[0][0], number, what))
        return None


_Closure = tuple[MomentUs, str]
"""Until when something was closed, and by which limit."""

_Entry = tuple[Any, int, Any]
"""A rank, a number that is different for each entry, and a touch or a lane."""

_TOUCH, _LANE, _WAKE, _GATHERED = range(4)
"""The kinds of events: in this order at one moment, as the timers of the engine."""


class _Forecast:
    def __init__(self, plan: Plan, now: MomentUs) -> None:
        self.plan = plan
        self.now = now
        self.limits = ForecastLimits(plan)
        self.sent: list[ExpectedSend] = []
        self.lost: list[ExpectedSend] = []
        self.numbers = count()
        self.order = {name: place for place, name in enumerate(sorted(self.limits.senders))}
        self.events: list[tuple[MomentUs, int, int, Any]] = []
        self.queues: dict[tuple[str, str, int], _Queue] = {}
        self.queues_of: dict[str, list[_Queue]] = {}
        self.lanes: dict[tuple[Any, ...], _Lane] = {}
        self.gathered: list[_Entry] = []
        self.wakes: dict[str, MomentUs] = {}
        self.waits: dict[str, _Closure] = {}  # the last wait of a touch by itself
        self.closures: dict[tuple[str, str, int], _Closure] = {}  # of a queue, by account

    def run(self) -> list[ExpectedSend]:
        """Plays all events forward."""
        for touch in self.plan.waiting:
            if touch.gathered:
                self._push(self.gathered, touch.rank, touch)
            elif touch.not_before > self.now:
                self._at(touch.not_before, _TOUCH, touch)
            else:
                self._enqueue(touch)
        if self.gathered:
            self._at(max(self.plan.gathered_until, self.now), _GATHERED, None)
        self._wake(ANY, self.now)
        handlers = (self._arrive, self._open_lane, self._serve, self._release)
        while self.events:
            self.now, kind, _, what = heappop(self.events)
            handlers[kind](what)
        for queue in self.queues.values():
            self._lose_all(queue, queue.entries, None)
        for lane in self.lanes.values():
            self._lose_all(lane.queue, lane.entries, lane.closure)
        return self.sent + self.lost

    def _at(self, at: MomentUs, kind: int, what: Any) -> None:
        number = self.order[what] if kind == _WAKE else next(self.numbers)
        heappush(self.events, (at, kind, number, what))

    def _push(self, entries: list[_Entry], rank: Any, what: Any) -> None:
        heappush(entries, (rank, next(self.numbers), what))

    def _wake(self, account: str, at: MomentUs) -> None:
        """Lets an account, or each, look at its queues at a moment, or earlier as it is to."""
        for each in self.limits.senders if account == ANY else (account,):
            if at < self.wakes.get(each, NEVER):
                self.wakes[each] = at
                self._at(at, _WAKE, each)

    # touches

    def _arrive(self, touch: WaitingTouch) -> None:
        """A touch whose own wait is over waits for others of its moment, or for a limit."""
        if self._stopped(touch) or self._held(touch):
            return
        senders = self.limits.candidates(touch, self.now)
        at, reason, sender = self.limits.choose(touch, senders, self.now)
        if at > self.now:
            self._wait(touch, at, reason)
            return
        if touch.repeated:
            self._send(touch, sender)
            return
        if not self.gathered:
            self._at(self.now + GATHER_US, _GATHERED, None)
        self._push(self.gathered, touch.rank, touch)

    def _release(self, _: Any) -> None:
        """Sends the touches that were gathered, or lets them wait for a limit."""
        while self.gathered:
            touch: WaitingTouch = heappop(self.gathered)[2]
            if self._stopped(touch) or self._held(touch):
                continue
            senders = self.limits.candidates(touch, self.now)
            at, reason, sender = self.limits.choose(touch, senders, self.now)
            if at > self.now:
                self._wait(touch, at, reason)
            else:
                self._send(touch, sender)

    def _wait(self, touch: WaitingTouch, at: MomentUs, reason: str) -> None:
        self.waits[touch.command_id] = at, reason
        queue = self._enqueue(touch)
        if queue is not None:
            self._wake(queue.account, self.now)

    def _stopped(self, touch: WaitingTouch) -> bool:
        """Whether a touch has expired, or its own window is closed."""
        if self.now >= touch.expires_at:
            self._lose(touch, "expired")
            return True
        if touch.window is None:
            return False
        opens = opens_at(touch.window, self.now)
        if opens <= self.now:
            return False
        if opens >= touch.expires_at:
            self._lose(touch, "expired")
        else:
            self.waits[touch.command_id] = opens, "quiet_hours"
            self._at(opens, _TOUCH, touch)
        return True

    def _held(self, touch: WaitingTouch) -> bool:
        """Whether a touch has no account: it is lost then, as long as no account comes."""
        if self.limits.candidates(touch, self.now):
            return False
        gone = self.limits.bound(touch, self.now) is not None
        self._lose(touch, "sender_gone" if gone else "no_sender")
        return True

    def _send(
        self, touch: WaitingTouch, sender: PlannedSender, *closures: "_Closure | None"
    ) -> None:
        """Sends a touch. Its reason is that of the last closure that was over before: of the
        account that sends it, of its lane, or of the touch itself."""
        self.limits.count(touch, sender, self.now)
        last, reason = 0, ""
        for closure in (*closures, self.waits.get(touch.command_id)):
            if closure is not None and last < closure[0] <= self.now:
                last, reason = closure
        ids = touch.command_id, touch.campaign_id, sender.terms.sender_id
        self.sent.append(ExpectedSend(*ids, self.now, reason))

    def _lose(self, touch: WaitingTouch, reason: str) -> None:
        self.lost.append(ExpectedSend(touch.command_id, touch.campaign_id, "", NEVER, reason))

    def _lose_all(self, queue: _Queue, entries: list[_Entry], of_lane: _Closure | None) -> None:
        """Touches that wait for ever, each with the reason of what never opens."""
        accounts = self.limits.senders if queue.account == ANY else (queue.account,)
        kinds = [(account, queue.action, queue.kind) for account in accounts]
        closures = [of_lane, *(self.closures.get(kind) for kind in kinds)]
        closed = [each[1] for each in closures if each is not None and each[0] >= NEVER]
        for _, _, touch in entries:
            if isinstance(touch, WaitingTouch):
                self._lose(touch, closed[0] if closed else "expired")

    # queues

    def _enqueue(self, touch: WaitingTouch) -> _Queue | None:
        """Puts a touch into its queue, or into its lane."""
        if self._held(touch):
            return None
        bound = self.limits.bound(touch, self.now)
        account = ANY if bound is None else bound.terms.sender_id
        queue = self._queue(account, touch.action, kind_of(touch))
        of_lane = self.limits.lane_of(touch)
        if of_lane == ("", ""):
            self._push(queue.entries, touch.rank, touch)
            return queue
        key = (account, queue.action, queue.kind, *of_lane)
        lane = self.lanes.get(key)
        if lane is None:
            lane = self.lanes[key] = _Lane(queue)
        self._push(lane.entries, touch.rank, touch)
        if lane.entries[0][2] is touch:
            self._push(queue.entries, touch.rank, lane)
        return queue

    def _queue(self, account: str, action: str, kind: int) -> _Queue:
        key = (account, action, kind)
        queue = self.queues.get(key)
        if queue is None:
            queue = self.queues[key] = _Queue(account, action, kind)
            for each in self.limits.senders if account == ANY else (account,):
                self.queues_of.setdefault(each, []).append(queue)
        return queue

    def _open_lane(self, lane: _Lane) -> None:
        if lane.entries:
            self._push(lane.queue.entries, lane.entries[0][0], lane)
            self._wake(lane.queue.account, self.now)

    def _serve(self, account: str) -> None:
        """Sends from an account's queues what its limits allow now."""
        if self.wakes.get(account) != self.now:
            return  # it was woken earlier since
        del self.wakes[account]
        sender = self.limits.senders[account]
        queues, events = self.queues_of.get(account, []), self.events
        while not sender.removed_at:
            soonest = self._serve_once(sender, _by_head(queues))
            if soonest == 0:
                continue
            if soonest == NEVER:
                return
            if events and events[0][0] <= soonest:
                self._wake(account, soonest)
                return
            self.now = soonest  # nothing else happens before

    def _serve_once(self, sender: PlannedSender, queues: list["_Queue"]) -> MomentUs:
        """Takes the first entry of the first queue that is open, and returns 0; else the moment at
        which the first one opens, NEVER if none does."""
        soonest, account = NEVER, sender.terms.sender_id
        for queue in queues:
            at, reason = self.limits.opens(sender, queue.action, queue.kind, self.now)
            if at <= self.now:
                self._take(sender, queue)
                return 0
            self.closures[account, queue.action, queue.kind] = at, reason
            soonest = min(soonest, at)
        return soonest

    def _take(self, sender: PlannedSender, queue: _Queue) -> None:
        """Takes the first entry of a queue: sends the touch, or lets it or its lane wait."""
        rank, _, entry = heappop(queue.entries)
        lane = entry if isinstance(entry, _Lane) else None
        touch: WaitingTouch = entry if lane is None else lane.entries[0][2]
        if not self._stopped(touch):
            at, of_lane, chosen = self.now, "", sender
            if lane is not None or (queue.account == ANY and len(self.limits.present) > 1):
                at, of_lane, chosen = self._choose(sender, queue, touch, rank)
            if at > self.now:
                assert lane is not None, "an open account has no other limit without a lane"
                lane.closure = at, of_lane
                if at < NEVER:
                    self._at(at, _LANE, lane)
                return
            kind = (chosen.terms.sender_id, queue.action, queue.kind)
            of_lane_before = None if lane is None else lane.closure
            self._send(touch, chosen, self.closures.get(kind), of_lane_before)
        if lane is not None:
            heappop(lane.entries)
            if lane.entries:
                self._push(queue.entries, lane.entries[0][0], lane)

    def _choose(self, sender: PlannedSender, queue: _Queue, touch: WaitingTouch, rank: Any) -> Any:
        """The account for a touch that any account may send: of those that have no touch of their
        own before it."""
        limits, present = self.limits, self.limits.present
        if queue.account != ANY or len(present) == 1:
            return limits.choose(touch, [sender], self.now)
        free = [each for each in present if each is sender or self._is_free(each, queue, rank)]
        choice = limits.choose(touch, free, self.now)
        return choice if choice.at <= self.now else limits.choose(touch, present, self.now)

    def _is_free(self, sender: PlannedSender, queue: _Queue, rank: Any) -> bool:
        """Whether an account may send an entry of a queue now, and has none of its own before."""
        at, _ = self.limits.opens(sender, queue.action, queue.kind, self.now)
        return at <= self.now and not self._has_better(sender, rank)

    def _has_better(self, sender: PlannedSender, rank: Any) -> bool:
        return any(
            queue.account != ANY and (head := queue.head()) is not None and head < rank
            for queue in self.queues_of.get(sender.terms.sender_id, ())
        )


def _by_head(queues: list[_Queue]) -> list[_Queue]:
    """The queues that are not empty, by the ranks of their first entries."""
    if len(queues) == 1:
        return queues if queues[0].head() is not None else []
    heads = [(queue.head(), place) for place, queue in enumerate(queues)]
    return [queues[place] for _, place in sorted(pair for pair in heads if pair[0] is not None)]
