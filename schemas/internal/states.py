"""The states of the processors: array-like structs, to which a field is only ever appended.

This module is the one to import. An appended field has a default. The next timer of a state is a
function of the state (promise 3): `due()` returns its moment, or None if the state waits for
nothing.
"""

from functools import lru_cache
from typing import Any, ClassVar

import msgspec

from schemas.base.times import MomentUs
from schemas.internal.call_states import (
    CallCampaign,
    KnownPool,
    Lease,
    NumberUse,
    PoolTenant,
    SuppressionSharing,
    call_place,
)
from schemas.internal.campaign_states import CampaignRecord, PoolRecord, SenderRecord, TenantRecord
from schemas.internal.contact_messages import OLD_ADDRESS_FIELDS
from schemas.internal.enrollment import Enrollment
from schemas.internal.known_states import KnownCampaign, KnownTenant, RunCount, Sweeps
from schemas.internal.messages import RequestTouch, account_key
from schemas.internal.sender_states import KnownCampaignLimits, Lane, SendChunk, Sender, SendLog
from schemas.internal.state_base import State

# contact processor


NAMES = ("first_name", "last_name", "timezone", "region")
"""The fields of a profile that hold one text each."""

_NAMES_BEFORE = 7
"""So many times stood in the profile of a state of format 1; NAMES must never be as long."""


class Profile(msgspec.Struct, array_like=True, gc=False):
    """A person as last reported, field by field: the latest report of a field wins, in whatever
    order the reports arrive (X-1)."""

    first_name: str = ""
    last_name: str = ""
    email_before: str = ""
    phone_before: str = ""
    timezone: str = ""
    region: str = ""
    linkedin_url_before: str = ""
    reported_at: list[int] = msgspec.field(default_factory=lambda: [0] * len(NAMES))
    """When each field of NAMES was last reported."""

    attributes: dict[str, Any] = {}
    attributes_at: MomentUs = 0
    addresses: dict[str, tuple[str, int]] = {}
    """Each address by its name in schemas/channels.py, sorted by name: the text, and when it was
    last reported. An empty text is an address that was cleared. State format 1 kept three
    addresses in the fields that end in `_before`, and their times in `reported_at`."""

    def __post_init__(self) -> None:
        if len(self.reported_at) != len(NAMES):
            self._upcast()

    def _upcast(self) -> None:
        """Brings a profile that older code has stored into the current form: moves the addresses of
        state format 1 into `addresses`, and gives a field that was appended to NAMES its time."""
        if len(self.reported_at) == _NAMES_BEFORE:
            self._move_addresses()
        self.reported_at += [0] * (len(NAMES) - len(self.reported_at))

    def _move_addresses(self) -> None:
        times = self.reported_at
        before = (self.email_before, self.phone_before, self.linkedin_url_before)
        rows = zip(OLD_ADDRESS_FIELDS, before, (times[2], times[3], times[6]), strict=True)
        self.addresses = {name: (text, at) for name, text, at in sorted(rows) if at or text}
        self.email_before = self.phone_before = self.linkedin_url_before = ""
        self.reported_at = [times[0], times[1], times[4], times[5]]

    def address(self, name: str) -> str:
        """The text of an address; empty where none is known."""
        known = self.addresses.get(name)
        return known[0] if known else ""


class Conversion(msgspec.Struct, array_like=True, gc=False):
    """A conversion of a person, and whom it is credited to: `weights` has parts of a million by
    enrollment id. `command_id` and `campaign_id` are what its event names."""

    at: MomentUs
    conversion_type: str
    entity_id: str | None
    command_id: str | None
    campaign_id: str | None
    cause: str
    weights: dict[str, int] = {}
    reason: str = ""
    """Why it is credited to nobody."""


class Reply(msgspec.Struct, array_like=True, gc=False):
    """A reply of a person, and the touch that it is the answer to: its run, empty if there is none
    yet, and its number."""

    at: MomentUs
    channel: str
    command_id: str | None = None
    enrollment_id: str = ""
    number: int = 0


