"""The dispatch processor: checks the last gates of a requested touch, and alone writes commands and
revocations.

dispatch-log is keyed by account, a tenant's channel, because the hourly limit is one of an account.
A request is checked against suppression, expiry, the status of its campaign, send window, the caps
of its address and limit, in this order, whenever it is tried. After a wait for the limit it may
therefore wait for its window.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from processors.dispatch import (
    account_queue,
    account_rules,
    calls,
    campaign_gate,
    outcomes,
    queue,
)
from processors.dispatch.send_logs import forget
from processors.dispatch.shared_suppressions import lists_of_suppression
from processors.dispatch.suppressions import lift, reopen, share, suppress
from processors.fold.key_lists import ListsOf
from processors.fold.task import Record
from processors.fold.turn import Turn
from processors.shared.tenant_lookup import ADDRESS_OF, known_tenant, tenant_key
from schemas.internal import messages as m
from schemas.internal.call_states import CallCampaign, KnownPool, Lease, NumberUse, PoolTenant
from schemas.internal.sender_states import KnownCampaignLimits, Lane, Sender, SendLog
from schemas.internal.states import AddressUse, DispatchState, Request, State


class DispatchProcessor:
    """A pure fold over dispatch-log (promise 1)."""

    decode_state: Callable[[bytes], State] = staticmethod(
        msgspec.msgpack.Decoder(DispatchState).decode
    )

    lists_of: ListsOf = staticmethod(lists_of_suppression)

    def apply(self, turn: Turn, record: Record) -> None:
        """Folds one record of dispatch-log."""
        message = m.decode_dispatch(record.value)
        if isinstance(message, m.RequestTouch) and message.call is None:
            queue.submit(turn, message, None)  # nearly all records
        else:
            HANDLERS[type(message)](turn, message)

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """Fires the timer of a request, whose wait is over, of an account, which has a slot or has
        gathered requests, of a campaign that goes on after a pause, or of what an address got,
        which no cap counts any more."""
        match state:
            case Request() if state.touch.call is not None:
                calls.submit(turn, state.touch, state)
            case Lease() | KnownPool() | PoolTenant() | NumberUse() | CallCampaign():
                calls.fire(turn, key, state)
            case Request():
                queue.line_up(turn, state)
            case AddressUse():
                turn.store.delete(key)
            case Sender():
                account_queue.serve(turn, state)
            case Lane():
                account_queue.open_lane(turn, key, state)
            case KnownCampaignLimits():
                campaign_gate.try_again(turn, state)
            case SendLog():
                forget(turn.store, key, state, turn.now)
            case _:
                queue.release(turn, state)


def _amend(turn: Turn, order: m.AmendTouch) -> None:
    owner = calls if order.pool_id else queue
    owner.amend(turn, order)


def _tenant_announced(turn: Turn, message: m.TenantAnnounced) -> None:
    """Stores the tenant. A new limit may allow more at once, so every account with a queue is due
    now."""
    tenant = known_tenant(message, None)
    turn.store.put(tenant_key(message.tenant_id), tenant)
    for channel in ADDRESS_OF:
        queue.release_now(turn, message.tenant_id, channel)
    account_rules.tenant_changed(turn, tenant)
    calls.look_again(turn, message.tenant_id)


def _campaign_changed(turn: Turn, message: m.CampaignLimitsAnnounced) -> None:
    account_rules.campaign_changed(turn, message)
    calls.look_again(turn, message.tenant_id)


HANDLERS: dict[type[m.Message], Callable[[Turn, Any], None]] = {
    m.RequestTouch: lambda turn, call: calls.submit(turn, call, None),
    m.WithdrawTouch: outcomes.withdraw,
    m.AmendTouch: _amend,
    m.SuppressAddress: suppress,
    m.LiftSuppression: lift,
    m.AddressReopened: reopen,
    m.TenantAnnounced: _tenant_announced,
    m.SenderAnnounced: account_rules.sender_announced,
    m.SenderThrottled: account_rules.sender_throttled,
    m.SenderUsed: account_rules.sender_used,
    m.SenderOutcome: account_rules.sender_outcome,
    m.SenderComplained: account_rules.sender_complained,
    m.CampaignLimitsAnnounced: _campaign_changed,
    m.CampaignGateAnnounced: campaign_gate.gate_announced,
    m.ShareSuppressions: share,
    m.CallReported: calls.receive,
    m.SuppressionsShared: calls.receive,
    m.PoolAnnounced: calls.receive,
    m.Tick: lambda turn, message: None,
}
"""What each message of dispatch-log leads to."""
