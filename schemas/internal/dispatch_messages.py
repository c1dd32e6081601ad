"""The messages between the contact processor and the dispatch processor.

Requests, withdrawals, amendments and suppressions are records of dispatch-log; the answers are
records of contact-log. A field is only ever appended, with a default.
"""

from typing import Any

from schemas.base.times import MomentUs
from schemas.internal.contact_messages import Message, Window

DISPATCH_RULES = 1
"""The rules by which dispatch decides the requests that are made now: those of one moment are
gathered, and the caps of an address count all its contacts (C-35). A request of an older version,
which has 0, is decided as that version did."""


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


class WithdrawTouch(Message, frozen=True):
    """An order to take a request back. If its command is out already, `revoke` decides whether the
    command is revoked."""

    command_id: str
    tenant_id: str
    contact_id: str
    channel: str
    reason: str
    revoke: bool


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