class Contact(State):
    """One person of one tenant: profile, consent, jobs, enrollments and touches."""

    profile: Profile = msgspec.field(default_factory=Profile)
    opted_out: dict[str, MomentUs] = {}
    bounced: dict[str, MomentUs] = {}
    """When an address bounced hard, by its digest (`Touch.recipient`) in hex."""

    jobs: dict[str, bool | tuple[str, str]] = {}
    """The status and service type of each job (F-1); False if the job was deleted."""

    cycles: dict[str, int] = {}
    enrollments: list[Enrollment] = []
    erased_at: MomentUs | None = None
    created_at: MomentUs = 0
    updated_at: MomentUs = 0
    ended: dict[str, int] = {}
    seen: list[bytes] = []
    replied: dict[str, MomentUs] = {}
    """When the person last replied, by channel; automatic replies do not count."""

    connected_at: MomentUs | None = None
    """When the person became a LinkedIn connection."""

    reached_at: list[MomentUs] = []
    """When touches were sent to runs that have left `enrollments`, as far back as a frequency cap
    counts (C-35)."""

    opted_out_last: dict[str, MomentUs] = {}
    """The time of the latest opt-out of a channel, where it is later than the one in
    `opted_out`."""

    resubscribed: dict[str, MomentUs] = {}
    """When the person last agreed again to a channel, or to `all`: an earlier opt-out that arrives
    later has no effect."""

    calls: dict[str, str] = {}
    """The call pool of each command of a call that has a slot, also if the person was erased."""

    senders: dict[str, tuple[str, bool]] = {}
    """The sender account that writes to the person, by channel, and whether only that one can."""

    conversions: dict[str, Conversion] = {}
    """What the person did, by type and entity id: each counts once."""

    soft_bounces: dict[str, list[MomentUs]] = {}
    """When messages to an address came back softly since the last one that arrived, by the digest
    of the address in hex (C-25)."""

    replies: list[Reply] = []
    """The last replies of the person, as they were reported; those of machines are none."""

    opt_outs: list[tuple[str, MomentUs]] = []
    """The latest opt-outs, each with its scope, of a person with a run whose campaign decides by
    counts: a send that is reported late counts those that came after it."""

    swept: int = 0
    """The number of the latest sweep when the contact was last swept before its turn: it has all
    sweeps up to this one."""

    def due(self) -> MomentUs | None:
        runs = self.enrollments
        if len(runs) == 1:  # nearly every person
            return runs[0].due()
        soonest: MomentUs | None = None
        for enrollment in runs:
            due = enrollment.due()
            if due is not None and (soonest is None or due < soonest):
                soonest = due
        return soonest


class EndedEnrollment(State):
    """An ended enrollment that has left the state of its contact, under its own key."""

    tenant_id: str
    contact_id: str
    enrollment: Enrollment


ContactState = Contact | EndedEnrollment | KnownTenant | KnownCampaign | RunCount | Sweeps


# dispatch processor


class Account(State):
    """The commands of a tenant on one channel inside the sliding window of its limit (F-11).

    `sent` has pairs of a moment and a number of commands; `next_slot_at` is the moment at which the
    queue is looked at again: the limit allows the next command, or what was gathered goes out.
    """

    tenant_id: str
    channel: str
    sent: list[tuple[MomentUs, int]] = []
    sent_total: int = 0
    next_slot_at: MomentUs | None = None
    by_rules: bool = False
    """Whether more than the limit of an hour holds: sender accounts, or further limits. Commands
    are then counted in logs of their own (SendLog), and `sent` is empty."""

    senders: list[str] = []
    """The sender accounts, also those that were removed (C-38)."""

    served_seq: int = 0
    """The running number of commands of accounts."""

    is_reviewed: bool = False
    """Whether closed lanes are opened, because a limit has changed."""

    def due(self) -> MomentUs | None:
        return self.next_slot_at


GATHERING = "gathering"
"""The wait of requests of one moment, until it is decided which of them go first."""


