"""What upstream systems publish during the lapse: jobs, and a few incidents, each at its moment.

Moments count in micros from the lapse's beginning. An event's id is its own, so that telling it
twice is telling it once (X-9).
"""

from typing import Any, NamedTuple

from schemas.base.times import DAY, HOUR, MINUTE, format_rfc3339
from streams.demo.businesses import BUSINESSES, campaign_of
from streams.demo.outreach import prospects
from streams.demo.population import Customer, Job

SOURCE = "demo/upstream"
PAUSE_AT, RESUME_AT = 2 * DAY + 15 * HOUR, 3 * DAY + 3 * HOUR
PAUSED = ("thames-cleaning", "cleaning")
TEMPLATE_AT, TEMPLATE = 12 * DAY + 20 * HOUR, ("pacific-hvac", "hvac-4")
TORN = b'{"tenant_id": "lakeside-plumbing", "job_id": "job-to'
"""A record that its producer cut short: the one dead letter that belongs to the story."""


class Event(NamedTuple):
    """Something to publish; without `data` it is the torn record. `note` is told on the screen."""

    at: int
    event_id: str
    ce_type: str
    data: dict[str, Any] | None
    note: str = ""


def story(customers: list[Customer], start: int, seed: int = 0) -> list[Event]:
    """Everything, in order of time."""
    events = [
        told._replace(at=told.at + again * 20 * MINUTE)
        for customer in customers
        for job in customer.jobs
        for again in range(job.times)
        for told in (_finished(customer, job, start),)
    ]
    events += _campaign_incidents()
    events += _customer_incidents(customers)
    events += [Event(*told) for told in prospects(seed, len(customers))]
    events.append(Event(DAY + 17 * HOUR, "torn", "job.completed", None, "a producer tore a record"))
    return sorted(events)


def _finished(customer: Customer, job: Job, start: int) -> Event:
    known = {
        name: value
        for name in ("first_name", "last_name", "email", "phone", "timezone", "region")
        if (value := getattr(customer, name))
    }
    data = {
        "tenant_id": customer.tenant_id,
        "job_id": job.job_id,
        "service_type": job.service_type,
        "completed_at": format_rfc3339(start + job.at),
        "customer": {"contact_id": customer.contact_id, **known},
        "enroll": job.enroll,
    }
    return Event(job.at, job.job_id, "job.completed", data)


def _campaign_incidents() -> list[Event]:
    tenant_id, campaign_id = PAUSED
    data = {"tenant_id": tenant_id, "campaign_id": campaign_id, "reason": "stock-taking"}
    gone = {"tenant_id": TEMPLATE[0], "template_id": TEMPLATE[1]}
    where = f"{tenant_id}/{campaign_id}"
    return [
        Event(PAUSE_AT, "pause", "campaign.paused", data, f"{where} is paused"),
        Event(RESUME_AT, "resume", "campaign.resumed", data, f"{where} goes on"),
        Event(
            TEMPLATE_AT, "template", "template.deleted", gone, f"{'/'.join(TEMPLATE)} is deleted"
        ),
    ]


def _customer_incidents(customers: list[Customer]) -> list[Event]:
    """One asks to be forgotten, one job is deleted, one run is stopped by its owner."""
    waiting = [c for c in customers if _is_long(c)]
    if len(waiting) < 3:
        return []
    erased, undone, stopped = waiting[:3]
    job = undone.jobs[0].job_id
    return [
        Event(4 * DAY, "erase", "contact.erased", _ids(erased), f"{_name(erased)} is forgotten"),
        Event(
            4 * DAY + 6 * HOUR,
            "undo",
            "job.deleted",
            {**_ids(undone), "job_id": job},
            f"{job} of {_name(undone)} is deleted",
        ),
        Event(
            5 * DAY,
            "stop",
            "contact.stopped",
            {**_ids(stopped), "reason": "called us"},
            f"{_name(stopped)} is stopped by its owner",
        ),
    ]


def _is_long(customer: Customer) -> bool:
    """Whether the one job leads into eleven days of touches."""
    business = next(b for b in BUSINESSES if b.tenant_id == customer.tenant_id)
    job = customer.jobs[0]
    campaign = campaign_of(business, job.service_type)
    return len(customer.jobs) == 1 and job.enroll and campaign.preset == "standard"


def _ids(customer: Customer) -> dict[str, Any]:
    return {"tenant_id": customer.tenant_id, "contact_id": customer.contact_id}


def _name(customer: Customer) -> str:
    return f"{customer.tenant_id}/{customer.contact_id}"
