"""The states of sender accounts in the dispatch processor: what they may send, and what they have
sent (C-38).

A field is only ever appended, with a default.
"""

from schemas.base.times import MomentUs
from schemas.internal.limit_terms import SenderTerms
from schemas.internal.state_base import State


class Sender(State):
    """A sender account, in the owner of its tenant's channel.

    `throttled` has the moment until which the provider wants no more of an action; the empty action
    is all of them. `served_seq` is the owner's running number of its last command: of accounts that
    are equal otherwise, the one served longest ago is next. `sending_days` counts the days on which
    the account has sent, for its warm-up, and `last_day` is the last of them, as days since
    1970-01-01 by its clock. `health` has the latest outcomes; the account pauses itself by them,
    and `paused_for` is the reason then.
    """

    tenant_id: str
    channel: str
    terms: SenderTerms
    removed_at: MomentUs = 0
    throttled: dict[str, MomentUs] = {}
    served_seq: int = 0
    sending_days: int = 0
    last_day: int = -1
    health: list[int] = []
    paused_for: str = ""


class SendLog(State):
    """The commands that one limited thing has sent: an account's action, a tenant's channel, a
    campaign, a mail domain.

    `chunks` names the states that have the moments, the oldest first: the number of the chunk, its
    first moment and how many commands it counts. `calendar` counts the commands of the present day,
    week and month: the start of each, and the number.
    """

    chunks: list[tuple[int, MomentUs, int]] = []
    last_at: MomentUs = 0
    calendar: dict[str, tuple[MomentUs, int]] = {}
    forget_at: MomentUs | None = None

    def due(self) -> MomentUs | None:
        return self.forget_at


class SendChunk(State):
    """Consecutive moments of a log, so that one more rewrites few bytes; each with a number of
    commands."""

    moments: list[tuple[MomentUs, int]] = []


class KnownCampaignLimits(State):
    """The copy of a campaign's limits in a task of the dispatch processor."""

    tenant_id: str
    campaign_id: str
    per_day: int | None = None
    max_new_per_day: int | None = None
    calls_at_once: int | None = None
