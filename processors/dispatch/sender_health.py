"""When a sender account pauses itself: too many of its messages bounce, or are complained about."""

from processors.fold.turn import Turn
from schemas.internal.facts import FactKind
from schemas.internal.states import Sender

BOUNCED, COMPLAINED = "bounced", "complained"

_WATCHED = {BOUNCED: ("hard_bounces", 100, 5), COMPLAINED: ("complaints", 1_000, 3)}
"""For each outcome the reason of the pause, and how many of how many of the last commands lead to
it: hard bounces of 5 %, complaints of 0.3 %."""


def pause_if_unhealthy(turn: Turn, sender: Sender) -> None:
    """Pauses an account by the outcomes of its last commands, until an order opens it again. Before
    it has sent so many, it is not judged."""
    if sender.paused_for or not (sender.bounced_at or sender.complained_at):
        return
    for outcome, (reason, last, most) in _WATCHED.items():
        since = sender.sent_count - last
        found = [at for at in _outcomes(sender, outcome) if at > since]
        _outcomes(sender, outcome)[:] = found
        if since >= 0 and len(found) >= most:
            sender.paused_for = reason
            sender.wake_at = turn.now  # what waits for it is informed
            values = {"sender_id": sender.terms.sender_id, "found": len(found), "of": last}
            turn.emit_fact(
                FactKind.SENDER_PAUSED,
                sender.tenant_id,
                channel=sender.channel,
                reason=reason,
                values=values,
            )
            return


def count_outcome(turn: Turn, sender: Sender, outcome: str) -> None:
    """Counts an outcome of one of the account's commands; others than those that are watched are
    ignored."""
    if outcome not in _WATCHED:
        return
    _outcomes(sender, outcome).append(sender.sent_count)
    pause_if_unhealthy(turn, sender)


def forget_outcomes(sender: Sender) -> None:
    """Opens an account that has paused itself, and judges it by its next commands only."""
    sender.paused_for, sender.sent_count = "", 0
    sender.bounced_at, sender.complained_at = [], []


def _outcomes(sender: Sender, outcome: str) -> list[int]:
    return sender.bounced_at if outcome == BOUNCED else sender.complained_at
