"""Whom the demo's businesses work for: customers and their jobs, the same for the same seed."""

from datetime import datetime
from random import Random
from typing import NamedTuple

from schemas.base.times import DAY, HOUR, MINUTE
from schemas.base.zones import zone
from streams.demo.businesses import BUSINESSES, Business, campaign_of

FIRST_NAMES = "Ada Ben Cleo Dev Eve Finn Gus Hana Ida Jon Kim Lea Max Nia Oto Pia Ray Sue Tom Uma"
LAST_NAMES = "Abel Brand Cole Dunn Ekman Fox Grant Hill Ito Jones Kane Lund Moss North Okoro Price"


class Job(NamedTuple):
    """`at` counts in micros from the lapse's beginning; `times` is how often it is told."""

    job_id: str
    service_type: str
    at: int
    enroll: bool
    times: int


class Customer(NamedTuple):
    """A person; an empty text is something that nobody knows."""

    tenant_id: str
    contact_id: str
    first_name: str
    last_name: str
    email: str
    phone: str
    timezone: str
    region: str
    jobs: tuple[Job, ...]


def people(seed: int, customers: int, start: int) -> list[Customer]:
    """All customers, dealt to the businesses in turn. `start` is the lapse's first midnight, UTC:
    jobs end by the wall clock of the business."""
    return [
        _customer(seed, BUSINESSES[number % len(BUSINESSES)], number, start)
        for number in range(customers)
    ]


def _customer(seed: int, business: Business, number: int, start: int) -> Customer:
    chance = Random(f"{seed}/{business.tenant_id}/{number}")
    contact_id = f"c-{number:05}"
    place = chance.randrange(len(business.zones))
    return Customer(
        business.tenant_id,
        contact_id,
        chance.choice(FIRST_NAMES.split()),
        chance.choice(LAST_NAMES.split()),
        "" if chance.random() < 0.03 else f"{contact_id}@customers.example",
        "" if chance.random() < 0.06 else f"+1555{number:07}",
        "" if chance.random() < 0.1 else business.zones[place],
        business.regions[min(place, len(business.regions) - 1)],
        tuple(_jobs(chance, business, number, start)),
    )


def _jobs(chance: Random, business: Business, number: int, start: int) -> list[Job]:
    """One job, and for one customer in seven another of the same kind, some days later."""
    service = chance.choice(business.services)
    days = campaign_of(business, service).jobs_for // DAY
    first = chance.randrange(days)
    when = [first]
    if chance.random() < 0.15 and first + 1 < days:
        when.append(chance.randrange(first + 1, days))
    return [
        Job(
            f"job-{number:05}-{index + 1}",
            service,
            _finished(chance, business, day, start),
            chance.random() >= 0.04,
            2 if chance.random() < 0.03 else 1,
        )
        for index, day in enumerate(when)
    ]


def _finished(chance: Random, business: Business, day: int, start: int) -> int:
    """Between 8 and 22 o'clock where the business is, most in the afternoon."""
    offset = datetime.fromtimestamp(start / 1e6, zone(business.timezone)).utcoffset()
    assert offset is not None
    local = int(chance.triangular(8 * HOUR, 22 * HOUR, 16 * HOUR))
    local -= local % MINUTE
    return day * DAY + local - int(offset.total_seconds()) * 1_000_000
