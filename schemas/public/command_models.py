"""The commands to senders as pydantic models: what touchstream publishes (P-3)."""

from pydantic import Field

from schemas.base.field_types import (
    AddressText,
    AllVariables,
    ChannelName,
    CommandId,
    Count,
    EntityId,
    Id,
    Line,
    Moment,
)
from schemas.public.inbound_events import CommandEvent


class TouchDue(CommandEvent):
    """A command to send this touch now. A repeated `command_id` is the same send, so a sender may
    drop an id that it has seen (promise 5)."""

    campaign_id: Id
    campaign_version: Count
    enrollment_id: CommandId
    step_id: Id
    touch_number: Count
    attempt: Count
    channel: ChannelName
    action: Id
    template_id: EntityId
    recipient: AddressText
    sender_id: EntityId | None = None
    variables: AllVariables = Field(default_factory=dict)
    scheduled_at: Moment
    due_at: Moment
    expires_at: Moment


class CommandRevoked(CommandEvent):
    """A command not to send a touch that has not been sent yet. It has the key of the revoked
    command, so it comes after that command."""

    reason: Line
