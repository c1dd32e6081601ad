"""The public events about sender accounts and call pools, as pydantic models (C-38).

Their owners publish them on the topic `senders`.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.base.field_types import (
    ActionName,
    ChannelName,
    Clock,
    EntityId,
    Id,
    Line,
    Moment,
    Percent,
    Quota,
    Seconds,
    SingleZone,
    Slots,
    WeekdayName,
    Weight,
)
from schemas.channels import CHANNELS
from schemas.public.inbound_events import Part, TenantEvent


class SendWindow(Part):
    """A daily window from `start` to `end` by the wall clock; it may run over midnight (C-33)."""

    start: Clock
    end: Clock


class SenderLimits(Part):
    """How much one sender account may send (C-38). Null means the default of its channel, and no
    limit where that has none.

    Limits hold in any hour, 24 hours, 7 days and 30 days; those of `calendar` (release 2) hold in
    a calendar day, week or month by the account's clock. `spacing_seconds` is the least time
    between two commands; `jitter_seconds` (release 2) is how much more it may be.
    `domain_per_hour` and `domain_per_day` (release 2) hold for the addresses of one mail domain.
    """

    per_hour: Quota | None = None
    per_day: Quota | None = None
    per_week: Quota | None = None
    per_month: Quota | None = None
    spacing_seconds: Seconds | None = None
    concurrent: Quota | None = None
    jitter_seconds: Seconds | None = None
    calendar: Annotated[
        list[Literal["day", "week", "month"]], Field(max_length=3, default_factory=list)
    ]
    domain_per_hour: Quota | None = None
    domain_per_day: Quota | None = None


class ActionLimits(SenderLimits):
    """The limits of one action of a sender account. Null means the default of the action, and no
    limit where that has none."""


class WarmUp(Part):
    """The daily limit of a new account: `start` on its first day, `step` more with each day on
    which it has sent, up to `target`. Two weeks without a command halve it."""

    start: Quota
    step: Quota
    target: Quota


class SenderUpserted(TenantEvent):
    """A sender account of a tenant, with its limits and hours (C-38). All fields after `timezone`
    are of release 2.

    `actions` has limits of their own for some actions of the channel, for example
    `send_connection_request`; the other actions share `limits`. `day_jitter_percent` is how far
    below its limit a day may stay. `lag_seconds` is how late a command may reach the provider: all
    windows are longer by it. `max_new_per_day` limits the first touches of runs. `on_gone` is what
    becomes of the people whom a removed account has written to: another account writes on, or
    their touches are held for a week and then skipped."""

    sender_id: EntityId
    channel: ChannelName
    limits: SenderLimits | None = None
    window: SendWindow | None = None
    timezone: SingleZone | None = None
    days: Annotated[list[WeekdayName], Field(min_length=1, max_length=7)] | None = None
    actions: Annotated[dict[ActionName, ActionLimits], Field(max_length=8, default_factory=dict)]
    warm_up: WarmUp | None = None
    day_jitter_percent: Percent = 0
    premium: bool = False
    paused: bool = False
    lag_seconds: Seconds | None = None
    max_new_per_day: Quota | None = None
    first_weekday: WeekdayName = "mon"
    on_gone: Literal["rotate", "hold"] | None = None

    @model_validator(mode="after")
    def _can_send(self) -> "SenderUpserted":
        actions = CHANNELS[self.channel].actions
        unknown = [name for name in self.actions if name not in actions]
        if unknown:
            raise ValueError(f"actions: {self.channel} has no {unknown[0]}")
        if self.window is not None and self.window.start == self.window.end:
            raise ValueError("window: never opens, because its start is its end")
        return self


class SenderRemoved(TenantEvent):
    """A sender account is gone (C-38)."""

    sender_id: EntityId


class SenderThrottled(TenantEvent):
    """The provider asks an account to slow down: it sends nothing of `action`, or nothing at all,
    before `until`, or for five hours. This is no failed attempt."""

    sender_id: EntityId
    action: ActionName | None = None
    until: Moment | None = None
    reason: Line | None = None


class SenderUsageReported(TenantEvent):
    """What people have sent by hand from an account, or another system has: it counts too."""

    sender_id: EntityId
    action: ActionName | None = None
    at: Moment | None = None
    count: Annotated[int, Field(ge=1, le=10_000)]


class SenderComplaintsReported(TenantEvent):
    """A provider that names nobody counts how many messages of an account it delivered, and how
    many of them people reported as spam, at `at`."""

    sender_id: EntityId
    delivered: Annotated[int, Field(ge=0, le=1_000_000_000)]
    complaints: Annotated[int, Field(ge=0, le=1_000_000_000)]
    at: Moment | None = None


class PoolUpserted(TenantEvent):
    """A call pool of the platform, which all tenants share (C-20): at most `slots` calls at a time
    (F-15). A tenant gets turns in proportion to its weight, which is 1 unless it is in `weights`,
    and `reserved` slots are kept free for it. The event belongs to no tenant: its `tenant_id` is
    `*`."""

    tenant_id: Literal["*"]
    pool_id: Id
    slots: Slots
    weights: Annotated[dict[Id, Weight], Field(max_length=10_000, default_factory=dict)]
    reserved: Annotated[dict[Id, Slots], Field(max_length=1_000, default_factory=dict)]

    @model_validator(mode="after")
    def _has_the_reserved(self) -> "PoolUpserted":
        reserved = sum(self.reserved.values())
        if reserved > self.slots:
            raise ValueError(f"reserved: {reserved} slots of {self.slots}")
        return self
