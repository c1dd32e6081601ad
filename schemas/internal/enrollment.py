"""An enrollment (a run of a contact through a campaign) and its touches, as parts of a contact's
state.

The structs are array-like; a field is only ever appended, with a default.
"""

from enum import IntEnum

import msgspec

from schemas.base.times import MomentUs


class Phase(IntEnum):
    """The phase of a touch; the table in processors/contact/state_machine.py has its
    transitions."""

    SCHEDULED = 0
    REQUESTED = 1
    COMMANDED = 2
    WITHDRAWING = 3
    SENT = 4
    SKIPPED = 5
    FAILED = 6

    __hash__ = int.__hash__  # the hash of Enum is Python code, and slow


class Status(IntEnum):
    """The status of an enrollment (F-4)."""

    ACTIVE = 0
    FROZEN = 1
    COMPLETED = 2
    STOPPED = 3

    __hash__ = int.__hash__


LIVE = (Status.ACTIVE, Status.FROZEN)
RESOLVED = (Phase.SENT, Phase.SKIPPED, Phase.FAILED)
LAST_ANSWER = "last_answer"
"""The wait of a command that is out after the end of its run: until its `due_at` for the answer of
its sender, and for nothing else."""

_ACTIVE = Status.ACTIVE
_TIMED = (Phase.SCHEDULED, Phase.COMMANDED)


class CallLog(msgspec.Struct, array_like=True, gc=False):
    """What is kept of the calls of a touch. Most touches are none, so it is a part of its own.

    `ends` has the outcome of each call of the visit that counts as one, by its attempt; of two
    reports about one call the one by which it reached the person. `progress` is how far the call of
    the present attempt is: 0 not known, 1 initiated, 2 ringing, 3 in progress. `status` is the
    provider's own word for the last outcome.
    """

    ends: dict[int, str] = {}
    progress: int = 0
    status: str | None = None
    reviewed_at: MomentUs = 0


class CameBack(msgspec.Struct, array_like=True, gc=False):
    """What is kept of a touch whose message came back to its sender (C-25).

    `attempt` is the latest attempt whose message did, at `at`; `soft` counts those whose mailbox
    could not take it. `taken_back` is the greatest number of a later touch that was planned and is
    planned anew.
    """

    attempt: int = 0
    at: MomentUs = 0
    soft: int = 0
    taken_back: int = 0


class Touch(msgspec.Struct, array_like=True):
    """One visit of an enrollment to a step, from the moment that it is scheduled.

    `scheduled_at` is the time by the campaign, `due_at` the time of the next try or timeout.
    `wait` is the reason of the wait until `due_at`. `emission` counts the commands of one attempt.
    `command_id` is that of the current attempt. The other `_at` fields are the moments of signals.
    """

    step_id: str
    number: int
    channel: str
    scheduled_at: MomentUs
    due_at: MomentUs
    phase: Phase = Phase.SCHEDULED
    wait: str | None = None
    attempt: int = 1
    emission: int = 0
    command_id: str | None = None
    reason: str | None = None
    requested_at: MomentUs | None = None
    commanded_at: MomentUs | None = None
    sent_at: MomentUs | None = None
    resolved_at: MomentUs | None = None
    delivered_at: MomentUs | None = None
    opened_at: MomentUs | None = None
    clicked_at: MomentUs | None = None
    read_at: MomentUs | None = None
    bounced_at: MomentUs | None = None
    converted_at: MomentUs | None = None
    error: str | None = None
    template_id: str | None = None
    recipient: bytes | None = None
    """The digest of the address of the request, so that a bounce is attributed to that address."""

    visit: int = 1
    """The number of the run's visit to this step, from 1."""

    first_attempt: int = 1
    """The first attempt of this visit. Attempts count on over the visits of a step, so that every
    attempt has its own command id."""

    awaited_at: MomentUs | None = None
    """The moment at which the wait after this touch ended."""

    awaited: str | None = None
    """What ended the wait after this touch: an event, or `timeout` (S2-8)."""

    outcome: str | None = None
    """The outcome by which the run left the step."""

    call_outcome: str | None = None
    called_at: MomentUs | None = None
    call_attempt: int = 0
    command_step_id: str | None = msgspec.field(name="asked_id", default=None)
    """The step id in the command ids of this touch, if a migration has changed `step_id` since."""

    uncounted: int = 0
    """Attempts of this visit that are no failed attempts: the sender could not act inside the send
    window, and another attempt waits for the next one."""

    retry_at: MomentUs | None = None
    """When the retry that waits was planned for, where its send window is closed then and `due_at`
    is later."""

    send_before: MomentUs | None = None
    """Until when the last command of the touch may be sent; None if an older version has sent
    it."""

    lapsed: int = 0
    """Emissions of this attempt whose send window ended before their sender had the whole answer
    timeout: they do not count towards giving up."""

    pool_id: str = ""
    """The call pool of the last request; empty for one that the tenant's account has."""

    sender_id: str = ""
    """The sender account of the last command; empty if the tenant has none on the channel."""

    call_id: str | None = None
    """The provider's id of the last call."""

    call_seconds: int = 0
    reviewed: bool | None = None
    """Whether the call led to what it was for, as it was found out later (S3-34)."""

    call_log: CallLog | None = None
    """None of a touch of which no call was reported."""

    came_back: CameBack | None = None
    """None of a touch of which no message came back."""

    @property
    def ends(self) -> dict[int, str]:
        """The outcome of each call of this visit that counts as one, by its attempt."""
        return {} if self.call_log is None else self.call_log.ends

    @property
    def call_status(self) -> str | None:
        """The provider's own word for `call_outcome`."""
        return None if self.call_log is None else self.call_log.status

    def log_call(self) -> CallLog:
        """What is kept of the calls of this touch, for change."""
        if self.call_log is None:
            self.call_log = CallLog()
        return self.call_log

    def command_step(self) -> str:
        """The step id from which the command ids of this touch derive."""
        return self.command_step_id or self.step_id


