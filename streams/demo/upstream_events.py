"""The events that upstream systems publish during the demo: jobs, prospects, people to call, the
activation of the outreach campaign and a few incidents.

Times are microseconds since the start of the demo period. The id of an event derives from what it
is about, so that publishing it twice has the effect of publishing it once (X-9).
"""

from typing import Any, NamedTuple

from schemas.base.times import DAY, HOUR, MINUTE, format_rfc3339
from streams.demo.businesses import BUSINESSES, campaign_of
from streams.demo.calls import call_events
from streams.demo.outreach import prospect_events
from streams.demo.population import DemoCustomer, DemoJob
from streams.demo.talent import ACTIVATION_NOTE, activation

SOURCE = "demo/upstream"
PAUSE_AT, RESUME_AT = 2 * DAY + 15 * HOUR, 3 * DAY + 3 * HOUR
PAUSED = ("thames-cleaning", "cleaning")
TEMPLATE_AT, TEMPLATE = 12 * DAY + 20 * HOUR, ("pacific-hvac", "hvac-4")
TORN_RECORD = b'{"tenant_id": "lakeside-plumbing", "job_id": "job-to'
"""A record that its producer cut short: the only dead letter that is expected."""


class UpstreamEvent(NamedTuple):
    """An event to publish; without `data` it is the torn record. The screen shows the `note`."""

    at: int
    event_id: str
    ce_type: str
    data: dict[str, Any] | None
    note: str = ""


def upstream_events(
    customers: list[DemoCustomer], start: int, seed: int = 0
) -> list[UpstreamEvent]:
    """Returns all events of the demo in order of time."""
    events = [
        event._replace(at=event.at + repetition * 20 * MINUTE)
        for customer in customers
        for job in customer.jobs
        for repetition in range(job.times)
        for event in (_job_completed(customer, job, start),)
    ]
    events += _campaign_incidents()
    events += _customer_incidents(customers)
    events += [UpstreamEvent(*event) for event in prospect_events(seed, len(customers))]
    events += [UpstreamEvent(*event) for event in call_events(len(customers))]
    events.append(UpstreamEvent(*activation(), ACTIVATION_NOTE))
    events.append(
        UpstreamEvent(
            DAY + 17 * HOUR, "torn", "job.completed", None, "a producer cut a record short"
        )
    )
    return sorted(events)


def _job_completed(customer: DemoCustomer, job: DemoJob, start: int) -> UpstreamEvent:
    known_fields = {
        name: value
        for name in ("first_name", "last_name", "email", "phone", "timezone", "region")
        if (value := getattr(customer, name))
    }
    data = {
        "tenant_id": customer.tenant_id,
        "job_id": job.job_id,
        "service_type": job.service_type,
        "completed_at": format_rfc3339(start + job.at),
        "customer": {"contact_id": customer.contact_id, **known_fields},
        "enroll": job.enroll,
    }
    return UpstreamEvent(job.at, job.job_id, "job.completed", data)


def _campaign_incidents() -> list[UpstreamEvent]:
    tenant_id, campaign_id = PAUSED
    data = {"tenant_id": tenant_id, "campaign_id": campaign_id, "reason": "stock-taking"}
    gone = {"tenant_id": TEMPLATE[0], "template_id": TEMPLATE[1]}
    where = f"{tenant_id}/{campaign_id}"
    return [
        UpstreamEvent(PAUSE_AT, "pause", "campaign.paused", data, f"{where} is paused"),
        UpstreamEvent(RESUME_AT, "resume", "campaign.resumed", data, f"{where} is resumed"),
        UpstreamEvent(
            TEMPLATE_AT, "template", "template.deleted", gone, f"{'/'.join(TEMPLATE)} is deleted"
        ),
    ]


def _customer_incidents(customers: list[DemoCustomer]) -> list[UpstreamEvent]:
    """A customer asks to be erased, a job is deleted, and a run is stopped by the business."""
    waiting = [c for c in customers if _is_long(c)]
    if len(waiting) < 3:
        return []
    erased, undone, stopped = waiting[:3]
    job = undone.jobs[0].job_id
    return [
        UpstreamEvent(
            4 * DAY, "erase", "contact.erased", _ids(erased), f"{_display_name(erased)} is erased"
        ),
        UpstreamEvent(
            4 * DAY + 6 * HOUR,
            "undo",
            "job.deleted",
            {**_ids(undone), "job_id": job},
            f"{job} of {_display_name(undone)} is deleted",
        ),
        UpstreamEvent(
            5 * DAY,
            "stop",
            "contact.stopped",
            {**_ids(stopped), "reason": "called us"},
            f"{_display_name(stopped)} is stopped by the business",
        ),
    ]


def _is_long(customer: DemoCustomer) -> bool:
    """Whether the customer has one job that starts eleven days of touches."""
    business = next(b for b in BUSINESSES if b.tenant_id == customer.tenant_id)
    job = customer.jobs[0]
    campaign = campaign_of(business, job.service_type)
    return len(customer.jobs) == 1 and job.enroll and campaign.preset == "standard"


def _ids(customer: DemoCustomer) -> dict[str, Any]:
    return {"tenant_id": customer.tenant_id, "contact_id": customer.contact_id}


def _display_name(customer: DemoCustomer) -> str:
    return f"{customer.tenant_id}/{customer.contact_id}"
