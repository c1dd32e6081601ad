"""When what waits at dispatch will have been sent, by the forecast of its limits (C-38).

Calls have no forecast, because nobody knows how long they last: there is an estimate for a length
that is given.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from processors.shared.forecast import ExpectedSend, forecast
from processors.shared.forecast_plan import plan_of
from schemas.base.times import DurationUs, MomentUs
from schemas.internal.state_bytes import NEVER, payload_of
from schemas.internal.states import (
    Account,
    DispatchState,
    KnownCampaignLimits,
    KnownTenant,
    Request,
    SendChunk,
    Sender,
    SendLog,
    State,
)
from streams.audit.call_backlog import expected_calls

_READ = (Account, KnownCampaignLimits, KnownTenant, Request, SendChunk, Sender, SendLog)
_TAGS = [kind.__name__.encode() for kind in _READ]
_HEAD_BYTES = 40
"""The beginning of a stored state, in which its tag is."""

_LOG_PREFIXES = (b"\x04l/", b"\x04k/")
_decode = msgspec.msgpack.Decoder(DispatchState).decode

Place = tuple[str, str]
"""Tenant id and channel."""


class BacklogRow(msgspec.Struct, frozen=True, kw_only=True):
    """The waiting touches of a campaign that one account will send, or those that are lost because
    they expire first, or because no account can send them.

    `binds` counts the reasons that decide when touches go, the most frequent first; touches that
    nothing holds are not in it. `first_at` and `clears_at` are when the first and the last one go,
    None for those that are lost. `sender_id` is empty for them, and for a tenant without accounts;
    of calls it is the call pool.
    """

    tenant_id: str
    channel: str
    campaign_id: str
    sender_id: str
    waiting: int
    binds: dict[str, int]
    first_at: MomentUs | None = None
    clears_at: MomentUs | None = None


def is_of_backlog(value: bytes) -> bool:
    """Whether the bytes of a state may be of a kind that a forecast needs: a quick look."""
    head = value[:_HEAD_BYTES]
    return any(tag in head for tag in _TAGS)


def backlog(
    states: Mapping[bytes, bytes], now: MomentUs, tenant_id: str | None, channel: str | None
) -> list[BacklogRow]:
    """The backlog of a task of the dispatch processor, or of one tenant or channel, from its stored
    states by key."""
    shared, places = _by_place(states)
    rows: list[BacklogRow] = []
    for place in sorted(places):
        if tenant_id not in (None, place[0]) or channel not in (None, place[1]):
            continue
        own = places[place]
        if any(isinstance(state, Request) and state.touch.call is None for _, state in own):
            plan = plan_of([*shared.get(place[0], ()), *own], *place)
            rows += _rows(place, forecast(plan, now))
    return rows


def call_backlog(
    states: Mapping[bytes, bytes], now: MomentUs, call_us: DurationUs
) -> list[BacklogRow]:
    """The waiting calls of a task, as if each call took `call_us`."""
    places: dict[Place, list[ExpectedSend]] = {}
    for touch, expected in expected_calls(states, now, call_us):
        places.setdefault((touch.tenant_id, touch.channel), []).append(expected)
    return [row for place in sorted(places) for row in _rows(place, places[place])]


_Keyed = list[tuple[bytes, State]]


def _by_place(states: Mapping[bytes, bytes]) -> tuple[dict[str, _Keyed], dict[Place, _Keyed]]:
    """The states that all channels of a tenant share, and those of each channel."""
    shared: dict[str, _Keyed] = {}
    places: dict[Place, _Keyed] = {}
    for key, value in states.items():
        state = _decode(payload_of(value))
        match state:
            case KnownTenant() | KnownCampaignLimits():
                shared.setdefault(state.tenant_id, []).append((key, state))
                continue
            case Account() | Sender():
                place = state.tenant_id, state.channel
            case Request():
                place = state.touch.tenant_id, state.touch.channel
            case _ if key.startswith(_LOG_PREFIXES):
                tenant_id, of_channel, _ = key[len(_LOG_PREFIXES[0]) :].split(b"/", 2)
                place = tenant_id.decode(), of_channel.decode()
            case _:
                continue
        places.setdefault(place, []).append((key, state))
    return shared, places


def _rows(place: Place, expected: Iterable[ExpectedSend]) -> Iterator[BacklogRow]:
    """A row for each campaign and account, and one for the touches of a campaign that are lost."""
    groups: dict[tuple[bool, str, str], list[ExpectedSend]] = {}
    for each in expected:
        key = (each.at == NEVER, each.campaign_id, each.sender_id)
        groups.setdefault(key, []).append(each)
    for (is_lost, campaign_id, sender_id), group in sorted(groups.items()):
        reasons = Counter(each.reason for each in group if each.reason)
        times = [] if is_lost else [each.at for each in group]
        yield BacklogRow(
            tenant_id=place[0],
            channel=place[1],
            campaign_id=campaign_id,
            sender_id=sender_id,
            waiting=len(group),
            binds=dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))),
            first_at=min(times, default=None),
            clears_at=max(times, default=None),
        )
