"""The limits of senders, tenants and call pools, as messages and states contain them (C-38).

A field is only ever appended, with a default.
"""

import msgspec

from schemas.base.times import DurationUs
from schemas.campaigns.compiled_definition import StepWindow


class LimitTerms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How many commands an hour, 24 hours, 7 days and 30 days may have; None is no limit.

    The windows named in `calendar` (day, week, month) are those of the calendar. Between two
    commands are at least `spacing_us`, and up to `jitter_us` more. The limits of a domain hold for
    the addresses of one mail domain.
    """

    per_hour: int | None = None
    per_day: int | None = None
    per_week: int | None = None
    per_month: int | None = None
    spacing_us: DurationUs = 0
    jitter_us: DurationUs = 0
    calendar: tuple[str, ...] = ()
    domain_per_hour: int | None = None
    domain_per_day: int | None = None


class SenderTerms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A sender account with all its limits; the defaults of its channel are filled in.

    `limits` has the limits of each action that is counted by itself, and those that all other
    actions share under the empty name. `window` is by the wall clock of `zone`. `warm_up` is start,
    step and target of the daily limit of a new account. `first_weekday` is 0 for Monday. `lag_us`
    makes every window longer. `on_gone` is rotate or hold.
    """

    sender_id: str
    limits: dict[str, LimitTerms]
    zone: str
    window: StepWindow | None = None
    warm_up: tuple[int, int, int] | None = None
    day_jitter_percent: int = 0
    paused: bool = False
    lag_us: DurationUs = 0
    max_new_per_day: int | None = None
    first_weekday: int = 0
    on_gone: str = "rotate"


class TenantCallTerms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The calls of a tenant: how many at a time, and while how many of the whole pool (C-20); the
    agents and caller numbers that it has, each with a number of calls at a time; and the kinds of
    numbers that are called although they cost extra."""

    slots: int = 2
    pool_slots: int | None = None
    agents: dict[str, int | None] = {}
    numbers: dict[str, int | None] = {}
    allow: tuple[str, ...] = ()
