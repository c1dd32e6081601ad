"""What `touchstream simulate` is given: files and options become a scenario, or words that say what
is wrong with them."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from processors.fold.task import TIMER_FAILED
from processors.intake import understood
from schemas.base.times import DAY, HOUR, parse_rfc3339
from schemas.base.zones import is_zone
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import read_definition
from schemas.campaigns.yaml_document import parse_document
from schemas.csv_import import LINE_BYTES, CsvHeaderInvalid, RejectedLine, read_contacts
from schemas.internal.messages import DECODE, DeadLetter, UpsertTenant
from schemas.internal.topics import Topic
from schemas.public.codec import PublicEvent
from schemas.public.inbound_events import ContactUpserted
from streams.audit.recorded_events import Notify, retold
from streams.cli.campaign import parse_time, tenant_event, told
from streams.cli.errors import EXIT_NO, EXIT_USAGE, CommandError
from streams.cli.output import LimitedMessages, bounded_lines, settings
from streams.cli.publish import opened, read_events
from streams.kafka.topics import layout_of
from streams.simulation.behaviour import Behaviour, BehaviourInvalid
from streams.simulation.population import Population
from streams.simulation.scenario import (
    RecordedEvents,
    Scenario,
    SimulatedCampaign,
    TimedEvent,
    with_event_times,
)
from streams.simulation.senders import SimulatedSenders
from streams.simulation.simulated_events import SOURCE

START = parse_rfc3339("2026-01-05T00:00:00Z")
"""A Monday. Not the present: the same command has the same result tomorrow."""

LONGEST = 366 * DAY

_TELL_EVERY = 1_000

T = TypeVar("T")

Options = dict[str, Any]
"""What a tenant is told by options: `timezone`, `per_hour`, `quiet`, `per_day`, `per_week`."""


class RejectedInputs:
    """Lines and records that were left out."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self._tell = LimitedMessages()
        self._parked: set[str] = set()

    def line(self, file: str, line: int, code: str, detail: str) -> None:
        """Of a file."""
        self.found.append({"file": file, "line": line, "code": code, "detail": detail})
        self._tell(f"{file} line {line}: {code}: {detail}")

    def record(self, place: str, code: str, detail: str) -> None:
        """Of a topic."""
        self.found.append({"place": place, "code": code, "detail": detail})
        self._tell(f"{place}: {code}: {detail}")

    def letter(self, letter: DeadLetter) -> None:
        """Read, and not to be folded; on both sides of a comparison it is one."""
        event = _about(letter)
        if event not in self._parked:
            self._parked.add(event)
            self.found.append({"event": event, "code": letter.code, "detail": letter.detail})
            self._tell(f"{event}: {letter.code}: {letter.detail}")


def _about(letter: DeadLetter) -> str:
    """The event by its source and id, or the key of the log where none was to blame."""
    key = f"{letter.topic} {(letter.key or b'').decode(errors='replace')}"
    if letter.code == TIMER_FAILED:
        return key
    message = DECODE[Topic(letter.topic)](letter.value or b"")
    return str(getattr(message, "cause", key))


class TimeSpan(NamedTuple):
    """From a time to another, as a person writes them."""

    since: str | None
    before: str | None


class SimulationFiles(NamedTuple):
    """What a simulation reads; `topics` are one's own, between two times."""

    definitions: Sequence[Path]
    population: Path | None
    events: str | None
    topics: TimeSpan | None
    behaviour: Path | None


class MadeUpPeople(NamedTuple):
    """How many people are made up, in which zones; and the hours in which all come."""

    people: int | None
    zones: str
    over: float | None


def scenario_of(
    files: SimulationFiles,
    crowd: MadeUpPeople,
    options: Options,
    tenant: str | None,
    seed: int,
    span: tuple[str | None, str | None],
    bads: RejectedInputs,
    tell: Notify,
) -> Scenario:
    """All of it. Raises Halt."""
    campaigns = [campaign_of(file, tenant) for file in files.definitions]
    recorded = _recorded(files, campaigns, span[0], bads, tell)
    if not campaigns and not recorded:
        raise CommandError(
            "nothing to simulate: give a DEFINITION.yaml, or recorded events", EXIT_USAGE
        )
    owners = dict.fromkeys(campaign.definition.tenant_id for campaign in campaigns)
    if recorded is not None and any(options.values()):
        owners |= dict.fromkeys(recorded.tenants)
    tenants = _tenants(owners, recorded, options)
    model = _behaviour(files.behaviour, recorded is None)
    start = _start(span[0], recorded)
    return Scenario(
        campaigns,
        tenants,
        _population(files.population, crowd, seed, campaigns, bads, tell),
        recorded,
        None if model is None else SimulatedSenders(model, seed),
        start,
        _until(span[1], start),
        None if crowd.over is None else int(crowd.over * HOUR),
        frozenset(tenants) if any(options.values()) else frozenset(),
    )


def campaign_of(file: Path, tenant: str | None) -> SimulatedCampaign:
    """A definition, checked as `campaign publish` does. Raises Halt."""
    text = file.read_bytes()
    found = read_definition(text, tenant_id=tenant)
    if not isinstance(found, Definition):
        raise CommandError(told(str(file), found))
    return SimulatedCampaign(found, {**parse_document(text), "tenant_id": found.tenant_id})


def _recorded(
    files: SimulationFiles,
    campaigns: Sequence[SimulatedCampaign],
    start: str | None,
    bads: RejectedInputs,
    tell: Notify,
) -> RecordedEvents | None:
    """The good ones of a file of events, or of the topics. Raises Halt."""
    usual = START if start is None else parse_time(start)
    if files.topics is not None:
        return RecordedEvents(_from_topics(files.topics, bads, tell), campaigns, usual)
    if files.events is None:
        return None
    with opened(files.events) as lines:
        found = (event for _, event in read_events(lines, partial(bads.line, files.events)))
        return RecordedEvents(with_event_times(counted(found, "events", tell)), campaigns, usual)


