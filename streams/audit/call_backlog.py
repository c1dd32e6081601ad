"""When the calls that wait would be placed if each of them took as long.

The owner of the call pools is played forward with its own rules.
Nobody knows how long a call lasts, so that this is an estimate. No call is made again in it.
"""

from collections.abc import Iterator, Mapping
from heapq import heappop, heappush
from itertools import count

import msgspec

from processors.dispatch import DispatchProcessor, calls
from processors.dispatch.call_turns import serve
from processors.fold.store import Store
from processors.fold.turn import Output, Turn
from processors.shared.campaign_gate import campaign_hold
from processors.shared.forecast import ExpectedSend
from schemas.base.times import DAY, DurationUs, MomentUs
from schemas.internal.call_states import ACTIVE, CallCampaign, KnownPool, Lease, PoolTenant
from schemas.internal.facts import Fact, FactKind
from schemas.internal.messages import (
    CallReported,
    CommandDue,
    RequestTouch,
    SuppressionsShared,
    TouchRefused,
)
from schemas.internal.sender_states import KnownCampaignLimits, SendChunk, SendLog
from schemas.internal.state_bytes import NEVER, payload_of
from schemas.internal.states import (
    AddressUse,
    DispatchState,
    KnownTenant,
    NumberUse,
    Request,
    Suppression,
)

_READ = (
    *(AddressUse, CallCampaign, KnownCampaignLimits, KnownPool, KnownTenant, Lease, NumberUse),
    *(PoolTenant, Request, SendChunk, SendLog, Suppression),
)
_TAGS = [kind.__name__.encode() for kind in _READ]
_HEAD_BYTES = 40
LONGEST_US = 60 * DAY
"""How far calls are played forward; what has not been placed then is not."""

_COMMIT_EVERY = 1_000
_decode = msgspec.msgpack.Decoder(DispatchState).decode

ExpectedCall = tuple[RequestTouch, ExpectedSend]
"""A waiting call, and when it is placed; the account is the pool."""


def is_of_calls(value: bytes) -> bool:
    """Whether the bytes of a state may be of a kind that an estimate needs: a quick look."""
    head = value[:_HEAD_BYTES]
    return any(tag in head for tag in _TAGS)


def expected_calls(
    states: Mapping[bytes, bytes], now: MomentUs, call_us: DurationUs
) -> list[ExpectedCall]:
    """The waiting calls of a task of the dispatch processor in the order in which they are placed,
    from its stored states by key, as if each call took `call_us`. Those that are not come last."""
    return list(_Playback(states, now, call_us).run())


class _Playback:
    def __init__(self, states: Mapping[bytes, bytes], now: MomentUs, call_us: DurationUs) -> None:
        self._processor, self._store = DispatchProcessor(), Store(_decode)
        self._now, self._until, self._call_us = now, now + LONGEST_US, call_us
        self._waiting: dict[str, RequestTouch] = {}
        self._reasons: dict[str, str] = {}
        self._ends: list[tuple[MomentUs, int, RequestTouch]] = []
        self._numbers = count()
        self._answers: list[SuppressionsShared] = []
        self._held: list[ExpectedCall] = []
        decoded = {key: _decode(payload_of(value)) for key, value in states.items()}
        holds = {
            (state.tenant_id, state.campaign_id): campaign_hold(state)
            for state in decoded.values()
            if isinstance(state, KnownCampaignLimits)
        }
        for key, value in states.items():
            state = decoded[key]
            if isinstance(state, Request):
                touch = state.touch
                if touch.call is None:
                    continue
                hold = holds.get((touch.tenant_id, touch.campaign_id))
                if hold is not None:
                    self._held.append((touch, _lost(touch, hold)))
                    continue
                self._waiting[state.touch.command_id] = state.touch
                self._reasons[state.touch.command_id] = state.wait
            elif isinstance(state, Lease) and state.state in ACTIVE:
                self._end_at(max(now, state.granted_at + call_us), state.touch)
            elif isinstance(state, PoolTenant) and not state.shared:
                # as if the answer about the suppressed numbers had come, and had none
                self._answers.append(
                    SuppressionsShared(state.tenant_id, "", state.pool_id, {}, complete=True)
                )
            self._store.restore(key, value)
        self._store.restored()

    def run(self) -> Iterator[ExpectedCall]:
        """Plays everything forward until no call waits."""
        for shared in self._answers:
            yield from self._receive(shared)
        for pool_id in sorted({_pool(touch) for touch in self._waiting.values()}):
            yield from self._serve(pool_id)
        for number in count():
            ends_at = self._ends[0][0] if self._ends else NEVER
            at = min(self._store.next_due(), ends_at)
            if not self._waiting or at > self._until:
                break
            self._now = max(self._now, at)
            if ends_at <= at:
                yield from self._receive(_ended(heappop(self._ends)[2], self._now))
            else:
                yield from self._fire()
            if number % _COMMIT_EVERY == 0:
                self._store.commit(self._store.changes())
        for command_id, touch in self._waiting.items():
            yield touch, _lost(touch, self._reasons[command_id])
        yield from self._held

    def _receive(self, message: CallReported | SuppressionsShared) -> list[ExpectedCall]:
        outputs: list[Output] = []
        calls.receive(Turn(self._now, self._store, outputs, 0), message)
        return self._settled(outputs)

    def _serve(self, pool_id: str) -> list[ExpectedCall]:
        outputs: list[Output] = []
        serve(Turn(self._now, self._store, outputs, 0), pool_id)
        return self._settled(outputs)

    def _fire(self) -> list[ExpectedCall]:
        outputs: list[Output] = []
        due = self._store.pop_due(self._now)
        if due is not None:
            self._processor.fire(Turn(self._now, self._store, outputs, 0), *due)
        return self._settled(outputs)

    def _settled(self, outputs: list[Output]) -> list[ExpectedCall]:
        """Ends a step, and returns the calls that are placed or refused in it."""
        self._store.settle()
        found: list[ExpectedCall] = []
        for output in outputs:
            match output.message:
                case Fact(fact=FactKind.TOUCH_DEFERRED) as fact:
                    self._reasons[fact.command_id or ""] = fact.reason or ""
                case CommandDue(touch=touch) if touch.command_id in self._waiting:
                    del self._waiting[touch.command_id]
                    self._end_at(self._now + self._call_us, touch)
                    reason = self._reasons.get(touch.command_id, "")
                    found.append((touch, _placed(touch, self._now, reason)))
                case TouchRefused() as refused:
                    lost = self._waiting.pop(refused.command_id, None)
                    if lost is not None:
                        found.append((lost, _lost(lost, refused.reason)))
        return found

    def _end_at(self, at: MomentUs, touch: RequestTouch) -> None:
        heappush(self._ends, (at, next(self._numbers), touch))


def _ended(touch: RequestTouch, now: MomentUs) -> CallReported:
    ids = (touch.tenant_id, touch.contact_id, touch.command_id, _pool(touch))
    return CallReported(*ids, "ended", now, "estimate", "answered")


def _placed(touch: RequestTouch, at: MomentUs, reason: str) -> ExpectedSend:
    return ExpectedSend(touch.command_id, touch.campaign_id, _pool(touch), at, reason)


def _lost(touch: RequestTouch, reason: str) -> ExpectedSend:
    return ExpectedSend(touch.command_id, touch.campaign_id, "", NEVER, reason)


def _pool(touch: RequestTouch) -> str:
    assert touch.call is not None, "only calls are played forward"
    return touch.call.pool_id
