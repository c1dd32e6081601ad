"""What the processors remember: structs of fixed order, a field only ever appended, with a default.

Times are integer microseconds, UTC. A state names its next due moment (design 2.3); `due()` is None
where it waits for nothing.
"""

from enum import IntEnum
from typing import Any, ClassVar

import msgspec

from schemas.campaigns.compiled_definition import Definition
from schemas.internal.contact_messages import OLD_ADDRESS_FIELDS
from schemas.internal.messages import RequestTouch, Window, account_key


class State(msgspec.Struct, array_like=True, tag=True):
    """One entity of a task."""

    queued: ClassVar[bool] = False

    def due(self) -> int | None:
        """When this state wants to be woken next."""
        return None


# contact processor


class Phase(IntEnum):
    """Where a touch stands; the table in processors/contact/state_machine.py says what moves it."""

    SCHEDULED = 0
    REQUESTED = 1
    COMMANDED = 2
    WITHDRAWING = 3
    SENT = 4
    SKIPPED = 5
    FAILED = 6

    __hash__ = int.__hash__  # Enum's own is Python, and slow


class Status(IntEnum):
    """Where an enrollment stands (F-4)."""

    ACTIVE = 0
    FROZEN = 1
    COMPLETED = 2
    STOPPED = 3

    __hash__ = int.__hash__


LIVE = (Status.ACTIVE, Status.FROZEN)
RESOLVED = (Phase.SENT, Phase.SKIPPED, Phase.FAILED)
NAMES = ("first_name", "last_name", "timezone", "region")
"""The fields of a profile that hold one text each."""

_NAMES_BEFORE = 7
"""So many times stood in the profile of a state of format 1."""

_ACTIVE = Status.ACTIVE
_TIMED = (Phase.SCHEDULED, Phase.COMMANDED)


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
    attributes_at: int = 0
    addresses: dict[str, tuple[str, int]] = {}
    """Each address by its name in schemas/channels.py: the text, and when it was last reported. An
    empty text is an address that was cleared. State format 1 kept three addresses in the fields
    that end in `_before`, and their times in `reported_at`."""

    def __post_init__(self) -> None:
        if len(self.reported_at) == _NAMES_BEFORE:
            self._upcast()

    def _upcast(self) -> None:
        """Moves the addresses of state format 1 into `addresses`."""
        times = self.reported_at
        before = (self.email_before, self.phone_before, self.linkedin_url_before)
        rows = zip(OLD_ADDRESS_FIELDS, before, (times[2], times[3], times[6]), strict=True)
        self.addresses = {name: (text, at) for name, text, at in rows if at or text}
        self.email_before = self.phone_before = self.linkedin_url_before = ""
        self.reported_at = [times[0], times[1], times[4], times[5]]

    def address(self, name: str) -> str:
        """The text of an address; empty where none is known."""
        known = self.addresses.get(name)
        return known[0] if known else ""


class Touch(msgspec.Struct, array_like=True):
    """One step of one enrollment, from the moment it has a time."""

    step_id: str
    number: int
    channel: str
    scheduled_at: int
    due_at: int
    phase: Phase = Phase.SCHEDULED
    wait: str | None = None
    attempt: int = 1
    emission: int = 0
    command_id: str | None = None
    reason: str | None = None
    requested_at: int | None = None
    commanded_at: int | None = None
    sent_at: int | None = None
    resolved_at: int | None = None
    delivered_at: int | None = None
    opened_at: int | None = None
    clicked_at: int | None = None
    read_at: int | None = None
    bounced_at: int | None = None
    converted_at: int | None = None
    error: str | None = None
    template_id: str | None = None
    recipient: bytes | None = None
    """Which address it was asked for: a digest, so that a bounce is known to be that one's."""

    visit: int = 1
    """How often the run has come to this step."""

    first_attempt: int = 1
    """Attempts count on over all visits, so that each has an id of its own."""

    awaited_at: int | None = None
    """When the wait after it ended, and by what: an event, or `timeout` (S2-8)."""

    awaited: str | None = None
    outcome: str | None = None
    """Which way the run went from here."""

    call_outcome: str | None = None
    called_at: int | None = None
    call_attempt: int = 0
    command_step_id: str | None = msgspec.field(name="asked_id", default=None)
    """The step that its command ids derive from, where a migration has renamed it since."""

    def command_step(self) -> str:
        """The step that its command ids derive from."""
        return self.command_step_id or self.step_id


class Waiting(msgspec.Struct, array_like=True, gc=False):
    """A run waits for what the last touch's step names: since when, and until when at most."""

    since: int
    until: int


class Enrollment(msgspec.Struct, array_like=True):
    """One run of a contact through a campaign; it keeps the version it began with (C-36)."""

    enrollment_id: str
    campaign_id: str
    version: int
    cycle: int
    job_id: str | None
    service_type: str | None
    anchor_at: int
    started_at: int
    status: Status = Status.ACTIVE
    reason: str | None = None
    ended_at: int | None = None
    frozen_at: int | None = None
    touches: list[Touch] = []
    converted_at: int | None = None
    conversion: str | None = None
    variables: dict[str, str] | None = None
    waiting: Waiting | None = None
    holds: list[str] = []
    """Why it is frozen: campaign, person, reply. It goes on when none is left (F-14)."""

    errors: int = 0
    last_error: str | None = None
    reply_cause: str | None = None
    """A reply that came while the command was out of a step that will wait for one: what the reply
    means is decided when that step is sent, or is not."""

    def due(self) -> int | None:
        """The last touch is the only one that can be waiting: the guardrail (S0-4)."""
        if self.status is not _ACTIVE or not self.touches:
            return None
        if self.waiting is not None:
            return self.waiting.until
        touch = self.touches[-1]
        return touch.due_at if touch.phase in _TIMED else None


