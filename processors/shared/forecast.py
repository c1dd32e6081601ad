"""When each waiting touch of a channel will be sent, and which limit decides it (C-38).

The forecast plays the queues of the accounts forward in memory, with the rules of the engine: it is
exact as long as nothing new comes. It knows the limits, the windows and the order of the queues; it
does not know frequency caps of addresses, opt-outs, and senders that fail.
"""

from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple

from processors.shared.campaign_gate import campaign_hold
from processors.shared.forecast_gates import NEVER_CLOSED, AccountGate, Closure
from processors.shared.forecast_limits import NO_LANE, ForecastLimits, PlannedChoice, kind_of
from processors.shared.forecast_plan import Plan, WaitingTouch
from processors.shared.forecast_queues import NOBODY, Door, Place, PlannedLane, Queue, by_first
from processors.shared.limit_rules import GATHER_US
from processors.shared.send_windows import opens_at
from schemas.base.times import MomentUs
from schemas.internal.state_bytes import NEVER

ANY = "*"
"""Stands for the account of a queue whose touches any account may send."""


class ExpectedSend(NamedTuple):
    """When a touch is sent by which account, and the reason of the limit that it waited for last;
    empty if for none. `at` is NEVER for a touch that is not sent: its reason is that of the limit
    that never opens, such as `sender_paused`, or of its campaign that is not active, or `expired`
    if it expires before."""

    command_id: str
    campaign_id: str
    sender_id: str
    at: MomentUs
    reason: str


def forecast(plan: Plan, now: MomentUs) -> list[ExpectedSend]:
    """All waiting touches of a plan, in the order in which they are sent; those that never are come
    last. The logs of the plan are used up."""
    return _Forecast(plan, now).run()


_TOUCH, _LANE, _WAKE, _GATHERED = range(4)
"""The kinds of events: in this order at one moment, as the timers of the engine."""


