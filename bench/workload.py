"""Workload W: JSON events of about 250 bytes keyed by 100,000 contacts; the contact's state is
loaded, changed and written back, and every 4th event of a contact says something of 250 bytes.

What must come out follows from what goes in, so outputs are counted against an exact oracle.
"""

import random
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from bench.harness import Line

CONTACTS = 100_000
EVERY = 4
_KINDS = ("touch.opened", "touch.clicked", "touch.sent", "page.viewed")
_AT = "2026-03-02T15:04:05Z"
_PADDING = "campaign=reviews&step=touch-1&template=review-request-friendly&agent=mobile"


class Event(msgspec.Struct, gc=False):
    """What comes in."""

    event_id: str
    tenant_id: str
    contact_id: str
    kind: str
    at: str
    amount: int
    detail: str


class Said(msgspec.Struct, gc=False):
    """What goes out for every 4th event."""

    contact_id: str
    tenant_id: str
    count: int
    total: int
    event_id: str
    kind: str
    at: str
    detail: str


class Outcome(NamedTuple):
    """Outputs against the oracle."""

    lost: int
    repeated: int
    wrong: int


encode = msgspec.json.Encoder().encode
_decode_said = msgspec.json.Decoder(Said).decode


def events(number: int, seed: int = 7) -> Iterator[tuple[int, int]]:
    """Contact and amount of each event; the same for the same seed."""
    chance = random.Random(seed)
    for _ in range(number):
        yield chance.randrange(CONTACTS), chance.randrange(1, 100)


def lines(number: int) -> Iterator[Line]:
    """The events as records."""
    for index, (contact, amount) in enumerate(events(number)):
        who = f"contact-{contact:06}"
        kind = _KINDS[index % 4]
        tenant = f"t-{contact % 50}"
        event = Event(f"e-{index:010}", tenant, who, kind, _AT, amount, _PADDING)
        yield Line(who.encode(), encode(event))


def said(event: Event, number: int, total: int) -> Said:
    """The output for an event that is the `number`th of its contact."""
    return Said(
        event.contact_id,
        event.tenant_id,
        number,
        total,
        event.event_id,
        event.kind,
        event.at,
        event.detail,
    )


def judge(number: int, outputs: Iterable[bytes]) -> Outcome:
    """Every output that should be there once, with the right total, and nothing else."""
    expected = _expected(number)
    seen: set[tuple[str, int]] = set()
    repeated = wrong = 0
    for value in outputs:
        output = _decode_said(value)
        place = (output.contact_id, output.count)
        if place in seen:
            repeated += 1
        elif expected.get(place) != output.total:
            wrong += 1
        seen.add(place)
    return Outcome(len(expected.keys() - seen), repeated, wrong)


def _expected(number: int) -> dict[tuple[str, int], int]:
    counts, totals = [0] * CONTACTS, [0] * CONTACTS
    expected = {}
    for contact, amount in events(number):
        counts[contact] += 1
        totals[contact] += amount
        if counts[contact] % EVERY == 0:
            expected[f"contact-{contact:06}", counts[contact]] = totals[contact]
    return expected
