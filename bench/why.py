"""The time of `touchstream why` for one enrollment among ten million facts in PostgreSQL.

There are a thousand tenants and facts of twelve months. Each contact has a run of three touches,
which are requested, commanded, sent and opened, and one failed attempt. The tables are filled by
COPY. The measured queries are those of the command: the owner of an id, all facts and runs of the
contact, and the explanation.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from operator import itemgetter
from statistics import quantiles
from time import perf_counter
from typing import NamedTuple

import psycopg

from bench.harness import database
from bench.report import Figure, rounded_median
from processors.why import explain
from schemas.base.ids import command_id, enrollment_id
from schemas.base.times import DAY, HOUR, MINUTE, format_rfc3339, parse_rfc3339
from sinks.contact_history_query import ContactHistoryQueries

TARGET_MS = 100.0
FACTS, FACTS_QUICK = 10_000_000, 100_000
FACTS_EACH = 20
TENANTS = 1_000
QUERIES = 200
START = parse_rfc3339("2026-01-01T15:00:00Z")
MONTHS = 12
SPREAD = 330 * DAY

WINDOW = '["America/Chicago", 1260, 480, "contact", null]'
REQUESTED = f'{{"template_id": "t", "template_version": 1, "window": {WINDOW}}}'
COMMANDED = f'{{"emission": 1, "used": 7, "limit": 100, "priority": 0, "window": {WINDOW}}}'
LIFE = (
    ("touch.scheduled", -24 * 60, '{"anchor": "previous_scheduled"}'),
    ("touch.requested", 0, REQUESTED),
    ("touch.commanded", 0, COMMANDED),
    ("touch.sent", 1, None),
    ("touch.delivered", 2, None),
    ("touch.opened", 90, None),
)
"""The facts of each touch: kind, minutes after its due time, values."""


class BenchContact(NamedTuple):
    """A contact and the ids of its run."""

    tenant_id: str
    contact_id: str
    enrollment_id: str
    commands: tuple[str, ...]
    began: int


def run(quick: bool = False) -> Figure:
    """Measures with an embedded PostgreSQL of its own."""
    with database() as dsn:
        return _figure(dsn, FACTS_QUICK if quick else FACTS)


def _figure(dsn: str, facts: int) -> Figure:
    contacts = facts // FACTS_EACH
    began = perf_counter()
    fill(dsn, contacts)
    filled = perf_counter() - began
    chosen = random.Random(7).sample(range(contacts), min(QUERIES, contacts))
    queries: dict[str, Callable[[ContactHistoryQueries, BenchContact], None]] = {
        "enrollment": lambda queries, who: _why(queries, who.enrollment_id),
        "command": lambda queries, who: _why(queries, who.commands[-1]),
        "an attempt that failed": lambda queries, who: _why(queries, who.commands[0]),
        "contact": _why_contact,
    }
    times = {name: _times(dsn, contacts, chosen, query) for name, query in queries.items()}
    runs = [rounded_median(times["enrollment"][part::4]) for part in range(4)]
    value = rounded_median(times["enrollment"])
    beside = {f"by {name}, median, ms": rounded_median(found) for name, found in times.items()}
    beside |= {f"by {name}, p99, ms": _p99(found) for name, found in times.items()}
    beside |= {"connecting, median, ms": rounded_median(_connecting(dsn)), "filled in, s": filled}
    return Figure(
        name="why",
        what=f"why of one enrollment by its id, {facts:,} facts in PostgreSQL: the median",
        value=value,
        unit="ms",
        target=TARGET_MS,
        ratio=value / TARGET_MS,
        of="the time allowed",
        at_most=True,
        runs=runs,
        settings={
            "facts": facts,
            "contacts": contacts,
            "tenants": TENANTS,
            "months": MONTHS,
            "asked": len(chosen),
        },
        beside=beside,
    )


def _times(
    dsn: str,
    contacts: int,
    chosen: Iterable[int],
    query: Callable[[ContactHistoryQueries, BenchContact], None],
) -> list[float]:
    """Returns the milliseconds of each query. The connection is open before, as in a service."""
    found = []
    with ContactHistoryQueries(dsn) as queries:
        for number in chosen:
            who = _person(number, contacts)
            began = perf_counter()
            query(queries, who)
            found.append((perf_counter() - began) * 1e3)
    return found


def _connecting(dsn: str) -> list[float]:
    found = []
    for _ in range(10):
        began = perf_counter()
        ContactHistoryQueries(dsn).close()
        found.append((perf_counter() - began) * 1e3)
    return found


def _why(queries: ContactHistoryQueries, sought: str) -> None:
    whose = queries.owner(sought)
    assert whose is not None, "every id is there"
    known = queries.history(whose.tenant_id, whose.contact_id)
    found = explain(*whose[:2], known.facts, known.runs, enrollment_id=whose.enrollment_id)
    assert len(found.runs[0].touches) == 3


def _why_contact(queries: ContactHistoryQueries, who: BenchContact) -> None:
    (whose,) = queries.contacts(who.contact_id)
    known = queries.history(whose.tenant_id, whose.contact_id)
    assert len(known.facts) == FACTS_EACH
    explain(*whose[:2], known.facts, known.runs)


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[98]


# Filling the tables


def fill(dsn: str, contacts: int) -> None:
    """Fills the tables as the projection does, with the monthly partitions of the facts."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        for month in range(1, MONTHS + 1):
            connection.execute("SELECT touchstream.add_facts_month(%s)", (f"2026-{month:02}-01",))
        _copy(connection, "tenants", (_tenant(n) for n in range(TENANTS)))
        people = [_person(number, contacts) for number in range(contacts)]
        _copy(connection, "contacts", map(_contact, people))
        _copy(connection, "enrollments", map(_enrollment, people))
        _copy(connection, "touches", (line for who in people for line in _touches(who)))
        _copy(connection, "send_log", (line for who in people for line in _sends(who)))
        _copy(connection, "facts", _facts(people))
        connection.execute("VACUUM ANALYZE")


