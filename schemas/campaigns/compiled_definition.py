"""A campaign definition that passed every check, as messages and states contain it.

Every default is filled in, and durations are integer microseconds. A field is only ever appended,
with a default, so that old logs stay readable.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec.structs import fields

from schemas.base.times import HOUR, MINUTE, SECOND, DurationUs, MinuteOfDay
from schemas.channels import channels_of_kind

DEFAULT_POOL = "calls"
"""The call pool that is always there."""

DIRECT_CALLS = "direct-calls"
"""The id of the campaign of direct calls, which every tenant has and nobody publishes (F-16)."""


def _stored_name(field: str) -> str:
    """The name of a field in content hashes and in the JSON columns of PostgreSQL.

    Both are older than the unit at the end of the field names, and must not change.
    """
    return field.removesuffix("_us")


class StepExit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a run goes from a step (S2-20).

    `outcome` is advance, skip, complete, stop, fail or branch; only a branch has `to`, the id of
    another step.
    """

    outcome: str = "advance"
    to: str | None = None


class StepWait(msgspec.Struct, frozen=True, array_like=True, gc=False, rename=_stored_name):
    """What a run waits for after a step was sent: any of `events`, for at most `max_wait_us`; and
    the exits for either case (S2-8, S2-19)."""

    events: tuple[str, ...]
    max_wait_us: DurationUs
    on_event: StepExit = StepExit()
    on_timeout: StepExit = StepExit()
    outcomes: tuple[str, ...] = ()
    """The outcomes of a call that end the wait; empty: any outcome."""


class StepWindow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The hours in which a step may be sent, by the recipient's clock (C-33).

    The window runs over midnight where `start` is not before `end`. `days` has a bit for each
    weekday on which the window may begin; Monday is the lowest bit.
    """

    start: MinuteOfDay
    end: MinuteOfDay
    days: int = 127

    def is_open(self, weekday: int, minute: MinuteOfDay) -> bool:
        """Whether the window is open at a minute of a weekday; 0 is Monday."""
        if self.start < self.end:
            return self.start <= minute < self.end and bool(self.days >> weekday & 1)
        if minute >= self.start:
            return bool(self.days >> weekday & 1)
        return minute < self.end and bool(self.days >> (weekday - 1) % 7 & 1)


class RedialRule(msgspec.Struct, frozen=True, array_like=True, gc=False, rename=_stored_name):
    """What follows an outcome of a call: another call after each of `after_us` in turn, the last
    one for all further ones; none if it is empty. With `counts` False the call is no attempt, with
    `suppress` the number is closed."""

    after_us: tuple[DurationUs, ...] = ()
    counts: bool = True
    suppress: bool = False


class Redial(msgspec.Struct, frozen=True, array_like=True, gc=False, rename=_stored_name):
    """How a step calls again (S3-22). `max_attempts` counts all calls of a visit.

    `max_per_number_per_day` and `min_gap_us` hold for one number over all campaigns of the tenant;
    direct calls are exempt from them. `max_age_us` counts from the first call. `on_exhausted` is
    the step's exit when no call has reached the person.
    """

    max_attempts: int = 1
    max_per_number_per_day: int | None = None
    min_gap_us: DurationUs = 0
    max_age_us: DurationUs | None = None
    outcomes: dict[str, RedialRule] = {}
    on_exhausted: str = "fail"


class CallSettings(msgspec.Struct, frozen=True, array_like=True, gc=False, rename=_stored_name):
    """How the calls of a campaign are placed (S3-17).

    `hours` are by the wall clock of the campaign's time zone, else of the tenant's; the call of the
    last moment still begins. `place_us`, `ring_us` and `max_us` are how long a sender may take to
    place a call, let it ring, and talk. `guard` is strict, or prompt for senders that report the
    progress of calls. `failure_rate` is whether too many failed calls pause the campaign.
    """

    pool_id: str = DEFAULT_POOL
    agent_id: str | None = None
    from_number: str | None = None
    slots: int | None = None
    """How many calls of the campaign may be under way; None: as many as the tenant's."""

    hours: StepWindow | None = None
    also_contact_hours: bool = False
    place_us: DurationUs = 60 * SECOND
    ring_us: DurationUs = 45 * SECOND
    max_us: DurationUs = 900 * SECOND
    guard: str = "strict"
    failure_rate: bool = True


