"""The copies of tenants and campaigns in the tasks of the contact and dispatch processors, and the
counts of a campaign in one task.

A field is only ever appended, with a default.
"""

import msgspec

from schemas.base.times import DurationUs, MinuteOfDay, MomentUs
from schemas.campaigns.compiled_definition import Definition
from schemas.internal.contact_messages import Window
from schemas.internal.limit_terms import LimitTerms, TenantCallTerms
from schemas.internal.state_base import State


class KnownTenant(State):
    """The copy of a tenant in a task of the contact or dispatch processor, from TenantAnnounced.

    `campaigns` has the campaign of each service type (F-10).
    """

    tenant_id: str
    status: str
    timezone: str
    quiet: Window | None
    strict_start: MinuteOfDay
    strict_regions: tuple[str, ...]
    delay_by_service: dict[str, DurationUs]
    limits: dict[str, int | None]
    campaigns: dict[str, str] = {}
    templates_gone: list[str] = []
    caps: dict[str, int] = {}
    """The greatest number of touches of a person over all campaigns, by window: per_day,
    per_week."""

    fence: MomentUs = 0
    """Events from before this moment are history."""

    country: str = ""
    """ISO 3166-1 alpha-2, for phone numbers without a country code and for regions; empty where it
    is not known."""

    opt_out_words: tuple[str, ...] = ()
    """Words of the tenant that, as a whole text message, are an opt-out: in upper case."""

    calling_hours: bool = False
    """Whether the calling hours of the law (schemas/base/regions.yaml) narrow the send windows."""

    calls: TenantCallTerms | None = None
    more_limits: dict[str, LimitTerms] = {}
    opt_out_scope: str = "channel"


class KnownCampaign(State):
    """The copy of a campaign in a task of the contact processor, from CampaignAnnounced.

    `definitions` has every version that an enrollment may be pinned to. The `sweep` fields are the
    progress of a sweep, the `move` fields the migration that the sweep carries out.
    """

    tenant_id: str
    campaign_id: str
    status: str
    version: int
    definitions: dict[int, Definition]
    sweep: str | None = None
    sweep_cursor: bytes = b""
    sweep_at: MomentUs = 0
    sweep_cause: str = ""
    move_from: int | None = None
    move_steps: dict[str, str | None] = {}
    winners: dict[str, str] = {}
    """The variant that won, by experiment id, where the rest gets its template."""

    def due(self) -> MomentUs | None:
        return self.sweep_at if self.sweep else None


class Sweep(msgspec.Struct, array_like=True):
    """One change of a campaign that is being applied to its contacts.

    `name` is `amend`, `move`, `freeze`, `thaw`, `counts`, or the reason with which enrollments are
    stopped. `at` is the moment of the change, `cursor` the key of the last contact that was
    visited. `version` is the one that enrollments move to, `request` that of the counts.
    """

    number: int
    tenant_id: str
    campaign_id: str
    name: str
    cause: str
    at: MomentUs
    cursor: bytes = b""
    version: int = 0
    move_from: int | None = None
    move_steps: dict[str, str | None] = {}
    request: int = 0


class Sweeps(State):
    """The sweeps of one task of the contact processor, in the order of their turns.

    `number` is that of the latest sweep, `turns` that of the latest turn that was asked for, and
    `done` that of the latest one that was had, at `turned_at` and with `size` contacts. So many of
    the next turns visit one contact each as `alone` has, because an earlier one has failed.
    """

    queue: list[Sweep] = []
    number: int = 0
    turns: int = 0
    done: int = 0
    alone: int = 0
    turned_at: MomentUs = 0
    size: int = 0


class RunCount(State):
    """The runs of a campaign in this partition, by how they stand: runs, live, completed, failed,
    cancelled, skipped. Only campaigns that complete by themselves are counted. `report_at` is when
    the numbers are next reported to the campaign."""

    tenant_id: str
    campaign_id: str
    counts: dict[str, int] = {}
    seq: int = 0
    changes: int = 0
    last_started_at: MomentUs = 0
    report_at: MomentUs | None = None
    last_position: int = 0
    """The position of the latest item of the campaign in this partition."""

    answers: int = 0
    """The number of the latest request for the counts that was answered."""

    def due(self) -> MomentUs | None:
        return self.report_at
