"""What stands on the internal logs: fixed-order structs, a field only ever appended, with a
default.

Facts are past, orders imperative. `cause` names the public event behind a message as `source#id`;
`at` is when it happened by its own account. All times are integer microseconds, UTC.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from schemas.campaigns.compiled_definition import Definition
from schemas.internal.contact_messages import BackfilledEvent as BackfilledEvent
from schemas.internal.contact_messages import CallEnded as CallEnded
from schemas.internal.contact_messages import ConnectionAccepted as ConnectionAccepted
from schemas.internal.contact_messages import ContactEnrolled as ContactEnrolled
from schemas.internal.contact_messages import ContactErased as ContactErased
from schemas.internal.contact_messages import ContactPaused as ContactPaused
from schemas.internal.contact_messages import ContactReplied as ContactReplied
from schemas.internal.contact_messages import ContactResumed as ContactResumed
from schemas.internal.contact_messages import ContactStopped as ContactStopped
from schemas.internal.contact_messages import ContactUnsubscribed as ContactUnsubscribed
from schemas.internal.contact_messages import ContactUpserted as ContactUpserted
from schemas.internal.contact_messages import ConversionRecorded as ConversionRecorded
from schemas.internal.contact_messages import EventUnsupported as EventUnsupported
from schemas.internal.contact_messages import ExternalEvent as ExternalEvent
from schemas.internal.contact_messages import JobCompleted as JobCompleted
from schemas.internal.contact_messages import JobDeleted as JobDeleted
from schemas.internal.contact_messages import Message as Message
from schemas.internal.contact_messages import Person as Person
from schemas.internal.contact_messages import ReviewReceived as ReviewReceived
from schemas.internal.contact_messages import Tick as Tick
from schemas.internal.contact_messages import TouchBounced as TouchBounced
from schemas.internal.contact_messages import TouchFailed as TouchFailed
from schemas.internal.contact_messages import TouchSeen as TouchSeen
from schemas.internal.contact_messages import TouchSent as TouchSent
from schemas.internal.contact_messages import Window as Window
from schemas.internal.topics import Topic

# contact-log, from the dispatch processor


class DispatchAnswer(Message, frozen=True):
    """What dispatch says about one requested touch."""

    tenant_id: str
    contact_id: str
    command_id: str


class TouchCommanded(DispatchAnswer, frozen=True):
    emission: int


class TouchDeferred(DispatchAnswer, frozen=True):
    reason: str
    until: int


class TouchRefused(DispatchAnswer, frozen=True):
    """A gate that no waiting opens: suppressed, or expired; `values` is what it was decided on."""

    reason: str
    values: dict[str, Any] | None = None


class TouchWithdrawn(DispatchAnswer, frozen=True):
    """The request was taken back before a command went out."""


class TouchRevoked(DispatchAnswer, frozen=True):
    """Too late to take back: the command was out. `revoked` tells whether a revocation followed."""

    revoked: bool


# contact-log and dispatch-log, from the campaign processor, to every partition


class TenantAnnounced(Message, frozen=True):
    tenant_id: str
    status: str
    timezone: str
    quiet: Window | None
    strict_start: int
    strict_regions: tuple[str, ...]
    delay_by_service: dict[str, int]
    limits: dict[str, int | None]
    caps: dict[str, int] = msgspec.field(default_factory=dict)
    fence: int = 0


class CampaignAnnounced(Message, frozen=True):
    """A published version and the status it has; the contact tasks answer CampaignKnown."""

    tenant_id: str
    campaign_id: str
    version: int
    status: str
    definition: Definition
    cause: str


class StatusAnnounced(Message, frozen=True):
    tenant_id: str
    campaign_id: str
    status: str
    cause: str


class TemplateGone(Message, frozen=True):
    tenant_id: str
    template_id: str
    cause: str


class RunsMoved(Message, frozen=True):
    """The runs of `from_version`, or of every older one, go on in `version`: `steps` says which
    step has become which, or None."""

    tenant_id: str
    campaign_id: str
    version: int
    from_version: int | None
    steps: dict[str, str | None]
    cause: str


# dispatch-log


class RequestTouch(Message, frozen=True):
    """Everything a command needs, and what the last gate checks it against."""

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
    scheduled_at: int
    due_at: int
    expires_at: int
    priority: int
    quiet: Window | None
    sender_id: str | None = None


class CommandDue(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """On a command topic, in the public encoding: the contract's touch.due."""

    touch: RequestTouch


