"""A finished job becomes an enrollment, or a recorded reason why not (S1-8, S1-21, F-9, F-10,
X-9)."""

from typing import Any, NamedTuple

from processors.contact.context import Context
from processors.contact.pause_stop import live, stop, trim
from processors.contact.sequence import first_delay, go_on
from processors.shared.deduplication import forget
from processors.shared.tenant_lookup import ALL_SERVICES
from schemas.base.ids import enrollment_id
from schemas.base.times import DAY
from schemas.campaigns.compiled_definition import Definition
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.messages import ContactEnrolled, JobCompleted
from schemas.internal.states import LIVE, Enrollment, KnownCampaign

JOBS_MAX = 1_000
"""Jobs of one contact that are remembered as seen; beyond that the oldest is forgotten."""


class Refusal(NamedTuple):
    """Why somebody is not enrolled, with what that was decided on and, where waiting helps, until
    when."""

    reason: str
    values: dict[str, Any] | None = None
    until: int | None = None


def job_completed(context: Context, message: JobCompleted) -> None:
    """Enrolls in the campaign of the job's service type, else in the one for all services (F-10);
    in that one too where it takes all jobs (C-4)."""
    refusal = _refusal(context, message)
    campaigns = _campaigns(context, message.service_type) if refusal is None else []
    if refusal is None and not campaigns:
        values = {"service_type": message.service_type}
        refusal = Refusal("CAMPAIGN_NONE_FOR_SERVICE", values)
    if refusal is not None:
        _decline(context, refusal, message.cause, None, message.job_id)
    for campaign in campaigns:
        _enter(context, campaign, message)
    status = "completed" if message.enroll else "do_not_send"
    remember_job(context, message.job_id, (status, message.service_type))


def _enter(context: Context, campaign: KnownCampaign, message: JobCompleted) -> None:
    refusal = _refusal_by(context, campaign, message)
    if refusal is not None:
        _decline(context, refusal, message.cause, campaign.campaign_id, message.job_id)
        return
    _repeat(context, campaign.campaign_id, message)
    _enroll(context, campaign, message.cause, message.completed_at, message)


def _campaigns(context: Context, service_type: str) -> list[KnownCampaign]:
    assert context.tenant is not None
    serving = context.tenant.campaigns
    names = (serving.get(service_type), serving.get(ALL_SERVICES))
    found = [known for name in names if name and (known := context.campaign(name)) is not None]
    if len(found) == 2 and found[1].definitions[found[1].version].settings.jobs != "all":
        del found[1]
    return found


def job_past(context: Context, message: JobCompleted) -> None:
    """A job out of a history that is told again: known, and nobody is enrolled for it."""
    if message.job_id not in context.contact.jobs:
        _decline(context, _past(context, message.completed_at), message.cause, None, message.job_id)
    status = "completed" if message.enroll else "do_not_send"
    remember_job(context, message.job_id, (status, message.service_type))


def enrolled_past(context: Context, message: ContactEnrolled) -> None:
    """As a job."""
    _decline(context, _past(context, message.at), message.cause, message.campaign_id)


def _past(context: Context, happened_at: int) -> Refusal:
    assert context.tenant is not None
    values = {"happened_at": fact_time(happened_at), "fence": fact_time(context.tenant.fence)}
    return Refusal("EVENT_IN_PAST", values)


def _decline(
    context: Context,
    refusal: Refusal,
    cause: str,
    campaign_id: str | None,
    job_id: str | None = None,
) -> None:
    context.emit_fact(
        FactKind.ENROLLMENT_DECLINED,
        campaign_id=campaign_id,
        job_id=job_id,
        cause=cause,
        reason=refusal.reason,
        until=None if refusal.until is None else fact_time(refusal.until),
        values=refusal.values,
    )


def remember_job(context: Context, job_id: str, told: tuple[str, str] | None) -> None:
    """A job is known, or known to be deleted (None), which is the last word on it; the oldest of
    too many is forgotten."""
    jobs = context.contact.jobs
    if told is not None:
        jobs.setdefault(job_id, told)
    else:
        jobs[job_id] = False
    if len(jobs) > JOBS_MAX:
        del jobs[next(iter(jobs))]


