"""Which limits of a sender account are closed now, by the functions with which the dispatch
processor decides."""

from collections.abc import Iterator, Mapping

import msgspec

from processors.dispatch.channel_owner import ChannelOwner
from processors.fold.store import Store
from processors.fold.turn import Turn
from processors.shared.limit_rules import settle
from processors.shared.limit_scopes import FOLLOW_UP
from schemas.base.times import MomentUs
from schemas.channels import CHANNELS
from schemas.internal.messages import account_key
from schemas.internal.state_bytes import NEVER, payload_of
from schemas.internal.states import Account, DispatchState, KnownTenant, SendChunk, Sender, SendLog
from streams.cli.output import format_time
from streams.cli.stored_states import is_tagged

_READ = (Account, KnownTenant, SendChunk, Sender, SendLog)
_SHOWN_BEFORE = ("sender_paused", "sender_throttled")
"""The reasons that the state of an account has in words."""

_OF_ALL = ("sender_window", "tenant_channel")
"""The reasons that hold for every action of an account."""

_decode = msgspec.msgpack.Decoder(DispatchState).decode


def is_of_accounts(value: bytes) -> bool:
    """Whether the bytes of a state may be of a kind that these limits need: a quick look."""
    return any(is_tagged(value, kind) for kind in _READ)


class AccountLimits:
    """The limits of accounts at a moment. `values` are stored states of dispatch by key."""

    def __init__(self, values: Mapping[bytes, bytes], now: MomentUs) -> None:
        store = Store(_decode)
        for key, value in values.items():
            store.restore(key, value)
        store.restored()
        self._turn = Turn(now, store, [], 0)

    def senders(self, tenant_id: str) -> Iterator[Sender]:
        """The accounts that dispatch knows."""
        for _, value in self._turn.store.items():
            state = _decode(payload_of(value))
            if isinstance(state, Sender) and state.tenant_id == tenant_id:
                yield state

    def closed(self, sender: Sender) -> list[str]:
        """The limits and hours that keep an account from sending a follow-up now, each with its
        action, if it holds for one only, and its end."""
        turn = self._turn
        account = turn.store.read(account_key(sender.tenant_id, sender.channel), Account)
        if account is None:
            return []
        owner = ChannelOwner(turn, account)
        found: dict[str, None] = {}
        for group in sorted(sender.terms.limits) or [""]:
            action = group or _any_action(sender)
            at, reason = settle(owner.rules_of(sender, action, FOLLOW_UP), turn.now)
            if at > turn.now and reason not in _SHOWN_BEFORE:
                of_one = f" for {group}" if group and reason not in _OF_ALL else ""
                until = "" if at >= NEVER else f" until {format_time(at)}"
                found[f"{reason}{of_one}{until}"] = None
        return [*found]


def _any_action(sender: Sender) -> str:
    """An action of the channel that has no limits of its own."""
    actions = [*CHANNELS[sender.channel].actions]
    return next((action for action in actions if action not in sender.terms.limits), actions[0])