class Contact(State):
    """Everything about one person of one tenant: consent, enrollments, touches."""

    profile: Profile = msgspec.field(default_factory=Profile)
    opted_out: dict[str, int] = {}
    bounced: dict[str, int] = {}
    """Addresses that bounced hard, each by its digest (`Touch.recipient`) as hex, since when."""

    jobs: dict[str, bool | tuple[str, str]] = {}
    """Each job's status and service type (F-1); False is one that was deleted."""

    cycles: dict[str, int] = {}
    enrollments: list[Enrollment] = []
    erased_at: int | None = None
    created_at: int = 0
    updated_at: int = 0
    ended: dict[str, int] = {}
    seen: list[bytes] = []
    replied: dict[str, int] = {}
    """When the person last wrote back on each channel; automatic notes do not count."""

    connected_at: int | None = None
    """Since when the person is a LinkedIn connection."""

    reached: list[int] = []
    """When touches of runs that are no longer among `enrollments` went out, as far as a limit may
    still ask (C-35)."""

    def due(self) -> int | None:
        soonest: int | None = None
        for enrollment in self.enrollments:
            due = enrollment.due()
            if due is not None and (soonest is None or due < soonest):
                soonest = due
        return soonest


class EndedEnrollment(State):
    """An ended enrollment that its contact's state no longer holds, under a key of its own."""

    tenant_id: str
    contact_id: str
    enrollment: Enrollment


class KnownTenant(State):
    """A tenant as the campaign processor announced it, with the campaign of each service type
    (F-10)."""

    tenant_id: str
    status: str
    timezone: str
    quiet: Window | None
    strict_start: int
    strict_regions: tuple[str, ...]
    delay_by_service: dict[str, int]
    limits: dict[str, int | None]
    campaigns: dict[str, str] = {}
    templates_gone: list[str] = []
    caps: dict[str, int] = {}
    """How often a person is reached, over all campaigns: per_day, per_week."""

    fence: int = 0
    """What happened before it is history."""


class KnownCampaign(State):
    """A campaign as announced: every version an enrollment may be pinned to, and a sweep under
    way."""

    tenant_id: str
    campaign_id: str
    status: str
    version: int
    definitions: dict[int, Definition]
    sweep: str | None = None
    sweep_cursor: bytes = b""
    sweep_at: int = 0
    sweep_cause: str = ""
    move_from: int | None = None
    move_steps: dict[str, str | None] = {}

    def due(self) -> int | None:
        return self.sweep_at if self.sweep else None


ContactState = Contact | EndedEnrollment | KnownTenant | KnownCampaign


# dispatch processor


class Account(State):
    """What a tenant may send on a channel, and what it has sent inside the sliding window."""

    tenant_id: str
    channel: str
    sent: list[tuple[int, int]] = []
    sent_total: int = 0
    next_slot_at: int | None = None

    def due(self) -> int | None:
        return self.next_slot_at


class Request(State):
    """A touch that waits for its gate; gone once its command is out."""

    queued: ClassVar[bool] = True

    touch: RequestTouch
    wait: str
    until: int | None
    since: int

    def due(self) -> int | None:
        """The end of a wait that has one, or the expiry: a limit may last longer (C-35)."""
        expires_at = self.touch.expires_at
        return expires_at if self.until is None else min(self.until, expires_at)

    def place(self) -> tuple[bytes, tuple[int, int, str]] | None:
        """In the account's queue while the limit holds it: priority, then due time, then id
        (C-35)."""
        if self.until is not None:
            return None
        touch = self.touch
        queue = account_key(touch.tenant_id, touch.channel)
        return queue, (-touch.priority, touch.due_at, touch.command_id)


class Suppression(State):
    """An address that gets nothing more."""

    reason: str
    cause: str
    at: int


DispatchState = Account | Request | Suppression | KnownTenant


# campaign processor


class CampaignRecord(State):
    """A campaign: its versions, its status, and which partitions know its newest version."""

    tenant_id: str
    campaign_id: str
    status: str
    version: int
    definition: Definition
    definition_hash: bytes
    acknowledged_by: list[int]
    created_at: int
    updated_at: int
    cause: str = ""


class TenantRecord(State):
    """A tenant and which campaign serves which service type (C-4)."""

    tenant_id: str
    status: str
    timezone: str
    quiet: Window | None
    strict_start: int
    strict_regions: tuple[str, ...]
    delay_by_service: dict[str, int]
    limits: dict[str, int | None]
    campaigns: list[str] = []
    services: dict[str, str] = {}
    templates_gone: list[str] = []
    created_at: int = 0
    updated_at: int = 0
    reported_at: int = 0
    seen: list[bytes] = []
    caps: dict[str, int] = {}
    fence: int = 0


CampaignState = CampaignRecord | TenantRecord


class TaskPosition(State, tag="Place"):
    """Where a task stands, in the same transaction as its state: under key META in every
    changelog."""

    next_offset: int
    stream_time: int
    timers: int
    next_due: int | None
    state_format: int = 1
    """The STATE_FORMAT of the code that wrote the states beside this position."""


STATE_FORMAT = 2
"""The format of the states that this code writes; it reads this one and all before it.

It grows with every change that older code could not read, or would write back without a field: a
field is appended, or means something else. Each format has its recordings in
tests/histories/states, and CONTRIBUTING.md says how they are made.
"""


class StateTooNew(Exception):
    """The states were written by a later version, and this one would lose what it does not know."""

    def __init__(self, found: int) -> None:
        super().__init__(
            f"the stored states have format {found}, and this version reads formats 1 to"
            f" {STATE_FORMAT}: run the version that wrote them, or a later one"
        )


POSITION_KEY = b"\x00place"
