"""The commands to senders as pydantic models: what touchstream publishes (P-3)."""

from typing import Literal

from pydantic import Field

from schemas.base.field_types import (
    AddressText,
    AllVariables,
    ChannelName,
    ChannelOrAll,
    CommandId,
    Count,
    EntityId,
    Id,
    Line,
    Moment,
)
from schemas.public.inbound_events import CommandEvent, Part


class Call(Part):
    """How a call is placed: from which number, for which agent, and how long it may ring and last.
    Nothing may start after `place_by`: the window of calls has closed, or the slot is gone."""

    pool_id: Id
    agent_id: EntityId | None = None
    from_number: AddressText | None = None
    ring_seconds: Count
    max_seconds: Count
    place_by: Moment


class Unsubscribe(Part):
    """What the link for an opt-out must lead to (S4-83, RFC 8058). The sender writes the headers
    List-Unsubscribe and List-Unsubscribe-Post, signs `ref` in a token of its own, because ids can
    be guessed, and covers both headers with DKIM. A GET of the link must not unsubscribe. A POST
    becomes the event contact.unsubscribed with the channel of `scope`, or `all`."""

    ref: CommandId
    scope: ChannelOrAll


class TouchDue(CommandEvent):
    """A command to send this touch now. A repeated `command_id` is the same send, so a sender may
    drop an id that it has sent (promise 5).

    From `send_before` (release 2) on the touch must not be sent: the send window has closed. The
    sender then answers touch.failed with the code `window_closed`, and gets another command when
    the window opens. `call` (release 3) is there if the touch is a call. Release 4 has
    `experiment_id` and `variant` if the template is that of a variant, `unsubscribe` where the
    message must offer an opt-out by one click, `text_characters` where the channel limits it."""

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
    send_before: Moment | None = None
    call: Call | None = None
    experiment_id: Id | None = None
    variant: Literal["A", "B"] | None = None
    unsubscribe: Unsubscribe | None = None
    text_characters: Count | None = None


class CommandRevoked(CommandEvent):
    """A command not to send a touch that has not been sent yet. It has the key of the revoked
    command, so it comes after that command."""

    reason: Line
