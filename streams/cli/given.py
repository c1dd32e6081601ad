"""What `touchstream simulate` is given: files and options become a scenario, or words that say what
is wrong with them."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from processors.intake import understood
from schemas.codec import Event
from schemas.definition import Definition, parse, read
from schemas.messages import UpsertTenant
from schemas.people import LINE_BYTES, Bad, HeaderInvalid, read_people
from schemas.shapes import ContactUpserted
from schemas.times import DAY, HOUR, parse_rfc3339
from schemas.zones import is_zone
from streams.cli.campaign import moment_of, tenant_event, told
from streams.cli.common import Sparing, bounded_lines
from streams.cli.errors import NO, USAGE, Halt
from streams.cli.publish import opened, read_events
from streams.simulation.behaviour import Behaviour, BehaviourInvalid
from streams.simulation.population import Population
from streams.simulation.scenario import Campaign, Recorded, Scenario
from streams.simulation.senders import Senders
from streams.simulation.telling import SOURCE

START = parse_rfc3339("2026-01-05T00:00:00Z")
"""A Monday. Not the present: the same command has the same result tomorrow."""

LONGEST = 366 * DAY

Options = dict[str, Any]
"""What a tenant is told by options: `timezone`, `per_hour`, `quiet`, `per_day`, `per_week`."""


class Bads:
    """Lines that were left out."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self._tell = Sparing()

    def spoil(self, file: str, line: int, code: str, detail: str) -> None:
        self.found.append({"file": file, "line": line, "code": code, "detail": detail})
        self._tell(f"{file} line {line}: {code}: {detail}")


class Files(NamedTuple):
    """What a simulation reads."""

    definitions: Sequence[Path]
    population: Path | None
    events: str | None
    behaviour: Path | None


class Crowd(NamedTuple):
    """How many people are made up, in which zones; and the hours in which all come."""

    people: int | None
    zones: str
    over: float | None


def scenario_of(
    files: Files,
    crowd: Crowd,
    options: Options,
    tenant: str | None,
    seed: int,
    span: tuple[str | None, str | None],
    bads: Bads,
) -> Scenario:
    """All of it. Raises Halt."""
    campaigns = [campaign_of(file, tenant) for file in files.definitions]
    recorded = _recorded(files.events, campaigns, span[0], bads)
    if not campaigns and not recorded:
        raise Halt("nothing to simulate: give a DEFINITION.yaml, or --events", USAGE)
    owners = dict.fromkeys(campaign.definition.tenant_id for campaign in campaigns)
    tenants = _tenants(owners, recorded, options)
    model = _behaviour(files.behaviour, files.events is None)
    start = _start(span[0], recorded)
    return Scenario(
        campaigns,
        tenants,
        _population(files.population, crowd, seed, campaigns, bads),
        recorded,
        None if model is None else Senders(model, seed),
        start,
        _until(span[1], start),
        None if crowd.over is None else int(crowd.over * HOUR),
        frozenset(tenants) if any(options.values()) else frozenset(),
    )


def campaign_of(file: Path, tenant: str | None) -> Campaign:
    """A definition, checked as `campaign publish` does. Raises Halt."""
    text = file.read_bytes()
    found = read(text, tenant_id=tenant)
    if not isinstance(found, Definition):
        raise Halt(told(str(file), found))
    return Campaign(found, {**parse(text), "tenant_id": found.tenant_id})


def _recorded(
    file: str | None, campaigns: Sequence[Campaign], start: str | None, bads: Bads
) -> Recorded | None:
    """The good lines of a file of events. Raises Halt."""
    if file is None:
        return None
    usual = START if start is None else moment_of(start)
    with opened(file) as lines:
        events = read_events(lines, partial(bads.spoil, file))
        return Recorded((event for _, event in events), campaigns, usual)


def _tenants(
    owners: Iterable[str], recorded: Recorded | None, options: Options
) -> dict[str, UpsertTenant]:
    """As the record first tells of them, and in it what the options say. Raises Halt."""
    found = {} if recorded is None else recorded.tenants
    return {owner: _told(owner, found.get(owner), options) for owner in owners}


def _told(owner: str, recorded: UpsertTenant | None, options: Options) -> UpsertTenant:
    zone = recorded.timezone if recorded is not None else "UTC"
    event = tenant_event(owner, **{**options, "timezone": options.get("timezone") or zone})
    told = understood(Event("tenant.upserted", owner, SOURCE, None, event), 0)
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
        raise Halt(f"{file}: no behaviour model:\n{lines}", NO) from None
    return Behaviour.of(None) if alone else None


def _population(
    file: Path | None, crowd: Crowd, seed: int, campaigns: Sequence[Campaign], bads: Bads
) -> Population | None:
    """Of a file or made up; None where only events tell of people. Raises Halt."""
    people = crowd.people
    if (file is not None or people is not None) and not campaigns:
        raise Halt("people need a DEFINITION.yaml to be put into", USAGE)
    if file is not None and people is not None:
        raise Halt("--population or --people, not both", USAGE)
    if people is not None:
        return Population.made(people, _zones(crowd.zones), seed)
    if file is None:
        return None
    try:
        return Population.told(_people(file, bads))
    except HeaderInvalid as error:
        raise Halt(f"{file}: {error}", USAGE) from None


def _zones(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if not is_zone(name)]
    if wrong:
        raise Halt(f"not an IANA time zone: {', '.join(wrong)}", USAGE)
    return names


def _people(file: Path, bads: Bads) -> Iterator[ContactUpserted]:
    with file.open("rb") as stream:
        for found in read_people(bounded_lines(stream, LINE_BYTES + 1), "anybody"):
            if isinstance(found, Bad):
                bads.spoil(str(file), found.line, found.code, found.detail)
            else:
                yield found.event


def _start(text: str | None, recorded: Recorded | None) -> int:
    """As asked for, or as it begins in the record."""
    if text is not None:
        return moment_of(text)
    return START if recorded is None else recorded.begins


def _until(text: str | None, start: int) -> int:
    """A time, or hours like `336h`. Raises Halt."""
    if text is None:
        return start + LONGEST
    hours = text.removesuffix("h")
    if hours.isdecimal():
        return start + min(int(hours) * HOUR, LONGEST)
    until = moment_of(text)
    if not start <= until <= start + LONGEST:
        raise Halt("--until: within a year of the start", USAGE)
    return until


def other_side(
    scenario: Scenario, file: Path | None, tenant: str | None, per_hour: list[str] | None
) -> Scenario:
    """The same people and events under another definition, or other limits. Raises Halt."""
    campaigns = [*scenario.campaigns]
    if file is not None:
        other = campaign_of(file, tenant)
        places = [n for n, one in enumerate(campaigns) if _key(one) == _key(other)]
        if not places:
            raise Halt(f"{file}: is of none of the campaigns that are simulated", USAGE)
        campaigns[places[0]] = other
    options: Options = {"per_hour": per_hour}
    tenants = {name: _told(name, owner, options) for name, owner in scenario.tenants.items()}
    return scenario._replace(
        campaigns=campaigns,
        tenants=tenants,
        senders=None if scenario.senders is None else scenario.senders.fresh(),
        settled=frozenset(tenants) if per_hour else scenario.settled,
    )


def _key(campaign: Campaign) -> tuple[str, str]:
    return campaign.definition.tenant_id, campaign.definition.campaign_id