def _refusal(context: Context, message: JobCompleted) -> Refusal | None:
    """What keeps the job out of every campaign."""
    known = context.contact.jobs.get(message.job_id)
    if known is not None:
        return Refusal("JOB_DUPLICATE" if known else "JOB_DELETED")
    if not message.enroll:
        return Refusal("ENROLLMENT_DECLINED_BY_JOB")
    if message.completed_at > context.now + DAY:
        return _ill_timed("JOB_IN_FUTURE", message, context.now + DAY)
    return None


def _refusal_by(context: Context, campaign: KnownCampaign, message: JobCompleted) -> Refusal | None:
    """The first rule that keeps it out of this one."""
    if campaign.status != "active":
        return Refusal(f"CAMPAIGN_{campaign.status.upper()}")
    definition = campaign.definitions[campaign.version]
    if definition.settings.repeat_job == "ignore":
        running = live(context, campaign.campaign_id)
        if running:
            return _in_the_way("ENROLLMENT_ALREADY_ACTIVE", running[0])
    for run in context.contact.enrollments:
        if _begun_later(run, campaign.campaign_id, definition, message):
            return _in_the_way("JOB_OLDER_THAN_ENROLLMENT", run)
    over_at = _over_at(context, definition, message)
    if context.now >= over_at:
        return _ill_timed("JOB_TOO_OLD", message, over_at)
    excluded = _excluded(context, definition, message.job_id)
    if excluded is not None:
        return excluded
    if _closed_to(context, definition):
        return _unsubscribed(context)
    return _cooling(context, campaign, definition)


def _excluded(
    context: Context, definition: Definition, job_id: str | None = None
) -> Refusal | None:
    """Another campaign of the same group has the person; unless that job ends that one anyway."""
    group = definition.settings.exclusive
    for run in live(context) if group is not None else ():
        theirs = context.definition(run)
        if run.campaign_id == definition.campaign_id or theirs.settings.exclusive != group:
            continue
        if job_id in (None, run.job_id) or not _restarts(theirs, run):
            values = {"enrollment_id": run.enrollment_id, "campaign_id": run.campaign_id}
            return Refusal("ENROLLMENT_EXCLUSIVE", {**values, "group": group})
    return None


def _in_the_way(reason: str, enrollment: Enrollment) -> Refusal:
    return Refusal(reason, {"enrollment_id": enrollment.enrollment_id})


def _ill_timed(reason: str, message: JobCompleted, limit: int) -> Refusal:
    values = {"completed_at": fact_time(message.completed_at), "limit": fact_time(limit)}
    return Refusal(reason, values)


def _unsubscribed(context: Context) -> Refusal:
    return Refusal("CONTACT_UNSUBSCRIBED", {"channels": sorted(context.contact.opted_out)})


def _begun_later(
    enrollment: Enrollment, campaign_id: str, definition: Definition, message: JobCompleted
) -> bool:
    """A job that was told late neither restarts what a later one began nor begins it again after
    its end (X-1, F-9); of two of one moment the greater id is the later."""
    same = enrollment.campaign_id == campaign_id
    if enrollment.job_id is None:
        by_hand = same and enrollment.status in LIVE
        return by_hand and message.completed_at <= enrollment.anchor_at
    if enrollment.job_id == message.job_id and not same:
        return False  # this job has just begun it
    if enrollment.reason == "job_deleted" or not (
        same or definition.settings.repeat_job == "restart"
    ):
        return False
    return (message.completed_at, message.job_id) <= (enrollment.anchor_at, enrollment.job_id)


def _over_at(context: Context, definition: Definition, message: JobCompleted) -> int:
    """From when on a job is told so late that its second touch (or a single one's command) would be
    over: no burst of late mail."""
    first, *later = definition.steps
    delay = first_delay(context, first, message.service_type)
    if later and later[0].anchor == "enrollment":
        return message.completed_at + max(delay, later[0].delay_us)
    over = later[0].delay_us if later else definition.settings.expire_after_us
    return message.completed_at + delay + over


