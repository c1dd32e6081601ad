"""Whom a campaign is tried on: people of a file or made up, and the events that put them in.

A job is finished for each person of a review campaign, and a person is enrolled in every campaign
of another kind; one after the other, evenly over a time.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from schemas.base.times import DAY
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.definition import Definition
from schemas.internal import contact_messages as o
from schemas.internal.messages import contact_key, encode
from schemas.internal.topics import Topic
from schemas.public.inbound_events import ContactUpserted
from streams.simulation.engine import log_timestamp

SOURCE = "/touchstream/population"
_FIRST = ("Ada", "Ben", "Cleo", "Dev", "Eve", "Finn", "Hana", "Ida", "Jon", "Lea", "Max", "Nia")
_LAST = ("Abel", "Brand", "Cole", "Ekman", "Fox", "Grant", "Hill", "Ito", "Kane", "Okoro", "Price")


class PlannedRecord(NamedTuple):
    """A record that comes from outside, and when."""

    at: int
    topic: Topic
    key: bytes
    value: bytes


class SimulatedPerson(msgspec.Struct, frozen=True, gc=False):
    """A person, as far as events tell."""

    contact_id: str
    person: o.Person
    attributes: dict[str, Any] | None = None


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(SimulatedPerson).decode


class Population:
    """So many people, one by one: made when they are asked for, or kept as bytes. `entered` is how
    many of them have come so far."""

    def __init__(self, size: int, someone: Callable[[int], SimulatedPerson]) -> None:
        self.size = size
        self.someone = someone
        self.entered = 0

    @classmethod
    def told(cls, people: Iterator[ContactUpserted]) -> "Population":
        """The people of a file."""
        kept = [_pack(_someone(event)) for event in people]
        return cls(len(kept), lambda index: _unpack(kept[index]))

    @classmethod
    def made(cls, size: int, zones: Sequence[str], seed: int) -> "Population":
        """People out of nothing: reachable on every channel, their zones drawn."""
        return cls(size, lambda index: _made(index, zones, seed))


def _someone(event: ContactUpserted) -> SimulatedPerson:
    person = o.Person(
        event.first_name,
        event.last_name,
        event.email,
        event.phone,
        event.timezone,
        event.region,
        event.linkedin_url,
    )
    return SimulatedPerson(event.contact_id, person, event.attributes)


def _made(index: int, zones: Sequence[str], seed: int) -> SimulatedPerson:
    digest = blake2b(f"{seed}\x1f{index}".encode(), digest_size=12).digest()
    first, last, place = (int.from_bytes(digest[n : n + 4], "big") for n in (0, 4, 8))
    name = f"p-{index + 1:07}"
    person = o.Person(
        _FIRST[first % len(_FIRST)],
        _LAST[last % len(_LAST)],
        f"{name}@people.example",
        f"+1555{index + 1:07}",
        zones[place % len(zones)] if zones else None,
        None,
        f"https://linkedin.com/in/{name}",
    )
    return SimulatedPerson(name, person)


def entry_records(
    population: Population, campaigns: Sequence[Definition], start: int, over: int | None
) -> Iterator[PlannedRecord]:
    """What puts everybody in, in order of time. Where nobody says how long that takes, jobs are
    finished over a day, and people are enrolled at once."""
    served = [campaign for campaign in campaigns if KINDS[campaign.kind].serves_jobs]
    others = [campaign for campaign in campaigns if not KINDS[campaign.kind].serves_jobs]
    if over is None:
        over = DAY if served else 0
    for index in range(population.size):
        at = log_timestamp(start + over * index // population.size)
        someone = population.someone(index)
        population.entered = index + 1
        if served:
            yield _planned(at, _job(someone, served[index % len(served)], at))
        for tenant_id in dict.fromkeys(campaign.tenant_id for campaign in others):
            yield _planned(at, _known(someone, tenant_id, at))
        for campaign in others:
            yield _planned(at, _enrolled(someone, campaign, at))


def _planned(at: int, message: o.Outside) -> PlannedRecord:
    key = contact_key(message.tenant_id, message.contact_id)
    return PlannedRecord(at, Topic.CONTACT_LOG, key, encode(message))


def _job(someone: SimulatedPerson, campaign: Definition, at: int) -> o.JobCompleted:
    job_id = f"job-{someone.contact_id}"[:200]
    return o.JobCompleted(
        campaign.tenant_id,
        someone.contact_id,
        f"{SOURCE}#{job_id}",
        at,
        job_id,
        campaign.service_type or "other",
        at,
        someone.person,
    )


def _known(someone: SimulatedPerson, tenant_id: str, at: int) -> o.ContactUpserted:
    cause = f"{SOURCE}#{someone.contact_id}"
    return o.ContactUpserted(
        tenant_id, someone.contact_id, cause, at, someone.person, someone.attributes
    )


def _enrolled(someone: SimulatedPerson, campaign: Definition, at: int) -> o.ContactEnrolled:
    cause = f"{SOURCE}#{campaign.campaign_id}:{someone.contact_id}"
    return o.ContactEnrolled(
        campaign.tenant_id, someone.contact_id, cause, at, campaign.campaign_id
    )