class Waiting(msgspec.Struct, array_like=True, gc=False):
    """The wait after the last touch of a run: when it began, and when it times out."""

    since: MomentUs
    until: MomentUs


class PersonSignal(msgspec.Struct, array_like=True, gc=False):
    """A reply, connection or conversion of the person: its own time, and the public event.

    `names_touch` is true where the event names the command of the run's last touch: it is then an
    answer to that touch, also if its time is before that of the send.
    """

    at: MomentUs
    cause: str | None = None
    names_touch: bool = False


class CallItem(msgspec.Struct, array_like=True, gc=False):
    """What belongs to one person in a call campaign, or to one direct call (S3-1).

    `scheduled_for` is the earliest moment of the first call. `priority` has the 100 of a person
    with a name in it (S3-11). A later item of the campaign has a greater `position`: it is the
    moment of its entry, or one more than that of the item before it (S3-12).
    """

    agent_id: str | None = None
    from_number: str | None = None
    scheduled_for: MomentUs | None = None
    priority: int = 0
    position: int = 0
    template_id: str | None = None
    direct: bool = False
    counted: str = ""
    """As what the run stands in the count of its campaign (RunCount); empty if it does not yet."""


class Assignment(msgspec.Struct, array_like=True, gc=False):
    """The variant of a person in an experiment, frozen when the enrollment began (C-21).

    `variant` is A, B, or empty for who takes no part. `assigned_by` is hash, holdout, layer, winner
    for who gets the winner's template after the decision, or again for a further run of a person
    who was reached before: each person counts once. `counted` has a bit for each count
    of the experiment that the run is part of. `touch_number` is the touch that has the template of
    the variant, 0 before there is one, and `reached_at` when it was sent.
    """

    experiment_id: str
    variant: str
    bucket: int
    split: int
    assigned_by: str = "hash"
    counted: int = 0
    reached_at: MomentUs | None = None
    touch_number: int = 0

    @property
    def is_reached(self) -> bool:
        """Whether the touch of the experiment's step was sent."""
        return self.reached_at is not None


class RunResults(msgspec.Struct, array_like=True, gc=False):
    """What is kept of a run whose campaign decides by counts.

    `counted` has a bit for each count of the campaign that the run is part of. `responded_at` is
    the time of the first response that the run is credited with, `opted_out_at` that of an opt-out
    after a touch of the run, `implied` whether its conversion came without a response (C-37).
    """

    variants: list[Assignment] = []
    counted: int = 0
    responded_at: MomentUs | None = None
    opted_out_at: MomentUs | None = None
    implied: bool = False
    is_reached: bool = False
    """Whether a touch of the run was ever sent (C-14)."""

    bounced_at: MomentUs | None = None
    """When a bounce closed the address of one of the touches."""

    person: dict[str, str] = {}
    """What the order stated about the person (S4-35, S4-36), once the run has ended: its variables
    are gone then."""

    entity_id: str | None = None
    """What the credited conversion led to, for example an interview (S4-43)."""

    response_channel: str = ""
    """The channel of the response in `responded_at`."""

    def assignment(self, experiment_id: str) -> Assignment | None:
        """The variant of the run in an experiment; None if the experiment came later."""
        for each in self.variants:
            if each.experiment_id == experiment_id:
                return each
        return None


class Enrollment(msgspec.Struct, array_like=True):
    """One run of a contact through a campaign, pinned to one version of it (C-36).

    `cycle` counts the runs of the contact in the campaign from 1. The delay of the first step
    counts from `anchor_at`.
    """

    enrollment_id: str
    campaign_id: str
    version: int
    cycle: int
    job_id: str | None
    service_type: str | None
    anchor_at: MomentUs
    started_at: MomentUs
    status: Status = Status.ACTIVE
    reason: str | None = None
    ended_at: MomentUs | None = None
    frozen_at: MomentUs | None = None
    touches: list[Touch] = []
    converted_at: MomentUs | None = None
    conversion: str | None = None
    variables: dict[str, str] | None = None
    waiting: Waiting | None = None
    holds: list[str] = []
    """Why the run is frozen: campaign, person, reply. It resumes when none is left (F-14)."""

    errors: int = 0
    last_error: str | None = None
    reply_cause: str | None = None
    """The cause of a reply that came between the command and the answer of a step that waits for a
    reply. Its effect is decided when the step is sent or fails."""

    early_signals: dict[str, list[PersonSignal]] = {}
    """What the person has done, by signal, while the command of a step that waits for it was out
    and not yet reported as sent. The wait of that step looks at it when it begins."""

    call: CallItem | None = None
    """Of every run of a call campaign, and of direct calls."""

    results: RunResults | None = None
    """Of every run of a campaign that decides by counts."""

    def due(self) -> MomentUs | None:
        """The timer of the wait or of the last touch; earlier touches have ended (S0-4). Of an
        ended run, that of the last answer."""
        if not self.touches:
            return None
        touch = self.touches[-1]
        if self.status is not _ACTIVE:
            return touch.due_at if touch.wait == LAST_ANSWER else None
        if self.waiting is not None:
            return self.waiting.until
        return touch.due_at if touch.phase in _TIMED else None
