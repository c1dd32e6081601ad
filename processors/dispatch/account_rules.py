"""When a channel has more limits than that of an hour, and what changes about its accounts and
their limits (C-38)."""

import msgspec

from processors.dispatch.account_commands import count_day
from processors.dispatch.channel_owner import NO_ACCOUNT, ChannelOwner, sender_key
from processors.dispatch.send_logs import log_key, move_into
from processors.dispatch.sender_health import count_outcome, count_report, forget_outcomes
from processors.fold.turn import Turn
from processors.shared.tenant_lookup import ADDRESS_OF, campaign_limits_key, tenant_key
from schemas.base.times import DAY
from schemas.channels import CHANNELS
from schemas.internal import messages as m
from schemas.internal.limit_terms import SenderTerms
from schemas.internal.states import Account, KnownCampaignLimits, KnownTenant, Sender

_ANY_CAMPAIGN = ""
"""In the key of a KnownCampaignLimits: the mark of a tenant with campaigns that have limits."""


def are_needed(turn: Turn, account: Account) -> bool:
    """Whether an account that is new to its owner has more limits than that of an hour."""
    tenant = turn.store.read(tenant_key(account.tenant_id), KnownTenant)
    if tenant is not None and account.channel in tenant.more_limits:
        return True
    mark = campaign_limits_key(account.tenant_id, _ANY_CAMPAIGN)
    return turn.store.read(mark, KnownCampaignLimits) is not None


def begin(turn: Turn, account: Account) -> None:
    """Lets all limits hold for a channel. Its commands of the last hour count on, and what waits is
    looked at again. Later the channel stays so, also without such limits."""
    if account.by_rules:
        return
    account.by_rules = True
    move_into(turn.store, log_key(account.tenant_id, account.channel, "t"), account.sent, DAY)
    account.sent, account.sent_total = [], 0
    terms = SenderTerms(NO_ACCOUNT, {}, "UTC")
    sender = Sender(account.tenant_id, account.channel, terms)
    turn.store.put(sender_key(account.tenant_id, account.channel, NO_ACCOUNT), sender)
    if account.next_slot_at is not None:
        account.next_slot_at = turn.now


def limits_changed(turn: Turn, account: Account) -> None:
    """Looks at everything again that waits for a limit, in bursts of the account's timer."""
    account.is_reviewed, account.next_slot_at = True, turn.now


def tenant_changed(turn: Turn, tenant: KnownTenant) -> None:
    """Applies the limits of a tenant to its channels."""
    for channel in ADDRESS_OF:
        account = turn.store.read(m.account_key(tenant.tenant_id, channel), Account)
        if account is None or not (account.by_rules or channel in tenant.more_limits):
            continue
        account = _opened(turn, tenant.tenant_id, channel)
        begin(turn, account)
        ChannelOwner(turn, account).tenant_counting().keep()
        limits_changed(turn, account)


def campaign_changed(turn: Turn, message: m.CampaignLimitsAnnounced) -> None:
    """Stores the limits of a campaign, and applies them to the channels of its tenant."""
    tenant_id, limits = message.tenant_id, (message.per_day, message.max_new_per_day)
    key = campaign_limits_key(tenant_id, message.campaign_id)
    before = turn.store.read(key, KnownCampaignLimits)
    known = KnownCampaignLimits(tenant_id, message.campaign_id, *limits, message.calls_at_once)
    if before is not None:
        known.status, known.look_at = before.status, before.look_at
    turn.store.put(key, known)
    if limits == ((None, None) if before is None else (before.per_day, before.max_new_per_day)):
        return
    mark = KnownCampaignLimits(tenant_id, _ANY_CAMPAIGN)
    turn.store.put(campaign_limits_key(tenant_id, _ANY_CAMPAIGN), mark)
    for channel in ADDRESS_OF:
        if turn.store.read(m.account_key(tenant_id, channel), Account) is not None:
            account = _opened(turn, tenant_id, channel)
            begin(turn, account)
            limits_changed(turn, account)


def sender_announced(turn: Turn, message: m.SenderAnnounced) -> None:
    """Stores an account with its limits, or that it was removed. An order for an account that has
    paused itself opens it again."""
    account = _opened(turn, message.tenant_id, message.channel)
    begin(turn, account)
    terms = message.sender
    key = sender_key(message.tenant_id, message.channel, terms.sender_id)
    sender = turn.store.edit(key, Sender)
    if sender is None:
        sender = Sender(message.tenant_id, message.channel, terms)
        turn.store.put(key, sender)
    elif sender.paused_for and not terms.paused and not _has_only_another_zone(sender.terms, terms):
        forget_outcomes(sender, turn.now)
    sender.terms, sender.removed_at = terms, message.removed_at
    if terms.sender_id not in account.senders:
        account.senders = sorted([*account.senders, terms.sender_id])
    owner = ChannelOwner(turn, account)
    for action in CHANNELS[account.channel].actions:
        owner.counting_of(sender, action).keep()
    limits_changed(turn, account)


def _has_only_another_zone(before: SenderTerms, after: SenderTerms) -> bool:
    """Whether an account is announced again because its tenant has another time zone."""
    return before.zone != after.zone and msgspec.structs.replace(after, zone=before.zone) == before


def sender_throttled(turn: Turn, message: m.SenderThrottled) -> None:
    """Closes an account, or an action of it, until the moment that its provider has named."""
    sender = _known_sender(turn, message)
    if sender is None:
        return
    until = {**sender.throttled, message.action: message.until}
    sender.throttled = {name: at for name, at in sorted(until.items()) if at > turn.now}
    limits_changed(turn, _opened(turn, message.tenant_id, message.channel))


def sender_used(turn: Turn, message: m.SenderUsed) -> None:
    """Counts what was sent from an account by other means."""
    sender = _known_sender(turn, message)
    if sender is None:
        return
    owner = ChannelOwner(turn, _opened(turn, message.tenant_id, message.channel))
    at = min(message.at, turn.now)
    owner.counting_of(sender, message.action).add(at, turn.now, message.count)
    count_day(sender, at, message.count)
    sender.wake_at = turn.now  # what waits for it is informed


def sender_outcome(turn: Turn, message: m.SenderOutcome) -> None:
    """Counts a hard bounce or a complaint of an account, which may pause itself by that."""
    sender = _known_sender(turn, message)
    if sender is not None:
        count_outcome(turn, sender, message.outcome)


def sender_complained(turn: Turn, message: m.SenderComplained) -> None:
    """Counts what a provider that names nobody states about complaints."""
    sender = _known_sender(turn, message)
    if sender is not None:
        count_report(turn, sender, message)


def _known_sender(
    turn: Turn, message: m.SenderThrottled | m.SenderUsed | m.SenderOutcome | m.SenderComplained
) -> Sender | None:
    key = sender_key(message.tenant_id, message.channel, message.sender_id)
    return turn.store.edit(key, Sender)


def _opened(turn: Turn, tenant_id: str, channel: str) -> Account:
    key = m.account_key(tenant_id, channel)
    account = turn.store.edit(key, Account)
    if account is None:
        account = Account(tenant_id, channel)
        turn.store.put(key, account)
    return account
