"""A finished job, or an order by hand, becomes an enrollment or a recorded refusal (S1-8, S1-21,
F-9, F-10)."""

from typing import Any

from processors.contact.call_items import (
    SCHEDULED_FOR,
    OrderedCall,
    direct_item,
    is_call_campaign,
    item_values,
    ordered_call,
    time_is_invalid,
)
from processors.contact.contact_lists import in_campaign
from processors.contact.context import Context
from processors.contact.direct_campaign import direct_calls
from processors.contact.ended_runs import archive_ended_runs
from processors.contact.entry_rules import (
    Refusal,
    backfill_refusal,
    is_ended_by_job,
    job_refusal,
    job_refusal_by_campaign,
    manual_refusal,
)
from processors.contact.experiment_runs import results_of
from processors.contact.experiment_templates import variant_values
from processors.contact.pause_stop import freeze, stop
from processors.contact.person_fields import CONTACT_TYPE, type_is_invalid
from processors.contact.result_counts import recount
from processors.contact.run_queries import live_runs
from processors.contact.sequence import advance_run
from processors.shared.deduplication import forget
from processors.shared.tenant_lookup import ALL_SERVICES
from schemas.base.ids import enrollment_id
from schemas.campaigns.compiled_definition import DIRECT_CALLS
from schemas.internal.enrollment import Enrollment
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.messages import CallRequested, ContactEnrolled, JobCompleted
from schemas.internal.states import KnownCampaign

_NO_CALL = OrderedCall(None, None, [])

JOBS_MAX = 1_000
"""Jobs that a contact's state remembers; beyond that the oldest is forgotten."""


def job_completed(context: Context, message: JobCompleted) -> None:
    """Enrolls in the campaign of the job's service type, else in the one for all services (F-10);
    in both where the latter takes all jobs (C-4)."""
    refusal = job_refusal(context, message)
    campaigns = _campaigns_for(context, message.service_type) if refusal is None else []
    if refusal is None and not campaigns:
        values = {"service_type": message.service_type}
        refusal = Refusal("CAMPAIGN_NONE_FOR_SERVICE", values)
    if refusal is not None:
        _decline(context, refusal, message.cause, None, message.job_id)
    for campaign in campaigns:
        _enroll_or_decline(context, campaign, message)
    status = "completed" if message.enroll else "do_not_send"
    remember_job(context, message.job_id, (status, message.service_type))


def _campaigns_for(context: Context, service_type: str) -> list[KnownCampaign]:
    assert context.tenant is not None
    serving, campaigns = context.tenant.campaigns, []
    for id_ in (serving.get(service_type), serving.get(ALL_SERVICES)):
        if id_ and (known := context.campaign(id_)) is not None:
            campaigns.append(known)
    if len(campaigns) == 2:
        for_all = campaigns[1]
        if for_all.definitions[for_all.version].settings.jobs != "all":
            del campaigns[1]
    return campaigns


def _enroll_or_decline(context: Context, campaign: KnownCampaign, message: JobCompleted) -> None:
    refusal = job_refusal_by_campaign(context, campaign, message)
    if refusal is not None:
        _decline(context, refusal, message.cause, campaign.campaign_id, message.job_id)
        return
    if context.contact.enrollments:
        _stop_earlier_runs(context, campaign.campaign_id, message)
    _enroll(context, campaign, message.cause, message.completed_at, message)


def _stop_earlier_runs(context: Context, campaign_id: str, message: JobCompleted) -> None:
    """Stops what the customer's earlier jobs began, whichever campaign that was in (F-9)."""
    for enrollment in live_runs(context):
        if is_ended_by_job(context, enrollment, campaign_id, message):
            stop(context, enrollment, "repeat_job", message.cause)


def contact_enrolled(context: Context, message: ContactEnrolled) -> None:
    """Enrolls a contact by hand: without cooldown, but never twice in one campaign at a time (F-9,
    S1-21)."""
    campaign = context.campaign(message.campaign_id)
    refusal = manual_refusal(context, campaign)
    if refusal is not None:
        _decline(context, refusal, message.cause, message.campaign_id)
        if campaign is None or campaign.status != "active":
            # Published again once the campaign is active, the event is decided anew.
            forget(context.contact.seen, message.cause)
        return
    assert campaign is not None
    if is_call_campaign(campaign) and time_is_invalid(message):
        refusal = Refusal("CALL_TIME_INVALID", {"field": SCHEDULED_FOR})
        _decline(context, refusal, message.cause, message.campaign_id)
        return
    for running in live_runs(context, campaign.campaign_id):
        stop(context, running, "reenrolled", message.cause)
    call = ordered_call(context, campaign, message.variables)
    if campaign.definitions[campaign.version].outreach is not None:
        call = _without_invalid_type(call)
    _enroll(context, campaign, message.cause, context.now, None, call)


