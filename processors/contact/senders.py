"""The sender account that writes to a person on a channel, as the owner of the accounts has chosen
it (C-38)."""

from processors.contact.context import Context
from processors.shared.deduplication import add_if_new
from schemas.internal.enrollment import Touch
from schemas.internal.messages import ConnectionAccepted, SenderOutcome, account_key
from schemas.internal.topics import Topic

NO_SENDER = ("", False)
BOUNCED, COMPLAINED, BLOCKED = "bounced", "complained", "blocked"


def sender_chosen(context: Context, touch: Touch, sender_id: str) -> None:
    """A command of the touch has gone out from an account. Later touches of the channel stay with
    it; a person who is the connection of an account stays with that one."""
    touch.sender_id = sender_id
    senders = context.contact.senders
    known, is_bound = senders.get(touch.channel, NO_SENDER)
    if not is_bound and known != sender_id:
        context.contact.senders = {**senders, touch.channel: (sender_id, False)}


def sender_wanted(context: Context, touch: Touch) -> tuple[str, bool]:
    """The account that a request names, and whether no other one can send it. The repeat of a
    command stays with the account that may have sent it."""
    if touch.emission > 1 and touch.sender_id:
        return touch.sender_id, True
    return context.contact.senders.get(touch.channel, NO_SENDER)


def connected_to(
    context: Context, channel: str, message: ConnectionAccepted, is_first: bool
) -> None:
    """The person is a connection of an account from now on, and only that one can write. Without an
    account in the event it is the one that has written last. Of several connections the first one
    by its time counts."""
    senders = context.contact.senders
    known, is_bound = senders.get(channel, NO_SENDER)
    sender_id = message.sender_id or known
    if sender_id and (is_first or not is_bound):
        context.contact.senders = {**senders, channel: (sender_id, True)}


def complained_about(context: Context, channel: str, cause: str) -> None:
    """The person has complained about what came on a channel; an event that comes twice is one
    complaint."""
    sender_id, _ = context.contact.senders.get(channel, NO_SENDER)
    if sender_id and add_if_new(context.contact.seen, cause):
        report_outcome(context, channel, sender_id, COMPLAINED, None)


def report_outcome(
    context: Context, channel: str, sender_id: str, outcome: str, command_id: str | None
) -> None:
    """Reports what has come of a command to the owner of its account: an account whose addresses
    bounce or whose recipients complain stops by itself."""
    if sender_id:
        context.turn.send(
            Topic.DISPATCH_LOG,
            account_key(context.tenant_id, channel),
            SenderOutcome(context.tenant_id, channel, sender_id, outcome, command_id or ""),
        )
