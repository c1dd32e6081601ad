"""The public events about jobs, contacts and engagement, as pydantic models (P-1).

Unknown fields are ignored, because the producer may use a newer release. (A campaign definition
refuses them, because a person may have mistyped a name.) Types are strict otherwise. A time is RFC
3339 text in JSON, and an integer of microseconds in Avro and in the model.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator

from schemas.base.field_types import (
    Addresses,
    AddressText,
    Attributes,
    CallSeconds,
    ChannelName,
    ChannelOrAll,
    CodeText,
    CommandId,
    Email,
    EntityId,
    Evidence,
    Id,
    Line,
    LinkedInUrl,
    Moment,
    Phone,
    Priority,
    ServiceTypeName,
    Text,
    Url,
    Variables,
    ZoneOrEmpty,
    required_address,
)
from schemas.channels import CHANNELS


class Part(BaseModel):
    """Base of all models: an event, or an object inside an event."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="ignore", allow_inf_nan=False, hide_input_in_errors=True
    )


class TenantEvent(Part):
    """Base of all events: every event belongs to one tenant (X-5)."""

    tenant_id: Id


class ContactEvent(TenantEvent):
    """Base of the events about one contact."""

    contact_id: EntityId


class CommandEvent(ContactEvent):
    """Base of the events and commands that name one command by its id (promise 5)."""

    command_id: CommandId


class Customer(Part):
    """The customer of a job. A null or absent field changes nothing; an empty text clears the
    field."""

    contact_id: EntityId
    first_name: Line | None = None
    last_name: Line | None = None
    email: Email | None = None
    phone: Phone | None = None
    timezone: ZoneOrEmpty | None = None
    region: Line | None = None


class JobCompleted(TenantEvent):
    """A job was finished (S1-8). `enroll: false` declines the automatic enrollment (F-9)."""

    job_id: EntityId
    service_type: ServiceTypeName
    completed_at: Moment
    customer: Customer
    enroll: bool = True


class JobDeleted(ContactEvent):
    """A job was deleted; its enrollment is stopped (S1-40)."""

    job_id: EntityId


class ContactUpserted(ContactEvent):
    """What is known of a person. A null or absent field changes nothing; an empty text clears the
    field. `addresses` holds any address by its name (release 2); it counts where the event also has
    `email`, `phone` or `linkedin_url`."""

    first_name: Line | None = None
    last_name: Line | None = None
    email: Email | None = None
    phone: Phone | None = None
    linkedin_url: LinkedInUrl | None = None
    timezone: ZoneOrEmpty | None = None
    region: Line | None = None
    attributes: Attributes | None = None
    addresses: Addresses | None = None


class ContactEnrolled(ContactEvent):
    """Somebody enrolled this person in a campaign by hand: the cooldown does not apply (F-9)."""

    campaign_id: Id
    variables: Variables | None = None


class ContactSteered(ContactEvent):
    """Somebody paused, resumed or stopped a person's run by hand: which of these is in `ce_type`.
    Without `campaign_id` all runs of the person are meant."""

    campaign_id: Id | None = None
    reason: Line | None = None


class ContactErased(ContactEvent):
    """The person asked to be forgotten (C-32)."""


class TouchSent(CommandEvent):
    """The sender has sent a touch, at `sent_at` by its own clock."""

    sent_at: Moment | None = None
    provider_message_id: EntityId | None = None


class TouchFailed(CommandEvent):
    """The sender could not send a touch. Where `permanent` is null the code of the provider decides
    whether it is tried again (F-7): SMTP 5xx and HTTP 4xx are final, except HTTP 408, 409, 425 and
    429; a code of an address that does not exist closes the address, and one of a recipient who has
    opted out is an opt-out. `window_closed` means that `send_before` had passed."""

    code: CodeText
    permanent: bool | None = None
    detail: Text | None = None


class TouchSeen(CommandEvent):
    """A touch was delivered or read, at `ce_time`: which of these is in `ce_type`."""


class TouchOpened(CommandEvent):
    """A touch was opened, at `ce_time`. `automatic` (release 2) marks an open by a machine, such as
    a mail proxy: it is recorded and moves nothing."""

    automatic: bool | None = None


class TouchClicked(CommandEvent):
    """A link of a touch was clicked, at `ce_time`. `automatic` (release 2) marks a click by a
    machine, such as a link scanner: it is recorded and moves nothing."""

    url: Url | None = None
    automatic: bool | None = None


class ContactReplied(ContactEvent):
    """The person wrote back. `kind` (release 3) is what the sender knows about the reply: human,
    automatic (an out-of-office note, which is no response, S4-54), gone (the person has left the
    company), or unsubscribe (an opt-out, which is no response, S4-112). Where `kind` and
    `automatic` are null, the standard headers of the message, in `headers`, decide."""

    channel: ChannelName
    text: Text | None = None
    automatic: bool | None = None
    command_id: CommandId | None = None
    headers: Variables | None = None
    kind: Literal["human", "automatic", "gone", "unsubscribe"] | None = None


class TouchBounced(CommandEvent):
    """A touch could not be delivered; after a hard bounce the address is not used again (S4-85).
    Where `bounce_type` is null, `enhanced_code` (RFC 3463) or else `smtp_code` decides (release 2).
    A block, 4.7.x or 5.7.x, never closes an address."""

    bounce_type: Literal["hard", "soft"] | None = None
    reason: Text | None = None
    enhanced_code: CodeText | None = None
    smtp_code: CodeText | None = None


