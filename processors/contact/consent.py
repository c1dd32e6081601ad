"""Whether a person may be written to: opt-outs, renewed agreements, and people who are gone (F-8,
C-26, S4-84, S4-112).

Of an opt-out and an agreement the later one counts, by the times at which they happened and not by
their arrival; at one moment the opt-out counts. Neither a job nor an import lifts an opt-out.
"""

from processors.contact.closed_addresses import lift_suppression, suppress_address
from processors.contact.command_lookup import CommandMatch
from processors.contact.context import Context
from processors.contact.late_credit import credit_opt_out
from processors.contact.pause_stop import stop, stop_without_channels
from processors.contact.run_queries import live_runs
from processors.contact.senders import complained_about
from processors.shared.tenant_lookup import ADDRESS_OF
from schemas.base.opt_out_words import is_agreement, is_opt_out
from schemas.channels import ALL_CHANNELS
from schemas.internal.facts import FactKind
from schemas.internal.messages import (
    ContactReplied,
    ContactResubscribed,
    ContactUnsubscribed,
    ExternalEvent,
)
from schemas.internal.opt_outs import agreed_at
from schemas.internal.states import Contact

BY_PROVIDER, BY_CLICK = "provider_code", "one_click"
_BY_TEXT = "text"
_START = "START by text"
_OUTDATED = "EVENT_OUTDATED"


def unsubscribed(context: Context, message: ContactUnsubscribed) -> None:
    """Closes a channel, or all of them, for every campaign of this tenant and for no other tenant
    (C-26). An opt-out from before the person's last agreement is refused."""
    scope, contact = _scope_of(context, message), context.contact
    if message.at < agreed_at(contact, scope):
        _refuse_outdated(context, message, scope)
        return
    if message.complained:
        complained_about(context, message.channel, message.cause)
    names = _channels_of(scope)
    open_before = [name for name in names if context.opt_out_scope(name) is None]
    first = scope not in contact.opted_out
    _record_opt_out(contact, scope, message.at)
    credit_opt_out(context, scope, message.at)
    closed = [name for name in names if context.opt_out_scope(name) is not None]
    if not first:
        closed = [name for name in closed if name in open_before]
        if not closed:
            return
    reason = "complained" if message.complained else f"opted_out_{scope}"
    context.emit_fact(
        FactKind.CONTACT_OPTED_OUT,
        channel=scope,
        cause=message.cause,
        reason=reason,
        values=None if message.method is None else {"method": message.method},
    )
    for name in closed:
        suppress_address(context, name, reason, message.cause, message.at)
    stop_without_channels(context, scope, message.cause)


def _scope_of(context: Context, message: ContactUnsubscribed) -> str:
    """What an opt-out closes: its channel, or all channels if the tenant wants that of one by a
    click and of a complaint (C-26)."""
    tenant = context.tenant
    if tenant is None or tenant.opt_out_scope != ALL_CHANNELS:
        return message.channel
    is_wide = message.complained or message.method == BY_CLICK
    return ALL_CHANNELS if is_wide else message.channel


def opted_out_at_provider(context: Context, match: CommandMatch, message: ExternalEvent) -> None:
    """Closes the channel of a touch that the provider did not deliver because of an opt-out."""
    channel = match.touch.channel
    opt_out = ContactUnsubscribed(*_ids(message), channel, method=BY_PROVIDER)
    unsubscribed(context, opt_out)


def resubscribed(context: Context, message: ContactResubscribed) -> None:
    """Opens a channel again, or all of them. An opt-out of all channels stays on the others.
    Enrollments that were stopped stay so. An agreement from before the last opt-out is refused."""
    scope, contact = message.channel, context.contact
    before = contact.resubscribed.get(scope)
    if before is not None and message.at <= before:
        return  # a duplicate, or older than another agreement
    contact.resubscribed[scope] = message.at
    for each in [*contact.opted_out] if scope == ALL_CHANNELS else [scope]:
        _lift_opt_out(contact, each, message.at)
    opened = [name for name in _channels_of(scope) if context.opt_out_scope(name) is None]
    if not opened:
        _refuse_outdated(context, message, scope)
        return
    context.emit_fact(
        FactKind.CONTACT_RESUBSCRIBED,
        channel=scope,
        cause=message.cause,
        # Evidence names a record. A fact holds no address, so one that has an address stays out.
        values=None if "@" in message.evidence else {"evidence": message.evidence},
        occurred_at=message.at,
    )
    for name in opened:
        lift_suppression(context, name, message.cause, message.at)


def decided_by_word(context: Context, message: ContactReplied) -> bool:
    """Applies a reply that is one of the tenant's words for an opt-out, or one with which people
    agree again. Returns whether the reply is nothing else: START is a reply like others where
    nothing is closed."""
    keyword, tenant = message.keyword, context.tenant
    if keyword is None or tenant is None:
        return False
    ids = _ids(message)
    if is_opt_out(keyword, tenant.opt_out_words):
        unsubscribed(context, ContactUnsubscribed(*ids, message.channel, method=_BY_TEXT))
        return True
    if message.automatic or message.gone or not is_agreement(keyword):
        return False
    was_closed = context.opt_out_scope(message.channel) is not None
    resubscribed(context, ContactResubscribed(*ids, message.channel, _START))
    return was_closed


def person_left(context: Context, message: ContactReplied) -> None:
    """Ends the enrollments of a person who has left the company. This is no response."""
    for enrollment in live_runs(context):
        if message.at >= enrollment.started_at:
            stop(context, enrollment, "contact_gone", message.cause)


def _ids(message: ExternalEvent) -> tuple[str, str, str, int]:
    return message.tenant_id, message.contact_id, message.cause, message.at


def _channels_of(scope: str) -> tuple[str, ...]:
    return tuple(ADDRESS_OF) if scope == ALL_CHANNELS else (scope,)


def _record_opt_out(contact: Contact, scope: str, at: int) -> None:
    first = contact.opted_out.get(scope, at)
    last = max(contact.opted_out_last.get(scope, first), at)
    contact.opted_out[scope] = first = min(first, at)
    if last > first:
        contact.opted_out_last[scope] = last


def _lift_opt_out(contact: Contact, scope: str, at: int) -> None:
    """Forgets the opt-outs from before `at`."""
    first = contact.opted_out.get(scope, at)
    last = contact.opted_out_last.get(scope, first)
    if first < at:
        contact.opted_out_last.pop(scope, None)
        if last < at:
            del contact.opted_out[scope]
        else:
            contact.opted_out[scope] = last


def _refuse_outdated(context: Context, message: ExternalEvent, scope: str) -> None:
    context.emit_fact(
        FactKind.EVENT_REFUSED,
        channel=scope,
        cause=message.cause,
        reason=_OUTDATED,
        values={"event": message.__struct_config__.tag},
        occurred_at=message.at,
    )