class Request(State):
    """A touch that waits at a gate of dispatch; deleted when its command is out.

    `wait` is the reason of the wait; `until` is its end, or None while the request is in a queue of
    its account: held by the limit, or gathered with others of its moment.
    """

    queued: ClassVar[bool] = True

    touch: RequestTouch
    wait: str
    until: MomentUs | None
    since: MomentUs
    lane: str = ""
    """The queue in which the request waits for a sender account, or until its campaign is active;
    empty in the other queues."""

    next_try_at: MomentUs = 0
    """The moment that was last reported of the wait in a lane; 0 of other waits."""

    def due(self) -> MomentUs | None:
        """The end of the wait or the expiry, whichever is earlier (C-35)."""
        expires_at = self.touch.expires_at
        return expires_at if self.until is None else min(self.until, expires_at)

    def place(self) -> tuple[bytes, tuple[int, int, int, str]] | None:
        """The queue and the rank of the request while it is in a queue, otherwise None.

        The order is by priority, then follow-ups before first touches, then scheduled time, due
        time and command id (C-35).
        """
        if self.until is not None:
            return None
        touch = self.touch
        if touch.call is not None and not self.lane:
            return call_place(touch, self.wait)
        if self.lane:
            queue = self.lane.encode()
        elif self.wait == GATHERING:
            queue = gathering_key(touch.tenant_id, touch.channel)
        else:
            queue = account_key(touch.tenant_id, touch.channel)
        planned_at = touch.scheduled_at if touch.rules else touch.due_at
        rank = touch.first - 2 * touch.priority
        return queue, (rank, planned_at, touch.due_at, touch.command_id)


@lru_cache(maxsize=4096)
def gathering_key(tenant_id: str, channel: str) -> bytes:
    """The key of the queue in which an account gathers the requests of one moment."""
    return account_key(tenant_id, channel) + b"/" + GATHERING.encode()


class Suppression(State):
    """An address to which no command is sent, until the suppression is lifted."""

    reason: str
    cause: str
    at: MomentUs
    further: dict[str, tuple[str, MomentUs]] = {}
    """Later reasons that hold too, each with its cause and its time."""


class AddressUse(State):
    """The commands to one address of a channel, as far back as a frequency cap counts (C-35).

    `sends` has the time of each touch, the contact that it was for, and the touch: its enrollment
    and number. Exists only while the tenant has frequency caps; `forget_at` is when its last entry
    is out of every window.
    """

    sends: list[tuple[MomentUs, str, str]]
    forget_at: MomentUs

    def due(self) -> MomentUs | None:
        return self.forget_at


DispatchState = (
    Account
    | Request
    | Suppression
    | AddressUse
    | KnownTenant
    | KnownCampaignLimits
    | Sender
    | SendLog
    | SendChunk
    | Lane
    | KnownPool
    | PoolTenant
    | Lease
    | NumberUse
    | CallCampaign
    | SuppressionSharing
)


# campaign processor

CampaignState = CampaignRecord | TenantRecord | SenderRecord | PoolRecord


class TaskPosition(State, tag="Place"):
    """The position of a task in its log, in the changelog under POSITION_KEY.

    It is written in the transaction that writes the states. `stream_time` and `next_due` are
    moments; `timers` is the number of states with a timer.
    """

    next_offset: int
    stream_time: MomentUs
    timers: int
    next_due: MomentUs | None
    state_format: int = 1
    """The STATE_FORMAT of the code that wrote the states beside this position."""

    fired: int = -1
    """The timers that have fired since the last record before `next_offset`; -1 if unknown."""

    topic_id: str = ""
    """The id of the log's topic, empty if unknown. A topic that is made anew has another one."""

    leader_epoch: int = -1
    """The leader epoch of the last record that was read, -1 if unknown."""

    partitions: int = 0
    """The number of partitions of the log, 0 if unknown. The partition of a key depends on it."""

    minimum_version: str = ""
    """The first version that reads `state_format`."""

    def of_fold(self) -> "TaskPosition":
        """What every fold of the log comes to: the position without what the runtime adds, and
        without what depends on the version that has written it."""
        return TaskPosition(
            self.next_offset, self.stream_time, self.timers, self.next_due, STATE_FORMAT
        )


STATE_FORMAT = 6
"""The format of the states that this code writes; it reads this one and all before it.

It grows with every change that older code could not read, or would write back without a field: a
field is appended, or means something else. Each format has its recordings in
tests/histories/states; CONTRIBUTING.md describes how they are recorded.
"""

FORMAT_SINCE = "0.1.0"
"""The first version that reads STATE_FORMAT."""


class StateTooNew(Exception):
    """The states were written by a later version, and this one would lose what it does not know."""

    def __init__(self, found: int, minimum_version: str = "") -> None:
        since = f" (version {minimum_version})" if minimum_version else ""
        super().__init__(
            f"the stored states have format {found}, and this version reads formats 1 to"
            f" {STATE_FORMAT}: run the version that wrote them{since}, or a later one"
        )


POSITION_KEY = b"\x00place"
"""The key of a TaskPosition in a changelog; intake appends `/` and the name of its topic."""
