"""Who may be enrolled: the rules for a job and for an enrollment by hand, each with the reason and
values of its refusal (F-9, F-10, S1-21, X-1, X-9)."""

from typing import Any, NamedTuple

from processors.contact.context import Context
from processors.contact.run_queries import live_runs
from processors.contact.touch_times import first_delay
from schemas.base.times import DAY
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import Definition
from schemas.channels import ADDRESSES, CHANNELS
from schemas.internal.enrollment import LIVE, Enrollment
from schemas.internal.facts import fact_time
from schemas.internal.messages import JobCompleted
from schemas.internal.states import KnownCampaign


class Refusal(NamedTuple):
    """Why nobody is enrolled: the reason code, the values that it was decided on, and, if the
    refusal ends with time, until when."""

    reason: str
    values: dict[str, Any] | None = None
    until: int | None = None


def job_refusal(context: Context, message: JobCompleted) -> Refusal | None:
    """The first rule that keeps a job out of every campaign, if any."""
    known = context.contact.jobs.get(message.job_id)
    if known is not None:
        return Refusal("JOB_DUPLICATE" if known else "JOB_DELETED")
    if not message.enroll:
        return Refusal("ENROLLMENT_DECLINED_BY_JOB")
    if message.completed_at > context.now + DAY:
        return _beyond_limit("JOB_IN_FUTURE", message, context.now + DAY)
    return None


def job_refusal_by_campaign(
    context: Context, campaign: KnownCampaign, message: JobCompleted
) -> Refusal | None:
    """The first rule that keeps a job out of this campaign, if any."""
    if campaign.status != "active":
        return Refusal(f"CAMPAIGN_{campaign.status.upper()}")
    definition = campaign.definitions[campaign.version]
    if definition.settings.repeat_job == "ignore":
        running = live_runs(context, campaign.campaign_id)
        if running:
            return _blocked_by("ENROLLMENT_ALREADY_ACTIVE", running[0])
    for run in context.contact.enrollments:
        if _is_of_later_job(run, campaign.campaign_id, definition, message):
            return _blocked_by("JOB_OLDER_THAN_ENROLLMENT", run)
    too_old_at = _too_old_at(context, definition, message)
    if context.now >= too_old_at:
        return _beyond_limit("JOB_TOO_OLD", message, too_old_at)
    exclusive = exclusive_refusal(context, definition, message)
    if exclusive is not None:
        return exclusive
    if _all_channels_closed(context, definition):
        return _unsubscribed(context)
    return _cooldown_refusal(context, campaign, definition)


def manual_refusal(context: Context, campaign: KnownCampaign | None) -> Refusal | None:
    """The first rule that forbids an enrollment by hand, if any. There is no cooldown (F-9)."""
    if campaign is None:
        return Refusal("CAMPAIGN_UNKNOWN")
    definition = campaign.definitions[campaign.version]
    if campaign.status != "active" and not is_prepared(campaign):
        return Refusal(f"CAMPAIGN_{campaign.status.upper()}")
    running = live_runs(context, campaign.campaign_id)
    if running and definition.settings.reentry != "restart":
        return _blocked_by("ENROLLMENT_ALREADY_ACTIVE", running[0])
    cycle = context.contact.cycles.get(campaign.campaign_id, 0)
    if cycle and definition.settings.reentry == "once":
        return Refusal("ENROLLMENT_ONCE", {"cycle": cycle})
    if _all_channels_closed(context, definition):
        return _unsubscribed(context)
    if KINDS[definition.kind].prepared:
        closed = _closed_channels(context, definition)
        if closed is not None:
            return closed
    return exclusive_refusal(context, definition)


def is_prepared(campaign: KnownCampaign) -> bool:
    """Whether people can be added to a campaign that is not active, and wait for it (S4-21)."""
    kind = campaign.definitions[campaign.version].kind
    return campaign.status in ("draft", "paused") and KINDS[kind].prepared


def backfill_refusal(context: Context, happened_at: int) -> Refusal:
    """The refusal of an event of a backfill."""
    assert context.tenant is not None
    values = {"happened_at": fact_time(happened_at), "fence": fact_time(context.tenant.fence)}
    return Refusal("EVENT_IN_PAST", values)


def is_ended_by_job(
    context: Context, enrollment: Enrollment, campaign_id: str, message: JobCompleted
) -> bool:
    """Whether a job that enters a campaign ends this live enrollment (F-9).

    It ends what an earlier job began, in that campaign or in another one with `repeat_job:
    restart`, and what was begun by hand in that campaign. What a later job began goes on.
    """
    same_campaign = enrollment.campaign_id == campaign_id
    if enrollment.job_id is None:
        return same_campaign
    if enrollment.job_id == message.job_id or _began_later(enrollment, message):
        return False
    repeat_job = context.definition(enrollment).settings.repeat_job
    return same_campaign or repeat_job == "restart"