class ContactUnsubscribed(ContactEvent):
    """The person opted out of one channel (F-8) or of all channels (S4-84). `method` (release 2) is
    how: by the header of RFC 8058, a link, a mail to the address of the header, a reply, a
    complaint, or by hand."""

    channel: ChannelOrAll
    command_id: CommandId | None = None
    reason: Text | None = None
    method: Literal["one_click", "link", "mailto", "reply", "complaint", "manual"] | None = None


class ContactResubscribed(ContactEvent):
    """The person agreed again to a channel, or to all of them. `evidence` names the record of it,
    for example a form and its time."""

    channel: ChannelOrAll
    evidence: Evidence


class AddressReopened(TenantEvent):
    """An address that bounced without a fault of its owner may be used again, for every contact of
    the tenant. Opt-outs stay."""

    channel: ChannelName
    address: AddressText
    reason: Line | None = None

    @field_validator("address")
    @classmethod
    def _of_its_channel(cls, text: str, info: ValidationInfo) -> str:
        """The address by the rule of the channel, which is checked before it."""
        channel = info.data.get("channel")
        return required_address(CHANNELS[channel].address, text) if channel else text


class ContactComplained(ContactEvent):
    """The person reported a message as spam; this is an opt-out of the channel (F-8)."""

    channel: ChannelName
    command_id: CommandId | None = None


class ConnectionAccepted(ContactEvent):
    """The person accepted a connection request on LinkedIn (X-6)."""

    command_id: CommandId | None = None
    sender_id: EntityId | None = None


class ReviewReceived(ContactEvent):
    """The person clicked a review link or gave feedback: this stops the enrollment and is its
    conversion (F-12)."""

    command_id: CommandId | None = None
    campaign_id: Id | None = None


class ConversionRecorded(ContactEvent):
    """The person did what a campaign is for, for example booked an interview (S4-43). With
    `entity_id` it counts once, however often it is reported. It is credited to the run of
    `command_id`, else to that of `campaign_id` (release 2), else by the model of attribution."""

    conversion_type: EntityId
    entity_id: EntityId | None = None
    command_id: CommandId | None = None
    campaign_id: Id | None = None


class CallRequested(TenantEvent):
    """Somebody asks for one call to a person, without a campaign of its own: a direct call goes
    before every campaign call of its tenant (F-16). The person is named by `contact_id`, or by
    `phone` with its country code; with both, `phone` is reported of the person. Not before
    `scheduled_for`."""

    contact_id: EntityId | None = None
    phone: Phone | None = None
    name: Line | None = None
    agent_id: EntityId | None = None
    from_number: Phone | None = None
    template_id: EntityId | None = None
    scheduled_for: Moment | None = None
    priority: Priority | None = None
    variables: Variables | None = None

    @model_validator(mode="after")
    def _names_a_person(self) -> "CallRequested":
        if self.contact_id is None and not self.phone:
            raise ValueError("needs contact_id or phone")
        return self


class CallProgressed(CommandEvent):
    """How far a call is; a sender may leave it out. A call takes its slot for less time if its
    progress is known."""

    state: Literal["initiated", "ringing", "in_progress"]
    call_id: EntityId | None = None


class CallEnded(CommandEvent):
    """A call ended with an outcome of the provider, after a number of seconds (X-6): this frees its
    slot. `raw_status` (release 2) is the provider's own word, `answered_by` who or what answered:
    human, machine, fax."""

    outcome: EntityId
    seconds: CallSeconds = 0
    call_id: EntityId | None = None
    raw_status: Line | None = None
    answered_by: Line | None = None


class CallReviewed(CommandEvent):
    """What a call led to, minutes after its end. `result` is a plain code, for example `callback`.
    It never touches a slot."""

    success: bool
    result: EntityId | None = None


def _optional(model: type[BaseModel]) -> tuple[str, ...]:
    """The names of the optional fields."""
    return tuple(name for name, field in model.model_fields.items() if not field.is_required())


DROPPABLE: dict[type[BaseModel], tuple[str, ...]] = {
    Customer: _optional(Customer),
    ContactUpserted: _optional(ContactUpserted),
    ContactEnrolled: ("variables",),
    ContactSteered: ("reason",),
    TouchSent: ("sent_at", "provider_message_id"),
    TouchFailed: ("permanent", "detail"),
    TouchClicked: ("url",),
    ContactReplied: _optional(ContactReplied),
    TouchBounced: _optional(TouchBounced),
    ContactUnsubscribed: ("command_id", "reason", "method"),
    ContactComplained: ("command_id",),
    AddressReopened: ("reason",),
    ConnectionAccepted: _optional(ConnectionAccepted),
    ConversionRecorded: ("entity_id",),
    CallRequested: ("name", "template_id", "priority", "variables"),
    CallProgressed: ("call_id",),
    CallEnded: ("seconds", "call_id", "raw_status", "answered_by"),
    CallReviewed: ("result",),
}
"""The optional fields whose invalid value costs the field alone: the event counts without it, and a
fact names the field. Of a map only the invalid entries are dropped.

Every other field refuses the event. Those are required fields and identities, and fields whose loss
would widen what the event does: `enroll`, the campaign of an order, the campaign and the command of
a review or a conversion, `automatic` of an open or a click. A reply, an opt-out and a connection do
not depend on their command: a bad `command_id` must not cost them. Without a valid `kind` and
`automatic` the text and the headers of a reply decide, without a valid `permanent` the code of a
failure, and without a valid field of a bounce the others.
"""