class Layer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The part of the tenant's people that an experiment may use: those whose bucket in the layer
    is from `start` to before `end`, of 10,000. Experiments of one layer never share a person."""

    name: str
    start: int
    end: int


class Experiment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An A/B test of the template of a step (S4-64…S4-72, C-21, C-22).

    `split` is the share of variant A in percent. The id belongs to the test and never to a version
    of a campaign. `decide` is sequential, or at_end: one look at completion, or as soon as
    `at_reached` people are reached. `on_winner` is report, or switch_unsent: who has not been
    reached yet gets the winner's template. People of the holdout, in percent, and those outside of
    the layer take no part: they get the template of the step, and without one nothing.
    """

    id: str
    template_a: str
    template_b: str
    split: int = 50
    primary_metric: str = "conversion"
    decide: str = "sequential"
    at_reached: int | None = None
    on_winner: str = "report"
    layer: Layer | None = None
    holdout: int = 0

    def template_of(self, variant: str) -> str:
        """The template of variant A or B."""
        return self.template_a if variant == "A" else self.template_b


class SoftBounces(msgspec.Struct, frozen=True, array_like=True, gc=False, rename=_stored_name):
    """What follows when a mailbox cannot take a message (C-25): it is sent again after each of
    `retry_us` in turn; `most` of them to one address within `window_us` close the address."""

    most: int = 3
    window_us: DurationUs = 48 * HOUR
    retry_us: tuple[DurationUs, ...] = (8 * HOUR, 24 * HOUR)


class OutreachTerms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What only a campaign of the kind `outreach` has (S4-4…S4-18).

    `channel` is email, linkedin or combined; with a `channel_preference` each person is written to
    on the first of these channels that is open. The `target_` fields from audience to company sizes
    describe, and select nobody (S4-118). The rate is in hundredths of a percent.
    """

    owner_id: str
    campaign_type: str = "talent_sourcing"
    channel: str = channels_of_kind("outreach")[0]
    channel_preference: tuple[str, ...] = ()
    created_by: str = ""
    target_audience: str = ""
    target_locations: tuple[str, ...] = ()
    target_skills: tuple[str, ...] = ()
    target_company_sizes: tuple[str, ...] = ()
    target_contacts: int | None = None
    target_response_rate: int | None = None
    target_conversions: int | None = None
    completion_policy: str = "contacts_and_rate"
    """By which targets the campaign completes: contacts_and_rate or contacts_only (C-5)."""


class Step(msgspec.Struct, frozen=True, array_like=True, gc=False, rename=_stored_name):
    """One touch of the campaign.

    `delay_us` counts from `anchor`. A step without a template is not sent, and that is the recorded
    reason (S0-17). Where `retry_delays_us` or `expire_after_us` is None, the setting of the
    campaign applies.
    """

    id: str
    channel: str
    delay_us: DurationUs
    anchor: str
    template_id: str | None = None
    action: str = "send_message"
    wait_for: StepWait | None = None
    skip_when: tuple[str, ...] = ()
    then: StepExit = StepExit()
    window: StepWindow | None = None
    retry_delays_us: tuple[DurationUs, ...] | None = None
    expire_after_us: DurationUs | None = None
    redial: Redial | None = None
    """None: the touch of a call is sent when its sender states it, and is not called again."""

    experiment: Experiment | None = None


class CampaignSettings(msgspec.Struct, frozen=True, array_like=True, gc=False, rename=_stored_name):
    """The settings of a campaign.

    `quiet` is tenant, none or own; only with own are `quiet_start` and `quiet_end` present.
    """

    cooldown_us: DurationUs = 0
    repeat_job: str = "restart"
    late_policy: str = "shift_by_pause"
    late_skip_us: DurationUs | None = None
    quiet: str = "tenant"
    quiet_start: MinuteOfDay | None = None
    quiet_end: MinuteOfDay | None = None
    expire_after_us: DurationUs = 168 * HOUR
    answer_timeout_us: DurationUs = 30 * MINUTE
    retry_delays_us: tuple[DurationUs, ...] = (1 * MINUTE, 5 * MINUTE, 15 * MINUTE)
    priority: int = 0
    on_reply: str = "continue"
    """What a reply does to the run: pause until a person decides (F-14), stop, or continue."""

    max_errors: int | None = None
    """The number of failed attempts that fails the run (S2-11); None: no number does."""

    reentry: str = "after_end"
    """When a person may be enrolled by hand again: once, after_end of the run before, or restart,
    which ends the run before (C-18)."""

    on_edit: str = "stay"
    """What a run does when a new version is published: stay on its own version, or follow
    (C-36)."""

    exclusive: str | None = None
    """The name of a group of campaigns; a person is in one campaign of the group at a time."""

    min_gap_us: DurationUs = 0
    """The least time since the person's last touch of any campaign."""

    jobs: str = "rest"
    """Which jobs enter a campaign for all service types: the rest, which have no campaign of their
    own, or all (C-4)."""

    calls: CallSettings | None = None
    """None: calls of the default pool, at the hours of other touches."""

    timezone: str = ""
    """The campaign's own time zone; empty: the tenant's."""

    start_day: int | None = None
    """The first day of the campaign by its time zone, as days since 1970-01-01."""

    per_day: int | None = None
    """How many commands of the campaign any 24 hours may have; first touches and follow-ups."""

    max_new_per_day: int | None = None
    """How many first touches of runs any 24 hours may have."""

    end_day: int | None = None
    """The last day of the campaign by its time zone, as days since 1970-01-01."""

    end_mode: str = "inclusive"
    """Whether the last day belongs to the campaign, inclusive, or the campaign ends as that day
    begins, literal (C-6)."""

    in_flight: str = "finish"
    """What becomes of commands that are out when the campaign completes: finish or revoke."""

    on_conversion: str = "continue"
    """What a conversion does to the run: continue or stop."""

    attribution: str = "last_touch"
    """Which touches a conversion is credited to that names none: last_touch, first_touch, linear or
    all."""

    attribution_window_us: DurationUs = 720 * HOUR
    """How long after a click or a reply a conversion is credited to it."""

    soft_bounces: SoftBounces = SoftBounces()