class CommandRevoked(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """On a command topic, in the public encoding: the contract's command.revoked."""

    command_id: str
    tenant_id: str
    contact_id: str
    channel: str
    reason: str


class DeadLetter(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """A record that could not be read or folded, or the state of a timer that could not fire: its
    place, its bytes as they were, and why (design 2.10)."""

    code: str
    detail: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int = 0
    cut: bool = False
    """More than is kept of a record: this is not all of it."""


class WithdrawTouch(Message, frozen=True):
    """Take a request back; where its command is out already, revoke it if `revoke` says so."""

    command_id: str
    tenant_id: str
    contact_id: str
    channel: str
    reason: str
    revoke: bool


class AmendTouch(Message, frozen=True):
    """What a command says is read at send time (C-36), and for a request that still waits some of
    it has changed."""

    command_id: str
    tenant_id: str
    channel: str
    recipient: str
    quiet: Window | None
    template_id: str
    variables: dict[str, str]


class SuppressAddress(Message, frozen=True):
    """No command to this address again (S4-85): it bounced hard, or its owner opted out."""

    tenant_id: str
    channel: str
    recipient: str
    reason: str
    cause: str


# campaign-log


class PublishCampaign(Message, frozen=True):
    """`document` is the definition as JSON, not yet validated."""

    tenant_id: str
    campaign_id: str
    cause: str
    at: int
    document: bytes


class ChangeCampaign(Message, frozen=True):
    """`action` is activated, paused, resumed, completed, archived or deleted."""

    tenant_id: str
    campaign_id: str
    action: str
    cause: str
    at: int


class MoveRuns(Message, frozen=True):
    """Runs go on in the newest version."""

    tenant_id: str
    campaign_id: str
    cause: str
    at: int
    from_version: int | None
    steps: dict[str, str | None]


class DeleteTemplate(Message, frozen=True):
    tenant_id: str
    template_id: str
    cause: str
    at: int


class UpsertTenant(Message, frozen=True):
    """None leaves the default: quiet hours 21:00-08:00, 100 an hour and channel (F-6, F-11)."""

    tenant_id: str
    cause: str
    at: int
    timezone: str
    quiet_start: int | None = None
    quiet_end: int | None = None
    strict_start: int | None = None
    strict_regions: tuple[str, ...] = ()
    delay_by_service: dict[str, int] = msgspec.field(default_factory=dict)
    limits: dict[str, int | None] = msgspec.field(default_factory=dict)
    caps: dict[str, int] = msgspec.field(default_factory=dict)
    fence: int = 0


class DeleteTenant(Message, frozen=True):
    tenant_id: str
    cause: str
    at: int


class CampaignAcknowledged(Message, frozen=True, tag="CampaignKnown"):
    """One partition of contact-log has the version: the next job there meets it."""

    tenant_id: str
    campaign_id: str
    version: int
    partition: int


ContactMessage = (
    JobCompleted
    | JobDeleted
    | ContactUpserted
    | ContactEnrolled
    | ContactStopped
    | ContactErased
    | TouchSent
    | TouchFailed
    | TouchSeen
    | TouchBounced
    | ContactUnsubscribed
    | ReviewReceived
    | EventUnsupported
    | ContactPaused
    | ContactResumed
    | ContactReplied
    | ConnectionAccepted
    | ConversionRecorded
    | CallEnded
    | BackfilledEvent
    | TouchCommanded
    | TouchDeferred
    | TouchRefused
    | TouchWithdrawn
    | TouchRevoked
    | TenantAnnounced
    | CampaignAnnounced
    | StatusAnnounced
    | TemplateGone
    | RunsMoved
    | Tick
)
DispatchMessage = (
    RequestTouch | WithdrawTouch | AmendTouch | SuppressAddress | TenantAnnounced | Tick
)
CampaignMessage = (
    PublishCampaign
    | ChangeCampaign
    | DeleteTemplate
    | UpsertTenant
    | DeleteTenant
    | CampaignAcknowledged
    | MoveRuns
    | Tick
)

encode = msgspec.msgpack.Encoder().encode
decode_contact = msgspec.msgpack.Decoder(ContactMessage).decode
decode_dispatch = msgspec.msgpack.Decoder(DispatchMessage).decode
decode_campaign = msgspec.msgpack.Decoder(CampaignMessage).decode

DECODE: dict[Topic, Callable[[bytes], Message]] = {
    Topic.CONTACT_LOG: decode_contact,
    Topic.DISPATCH_LOG: decode_dispatch,
    Topic.CAMPAIGN_LOG: decode_campaign,
}
"""By the log that a message stands on."""

TICK = encode(Tick())


def contact_key(tenant_id: str, contact_id: str) -> bytes:
    """The key of contact-log, commands and facts; a tenant id holds no slash, so it splits one
    way only."""
    return f"{tenant_id}/{contact_id}".encode()


def account_key(tenant_id: str, channel: str) -> bytes:
    """The key of dispatch-log: what is scarce is a tenant's channel (F-11)."""
    return f"{tenant_id}/{channel}".encode()
