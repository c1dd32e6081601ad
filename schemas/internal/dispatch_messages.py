"""The messages between the contact processor and the dispatch processor.

Requests, withdrawals, amendments and suppressions are records of dispatch-log; the answers are
records of contact-log. A field is only ever appended, with a default.
"""

from typing import Any

import msgspec

from schemas.base.times import DurationUs, MomentUs
from schemas.internal.contact_messages import Message, Window

DISPATCH_RULES = 2
"""The rules by which dispatch decides the requests that are made now: those of one moment are
gathered, the caps of an address count all its contacts (C-35), and a sender account is chosen
(C-38). A request of an older version, which has 0 or 1, is decided as that version did."""


class CallTerms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the owner of a call pool must know of a requested call.

    `hours` are those of the campaign, by its time zone; the window of the person is in the request.
    `direct` marks a call that was asked for by itself: it goes before those of campaigns (F-16).
    `position` is the place of the person in its campaign (S3-12).
    """

    pool_id: str
    agent_id: str | None
    from_number: str | None
    place_us: DurationUs
    ring_us: DurationUs
    max_us: DurationUs
    guard: str = "strict"
    hours: Window | None = None
    direct: bool = False
    position: int = 0
    created_at: MomentUs = 0
    max_per_number_per_day: int | None = None
    min_gap_us: DurationUs = 0
    failure_rate: bool = False
    """Whether too many failed calls pause the campaign."""


class RequestTouch(Message, frozen=True):
    """An order to send a touch: all fields of its command, and the values that its gates check."""

    command_id: str
    tenant_id: str
    contact_id: str
    campaign_id: str
    campaign_version: int
    enrollment_id: str
    step_id: str
    touch_number: int
    attempt: int
    emission: int
    channel: str
    action: str
    template_id: str
    recipient: str
    variables: dict[str, str]
    scheduled_at: MomentUs
    due_at: MomentUs
    expires_at: MomentUs
    priority: int
    quiet: Window | None
    sender_id: str | None = None
    reached_at: tuple[MomentUs, ...] = ()
    """When the person was reached by other touches, the latest first, as far back as the tenant's
    frequency caps count; empty without caps. Dispatch adds what others with the address got."""

    spelling: str = ""
    """The address as the person's profile has it, where `recipient` is another spelling: older
    versions have closed addresses under the text."""

    rules: int = 0
    """DISPATCH_RULES of the version that made the request."""

    first: bool = False
    """Whether no touch of the run was sent before: follow-ups go before first touches."""

    bound_sender: str = ""
    """The sender account that has written to the person on this channel; empty if none has."""

    must_use_bound: bool = False
    """Whether no other account can: it is the person's connection."""

    call: CallTerms | None = None
    """Of a touch of a call pool."""

    experiment_id: str = ""
    variant: str = ""
    """The variant of the person in the experiment of the step: A, B, or empty."""

    opt_out_scope: str = ""
    """What an opt-out by one click closes: the channel, or all; empty on channels without one."""

    text_characters: int = 0
    """How long the text may be; 0 if the channel has no limit for it."""


class CallReported(Message, frozen=True):
    """What was reported of a call, for the owner of its slot. `state` is initiated, ringing,
    in_progress or ended; `outcome` is there with ended. It is sent whether or not the contact still
    knows the touch."""

    tenant_id: str
    contact_id: str
    command_id: str
    pool_id: str
    state: str
    at: MomentUs
    cause: str
    outcome: str = ""
    seconds: int = 0


class ShareSuppressions(Message, frozen=True):
    """The owner of a call pool asks the tenant's account for the suppressed addresses of a channel:
    those of now, and every later one. The account answers with one part of bounded size, and asks
    itself for the next one: `after` is the digest with which the part before it ends, empty for the
    first part. Questions of older versions have None, and are answered at once."""

    tenant_id: str
    channel: str
    pool_id: str
    after: str | None = None


class SuppressionsShared(Message, frozen=True):
    """The answer: suppressed addresses by their digests, each with the encoded suppression, empty
    bytes for one that was lifted. `complete` ends the answer about those of now."""

    tenant_id: str
    channel: str
    pool_id: str
    suppressions: dict[str, bytes]
    complete: bool = False


class SenderOutcome(Message, frozen=True):
    """What has come of a command of a sender account, for the owner of the account: `outcome` is
    bounced or complained. `command_id` is empty if it is not known which command it was."""

    tenant_id: str
    channel: str
    sender_id: str
    outcome: str
    command_id: str = ""


class WithdrawTouch(Message, frozen=True):
    """An order to take a request back. If its command is out already, `revoke` decides whether the
    command is revoked."""

    command_id: str
    tenant_id: str
    contact_id: str
    channel: str
    reason: str
    revoke: bool
    pool_id: str = ""
    """The call pool of the request; empty for one that the tenant's account has."""


class AmendTouch(Message, frozen=True):
    """An order to change a request that still waits: a command has the content of its send time
    (C-36)."""

    command_id: str
    tenant_id: str
    channel: str
    recipient: str
    quiet: Window | None
    template_id: str
    variables: dict[str, str]
    spelling: str = ""
    """As in RequestTouch."""

    pool_id: str = ""
    """As in WithdrawTouch."""

    call: CallTerms | None = None
    """The terms of a call as of now; None leaves those of the request."""

    variant: str = ""
    experiment_id: str = ""
    """Both as in RequestTouch."""


class SuppressAddress(Message, frozen=True):
    """An order to send no command to an address again, because it bounced hard or its owner opted
    out (S4-85)."""

    tenant_id: str
    channel: str
    recipient: str
    reason: str
    cause: str
    at: MomentUs = 0
    """When the opt-out or the bounce happened; 0 in records of before this field existed."""


class LiftSuppression(Message, frozen=True):
    """An order to send commands to an address again: its owner has agreed again. Reasons that are
    no opt-out stay."""

    tenant_id: str
    channel: str
    recipient: str
    cause: str
    at: MomentUs = 0
    """When the person agreed again: later opt-outs of others with this address stay."""

    spelling: str = ""
    """As in RequestTouch."""


class DispatchAnswer(Message, frozen=True):
    """Base of the answers of dispatch to one requested touch."""

    tenant_id: str
    contact_id: str
    command_id: str


class TouchCommanded(DispatchAnswer, frozen=True):
    """The command is out; `emission` counts how often, and `send_before` is until when it may be
    sent (0 in records of before this field existed)."""

    emission: int
    send_before: MomentUs = 0
    sender_id: str = ""
    """The sender account that writes; empty if the tenant has none on the channel."""

    slot_until: MomentUs = 0
    """When the slot of a call is free at the latest; 0 without one."""


class CallLost(DispatchAnswer, frozen=True):
    """The slot of a call has expired, and nobody has reported the end of the call."""


class TouchDeferred(DispatchAnswer, frozen=True):
    """The request waits for `reason`, and is tried again at `until`."""

    reason: str
    until: MomentUs


class TouchRefused(DispatchAnswer, frozen=True):
    """The request has ended at a gate that stays closed: the address is suppressed, or the request
    has expired. `values` are the values of the decision."""

    reason: str
    values: dict[str, Any] | None = None


class TouchWithdrawn(DispatchAnswer, frozen=True):
    """The request was taken back before its command was out."""


class TouchRevoked(DispatchAnswer, frozen=True):
    """The command was out before the withdrawal; `revoked` is whether it was revoked."""

    revoked: bool