def _without_invalid_type(order: OrderedCall) -> OrderedCall:
    """An order for outreach without a type of contact that does not exist (S4-35)."""
    if order.variables is None or not type_is_invalid(order.variables):
        return order
    rest = {name: text for name, text in order.variables.items() if name != CONTACT_TYPE}
    return OrderedCall(order.item, rest or None, [*order.dropped, CONTACT_TYPE])


def call_requested(context: Context, message: CallRequested) -> None:
    """Begins a direct call, unless one to the person is wanted already (F-16)."""
    campaign = context.campaign(DIRECT_CALLS)
    assert campaign is not None, "the campaign is in the code"
    item = direct_item(context, message)
    refusal = manual_refusal(context, campaign)
    if refusal is None and campaign is not direct_calls(context.tenant_id):
        refusal = Refusal("CAMPAIGN_ID_RESERVED")  # an older version has let somebody use the id
    if refusal is not None:
        _decline(context, refusal, message.cause, DIRECT_CALLS)
        return
    call = OrderedCall(item, message.variables, [])
    _enroll(context, campaign, message.cause, context.now, None, call)


def backfilled_call(context: Context, message: CallRequested) -> None:
    """Declines a direct call that is part of a backfill."""
    refusal = backfill_refusal(context, message.at)
    _decline(context, refusal, message.cause, DIRECT_CALLS)


def _enroll(
    context: Context,
    campaign: KnownCampaign,
    cause: str,
    anchor_at: int,
    job: JobCompleted | None,
    call: OrderedCall = _NO_CALL,
) -> None:
    contact, campaign_id = context.contact, campaign.campaign_id
    cycle = contact.cycles.get(campaign_id, 0) + 1
    contact.cycles[campaign_id] = cycle
    if cycle == 1:
        context.turn.store.enter(in_campaign(context.tenant_id, campaign_id), context.key)
    definition = campaign.definitions[campaign.version]
    enrollment = Enrollment(
        enrollment_id(context.tenant_id, campaign_id, context.contact_id, cycle),
        campaign_id,
        campaign.version,
        cycle,
        job.job_id if job else None,
        job.service_type if job else None,
        anchor_at,
        context.now,
        variables=call.variables,
        call=call.item,
        results=results_of(context, campaign, definition),
    )
    contact.enrollments.append(enrollment)
    archive_ended_runs(context)
    values: dict[str, Any] = {"cycle": cycle, "manual": not job}
    if call.item is not None:
        values |= item_values(call.item, call.dropped)
    elif call.dropped:
        values["dropped"] = call.dropped
    if enrollment.results is not None and enrollment.results.variants:
        values["experiments"] = variant_values(enrollment.results)
    context.emit_fact(FactKind.ENROLLMENT_STARTED, enrollment, cause=cause, values=values)
    if campaign.status == "active":
        advance_run(context, enrollment)
    else:  # it begins when the campaign is active
        freeze(context, enrollment, "campaign", cause)
    if enrollment.results is not None:
        recount(context, enrollment)


def backfilled_job(context: Context, message: JobCompleted) -> None:
    """Remembers a job of a backfill; it enrolls nobody."""
    if message.job_id not in context.contact.jobs:
        refusal = backfill_refusal(context, message.completed_at)
        _decline(context, refusal, message.cause, None, message.job_id)
    status = "completed" if message.enroll else "do_not_send"
    remember_job(context, message.job_id, (status, message.service_type))


def backfilled_enrollment(context: Context, message: ContactEnrolled) -> None:
    """Declines an enrollment by hand that is part of a backfill."""
    refusal = backfill_refusal(context, message.at)
    _decline(context, refusal, message.cause, message.campaign_id)


def remember_job(context: Context, job_id: str, job: tuple[str, str] | None) -> None:
    """Remembers a job by its status and service type, or as deleted (None), which is final."""
    jobs = context.contact.jobs
    if job is not None:
        jobs.setdefault(job_id, job)
    else:
        jobs[job_id] = False
    if len(jobs) > JOBS_MAX:
        del jobs[next(iter(jobs))]


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