def _began_later(enrollment: Enrollment, message: JobCompleted) -> bool:
    """Whether the job of the enrollment is later than `message`, which was then reported late. Of
    two jobs of one moment the greater id is the later one."""
    assert enrollment.job_id is not None
    return (message.completed_at, message.job_id) <= (enrollment.anchor_at, enrollment.job_id)


def _is_of_later_job(
    enrollment: Enrollment, campaign_id: str, definition: Definition, message: JobCompleted
) -> bool:
    """Whether the enrollment belongs to a later job than `message`, which was then reported late.

    Such a job neither restarts the enrollment nor begins it again after its end (X-1, F-9).
    """
    same_campaign = enrollment.campaign_id == campaign_id
    if enrollment.job_id is None:
        by_hand = same_campaign and enrollment.status in LIVE
        return by_hand and message.completed_at <= enrollment.anchor_at
    if enrollment.job_id == message.job_id and not same_campaign:
        return False  # this job has just begun it
    if enrollment.reason == "job_deleted" or not (
        same_campaign or definition.settings.repeat_job == "restart"
    ):
        return False
    return _began_later(enrollment, message)


def _too_old_at(context: Context, definition: Definition, message: JobCompleted) -> int:
    """The moment from which on a job is too old to begin with: its second touch would be due, or
    its only command expired. So a late report causes no burst of late mail."""
    first, *later = definition.steps
    delay_us = first_delay(context, first, message.service_type)
    if later and later[0].anchor == "enrollment":
        return message.completed_at + max(delay_us, later[0].delay_us)
    rest_us = later[0].delay_us if later else definition.settings.expire_after_us
    return message.completed_at + delay_us + rest_us


def exclusive_refusal(
    context: Context, definition: Definition, message: JobCompleted | None = None
) -> Refusal | None:
    """Refuses where a live enrollment in another campaign of the same exclusive group stays; one
    that this job ends anyway does not count."""
    group = definition.settings.exclusive
    if group is None:
        return None
    for run in live_runs(context):
        theirs = context.definition(run)
        if run.campaign_id == definition.campaign_id or theirs.settings.exclusive != group:
            continue
        campaign_id = definition.campaign_id
        if message is None or not is_ended_by_job(context, run, campaign_id, message):
            values = {"enrollment_id": run.enrollment_id, "campaign_id": run.campaign_id}
            return Refusal("ENROLLMENT_EXCLUSIVE", {**values, "group": group})
    return None


def _cooldown_refusal(
    context: Context, campaign: KnownCampaign, definition: Definition
) -> Refusal | None:
    """Refuses during the campaign's cooldown after an enrollment ended; a repeat job's restart is
    no end (F-9)."""
    ended_at = context.contact.ended.get(campaign.campaign_id)
    if ended_at is None or context.now >= ended_at + definition.settings.cooldown_us:
        return None
    until = ended_at + definition.settings.cooldown_us
    return Refusal("ENROLLMENT_COOLDOWN", {"ended_at": fact_time(ended_at)}, until)


def _all_channels_closed(context: Context, definition: Definition) -> bool:
    if not context.contact.opted_out:
        return False
    return all(context.opt_out_scope(step.channel) for step in definition.steps)


def _closed_channels(context: Context, definition: Definition) -> Refusal | None:
    """Refuses where the person cannot be written to on any channel of the campaign (S4-35…S4-38,
    C-19). Of several codes the last one of _CLOSED_CODES is the reason."""
    found = {}
    for channel in dict.fromkeys(step.channel for step in definition.steps):
        code = _closed_code(context, channel)
        if code is None:
            return None
        found[channel] = code
    reason = max(found.values(), key=_CLOSED_CODES.index)
    return Refusal(reason, {"closed": found})


_CLOSED_CODES = (
    "CONTACT_NO_ADDRESS",
    *(row.error_code for row in ADDRESSES.values()),
    "CONTACT_BOUNCED",
    "CONTACT_UNSUBSCRIBED",
)
"""Why a channel is closed for a person."""


def _closed_code(context: Context, channel: str) -> str | None:
    if context.opt_out_scope(channel) is not None:
        return "CONTACT_UNSUBSCRIBED"
    if not context.address_text(channel):
        return "CONTACT_NO_ADDRESS"
    if not context.address(channel):
        return CHANNELS[channel].address.error_code
    return None if context.bounced_at(channel) is None else "CONTACT_BOUNCED"


def _unsubscribed(context: Context) -> Refusal:
    return Refusal("CONTACT_UNSUBSCRIBED", {"channels": sorted(context.contact.opted_out)})


def _blocked_by(reason: str, enrollment: Enrollment) -> Refusal:
    return Refusal(reason, {"enrollment_id": enrollment.enrollment_id})


def _beyond_limit(reason: str, message: JobCompleted, limit: int) -> Refusal:
    values = {"completed_at": fact_time(message.completed_at), "limit": fact_time(limit)}
    return Refusal(reason, values)
