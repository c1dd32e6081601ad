"""The orders about campaigns, templates and tenants, as records of campaign-log.

Each order comes from a public event, which `cause` names as `source#id`; `at` is its `ce_time`, or
the timestamp of its record if it has none. A field is only ever appended, with a default.
"""

from msgspec import field

from schemas.base.times import DurationUs, MinuteOfDay, MomentUs
from schemas.internal.contact_messages import Message
from schemas.internal.limit_terms import LimitTerms, SenderTerms, TenantCallTerms


class PublishCampaign(Message, frozen=True):
    """An order to publish a definition. `document` is JSON, and not validated yet."""

    tenant_id: str
    campaign_id: str
    cause: str
    at: MomentUs
    document: bytes


class ChangeCampaign(Message, frozen=True):
    """An order to change the status of a campaign. `action` is activated, paused, resumed,
    completed, archived or deleted (C-8)."""

    tenant_id: str
    campaign_id: str
    action: str
    cause: str
    at: MomentUs


class MoveRuns(Message, frozen=True):
    """An order to move the runs of `from_version`, or of every older version if it is None, to the
    newest version. `steps` is as in RunsMoved."""

    tenant_id: str
    campaign_id: str
    cause: str
    at: MomentUs
    from_version: int | None
    steps: dict[str, str | None]


class DeleteTemplate(Message, frozen=True):
    """An order to delete a template (S1-42)."""

    tenant_id: str
    template_id: str
    cause: str
    at: MomentUs


class UpsertTenant(Message, frozen=True):
    """An order to create or change a tenant. The fields are as in TenantAnnounced; None means the
    default: quiet hours from 21:00 to 08:00 (F-6), 100 touches an hour and channel (F-11)."""

    tenant_id: str
    cause: str
    at: MomentUs
    timezone: str
    quiet_start: MinuteOfDay | None = None
    quiet_end: MinuteOfDay | None = None
    strict_start: MinuteOfDay | None = None
    strict_regions: tuple[str, ...] = ()
    delay_by_service: dict[str, DurationUs] = field(default_factory=dict)
    limits: dict[str, int | None] = field(default_factory=dict)
    caps: dict[str, int] = field(default_factory=dict)
    fence: MomentUs = 0
    country: str = ""
    opt_out_words: tuple[str, ...] = ()
    calling_hours: bool = False
    calls: TenantCallTerms | None = None
    more_limits: dict[str, LimitTerms] = field(default_factory=dict)
    opt_out_scope: str = "channel"


class UpsertSender(Message, frozen=True):
    """An order to create or change a sender account."""

    tenant_id: str
    channel: str
    cause: str
    at: MomentUs
    sender: SenderTerms
    ignored: tuple[str, ...] = ()
    """The limits of the event that no account can have."""


class RemoveSender(Message, frozen=True):
    """An order to remove a sender account."""

    tenant_id: str
    sender_id: str
    cause: str
    at: MomentUs


class ThrottleSender(Message, frozen=True):
    """A provider asks an account to slow down; `until` None means for five hours."""

    tenant_id: str
    sender_id: str
    cause: str
    at: MomentUs
    action: str = ""
    until: MomentUs | None = None


class ReportUsage(Message, frozen=True):
    """Messages were sent from an account by other means, at `used_at`."""

    tenant_id: str
    sender_id: str
    cause: str
    at: MomentUs
    action: str
    used_at: MomentUs
    count: int


class ReportComplaints(Message, frozen=True):
    """A provider that names nobody counts how many of an account's messages it delivered, and how
    many of them people have reported as spam."""

    tenant_id: str
    sender_id: str
    cause: str
    at: MomentUs
    delivered: int
    complaints: int


class UpsertPool(Message, frozen=True):
    """An order to create or change a call pool."""

    pool_id: str
    cause: str
    at: MomentUs
    slots: int
    weights: dict[str, int] = field(default_factory=dict)
    reserved: dict[str, int] = field(default_factory=dict)


class PauseByFailures(Message, frozen=True):
    """The owner of a call pool found that too many calls of a campaign fail: of its last `ends`
    calls, `failed` have failed."""

    tenant_id: str
    campaign_id: str
    ends: int
    failed: int


class ReopenAddress(Message, frozen=True):
    """An order to use an address again that bounced without a fault of its owner."""

    tenant_id: str
    channel: str
    address: str
    reason: str
    cause: str
    at: MomentUs


class DeleteTenant(Message, frozen=True):
    """An order to delete a tenant and its campaigns (S1-38)."""

    tenant_id: str
    cause: str
    at: MomentUs
