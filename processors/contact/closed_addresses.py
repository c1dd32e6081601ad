"""Addresses that are closed for sending, and opened again (S4-81, S4-85).

An opt-out concerns a person. These functions close the person's address at dispatch too, for every
contact of the tenant that shares it. A hard bounce concerns an address: a new one opens the
channel.
"""

from processors.contact.contact_lists import with_bounced
from processors.contact.context import Context
from processors.contact.senders import BOUNCED, report_outcome
from processors.contact.soft_bounces import forget_soft
from processors.fold.turn import Turn
from processors.shared.address_keys import known_digest, known_digest_before, other_spelling
from processors.shared.tenant_lookup import ADDRESS_OF, country_of, tenant_key
from schemas.base.error_codes import is_plain_code
from schemas.channels import ADDRESSES
from schemas.internal.enrollment import Touch
from schemas.internal.facts import FactKind
from schemas.internal.messages import (
    AddressReopened,
    LiftSuppression,
    SuppressAddress,
    account_key,
)
from schemas.internal.states import Contact, KnownTenant
from schemas.internal.topics import Topic

_BOUNCED = "address_bounced"


def suppress_address(context: Context, channel: str, reason: str, cause: str, at: int) -> None:
    """Has dispatch suppress the contact's address on a channel, for every contact of the tenant
    that shares it (S4-85). `at` is the time of the opt-out or bounce."""
    address = context.address(channel)
    if address:
        context.turn.send(
            Topic.DISPATCH_LOG,
            account_key(context.tenant_id, channel),
            SuppressAddress(context.tenant_id, channel, address, reason, cause, at),
        )


def lift_suppression(context: Context, channel: str, cause: str, at: int) -> None:
    """Has dispatch forget the opt-outs from before `at` of the contact's address on a channel."""
    address = context.address(channel)
    if address:
        spelling = other_spelling(context.address_text(channel), address)
        order = LiftSuppression(context.tenant_id, channel, address, cause, at, spelling)
        context.turn.send(Topic.DISPATCH_LOG, account_key(context.tenant_id, channel), order)


def close_address(
    context: Context, touch: Touch, at: int, cause: str, reason: str = _BOUNCED
) -> None:
    """Closes the address of a touch, because it does not exist or for another `reason`. If the
    contact still has it, it is suppressed for every contact of the tenant."""
    if touch.recipient is not None and context.contact.erased_at is None:
        bounced, digest = context.contact.bounced, touch.recipient.hex()
        if digest not in bounced:
            bounced[digest] = at
            context.turn.store.enter(with_bounced(context.tenant_id, digest), context.key)
            if reason == _BOUNCED:
                report_outcome(context, touch.channel, touch.sender_id, BOUNCED, touch.command_id)
        forget_soft(context, touch.recipient)
        close_on_channel(context, touch, at, cause, reason)


def close_on_channel(
    context: Context, touch: Touch, at: int, cause: str, reason: str = _BOUNCED
) -> None:
    """Closes the address of a touch on the touch's channel, which does not reach it. On other
    channels it stays open."""
    if touch.recipient is not None and context.has_address(touch.channel, touch.recipient):
        suppress_address(context, touch.channel, reason, cause, at)


def address_reopened(turn: Turn, message: AddressReopened) -> None:
    """Opens an address that bounced, for every contact of this partition to whom it belongs."""
    tenant = turn.store.read(tenant_key(message.tenant_id), KnownTenant)
    for digest in digests_of_bounced(tenant, message.channel, message.address):
        for key in turn.store.listed(with_bounced(message.tenant_id, digest)):
            contact = turn.store.read(key, Contact)
            if contact is not None and digest in contact.bounced:
                _reopen(turn, key, digest, message)


def digests_of_bounced(tenant: KnownTenant | None, channel: str, address: str) -> list[str]:
    """The digests, in hex, under which contacts may have an address among the bounced ones."""
    name, country = ADDRESS_OF[channel], country_of(tenant)
    as_sent = ADDRESSES[name].recipient(address, country)
    digests = {
        known_digest(name, address, country),
        *map(known_digest_before, (address, address.strip(), as_sent)),
    }
    return sorted(digest.hex() for digest in digests)


def _reopen(turn: Turn, key: bytes, digest: str, message: AddressReopened) -> None:
    contact = turn.store.edit(key, Contact)
    assert contact is not None
    del contact.bounced[digest]
    contact.updated_at = turn.now
    turn.emit_fact(
        FactKind.ADDRESS_REOPENED,
        message.tenant_id,
        contact_id=key.decode().partition("/")[2],
        channel=message.channel,
        cause=message.cause,
        reason=message.reason if is_plain_code(message.reason) else None,
    )
