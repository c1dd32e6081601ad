"""The states of the campaign processor: campaigns, tenants, sender accounts and call pools.

A field is only ever appended, with a default.
"""

import msgspec

from schemas.base.times import DurationUs, MinuteOfDay, MomentUs
from schemas.campaigns.compiled_definition import Definition
from schemas.internal.contact_messages import Window
from schemas.internal.count_names import add_counts
from schemas.internal.limit_terms import LimitTerms, SenderTerms, TenantCallTerms
from schemas.internal.state_base import State


class Activation(msgspec.Struct, array_like=True, gc=False):
    """An order to activate a campaign that waits until every partition of contact-log has counted
    its runs: `awaited` are those that have not yet."""

    cause: str
    at: MomentUs
    request: int
    awaited: list[int]
    further: list[str] = []
    """The causes of further such orders, which get the same answer."""


class Decision(msgspec.Struct, array_like=True, gc=False):
    """How an experiment was decided, for good: `winner` is A, B, or empty for no winner; `counts`
    are the numbers on which it was."""

    winner: str
    decided_at: MomentUs
    counts: dict[str, int]


class ExperimentRecord(msgspec.Struct, array_like=True, gc=False):
    """An experiment of a campaign: the greatest e-value so far in millionths, the greatest one of
    its sample ratio, and the decision.

    `switched_by` lists the partitions of contact-log that use the winner's template.
    """

    experiment_id: str
    greatest_e: int = 1_000_000
    greatest_ratio_e: int = 1_000_000
    decision: Decision | None = None
    switched_by: list[int] = []
    alarm: str = ""
    """By which check of the sample ratio an alarm was reported: chi_squared or continuous."""


class CampaignRecord(State):
    """A campaign with its newest version and its status.

    `acknowledged_by` lists the partitions of contact-log that have acknowledged the newest version.
    """

    tenant_id: str
    campaign_id: str
    status: str
    version: int
    definition: Definition
    definition_hash: bytes
    acknowledged_by: list[int]
    created_at: MomentUs
    updated_at: MomentUs
    cause: str = ""
    counts: dict[int, tuple[int, dict[str, int]]] = {}
    """The latest number and counts of RunsCounted, by partition."""

    last_started_at: MomentUs = 0
    """When the latest run began."""

    started_at: MomentUs = 0
    """When the campaign first became active; of kinds that complete by themselves."""

    ended_at: MomentUs = 0
    """When the campaign was completed or cancelled; of kinds that complete by themselves."""

    complete_at: MomentUs | None = None
    """When it is looked at next whether the campaign is complete."""

    end_reason: str = ""
    """Why the campaign was completed: end_date, targets, all_processed or by_order."""

    first_day: int | None = None
    """The day of the first activation by the campaign's zone, where the definition has no first
    day; `last_day` is that of its completion (S4-16, C-7). Days since 1970-01-01."""

    last_day: int | None = None
    requests: int = 0
    """How often the partitions were asked for their counts."""

    activation: Activation | None = None
    dates: dict[str, MomentUs] = {}
    """When the campaign does something by itself, by what it does: it ends by its end date (`end`),
    gives its provisional report at the latest (`settle`) and its final one (`report`), is archived
    (`archive`), and reminds its owner that its data may be deleted (`retention`)."""

    experiments: dict[str, ExperimentRecord] = {}
    awaited: list[int] = []
    """The partitions of contact-log that have not yet counted the runs since the completion."""

    settled_at: MomentUs = 0
    """When no run was left and no command was out any more, after the completion."""

    def total_counts(self) -> dict[str, int]:
        """The counts over all partitions, by name."""
        return add_counts(counts for _, counts in self.counts.values())

    def due(self) -> MomentUs | None:
        if not self.dates:
            return self.complete_at
        soonest = min(self.dates.values())
        return soonest if self.complete_at is None else min(soonest, self.complete_at)


class TenantRecord(State):
    """A tenant. `services` has the campaign of each service type (C-4)."""

    tenant_id: str
    status: str
    timezone: str
    quiet: Window | None
    strict_start: MinuteOfDay
    strict_regions: tuple[str, ...]
    delay_by_service: dict[str, DurationUs]
    limits: dict[str, int | None]
    campaigns: list[str] = []
    services: dict[str, str] = {}
    templates_gone: list[str] = []
    created_at: MomentUs = 0
    updated_at: MomentUs = 0
    reported_at: MomentUs = 0
    seen: list[bytes] = []
    caps: dict[str, int] = {}
    fence: MomentUs = 0
    country: str = ""
    opt_out_words: tuple[str, ...] = ()
    calling_hours: bool = False
    calls: TenantCallTerms | None = None
    more_limits: dict[str, LimitTerms] = {}
    senders: list[str] = []
    """The sender accounts that are there."""

    opt_out_scope: str = "channel"


class SenderRecord(State):
    """A sender account of a tenant, as it was last reported. An empty zone in its terms is the
    tenant's."""

    tenant_id: str
    channel: str
    terms: SenderTerms
    created_at: MomentUs
    updated_at: MomentUs
    reported_at: MomentUs
    removed_at: MomentUs = 0
    seen: list[bytes] = []
    """The latest reports of what was sent by other means: each counts once."""

    throttled_at: dict[str, MomentUs] = {}
    """When the provider last closed an action, by its own time; the empty action is all."""


class PoolRecord(State):
    """A call pool, as it was last reported."""

    pool_id: str
    slots: int
    weights: dict[str, int]
    reserved: dict[str, int]
    created_at: MomentUs
    updated_at: MomentUs
    reported_at: MomentUs