class _Forecast:
    def __init__(self, plan: Plan, now: MomentUs) -> None:
        self.plan = plan
        self.now = now
        self.limits = ForecastLimits(plan)
        ranks = [touch.rank for touch in plan.waiting]
        self.by_rank = sorted(range(len(ranks)), key=ranks.__getitem__)
        self.touches = [plan.waiting[number] for number in self.by_rank]
        self.sent: list[ExpectedSend] = []
        self.lost: list[ExpectedSend] = []
        self.numbers = count(len(ranks))
        self.order = {name: place for place, name in enumerate(sorted(self.limits.senders))}
        self.events: list[tuple[MomentUs, int, int, Any]] = []
        self.queues: dict[tuple[str, str, int], Queue] = {}
        self.doors: dict[str, list[Door]] = {}
        self.routes: dict[tuple[Any, ...], Queue] = {}
        self.lanes: dict[tuple[Any, ...], PlannedLane] = {}
        self.gathered: list[Place] = []
        self.wakes: dict[str, MomentUs] = {}
        self.waits: dict[Place, Closure] = {}  # the last wait of a touch by itself

    def run(self) -> list[ExpectedSend]:
        """Plays all events forward."""
        for place, number in enumerate(self.by_rank):
            touch = self.touches[place]
            hold = campaign_hold(self.plan.campaigns.get(touch.campaign_id))
            if hold is not None:
                self._lose(place, hold)
            elif touch.gathered:
                heappush(self.gathered, place)
            elif touch.not_before > self.now:
                heappush(self.events, (touch.not_before, _TOUCH, number, place))
            else:
                self._enqueue(place)
        if self.gathered:
            self._at(max(self.plan.gathered_until, self.now), _GATHERED, None)
        self._wake(ANY, self.now)
        handlers = (self._arrive, self._open_lane, self._serve, self._release)
        while self.events:
            self.now, kind, _, what = heappop(self.events)
            handlers[kind](what)
        for queue in self.queues.values():
            alone = [place for place in queue.entries if place not in queue.lanes]
            self._lose_all(queue, alone, NEVER_CLOSED)
        for lane in self.lanes.values():
            self._lose_all(lane.queue, lane.touches, lane.closure)
        return self.sent + self.lost

    def _at(self, at: MomentUs, kind: int, what: Any) -> None:
        number = self.order[what] if kind == _WAKE else next(self.numbers)
        heappush(self.events, (at, kind, number, what))

    def _wake(self, account: str, at: MomentUs) -> None:
        """Lets an account, or each, look at its queues at a moment, or earlier as it is to."""
        for each in self.limits.senders if account == ANY else (account,):
            if at < self.wakes.get(each, NEVER):
                self.wakes[each] = at
                self._at(at, _WAKE, each)

    # touches

    def _arrive(self, place: Place) -> None:
        """A touch whose own wait is over waits for others of its moment, or for a limit."""
        choice = self._first_choice(place)
        if choice is None:
            return
        if self.touches[place].repeated:
            self._send(place, choice.gate)
            return
        if not self.gathered:
            self._at(self.now + GATHER_US, _GATHERED, None)
        heappush(self.gathered, place)

    def _release(self, _: Any) -> None:
        """Sends the touches that were gathered, or lets them wait for a limit."""
        while self.gathered:
            place = heappop(self.gathered)
            choice = self._first_choice(place)
            if choice is not None:
                self._send(place, choice.gate)

    def _first_choice(self, place: Place) -> PlannedChoice | None:
        """The account that may send a touch now. If none may, the touch waits for what holds it, or
        is lost."""
        touch = self.touches[place]
        if self._stopped(place) or self._held(place):
            return None
        senders = self.limits.candidates(touch, self.now)
        choice = self.limits.choose(touch, senders, self.now)
        if choice.at <= self.now:
            return choice
        self.waits[place] = choice.at, choice.reason
        queue = self._enqueue(place)
        if queue is not None:
            self._wake(queue.account, self.now)
        return None

    def _stopped(self, place: Place) -> bool:
        """Whether a touch has expired, or its own window is closed."""
        touch = self.touches[place]
        if touch.window is None and self.now < touch.expires_at:
            return False
        if self.now >= touch.expires_at:
            self._lose(place, "expired")
            return True
        opens = opens_at(touch.window, self.now)
        if opens <= self.now:
            return False
        if opens >= touch.expires_at:
            self._lose(place, "expired")
        else:
            self.waits[place] = opens, "quiet_hours"
            self._at(opens, _TOUCH, place)
        return True

    def _held(self, place: Place) -> bool:
        """Whether a touch has no account: it is lost then, as long as no account comes."""
        touch = self.touches[place]
        if self._queue_of(touch) is not None:
            return False
        gone = self.limits.bound(touch, self.now) is not None
        self._lose(place, "sender_gone" if gone else "no_sender")
        return True

    def _send(self, place: Place, gate: AccountGate, closure: Closure = NEVER_CLOSED) -> None:
        """Sends a touch. Its reason is that of the last closure that was over before: of the
        account that sends it, of its lane, or of the touch itself."""
        touch, now = self.touches[place], self.now
        if not touch.repeated:
            gate.count(touch.command_id, now)
            if self.limits.has_lanes:
                self.limits.count_in_lane(touch, gate, now)
        if place in self.waits:
            closure = _last_over(closure, self.waits[place], now)
        reason = closure[1] if closure[0] <= now else ""
        sent = ExpectedSend(touch.command_id, touch.campaign_id, gate.sender_id, now, reason)
        self.sent.append(sent)

    def _lose(self, place: Place, reason: str) -> None:
        touch = self.touches[place]
        self.lost.append(ExpectedSend(touch.command_id, touch.campaign_id, "", NEVER, reason))

    def _lose_all(self, queue: Queue, places: list[Place], of_lane: Closure) -> None:
        """Touches that wait for ever, each with the reason of what never opens."""
        accounts = self.limits.senders if queue.account == ANY else (queue.account,)
        doors = [door for each in accounts for door in self.doors[each] if door.queue is queue]
        closures = [of_lane, *(door.gate.closure for door in doors)]
        closed = [reason for at, reason in closures if at >= NEVER]
        for place in sorted(places):
            self._lose(place, closed[0] if closed else "expired")

    # queues

    def _enqueue(self, place: Place) -> Queue | None:
        """Puts a touch into its queue, or into its lane."""
        touch = self.touches[place]
        queue = self._queue_of(touch)
        if queue is None:
            self._held(place)
            return None
        of_lane = self.limits.lane_of(touch) if self.limits.has_lanes else NO_LANE
        if of_lane == NO_LANE:
            queue.push(place)
            return queue
        key = (queue.account, queue.action, queue.kind, *of_lane)
        lane = self.lanes.get(key)
        if lane is None:
            lane = self.lanes[key] = PlannedLane(queue)
        heappush(lane.touches, place)
        if lane.touches[0] == place:
            lane.enter()
        return queue

    def _queue_of(self, touch: WaitingTouch) -> Queue | None:
        """The queue of a touch; None if it has no account."""
        route = (touch.bound, touch.must, touch.repeated, touch.action, touch.first)
        queue = self.routes.get(route)
        if queue is None and self.limits.candidates(touch, self.now):
            queue = self.routes[route] = self._queue(touch)
        return queue

    def _queue(self, touch: WaitingTouch) -> Queue:
        """The queue of a touch, with a door for each account that may send it."""
        bound, senders = self.limits.bound(touch, self.now), self.limits.senders
        account = ANY if bound is None else bound.terms.sender_id
        key = (account, touch.action, kind_of(touch))
        queue = self.queues.get(key)
        if queue is None:
            has_choice = account == ANY and len(self.limits.present) > 1
            queue = self.queues[key] = Queue(*key, has_choice)
            for each in senders if account == ANY else (account,):
                door = Door(queue, self.limits.gate(senders[each], *key[1:]))
                self.doors.setdefault(each, []).append(door)
        return queue

    def _open_lane(self, lane: PlannedLane) -> None:
        if lane.touches:
            lane.enter()
            lane.queue.put_right()
            self._wake(lane.queue.account, self.now)

    def _serve(self, account: str) -> None:
        """Sends from an account's queues what its limits allow now, and then until something else
        happens."""
        if self.wakes.get(account) != self.now:
            return  # it was woken earlier since
        del self.wakes[account]
        doors, events = self.doors.get(account, []), self.events
        if self.limits.senders[account].removed_at:
            return
        while True:
            door = self._first_open(doors)
            if door is None:
                return
            soonest = door.gate.opening[0]
            if soonest > self.now:
                if events and events[0][0] <= soonest:
                    self._wake(account, soonest)
                    return
                self.now = soonest
            self._take(door)
            self._send_stretch(door, doors)

    def _first_open(self, doors: list[Door]) -> Door | None:
        """The first queue that is open, or that opens first; None if none ever does."""
        found, soonest, now = None, NEVER, self.now
        doors.sort(key=by_first)
        for door in doors:
            if door.queue.first == NOBODY:
                break
            at = door.gate.opens(now)
            if at <= now:
                return door
            door.gate.closure = door.gate.opening
            if at < soonest:
                found, soonest = door, at
        return found

    def _send_stretch(self, door: Door, doors: list[Door]) -> None:
        """After a command, sends what the same queue sends in a row: nobody looks at the others as
        long as none of them can be open before, and nothing else happens."""
        queue, gate = door
        if not gate.is_passed or queue.has_choice or queue.lanes:
            return
        others = [each for each in doors if each is not door and each.queue.first < NOBODY]
        slower = [
            each for each in others if each.queue.first > queue.first and gate.goes_with(each.gate)
        ]
        behind = min((each.queue.first for each in slower), default=NOBODY)
        # what was closed until a moment stays so: no limit opens earlier for a command
        closed = [each.gate.opening[0] for each in others if each not in slower]
        closed_until = min(closed, default=NEVER)
        events, closure, settle = self.events, gate.closure, gate.basic.settle
        while queue.first < behind:
            basic = settle(self.now)
            at, _ = opening = gate.of_first(basic) if gate.more is not None else basic
            if at >= closed_until or (slower and opening is not basic):
                break
            if at > self.now:
                if events and events[0][0] <= at:
                    break
                self.now, closure = at, opening
            place = queue.pop()
            if not self._stopped(place):
                self._send(place, gate, closure)
        for each in (door, *slower):
            each.gate.closure = closure

    def _take(self, door: Door) -> None:
        """Takes the first entry of a queue: sends the touch, or lets it or its lane wait."""
        queue, gate = door
        place = queue.pop()
        lane = queue.lanes.get(place)
        if lane is not None:
            self._take_of_lane(lane, door, place)
        elif not self._stopped(place):
            if queue.has_choice:
                gate = self._choose(door, place).gate
            self._send(place, gate, gate.closure)

    def _take_of_lane(self, lane: PlannedLane, door: Door, place: Place) -> None:
        """Sends the first touch of a lane, whose entry was taken from its queue, or closes the
        lane."""
        stopped, at = self._stopped(place), self.now
        if not stopped:
            at, reason, gate = self._choose(door, place)
            if at <= self.now:
                self._send(place, gate, _last_over(gate.closure, lane.closure, self.now))
            else:
                lane.closure = at, reason
                if at < NEVER:
                    self._at(at, _LANE, lane)
        if at <= self.now:
            lane.leave()
        lane.queue.put_right()

    def _choose(self, door: Door, place: Place) -> PlannedChoice:
        """The account for a touch that any account may send: of those that have no touch of their
        own before it."""
        limits, present, touch = self.limits, self.limits.present, self.touches[place]
        sender = door.gate.sender
        if not door.queue.has_choice:
            return limits.choose(touch, [sender], self.now)
        free = [
            each
            for each in present
            if each is sender or self._is_free(each.terms.sender_id, door.queue, place)
        ]
        choice = limits.choose(touch, free, self.now)
        if choice.at <= self.now or len(free) == len(present):
            return choice
        return limits.choose(touch, present, self.now)

    def _is_free(self, account: str, queue: Queue, place: Place) -> bool:
        """Whether an account may send an entry of a queue now, and has none of its own before."""
        doors = self.doors[account]
        gate = next(door.gate for door in doors if door.queue is queue)
        return gate.opens(self.now) <= self.now and not any(
            other.account != ANY and other.first < place for other, _ in doors
        )


def _last_over(first: Closure, second: Closure, now: MomentUs) -> Closure:
    """That of two closures that was the last to be over by now; the first of two alike."""
    if second[0] > now:
        return first
    return second if first[0] > now or first[0] < second[0] else first
