"""The shapes of what owners order (campaigns, senders, tenants) and of what we order: the commands
(design 3, P-3)."""

from typing import Annotated

from pydantic import Field

from schemas.base.field_types import (
    AllVariables,
    ChannelName,
    Clock,
    CommandId,
    Count,
    Document,
    EntityId,
    Hours,
    Id,
    Line,
    Moment,
    ServiceTypeName,
    Zone,
)
from schemas.public.inbound_events import CommandEvent, Part, TenantEvent


class CampaignPublished(TenantEvent):
    """A definition as its author wrote it; the campaign processor says what is wrong with it, all
    at once."""

    campaign_id: Id
    definition: Document


class CampaignChanged(TenantEvent):
    """Activated, paused, resumed, completed, archived or deleted: `ce_type` says which (C-8)."""

    campaign_id: Id
    reason: Line | None = None


class CampaignMigrated(TenantEvent):
    """The runs of a version, or of every older one, go on in the newest. `steps` says which step
    has become which; null says that it is gone, and steps of the same id need no word (C-36)."""

    campaign_id: Id
    from_version: Count | None = None
    steps: dict[Id, Id | None] = Field(default_factory=dict)


class TemplateDeleted(TenantEvent):
    """Steps keep standing without their template (S1-42)."""

    template_id: EntityId


class SenderLimits(Part):
    """What one account may do; null is no limit of its own (C-38)."""

    per_hour: Count | None = None
    per_day: Count | None = None
    per_week: Count | None = None
    per_month: Count | None = None
    spacing_seconds: Count | None = None
    concurrent: Count | None = None


class Hourly(Part):
    per_hour: Count | None = None


class FrequencyCaps(Part):
    """How often a person is reached over all campaigns, in any 24 hours and any seven days; null
    is as often as it comes (X-3)."""

    per_day: Annotated[int, Field(ge=1, le=1_000)] | None = None
    per_week: Annotated[int, Field(ge=1, le=1_000)] | None = None


class SendWindow(Part):
    """From `start` to `end` by the wall clock; it may run over midnight (C-33)."""

    start: Clock
    end: Clock


class SenderUpserted(TenantEvent):
    sender_id: EntityId
    channel: ChannelName
    limits: SenderLimits | None = None
    window: SendWindow | None = None
    timezone: Zone | None = None


class SenderRemoved(TenantEvent):
    sender_id: EntityId


class QuietHours(SendWindow):
    """No touch from `start` to `end`; regions with a stricter law start at `strict_start` (F-6).
    Equal: never."""

    strict_start: Clock | None = None
    strict_regions: Annotated[list[Line], Field(max_length=500, default_factory=list)]


class TenantUpserted(TenantEvent):
    """A business and its defaults; null quiet hours mean 21:00-08:00 (F-6), no limit given means
    100 an hour (F-11). What happened before the fence is history: it is known, and schedules
    nothing."""

    timezone: Zone
    quiet_hours: QuietHours | None = None
    limits: dict[ChannelName, Hourly] = Field(default_factory=dict)
    delay_hours_by_service: dict[ServiceTypeName, Hours] = Field(default_factory=dict)
    frequency_caps: FrequencyCaps | None = None
    fence: Moment | None = None


class TenantDeleted(TenantEvent):
    """The business is gone, and its campaigns with it (S1-38)."""


class TouchDue(CommandEvent):
    """Out: send this now. The same `command_id` again is the same send, so drop what was seen
    (design 2.5)."""

    campaign_id: Id
    campaign_version: Count
    enrollment_id: CommandId
    step_id: Id
    touch_number: Count
    attempt: Count
    channel: ChannelName
    action: Id
    template_id: EntityId
    recipient: Line
    sender_id: EntityId | None = None
    variables: AllVariables = Field(default_factory=dict)
    scheduled_at: Moment
    due_at: Moment
    expires_at: Moment


class CommandRevoked(CommandEvent):
    """Out: if it was not sent yet, do not. Same key as the command, so it comes after it."""

    reason: Line
