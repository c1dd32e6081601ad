"""The public events about campaigns, templates and tenants, as pydantic models.

Their owners publish them on the topics `campaigns` and `senders`.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from schemas.base.field_types import (
    ChannelName,
    Clock,
    Count,
    Country,
    Document,
    EntityId,
    Hours,
    Id,
    Line,
    Moment,
    NumberKind,
    Phone,
    Quota,
    ServiceTypeName,
    SingleZone,
    Slots,
)
from schemas.base.opt_out_words import problem_of
from schemas.public.inbound_events import Part, TenantEvent
from schemas.public.sender_events import SendWindow


class CampaignPublished(TenantEvent):
    """A campaign definition as its author wrote it. The campaign processor validates it and records
    all of its problems in one fact."""

    campaign_id: Id
    definition: Document


class CampaignChanged(TenantEvent):
    """A campaign was activated, paused, resumed, completed, archived or deleted: which of these is
    in `ce_type` (C-8)."""

    campaign_id: Id
    reason: Line | None = None


class CampaignMigrated(TenantEvent):
    """The runs of `from_version`, or of every older version if it is null, continue in the newest
    version. `steps` maps the id of an old step to the id of its new step, or to null if the step is
    gone; a step that keeps its id needs no entry (C-36)."""

    campaign_id: Id
    from_version: Count | None = None
    steps: dict[Id, Id | None] = Field(default_factory=dict)


class TemplateDeleted(TenantEvent):
    """A template no longer exists. Steps that use it stay, and are not sent (S1-42)."""

    template_id: EntityId


HourlyQuota = Annotated[int, Field(ge=1, le=1_000_000_000)]
"""A limit of 0 would stop everything, which is a pause."""


class Hourly(Part):
    """How many touches a tenant may send in an hour; null means that there is no limit (F-11). The
    others (release 4) hold in any 24 hours, and for the addresses of one mail domain."""

    per_hour: HourlyQuota | None = None
    per_day: Quota | None = None
    domain_per_hour: Quota | None = None
    domain_per_day: Quota | None = None


class TenantCalls(Part):
    """The calls of a tenant (release 4). At most `concurrent` are under way at a time; with
    `pool_concurrent` none begins while so many of the whole pool are (C-20). `agents` and `numbers`
    are those that its campaigns may name, each with a number of calls at a time, or null. Numbers
    that cost extra are not called, unless their kind is in `allow`."""

    concurrent: Annotated[int, Field(ge=1, le=100)] = 2
    pool_concurrent: Annotated[int, Field(ge=1, le=1_000)] | None = None
    agents: Annotated[dict[EntityId, Slots | None], Field(max_length=1_000, default_factory=dict)]
    numbers: Annotated[dict[Phone, Slots | None], Field(max_length=1_000, default_factory=dict)]
    allow: Annotated[list[NumberKind], Field(max_length=4, default_factory=list)]


class FrequencyCaps(Part):
    """How many touches a person may get over all campaigns of the tenant, in any 24 hours and in
    any seven days; null means that there is no limit (X-3)."""

    per_day: Annotated[int, Field(ge=1, le=1_000)] | None = None
    per_week: Annotated[int, Field(ge=1, le=1_000)] | None = None


class QuietHours(SendWindow):
    """No touch is sent from `start` to `end` by the wall clock; in `strict_regions` quiet hours
    begin at `strict_start` (F-6). There are none if `start` equals `end`."""

    strict_start: Clock | None = None
    strict_regions: Annotated[list[Line], Field(max_length=500, default_factory=list)]


def _opt_out_word(text: str) -> str:
    problem = problem_of(text)
    if problem is not None:
        raise ValueError(problem)
    return text


OptOutWord = Annotated[Line, Field(min_length=1, max_length=40), AfterValidator(_opt_out_word)]


class TenantUpserted(TenantEvent):
    """A business and its defaults. Null quiet hours mean 21:00-08:00 (F-6); a channel without an
    entry in `limits` has a limit of 100 touches an hour (F-11). An event from before `fence` is
    history: it is recorded, and schedules nothing. `country` (release 3) is for phone numbers
    without a country code and for regions; null means the country of the time zone.
    `opt_out_words` (release 3) are words that, as a whole text message, are an opt-out. With
    `calling_hours` (release 3) calls and texts also keep to the hours that the law allows in the
    person's region. `calls` (release 4) has the limits of calls. `opt_out_scope` (release 5) is
    what an opt-out by one click or a complaint closes: the channel, or all channels (C-26)."""

    timezone: SingleZone
    quiet_hours: QuietHours | None = None
    limits: dict[ChannelName, Hourly] = Field(default_factory=dict)
    delay_hours_by_service: dict[ServiceTypeName, Hours] = Field(default_factory=dict)
    frequency_caps: FrequencyCaps | None = None
    fence: Moment | None = None
    country: Country | None = None
    opt_out_words: Annotated[list[OptOutWord], Field(max_length=100, default_factory=list)]
    calling_hours: bool = False
    calls: TenantCalls | None = None
    opt_out_scope: Literal["channel", "all"] = "channel"


class TenantDeleted(TenantEvent):
    """A business is gone; its campaigns are deleted too (S1-38)."""
