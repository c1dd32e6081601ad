"""Which channels of a contact are closed by opt-outs, and since when (F-8, S4-84)."""

from schemas.base.times import EARLIEST, MomentUs
from schemas.channels import ALL_CHANNELS, CHANNELS
from schemas.internal.states import Contact


def opt_out_scope(contact: Contact, channel: str) -> str | None:
    """The scope of the opt-out that closes a channel: the channel's name, `all`, or None if the
    channel is open."""
    if channel in contact.opted_out:
        return channel
    if ALL_CHANNELS not in contact.opted_out:
        return None
    is_open = contact.resubscribed.get(channel, EARLIEST) > last_opt_out_at(contact, ALL_CHANNELS)
    return None if is_open else ALL_CHANNELS


def last_opt_out_at(contact: Contact, scope: str) -> MomentUs:
    """The time of the last opt-out of a scope that is opted out: a channel, or all."""
    return contact.opted_out_last.get(scope, contact.opted_out[scope])


def agreed_at(contact: Contact, scope: str) -> MomentUs:
    """When the person last agreed again to a channel, or to all of them; the earliest moment where
    they did not."""
    to_all = contact.resubscribed.get(ALL_CHANNELS, EARLIEST)
    return max(contact.resubscribed.get(scope, EARLIEST), to_all)


def opt_outs(contact: Contact) -> dict[str, MomentUs]:
    """The scopes that are closed, each with the time since when: channels, or `all`. Where the
    person has opted out of all channels and agreed to some again, the others by name."""
    opted_out = contact.opted_out
    if ALL_CHANNELS not in opted_out or not contact.resubscribed:
        return opted_out
    scopes = {name: opt_out_scope(contact, name) for name in CHANNELS}
    if None not in scopes.values():
        return opted_out
    return {name: opted_out[scope] for name, scope in scopes.items() if scope is not None}