def _from_topics(span: TimeSpan, bads: RejectedInputs, tell: Notify) -> list[TimedEvent]:
    since, before = (None if text is None else parse_time(text) for text in span)
    found = settings()
    layout_of(found)
    return retold(found, since, before, bads.record, tell)


def counted(things: Iterable[T], what: str, tell: Notify) -> Iterator[T]:
    """The same, and how many of them there were so far."""
    for number, thing in enumerate(things, 1):
        yield thing
        if number % _TELL_EVERY == 0:
            tell(f"{number:,} {what} read")


def _tenants(
    owners: Iterable[str], recorded: RecordedEvents | None, options: Options
) -> dict[str, UpsertTenant]:
    """As the record first tells of them, and in it what the options say. Raises Halt."""
    found = {} if recorded is None else recorded.tenants
    return {owner: _told(owner, found.get(owner), options) for owner in owners}


def _told(owner: str, recorded: UpsertTenant | None, options: Options) -> UpsertTenant:
    zone = recorded.timezone if recorded is not None else "UTC"
    event = tenant_event(owner, **{**options, "timezone": options.get("timezone") or zone})
    told = understood(PublicEvent("tenant.upserted", owner, SOURCE, None, event), 0)
    assert isinstance(told, UpsertTenant)
    if recorded is None:
        return told
    quiet = (told.quiet_start, told.quiet_end) if options.get("quiet") else None
    start, end = quiet or (recorded.quiet_start, recorded.quiet_end)
    return msgspec.structs.replace(
        recorded,
        timezone=told.timezone,
        limits={**recorded.limits, **told.limits},
        caps={**recorded.caps, **told.caps},
        quiet_start=start,
        quiet_end=end,
    )


def _behaviour(file: Path | None, alone: bool) -> Behaviour | None:
    """Where nothing is recorded and no model is given, everything is sent and nobody stirs."""
    try:
        if file is not None:
            return Behaviour.read(file.read_bytes())
    except BehaviourInvalid as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        raise CommandError(f"{file}: no behaviour model:\n{lines}", EXIT_NO) from None
    return Behaviour.of(None) if alone else None


def _population(
    file: Path | None,
    crowd: MadeUpPeople,
    seed: int,
    campaigns: Sequence[SimulatedCampaign],
    bads: RejectedInputs,
    tell: Notify,
) -> Population | None:
    """Of a file or made up; None where only events tell of people. Raises Halt."""
    people = crowd.people
    if (file is not None or people is not None) and not campaigns:
        raise CommandError("people need a DEFINITION.yaml to be put into", EXIT_USAGE)
    if file is not None and people is not None:
        raise CommandError("--population or --people, not both", EXIT_USAGE)
    if people is not None:
        return Population.generated(people, _zones(crowd.zones), seed)
    if file is None:
        return None
    try:
        return Population.from_events(counted(_people(file, bads), "people", tell))
    except CsvHeaderInvalid as error:
        raise CommandError(f"{file}: {error}", EXIT_USAGE) from None


def _zones(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if not is_zone(name)]
    if wrong:
        raise CommandError(f"not an IANA time zone: {', '.join(wrong)}", EXIT_USAGE)
    return names


def _people(file: Path, bads: RejectedInputs) -> Iterator[ContactUpserted]:
    with file.open("rb") as stream:
        for found in read_contacts(bounded_lines(stream, LINE_BYTES + 1), "anybody"):
            if isinstance(found, RejectedLine):
                bads.line(str(file), found.line, found.code, found.detail)
            else:
                yield found.event


def _start(text: str | None, recorded: RecordedEvents | None) -> int:
    """As asked for, or as it begins in the record."""
    if text is not None:
        return parse_time(text)
    return START if recorded is None else recorded.begins


def _until(text: str | None, start: int) -> int:
    """A time, or hours like `336h`. Raises Halt."""
    if text is None:
        return start + LONGEST
    hours = text.removesuffix("h")
    if hours.isdecimal():
        return start + min(int(hours) * HOUR, LONGEST)
    until = parse_time(text)
    if not start <= until <= start + LONGEST:
        raise CommandError("--until: within a year of the start", EXIT_USAGE)
    return until


def other_side(
    scenario: Scenario, file: Path | None, tenant: str | None, per_hour: list[str] | None
) -> Scenario:
    """The same people and events under another definition, or other limits. Raises Halt."""
    campaigns, tenants = [*scenario.campaigns], {**scenario.tenants}
    recorded = scenario.recorded
    if per_hour:
        tenants = scenario.owners()
    if file is not None:
        other = campaign_of(file, tenant)
        places = [n for n, one in enumerate(campaigns) if one.key == other.key]
        if places:
            campaigns[places[0]] = other
        elif recorded is not None and other.key in recorded.published:
            campaigns.append(other)
            owner = other.key[0]
            if owner in recorded.tenants:
                tenants.setdefault(owner, recorded.tenants[owner])
        else:
            raise CommandError(
                f"{file}: is of none of the campaigns that are simulated", EXIT_USAGE
            )
    options: Options = {"per_hour": per_hour}
    return scenario._replace(
        campaigns=campaigns,
        tenants={name: _told(name, owner, options) for name, owner in tenants.items()},
        senders=None if scenario.senders is None else scenario.senders.fresh(),
        settled=frozenset(tenants) if per_hour else scenario.settled,
    )
