"""The messages of the campaign processor to all partitions, and the acknowledgement of a version.

Every announcement is a record of each partition of contact-log; TenantAnnounced also of each
partition of dispatch-log. A field is only ever appended, with a default.
"""

from msgspec import field

from schemas.base.times import DurationUs, MinuteOfDay, MomentUs
from schemas.campaigns.compiled_definition import Definition
from schemas.internal.contact_messages import Message, Window


class TenantAnnounced(Message, frozen=True):
    """A tenant and its defaults. `delay_by_service` is by service type, `limits` (touches an hour)
    by channel, `caps` by window: per_day, per_week. Events from before `fence` are history."""

    tenant_id: str
    status: str
    timezone: str
    quiet: Window | None
    strict_start: MinuteOfDay
    strict_regions: tuple[str, ...]
    delay_by_service: dict[str, DurationUs]
    limits: dict[str, int | None]
    caps: dict[str, int] = field(default_factory=dict)
    fence: MomentUs = 0
    country: str = ""
    opt_out_words: tuple[str, ...] = ()
    calling_hours: bool = False


class AddressReopened(Message, frozen=True):
    """An address that bounced may be used again, for every contact of the tenant; a record of every
    partition of contact-log and dispatch-log. Opt-outs stay."""

    tenant_id: str
    channel: str
    address: str
    reason: str
    cause: str


class CampaignAnnounced(Message, frozen=True):
    """A published version of a campaign, and the status of the campaign."""

    tenant_id: str
    campaign_id: str
    version: int
    status: str
    definition: Definition
    cause: str


class CampaignAcknowledged(Message, frozen=True, tag="CampaignKnown"):
    """The answer to CampaignAnnounced of one partition of contact-log, on campaign-log: the next
    job of this partition uses the version."""

    tenant_id: str
    campaign_id: str
    version: int
    partition: int


class StatusAnnounced(Message, frozen=True):
    """A campaign has a new status."""

    tenant_id: str
    campaign_id: str
    status: str
    cause: str


class TemplateGone(Message, frozen=True):
    """A template of the tenant was deleted; steps that use it are not sent (S1-42)."""

    tenant_id: str
    template_id: str
    cause: str


class RunsMoved(Message, frozen=True):
    """The runs of `from_version`, or of every older version if it is None, continue in `version`.
    `steps` maps the id of an old step to the id of its new step, or to None if the step is gone."""

    tenant_id: str
    campaign_id: str
    version: int
    from_version: int | None
    steps: dict[str, str | None]
    cause: str
