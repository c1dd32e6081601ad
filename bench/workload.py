"""Workload W: JSON events of about 250 bytes with 100,000 contacts as keys. Each event loads,
changes and stores the state of its contact; every 4th event of a contact gives an output of 250
bytes.

The expected outputs follow from the events, so the outputs of every engine are checked.
"""

import random
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from bench.harness import InputRecord

CONTACTS = 100_000
OUTPUT_EVERY = 4
_KINDS = ("touch.opened", "touch.clicked", "touch.sent", "page.viewed")
_AT = "2026-03-02T15:04:05Z"
_PADDING = "campaign=reviews&step=touch-1&template=review-request-friendly&agent=mobile"


class WorkloadEvent(msgspec.Struct, gc=False):
    """An input."""

    event_id: str
    tenant_id: str
    contact_id: str
    kind: str
    at: str
    amount: int
    detail: str


class WorkloadOutput(msgspec.Struct, gc=False):
    """The output for every 4th event of a contact."""

    contact_id: str
    tenant_id: str
    count: int
    total: int
    event_id: str
    kind: str
    at: str
    detail: str


class OutputCheck(NamedTuple):
    """The numbers of lost, repeated and wrong outputs."""

    lost: int
    repeated: int
    wrong: int


encode = msgspec.json.Encoder().encode
_decode_output = msgspec.json.Decoder(WorkloadOutput).decode


def events(number: int, seed: int = 7) -> Iterator[tuple[int, int]]:
    """Yields contact and amount of each event. The same seed gives the same events."""
    source = random.Random(seed)
    for _ in range(number):
        yield source.randrange(CONTACTS), source.randrange(1, 100)


def input_records(number: int) -> Iterator[InputRecord]:
    """Yields the events as records."""
    for index, (contact, amount) in enumerate(events(number)):
        who = f"contact-{contact:06}"
        kind = _KINDS[index % 4]
        tenant = f"t-{contact % 50}"
        event = WorkloadEvent(f"e-{index:010}", tenant, who, kind, _AT, amount, _PADDING)
        yield InputRecord(who.encode(), encode(event))


def output_of(event: WorkloadEvent, number: int, total: int) -> WorkloadOutput:
    """Returns the output of an event that is the `number`th of its contact."""
    return WorkloadOutput(
        event.contact_id,
        event.tenant_id,
        number,
        total,
        event.event_id,
        event.kind,
        event.at,
        event.detail,
    )


def check_outputs(number: int, outputs: Iterable[bytes]) -> OutputCheck:
    """Compares outputs with the expected ones: each once, with its total, and no others."""
    expected = _expected(number)
    seen: set[tuple[str, int]] = set()
    repeated = wrong = 0
    for value in outputs:
        output = _decode_output(value)
        key = (output.contact_id, output.count)
        if key in seen:
            repeated += 1
        elif expected.get(key) != output.total:
            wrong += 1
        seen.add(key)
    return OutputCheck(len(expected.keys() - seen), repeated, wrong)


def _expected(number: int) -> dict[tuple[str, int], int]:
    counts, totals = [0] * CONTACTS, [0] * CONTACTS
    expected = {}
    for contact, amount in events(number):
        counts[contact] += 1
        totals[contact] += amount
        if counts[contact] % OUTPUT_EVERY == 0:
            expected[f"contact-{contact:06}", counts[contact]] = totals[contact]
    return expected
