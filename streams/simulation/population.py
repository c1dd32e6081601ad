"""The people on whom campaigns are simulated, from a file or generated, and the records that enter
them into the campaigns.

Each person completes a job for one of the review campaigns, and is enrolled in every campaign of
another kind. People arrive one after the other, spread evenly over a time.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from processors.intake.contact_events import reported_person
from schemas.base.times import DAY
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import Definition
from schemas.channels import ADDRESSES
from schemas.csv_import import ContactLine
from schemas.internal import contact_messages
from schemas.internal.messages import contact_key, encode
from schemas.internal.topics import Topic
from schemas.public.inbound_events import ContactUpserted
from streams.simulation.engine import log_timestamp

SOURCE = "/touchstream/population"
_FIRST_NAMES = (
    "Ada",
    "Ben",
    "Cleo",
    "Dev",
    "Eve",
    "Finn",
    "Hana",
    "Ida",
    "Jon",
    "Lea",
    "Max",
    "Nia",
)
_LAST_NAMES = (
    "Abel",
    "Brand",
    "Cole",
    "Ekman",
    "Fox",
    "Grant",
    "Hill",
    "Ito",
    "Kane",
    "Okoro",
    "Price",
)


class PlannedRecord(NamedTuple):
    """A record to append to a log at a moment (microseconds)."""

    at: int
    topic: Topic
    key: bytes
    value: bytes


class SimulatedPerson(msgspec.Struct, frozen=True, gc=False):
    """A person: contact id, names and addresses, attributes, and what a line of a file has about
    the call, or about the person of an outreach campaign."""

    contact_id: str
    person: contact_messages.Person
    attributes: dict[str, Any] | None = None
    item: dict[str, str] | None = None


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(SimulatedPerson).decode


class Population:
    """`size` people, read one by one: generated on demand, or kept as bytes. `entered_count` counts
    those who have entered the campaigns so far."""

    def __init__(self, size: int, person_at: Callable[[int], SimulatedPerson]) -> None:
        self.size = size
        self.person_at = person_at
        self.entered_count = 0

    @classmethod
    def from_lines(cls, people: Iterator[ContactLine]) -> "Population":
        """The people of the lines of a file, in their order."""
        packed = [_pack(_person_of(line.event, line.item)) for line in people]
        return cls(len(packed), lambda index: _unpack(packed[index]))

    @classmethod
    def generated(cls, size: int, zones: Sequence[str], seed: int) -> "Population":
        """Generated people. Each has an address for every channel; the zone is drawn from
        `zones`."""
        return cls(size, lambda index: _generate_person(index, zones, seed))


def _person_of(event: ContactUpserted, item: dict[str, str] | None) -> SimulatedPerson:
    return SimulatedPerson(event.contact_id, reported_person(event), event.attributes, item)


def _generate_person(index: int, zones: Sequence[str], seed: int) -> SimulatedPerson:
    digest = blake2b(f"{seed}\x1f{index}".encode(), digest_size=12).digest()
    first, last, place = (int.from_bytes(digest[n : n + 4], "big") for n in (0, 4, 8))
    person = contact_messages.Person(
        _FIRST_NAMES[first % len(_FIRST_NAMES)],
        _LAST_NAMES[last % len(_LAST_NAMES)],
        timezone=zones[place % len(zones)] if zones else None,
        addresses={name: row.made_up(index + 1) for name, row in ADDRESSES.items()},
    )
    return SimulatedPerson(f"p-{index + 1:07}", person)


def entry_records(
    population: Population, campaigns: Sequence[Definition], start: int, arrival_span_us: int | None
) -> Iterator[PlannedRecord]:
    """Yields the records that enter all people, in order of time.

    People arrive over `arrival_span_us`; if it is None, over a day if there are review campaigns,
    and otherwise all at `start`.
    """
    review_campaigns = [campaign for campaign in campaigns if KINDS[campaign.kind].serves_jobs]
    other_campaigns = [campaign for campaign in campaigns if not KINDS[campaign.kind].serves_jobs]
    if arrival_span_us is None:
        arrival_span_us = DAY if review_campaigns else 0
    for index in range(population.size):
        at = log_timestamp(start + arrival_span_us * index // population.size)
        person = population.person_at(index)
        population.entered_count = index + 1
        if review_campaigns:
            campaign = review_campaigns[index % len(review_campaigns)]
            yield _contact_record(at, _job_completed(person, campaign, at))
        for tenant_id in dict.fromkeys(campaign.tenant_id for campaign in other_campaigns):
            yield _contact_record(at, _contact_upserted(person, tenant_id, at))
        for campaign in other_campaigns:
            yield _contact_record(at, _contact_enrolled(person, campaign, at))


def _contact_record(at: int, message: contact_messages.ExternalEvent) -> PlannedRecord:
    key = contact_key(message.tenant_id, message.contact_id)
    return PlannedRecord(at, Topic.CONTACT_LOG, key, encode(message))


def _job_completed(
    person: SimulatedPerson, campaign: Definition, at: int
) -> contact_messages.JobCompleted:
    job_id = f"job-{person.contact_id}"[:200]
    return contact_messages.JobCompleted(
        campaign.tenant_id,
        person.contact_id,
        f"{SOURCE}#{job_id}",
        at,
        job_id,
        campaign.service_type or "other",
        at,
        person.person,
    )


def _contact_upserted(
    person: SimulatedPerson, tenant_id: str, at: int
) -> contact_messages.ContactUpserted:
    cause = f"{SOURCE}#{person.contact_id}"
    return contact_messages.ContactUpserted(
        tenant_id, person.contact_id, cause, at, person.person, person.attributes
    )


def _contact_enrolled(
    person: SimulatedPerson, campaign: Definition, at: int
) -> contact_messages.ContactEnrolled:
    cause = f"{SOURCE}#{campaign.campaign_id}:{person.contact_id}"
    takes_item = KINDS[campaign.kind].redial is not None or campaign.outreach is not None
    item = person.item if takes_item else None
    return contact_messages.ContactEnrolled(
        campaign.tenant_id, person.contact_id, cause, at, campaign.campaign_id, item
    )
