"""The customers of the demo's businesses and their jobs. The same seed gives the same customers."""

from datetime import datetime
from random import Random
from typing import NamedTuple

from schemas.base.times import DAY, HOUR, MINUTE
from schemas.base.zones import zone
from streams.demo.businesses import BUSINESSES, DemoBusiness, campaign_of

FIRST_NAMES = "Ada Ben Cleo Dev Eve Finn Gus Hana Ida Jon Kim Lea Max Nia Oto Pia Ray Sue Tom Uma"
LAST_NAMES = "Abel Brand Cole Dunn Ekman Fox Grant Hill Ito Jones Kane Lund Moss North Okoro Price"


class DemoJob(NamedTuple):
    """A job that is completed `at` microseconds after the start of the demo period. Its event is
    published `times` times."""

    job_id: str
    service_type: str
    at: int
    enroll: bool
    times: int


class DemoCustomer(NamedTuple):
    """A customer. An empty text stands for an unknown value."""

    tenant_id: str
    contact_id: str
    first_name: str
    last_name: str
    email: str
    phone: str
    timezone: str
    region: str
    jobs: tuple[DemoJob, ...]


def make_customers(seed: int, customers: int, start: int) -> list[DemoCustomer]:
    """Returns all customers, assigned to the businesses in turn.

    `start` (microseconds) is the first midnight of the demo period in UTC; jobs are completed by
    the local time of the business.
    """
    return [
        _make_customer(seed, BUSINESSES[number % len(BUSINESSES)], number, start)
        for number in range(customers)
    ]


def _make_customer(seed: int, business: DemoBusiness, number: int, start: int) -> DemoCustomer:
    random = Random(f"{seed}/{business.tenant_id}/{number}")
    contact_id = f"c-{number:05}"
    place = random.randrange(len(business.zones))
    return DemoCustomer(
        business.tenant_id,
        contact_id,
        random.choice(FIRST_NAMES.split()),
        random.choice(LAST_NAMES.split()),
        "" if random.random() < 0.03 else f"{contact_id}@customers.example",
        "" if random.random() < 0.06 else f"+1555{number:07}",
        "" if random.random() < 0.1 else business.zones[place],
        business.regions[min(place, len(business.regions) - 1)],
        tuple(_make_jobs(random, business, number, start)),
    )


def _make_jobs(random: Random, business: DemoBusiness, number: int, start: int) -> list[DemoJob]:
    """Returns one job, and for one customer in seven a second job of the same service some days
    later."""
    service = random.choice(business.services)
    days = campaign_of(business, service).jobs_for_us // DAY
    first = random.randrange(days)
    when = [first]
    if random.random() < 0.15 and first + 1 < days:
        when.append(random.randrange(first + 1, days))
    return [
        DemoJob(
            f"job-{number:05}-{index + 1}",
            service,
            _completed_at(random, business, day, start),
            random.random() >= 0.04,
            2 if random.random() < 0.03 else 1,
        )
        for index, day in enumerate(when)
    ]


def _completed_at(random: Random, business: DemoBusiness, day: int, start: int) -> int:
    """Returns when a job is completed: between 8 and 22 o'clock local time, mostly in the
    afternoon; in microseconds since `start`."""
    offset = datetime.fromtimestamp(start / 1e6, zone(business.timezone)).utcoffset()
    assert offset is not None
    local = int(random.triangular(8 * HOUR, 22 * HOUR, 16 * HOUR))
    local -= local % MINUTE
    return day * DAY + local - int(offset.total_seconds()) * 1_000_000