class Definition(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A whole campaign. `service_type` None means every job (S1-3); `status` is the first one."""

    tenant_id: str
    campaign_id: str
    name: str
    steps: tuple[Step, ...]
    settings: CampaignSettings = CampaignSettings()
    kind: str = "review"
    service_type: str | None = None
    status: str = "active"
    description: str = ""
    outreach: OutreachTerms | None = None
    """Of the kind `outreach`."""

    def experiments(self) -> Iterator[tuple[Step, Experiment]]:
        """The steps that have an experiment, in their order, each with it."""
        for step in self.steps:
            if step.experiment is not None:
                yield step, step.experiment

    def decides_by_counts(self) -> bool:
        """Whether the runs of the campaign are counted for a decision: targets, a winner, or the
        completion of outreach."""
        return self.outreach is not None or any(step.experiment for step in self.steps)

    def step_index(self, step_id: str) -> int:
        """The position of a step, counted from 0. Raises LookupError if there is no such step."""
        for index, step in enumerate(self.steps):
            if step.id == step_id:
                return index
        raise LookupError(step_id)


def content_hash(definition: Definition) -> bytes:
    """The 16-byte hash of a definition's content; it recognises a definition published again.

    Fields at their default do not count, so a field that is appended changes no old hash.
    """
    plain = msgspec.json.encode(_without_defaults(definition), order="deterministic")
    return blake2b(plain, digest_size=16).digest()


def _without_defaults(value: Any) -> Any:
    """A struct as a dictionary by stored field name, without the fields at their default."""
    if isinstance(value, msgspec.Struct):
        pairs = [(field, getattr(value, field.name)) for field in fields(value)]
        return {
            f.encode_name: _without_defaults(x) for f, x in pairs if f.required or x != f.default
        }
    if isinstance(value, dict):
        return {name: _without_defaults(item) for name, item in value.items()}
    return [_without_defaults(item) for item in value] if isinstance(value, tuple) else value
