"""The shapes of what jobs, contacts and senders' answers tell (design 3, P-1).

Unknown fields are ignored: a producer may be newer than we are, and an event it extended is still a
good event. (A campaign definition forbids them: a person wrote it, and a typo must be told.) Types
are strict otherwise. In JSON a time is RFC 3339 text; in Avro, and in the model, it is an integer
of microseconds.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.base.field_types import (
    Attributes,
    ChannelName,
    ChannelOrAll,
    CodeText,
    CommandId,
    Count,
    EntityId,
    Id,
    Line,
    Moment,
    ServiceTypeName,
    Text,
    Url,
    Variables,
    ZoneOrEmpty,
)


class Part(BaseModel):
    """A piece of an event."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="ignore", allow_inf_nan=False, hide_input_in_errors=True
    )


class TenantEvent(Part):
    """Every event belongs to one tenant (X-5)."""

    tenant_id: Id


class ContactEvent(TenantEvent):
    contact_id: EntityId


class CommandEvent(ContactEvent):
    """A sender's word about one command, by the command's own ids (design 2.5)."""

    command_id: CommandId


class Customer(Part):
    """Whom the job was done for. Null or absent says nothing new; an empty text clears."""

    contact_id: EntityId
    first_name: Line | None = None
    last_name: Line | None = None
    email: Line | None = None
    phone: Line | None = None
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
    """A job is gone, and its enrollment with it (S1-40)."""

    job_id: EntityId


class ContactUpserted(ContactEvent):
    """What is known of a person. Null or absent says nothing new; an empty text clears."""

    first_name: Line | None = None
    last_name: Line | None = None
    email: Line | None = None
    phone: Line | None = None
    linkedin_url: Url | None = None
    timezone: ZoneOrEmpty | None = None
    region: Line | None = None
    attributes: Attributes | None = None


class ContactEnrolled(ContactEvent):
    """Somebody put this person into a campaign by hand: the cool-down does not apply (F-9)."""

    campaign_id: Id
    variables: Variables | None = None


class ContactSteered(ContactEvent):
    """A person's run is paused, resumed or stopped by hand; without a campaign, in all of them."""

    campaign_id: Id | None = None
    reason: Line | None = None


class ContactErased(ContactEvent):
    """The person asked to be forgotten (C-32)."""


class TouchSent(CommandEvent):
    sent_at: Moment | None = None
    provider_message_id: EntityId | None = None


class TouchFailed(CommandEvent):
    """`permanent` null leaves it to the code: 4xx other than 429 is not retried (F-7)."""

    code: CodeText
    permanent: bool | None = None
    detail: Text | None = None


class TouchSeen(CommandEvent):
    """Delivered, opened or read; when is `ce_time`."""


class TouchClicked(CommandEvent):
    url: Url | None = None


class ContactReplied(ContactEvent):
    """`automatic` marks an out-of-office note, which is no response (S4-54); so do the standard
    headers of the message, if they are passed on."""

    channel: ChannelName
    text: Text | None = None
    automatic: bool = False
    command_id: CommandId | None = None
    headers: Variables | None = None


class TouchBounced(CommandEvent):
    bounce_type: Literal["hard", "soft"]
    reason: Text | None = None


class ContactUnsubscribed(ContactEvent):
    """An opt-out of one channel (F-8) or of all (S4-84)."""

    channel: ChannelOrAll
    command_id: CommandId | None = None
    reason: Text | None = None


class ContactComplained(ContactEvent):
    channel: ChannelName
    command_id: CommandId | None = None


class ConnectionAccepted(ContactEvent):
    command_id: CommandId | None = None
    sender_id: EntityId | None = None


class ReviewReceived(ContactEvent):
    """A review click or feedback: it stops the enrollment and is its conversion (F-12)."""

    command_id: CommandId | None = None
    campaign_id: Id | None = None


class ConversionRecorded(ContactEvent):
    conversion_type: EntityId
    entity_id: EntityId | None = None
    command_id: CommandId | None = None


class CallEnded(CommandEvent):
    outcome: EntityId
    seconds: Count = 0
