"""The states of the campaign processor: campaigns, tenants, sender accounts and call pools.

A field is only ever appended, with a default.
"""

from schemas.base.times import DurationUs, MinuteOfDay, MomentUs
from schemas.campaigns.compiled_definition import Definition
from schemas.internal.contact_messages import Window
from schemas.internal.limit_terms import LimitTerms, SenderTerms, TenantCallTerms
from schemas.internal.state_base import State


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

    def due(self) -> MomentUs | None:
        return self.complete_at


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