_COLUMNS = {
    "tenants": "tenant_id, status, timezone, strict_start, strict_regions, delay_by_service,"
    " limits, services, templates_gone",
    "contacts": "tenant_id, contact_id, attributes, opted_out, bounced, jobs",
    "enrollments": "tenant_id, enrollment_id, contact_id, campaign_id, version, cycle, anchor_at,"
    " started_at, status, touch_number",
    "touches": "tenant_id, enrollment_id, number, step_id, contact_id, campaign_id, version,"
    " channel, scheduled_at, due_at, phase, attempt, emission, command_id, sent_at",
    "send_log": "tenant_id, command_id, contact_id, campaign_id, version, enrollment_id, step_id,"
    " touch_number, channel, attempt, sent_at, failed_at",
    "facts": "tenant_id, at, topic_partition, topic_offset, fact, contact_id, campaign_id, version,"
    ' enrollment_id, step_id, touch_number, channel, command_id, attempt, "values"',
}


def _copy(connection: psycopg.Connection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    statement = f"COPY touchstream.{table} ({_COLUMNS[table]}) FROM STDIN".encode()
    with connection.cursor().copy(statement) as copy:
        piece: list[str] = []
        for row in rows:
            piece.append("\t".join([r"\N" if cell is None else str(cell) for cell in row]))
            if len(piece) == 1_000:
                copy.write("\n".join(piece) + "\n")
                piece.clear()
        copy.write("\n".join([*piece, ""]) if piece else "")


def _person(number: int, contacts: int) -> BenchContact:
    tenant_id, contact_id = f"tenant-{number % TENANTS:04}", f"customer-{number:08}"
    began = START + SPREAD * number // contacts
    ids = (tenant_id, "reviews", contact_id, 1)
    commands = [command_id(*ids, "step-1", 1)]
    commands += [command_id(*ids, f"step-{n}", 2 if n == 1 else 1) for n in (1, 2, 3)]
    return BenchContact(tenant_id, contact_id, enrollment_id(*ids), tuple(commands), began)


def _tenant(number: int) -> tuple[object, ...]:
    name = f"tenant-{number:04}"
    return (name, "active", "America/Chicago", 1200, "[]", "{}", "{}", "{}", "[]")


def _contact(who: BenchContact) -> tuple[object, ...]:
    return (who.tenant_id, who.contact_id, "{}", "{}", "{}", "{}")


def _enrollment(who: BenchContact) -> tuple[object, ...]:
    began = format_rfc3339(who.began)
    ids = (who.tenant_id, who.enrollment_id, who.contact_id, "reviews")
    return (*ids, 1, 1, began, began, "completed", 3)


def _due(who: BenchContact, number: int) -> int:
    return who.began + number * DAY


def _touches(who: BenchContact) -> Iterator[tuple[object, ...]]:
    for number in (1, 2, 3):
        due = format_rfc3339(_due(who, number))
        ids = (who.tenant_id, who.enrollment_id, number, f"step-{number}", who.contact_id)
        attempt = 2 if number == 1 else 1
        yield (*ids, "reviews", 1, "email", due, due, "sent", attempt, 1, who.commands[number], due)


def _sends(who: BenchContact) -> Iterator[tuple[object, ...]]:
    for number, sent in enumerate(who.commands):
        touch = max(1, number)
        due = format_rfc3339(_due(who, touch))
        ids = (who.tenant_id, sent, who.contact_id, "reviews", 1, who.enrollment_id)
        touch_fields = (f"step-{touch}", touch, "email", 1 if number != 1 else 2)
        yield (*ids, *touch_fields, due if number else None, None if number else due)


def _facts(people: Sequence[BenchContact]) -> Iterator[tuple[object, ...]]:
    """Yields the facts in the order of their log, with those of a contact between others."""
    streams = [_fact_rows(people, "enrollment.started", 0, None, '{"cycle": 1, "manual": false}')]
    for number in (1, 2, 3):
        for kind, minutes, values in LIFE:
            after = number * DAY + minutes * MINUTE
            streams.append(_fact_rows(people, kind, after, number, values))
    streams.append(_fact_rows(people, "enrollment.completed", 3 * DAY + 2 * HOUR, None, None))
    for offset, (at, row) in enumerate(merge(*streams, key=itemgetter(0)), 1):
        yield (row[0], format_rfc3339(at), 0, offset, *row[1:])


def _fact_rows(
    people: Sequence[BenchContact], kind: str, after: int, number: int | None, values: str | None
) -> Iterator[tuple[int, tuple[object, ...]]]:
    """The same of everybody, so long after each one's begin."""
    step, channel = (None, None) if number is None else (f"step-{number}", "email")
    for who in people:
        sent = None if number is None else who.commands[number]
        ids = (who.contact_id, "reviews", 1, who.enrollment_id, step, number, channel, sent)
        yield who.began + after, (who.tenant_id, kind, *ids, 1, values)
