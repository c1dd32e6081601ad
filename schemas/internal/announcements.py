"""The messages of the campaign processor to all partitions, and the acknowledgement of a version.

Every announcement is a record of each partition of contact-log; TenantAnnounced also of each
partition of dispatch-log, which gets the limits and the status of campaigns in messages of its own.
A field is only ever appended, with a default.
"""

from msgspec import field

from schemas.base.times import DurationUs, MinuteOfDay, MomentUs
from schemas.campaigns.compiled_definition import Definition
from schemas.internal.contact_messages import Message, Window
from schemas.internal.limit_terms import LimitTerms, SenderTerms, TenantCallTerms

SWEEP_RULES = 1
"""The rules by which a partition applies the announcements that are made now: bit by bit, while it
folds the records of other contacts. By those of before (0) it does so before its next record."""


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
    calls: TenantCallTerms | None = None
    more_limits: dict[str, LimitTerms] = field(default_factory=dict)
    """The limits by channel that are not for an hour."""

    opt_out_scope: str = "channel"
    """What an opt-out by one click or a complaint closes: the channel, or all channels (C-26)."""

    rules: int = 0


class SenderAnnounced(Message, frozen=True):
    """A sender account, to the owner of its channel. `removed_at` is 0 while it is there."""

    tenant_id: str
    channel: str
    sender: SenderTerms
    removed_at: MomentUs = 0
    cause: str = ""


class SenderThrottled(Message, frozen=True):
    """A provider asks an account to slow down until a moment; an empty `action` means all."""

    tenant_id: str
    channel: str
    sender_id: str
    action: str
    until: MomentUs
    cause: str


class SenderUsed(Message, frozen=True):
    """Somebody has sent `count` messages from an account by other means."""

    tenant_id: str
    channel: str
    sender_id: str
    action: str
    at: MomentUs
    count: int
    cause: str


class PoolAnnounced(Message, frozen=True):
    """A call pool, to every partition of dispatch-log."""

    pool_id: str
    slots: int
    weights: dict[str, int]
    reserved: dict[str, int]
    cause: str = ""


class CampaignLimitsAnnounced(Message, frozen=True):
    """The limits of a campaign's newest version, to every partition of dispatch-log; sent for a
    campaign that has limits, or had some. `calls_at_once` is for its calls."""

    tenant_id: str
    campaign_id: str
    per_day: int | None = None
    max_new_per_day: int | None = None
    calls_at_once: int | None = None


class CampaignGateAnnounced(Message, frozen=True):
    """A campaign has a new status; to every partition of dispatch-log, which sends nothing of a
    campaign that is not active."""

    tenant_id: str
    campaign_id: str
    status: str


class CountsRequested(Message, frozen=True):
    """The campaign processor asks every partition of contact-log for its counts of a campaign: each
    answers with RunsCounted at once."""

    tenant_id: str
    campaign_id: str
    request: int


class RunsCounted(Message, frozen=True):
    """The runs of a campaign in one partition of contact-log, on campaign-log, as absolute values:
    the newest `seq` counts.

    `counts` is by name. A call campaign has runs, live, completed, failed, cancelled and skipped;
    others have those of schemas/internal/count_names.py. `version` is the newest one that the
    partition knows, `answers` the number of the latest request that it has answered.
    """

    tenant_id: str
    campaign_id: str
    partition: int
    seq: int
    counts: dict[str, int]
    last_started_at: MomentUs = 0
    version: int = 0
    answers: int = 0


class WinnerAnnounced(Message, frozen=True):
    """An experiment was decided: who has not been reached by its step gets the template of
    `variant`."""

    tenant_id: str
    campaign_id: str
    experiment_id: str
    variant: str
    cause: str
    rules: int = 0


class WinnerAcknowledged(Message, frozen=True):
    """The answer to WinnerAnnounced of one partition of contact-log, on campaign-log: its next
    request has the winner's template."""

    tenant_id: str
    campaign_id: str
    experiment_id: str
    partition: int


class SenderComplained(Message, frozen=True):
    """How many of an account's messages people have reported as spam by the count of its provider,
    for the owner of the account."""

    tenant_id: str
    channel: str
    sender_id: str
    delivered: int
    complaints: int
    at: MomentUs
    cause: str


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
    rules: int = 0


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
    rules: int = 0


class TemplateGone(Message, frozen=True):
    """A template of the tenant was deleted; steps that use it are not sent (S1-42)."""

    tenant_id: str
    template_id: str
    cause: str
    rules: int = 0


class RunsMoved(Message, frozen=True):
    """The runs of `from_version`, or of every older version if it is None, continue in `version`.
    `steps` maps the id of an old step to the id of its new step, or to None if the step is gone."""

    tenant_id: str
    campaign_id: str
    version: int
    from_version: int | None
    steps: dict[str, str | None]
    cause: str
    rules: int = 0


class SweepTurn(Message, frozen=True):
    """The next contacts of the sweeps of a partition are to be visited; a record that the partition
    writes into its own log, behind those of other contacts. With `is_check` it follows the turn
    of the same number, and finds out whether that has failed."""

    number: int
    is_check: bool = False