def _closed_to(context: Context, definition: Definition) -> bool:
    return all(context.opted_out(step.channel) for step in definition.steps)


def _cooling(context: Context, campaign: KnownCampaign, definition: Definition) -> Refusal | None:
    """Some time must pass after an enrollment's end; one that a repeat job restarts has not ended
    (F-9)."""
    ended = context.contact.ended.get(campaign.campaign_id)
    if ended is None or context.now >= ended + definition.settings.cooldown_us:
        return None
    until = ended + definition.settings.cooldown_us
    return Refusal("ENROLLMENT_COOLDOWN", {"ended_at": fact_time(ended)}, until)


def contact_enrolled(context: Context, message: ContactEnrolled) -> None:
    """Somebody enrolls the contact by hand: no cool-down, but still one run at a time (F-9,
    S1-21)."""
    campaign = context.campaign(message.campaign_id)
    refusal = _refusal_by_hand(context, campaign)
    if refusal is not None:
        _decline(context, refusal, message.cause, message.campaign_id)
        if campaign is None or campaign.status != "active":
            forget(
                context.contact.seen, message.cause
            )  # asked again when it runs, it is asked anew
        return
    assert campaign is not None
    for running in live(context, campaign.campaign_id):
        stop(context, running, "reenrolled", message.cause)
    _enroll(context, campaign, message.cause, context.now, None, message.variables)


def _refusal_by_hand(context: Context, campaign: KnownCampaign | None) -> Refusal | None:
    if campaign is None:
        return Refusal("CAMPAIGN_UNKNOWN")
    if campaign.status != "active":
        return Refusal(f"CAMPAIGN_{campaign.status.upper()}")
    definition = campaign.definitions[campaign.version]
    running = live(context, campaign.campaign_id)
    if running and definition.settings.reentry != "restart":
        return _in_the_way("ENROLLMENT_ALREADY_ACTIVE", running[0])
    cycle = context.contact.cycles.get(campaign.campaign_id, 0)
    if cycle and definition.settings.reentry == "once":
        return Refusal("ENROLLMENT_ONCE", {"cycle": cycle})
    if _closed_to(context, definition):
        return _unsubscribed(context)
    return _excluded(context, definition)


def _repeat(context: Context, campaign_id: str, message: JobCompleted) -> None:
    """A new job ends what the customer's earlier one began, whichever campaign that was (F-9)."""
    for enrollment in live(context):
        same = enrollment.campaign_id == campaign_id
        if same or (
            enrollment.job_id != message.job_id
            and _restarts(context.definition(enrollment), enrollment)
        ):
            stop(context, enrollment, "repeat_job", message.cause)


def _restarts(definition: Definition, enrollment: Enrollment) -> bool:
    """Whether a repeat job ends it."""
    return enrollment.job_id is not None and definition.settings.repeat_job == "restart"


def _enroll(
    context: Context,
    campaign: KnownCampaign,
    cause: str,
    anchor_at: int,
    job: JobCompleted | None,
    variables: dict[str, str] | None = None,
) -> None:
    contact, campaign_id = context.contact, campaign.campaign_id
    cycle = contact.cycles.get(campaign_id, 0) + 1
    contact.cycles[campaign_id] = cycle
    enrollment = Enrollment(
        enrollment_id(context.tenant_id, campaign_id, context.contact_id, cycle),
        campaign_id,
        campaign.version,
        cycle,
        job.job_id if job else None,
        job.service_type if job else None,
        anchor_at,
        context.now,
        variables=variables,
    )
    contact.enrollments.append(enrollment)
    trim(context)
    context.emit_fact(
        FactKind.ENROLLMENT_STARTED,
        enrollment,
        cause=cause,
        values={"cycle": cycle, "manual": not job},
    )
    go_on(context, enrollment)
