"""The states of sender accounts in the dispatch processor: what they may send, and what they have
sent (C-38).

A field is only ever appended, with a default.
"""

from typing import ClassVar

from schemas.base.times import DurationUs, MomentUs
from schemas.internal.limit_terms import SenderTerms
from schemas.internal.state_base import State


class Sender(State):
    """A sender account, in the owner of its tenant's channel.

    `throttled` has the moment until which the provider wants no more of an action; the empty action
    is all of them. `served_seq` is the owner's running number of its last command: of accounts that
    are equal otherwise, the one served longest ago is next. `sending_days` counts the days on which
    the account has sent, for its warm-up, and `last_day` is the last of them, as days since
    1970-01-01 by its clock, with `sent_today` commands. `wake_at` is when the account is looked at
    next: it may send, and something waits for it.

    `sent_count` counts its commands since it was last opened; `bounced_at`, `complained_at` and
    `blocked_at` have the value of this count at each hard bounce, complaint and block, as far back
    as they matter. `reported` has what its provider stated about complaints: moment, delivered,
    complaints; not from before `opened_at`, when it was opened after such reports. By them the
    account pauses itself, and `paused_for` is the reason then.
    """

    tenant_id: str
    channel: str
    terms: SenderTerms
    removed_at: MomentUs = 0
    throttled: dict[str, MomentUs] = {}
    served_seq: int = 0
    sending_days: int = 0
    last_day: int = -1
    paused_for: str = ""
    sent_today: int = 0
    wake_at: MomentUs | None = None
    sent_count: int = 0
    bounced_at: list[int] = []
    complained_at: list[int] = []
    blocked_at: list[int] = []
    reported: list[tuple[MomentUs, int, int]] = []
    opened_at: MomentUs = 0

    def due(self) -> MomentUs | None:
        return self.wake_at


class SendLog(State):
    """The commands that one limited thing has sent: an account's action, a tenant's channel, a
    campaign, a mail domain.

    `chunks` names the states that have the moments, the oldest first: the number of the chunk, its
    first moment and how many commands it counts. `last_hash` is the hash of the last command, by
    which the gap after it is longer. `forget_at` is when it is looked at whether the log is out of
    every window, of which the longest is `window_us`.
    """

    chunks: list[tuple[int, MomentUs, int]] = []
    last_at: MomentUs = 0
    forget_at: MomentUs | None = None
    last_hash: int = 0
    window_us: DurationUs = 0

    def due(self) -> MomentUs | None:
        return self.forget_at


class SendChunk(State):
    """Consecutive moments of a log, so that one more rewrites few bytes; each with a number of
    commands in `counts`."""

    moments: list[MomentUs] = []
    counts: list[int] = []


class Lane(State):
    """The requests of a channel that share limits besides those of an account: of a campaign or a
    mail domain.

    An open lane stands in the queue `ready` with the rank of its first request. A closed one waits
    until `opens_at`; without that moment until a limit changes.
    """

    queued: ClassVar[bool] = True

    name: str
    ready: str
    rank: tuple[int, int, int, str]
    closed: bool = False
    opens_at: MomentUs | None = None

    def due(self) -> MomentUs | None:
        return self.opens_at

    def place(self) -> tuple[bytes, tuple[int, int, int, str]]:
        """The queue of the open lane, or that of the closed lanes of its channel."""
        queue = closed_lanes(self.ready) if self.closed else self.ready.encode()
        return queue, self.rank


def closed_lanes(ready: str) -> bytes:
    """The queue of the closed lanes of a channel, from the name of any of its queues."""
    return ready.partition("\0")[0].encode() + b"\0closed"


def is_lane(queue: str) -> bool:
    """Whether a queue is that of a lane, which is an entry of another one."""
    return "\0\0" in queue


def lane_key(queue: str) -> bytes:
    """The key of a Lane."""
    return b"\x04n/" + queue.encode()


class KnownCampaignLimits(State):
    """The copy of a campaign in a task of the dispatch processor: its limits, and its status, from
    CampaignGateAnnounced. `look_at` is when the next requests are tried that have waited until the
    campaign is active."""

    tenant_id: str
    campaign_id: str
    per_day: int | None = None
    max_new_per_day: int | None = None
    calls_at_once: int | None = None
    status: str = "active"
    look_at: MomentUs | None = None

    def due(self) -> MomentUs | None:
        return self.look_at


def campaign_queue(tenant_id: str, campaign_id: str) -> str:
    """The queue of the requests that wait until their campaign is active."""
    return f"\x05{tenant_id}/{campaign_id}"
