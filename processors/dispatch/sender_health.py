"""When a sender account pauses itself: too many of its messages bounce, are blocked, or are
complained about."""

from typing import NamedTuple

from processors.fold.turn import Turn
from schemas.internal.facts import FactKind
from schemas.internal.messages import SenderComplained
from schemas.internal.states import Sender

BOUNCED, COMPLAINED, BLOCKED = "bounced", "complained", "blocked"


class _Limit(NamedTuple):
    """How many of how many of the last commands pause an account, and the reason of the pause."""

    reason: str
    last: int
    most: int


_WATCHED = {
    BOUNCED: _Limit("hard_bounces", 100, 5),
    COMPLAINED: _Limit("complaints", 1_000, 3),
    BLOCKED: _Limit("blocks", 100, 5),
}
"""The limit of each outcome: hard bounces and blocks of 5 %, complaints of 0.3 %."""

_REPORTS_MAX = 64
"""So many reports of a provider are kept."""


def pause_if_unhealthy(turn: Turn, sender: Sender) -> None:
    """Pauses an account by the outcomes of its last commands, until an order opens it again. Before
    it has sent so many, it is not judged."""
    if sender.paused_for:
        return
    if not (sender.bounced_at or sender.complained_at or sender.blocked_at):
        return
    for outcome, limit in _WATCHED.items():
        since = sender.sent_count - limit.last
        found = [at for at in _outcomes(sender, outcome) if at > since]
        _outcomes(sender, outcome)[:] = found
        if since >= 0 and len(found) >= limit.most:
            _pause(turn, sender, limit.reason, len(found), limit.last)
            return


def count_outcome(turn: Turn, sender: Sender, outcome: str) -> None:
    """Counts an outcome of one of the account's commands; others than those that are watched are
    ignored."""
    if outcome not in _WATCHED:
        return
    _outcomes(sender, outcome).append(sender.sent_count)
    pause_if_unhealthy(turn, sender)


def count_report(turn: Turn, sender: Sender, message: SenderComplained) -> None:
    """Counts what a provider that names nobody states about complaints, and pauses the account by
    the same rate as complaints of people: of the last reports that are about enough messages."""
    if message.at < sender.opened_at:
        return  # somebody has opened the account since
    reports = sorted([*sender.reported, (message.at, message.delivered, message.complaints)])
    sender.reported = reports[-_REPORTS_MAX:]
    limit = _WATCHED[COMPLAINED]
    delivered = complaints = 0
    for _, of_report, complained in reversed(sender.reported):
        delivered, complaints = delivered + of_report, complaints + complained
        if delivered >= limit.last:
            break
    is_too_much = complaints * limit.last >= limit.most * delivered
    if delivered >= limit.last and is_too_much and not sender.paused_for:
        _pause(turn, sender, limit.reason, complaints, delivered)


def forget_outcomes(sender: Sender, now: int) -> None:
    """Opens an account that has paused itself, and judges it by its next commands only."""
    sender.paused_for, sender.sent_count = "", 0
    sender.bounced_at, sender.complained_at, sender.blocked_at = [], [], []
    if sender.reported:
        sender.reported, sender.opened_at = [], now


def _pause(turn: Turn, sender: Sender, reason: str, found: int, of: int) -> None:
    sender.paused_for = reason
    sender.wake_at = turn.now  # what waits for it is informed
    turn.emit_fact(
        FactKind.SENDER_PAUSED,
        sender.tenant_id,
        channel=sender.channel,
        reason=reason,
        values={"sender_id": sender.terms.sender_id, "found": found, "of": of},
    )


def _outcomes(sender: Sender, outcome: str) -> list[int]:
    if outcome == BOUNCED:
        return sender.bounced_at
    return sender.complained_at if outcome == COMPLAINED else sender.blocked_at
