"""What a forecast starts from: the accounts of a channel with what they have sent, the limits, and
the touches that wait (C-38).

A reader builds it from the states of dispatch with `plan_of`; a simulation may build it by hand.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from processors.shared.address_keys import digest_of
from processors.shared.sender_rules import EXACT
from schemas.base.times import MomentUs
from schemas.internal.limit_terms import SenderTerms
from schemas.internal.messages import RequestTouch, Window
from schemas.internal.states import (
    GATHERING,
    Account,
    KnownCampaignLimits,
    KnownTenant,
    Request,
    SendChunk,
    Sender,
    SendLog,
    State,
)


class WaitingTouch(NamedTuple):
    """A touch that waits. `rank` is its place in every queue; the lowest is first. It is not looked
    at before `not_before`, which is 0 in a queue. `bound` is the account that has written to the
    person, and `must` is whether no other one can. `domain` is what the limits of a mail domain are
    counted by."""

    command_id: str
    campaign_id: str
    rank: tuple[Any, ...]
    expires_at: MomentUs
    action: str = "send_message"
    bound: str = ""
    must: bool = False
    first: bool = False
    domain: str = ""
    window: Window | None = None
    not_before: MomentUs = 0
    gathered: bool = False
    repeated: bool = False


class PlannedSender(msgspec.Struct):
    """A sender account as it stands. The fields after `terms` are those of the state of this
    name."""

    terms: SenderTerms
    paused_for: str = ""
    throttled: dict[str, MomentUs] = {}
    removed_at: MomentUs = 0
    served_seq: int = 0
    sending_days: int = 0
    last_day: int = -1
    sent_today: int = 0


class MemoryLog:
    """A log of commands in memory, as the rules look at it."""

    __slots__ = ("last_at", "last_hash", "times")

    def __init__(self) -> None:
        self.times: list[MomentUs] = []
        self.last_at = self.last_hash = 0

    def nth_last(self, n: int) -> MomentUs:
        """The moment of the n-th command from the end; 0 if there are fewer."""
        times = self.times
        return times[-n] if len(times) >= n else 0

    def count_since(self, after: MomentUs) -> int:
        """How many commands are later than a moment."""
        return len(self.times) - bisect_right(self.times, after)


class Plan(msgspec.Struct):
    """A channel of a tenant at one moment. `logs` are by the scope and the name of a log (see
    processors/shared/limit_scopes.py). `gathered_until` is when the requests of a moment go that
    are gathered."""

    senders: list[PlannedSender] = []
    waiting: list[WaitingTouch] = []
    tenant: KnownTenant | None = None
    channel: str = ""
    campaigns: dict[str, KnownCampaignLimits] = {}
    logs: dict[tuple[str, str], MemoryLog] = {}
    gathered_until: MomentUs = 0


def plan_of(states: Iterable[tuple[bytes, State]], tenant_id: str, channel: str) -> Plan:
    """The plan of a channel, from the states of its owner by their keys; others are ignored."""
    plan = Plan(channel=channel)
    place = f"{tenant_id}/{channel}"
    logs: dict[bytes, SendLog] = {}
    chunks: dict[bytes, SendChunk] = {}
    sent: list[tuple[MomentUs, int]] = []
    for key, state in states:
        match state:
            case KnownTenant() if state.tenant_id == tenant_id:
                plan.tenant = state
            case Sender() if (state.tenant_id, state.channel) == (tenant_id, channel):
                plan.senders.append(_planned(state))
            case KnownCampaignLimits() if state.tenant_id == tenant_id:
                plan.campaigns[state.campaign_id] = state
            case Account() if (state.tenant_id, state.channel) == (tenant_id, channel):
                plan.gathered_until, sent = state.next_slot_at or 0, state.sent
            case SendLog() if key.startswith(_log_prefix(place)):
                logs[key] = state
            case SendChunk() if key.startswith(_chunk_prefix(place)):
                chunks[key] = state
            case Request() if (state.touch.tenant_id, state.touch.channel) == (tenant_id, channel):
                if state.touch.call is None:
                    plan.waiting.append(waiting_touch(state))
    for key, log in logs.items():
        scope, _, name = key[len(_log_prefix(place)) :].decode().rpartition("\0")
        plan.logs[scope, name] = _memory_log(key, log, chunks)
    if sent:
        plan.logs["t", EXACT] = _log_of_pairs(sent)
    plan.senders = _in_use(plan.senders)
    return plan


def waiting_touch(request: Request) -> WaitingTouch:
    """The touch of a waiting request, as a forecast looks at it."""
    touch = request.touch
    return WaitingTouch(
        touch.command_id,
        touch.campaign_id,
        rank_of(touch),
        touch.expires_at,
        touch.action,
        touch.bound_sender,
        touch.must_use_bound,
        touch.first,
        domain_of(touch.recipient),
        touch.quiet,
        request.until or 0,
        request.until is None and request.wait == GATHERING,
        touch.emission > 1,
    )


def rank_of(touch: RequestTouch) -> tuple[Any, ...]:
    """The rank of a touch in every queue (C-35)."""
    place = Request(touch, "", None, 0).place()
    assert place is not None, "a request without an end of its wait has a place"
    return place[1]


def domain_of(recipient: str) -> str:
    """The digest of the mail domain of an address; empty for one without a domain."""
    _, at, domain = recipient.rpartition("@")
    return digest_of(domain.lower()).hex() if at else ""


def _planned(sender: Sender) -> PlannedSender:
    fields = PlannedSender.__struct_fields__
    return PlannedSender(**{name: getattr(sender, name) for name in fields})


def _in_use(senders: list[PlannedSender]) -> list[PlannedSender]:
    """The accounts, without the one that stands for none where there are some."""
    named = [each for each in senders if each.terms.sender_id]
    return sorted(named or senders, key=lambda each: each.terms.sender_id)


def _memory_log(key: bytes, log: SendLog, chunks: Mapping[bytes, SendChunk]) -> MemoryLog:
    prefix = b"\x04k" + key[2:] + b"\0"
    found = (chunks[prefix + b"%d" % number] for number, _, _ in log.chunks)
    pairs = [pair for chunk in found for pair in zip(chunk.moments, chunk.counts, strict=True)]
    memory = _log_of_pairs(pairs)
    memory.last_at, memory.last_hash = log.last_at, log.last_hash
    return memory


def _log_of_pairs(pairs: Iterable[tuple[MomentUs, int]]) -> MemoryLog:
    memory = MemoryLog()
    memory.times = [at for at, count in pairs for _ in range(count)]
    memory.last_at = memory.times[-1] if memory.times else 0
    return memory


def _log_prefix(place: str) -> bytes:
    return f"\x04l/{place}/".encode()


def _chunk_prefix(place: str) -> bytes:
    return f"\x04k/{place}/".encode()
