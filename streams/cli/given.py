"""What `touchstream simulate` is given: files and options become a scenario, or words that say what
is wrong with them."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

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
from streams.simulation.scenario import SOURCE, Campaign, Recorded, Scenario

START = parse_rfc3339("2026-01-05T00:00:00Z")
"""A Monday. Not the present: the same command has the same result tomorrow."""

LONGEST = 366 * DAY

Limits = dict[str, Any]
"""What a tenant is told by options: `per_hour`, `quiet`, `per_day`, `per_week`."""


class Bads:
    """Lines that were left out."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self._tell = Sparing()

    def spoil(self, file: str, line: int, code: str, detail: str) -> None:
        self.found.append({"file": file, "line": line, "code": code, "detail": detail})
        self._tell(f"{file} line {line}: {code}: {detail}")


def campaign_of(file: Path, tenant: str | None) -> Campaign:
    """A definition, checked as `campaign publish` does. Raises Halt."""
    text = file.read_bytes()
    found = read(text, tenant_id=tenant)
    if not isinstance(found, Definition):
        raise Halt(told(str(file), found))
    return Campaign(found, {**parse(text), "tenant_id": found.tenant_id})


def recorded_of(
    file: str | None, campaigns: Sequence[Campaign], start: str | None, bads: Bads
) -> Recorded | None:
    """The good lines of a file of events. Raises Halt."""
    if file is None:
        return None
    usual = START if start is None else moment_of(start)
    with opened(file) as lines:
        events = read_events(lines, partial(bads.spoil, file))
        return Recorded((event for _, event in events), campaigns, usual)


def tenants_of(
    owners: dict[str, str], recorded: Recorded | None, options: Limits
) -> dict[str, UpsertTenant]:
    """As the record first tells of them, or as the options do."""
    found = dict(recorded.tenants) if recorded is not None else {}
    for owner, timezone in owners.items():
        if owner not in found:
            found[owner] = _order(owner, timezone, options)
    return {owner: found[owner] for owner in owners}


def behaviour_of(file: Path | None, alone: bool) -> Behaviour | None:
    """Where nothing is recorded and no model is given, everything is sent and nobody stirs."""
    try:
        if file is not None:
            return Behaviour.read(file.read_bytes())
    except BehaviourInvalid as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        raise Halt(f"{file}: no behaviour model:\n{lines}", NO) from None
    return Behaviour.of(None) if alone else None


def population_of(
    file: Path | None, people: int | None, zones: str, seed: int, bads: Bads
) -> Population | None:
    """Of a file or made up; None where only events tell of people. Raises Halt."""
    if file is not None and people is not None:
        raise Halt("--population or --people, not both", USAGE)
    if people is not None:
        return Population.made(people, _zones(zones), seed)
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


def start_of(text: str | None, recorded: Recorded | None) -> int:
    """As asked for, or as it begins in the record."""
    if text is not None:
        return moment_of(text)
    return START if recorded is None else recorded.begins


def until_of(text: str | None, start: int) -> int:
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
    tenants = {
        name: msgspec.structs.replace(owner, limits={**owner.limits, **_limits(owner, per_hour)})
        for name, owner in scenario.tenants.items()
    }
    senders = None if scenario.senders is None else scenario.senders.fresh()
    return scenario._replace(campaigns=campaigns, tenants=tenants, senders=senders)


def _key(campaign: Campaign) -> tuple[str, str]:
    return campaign.definition.tenant_id, campaign.definition.campaign_id


def _limits(owner: UpsertTenant, per_hour: list[str] | None) -> dict[str, int | None]:
    if not per_hour:
        return {}
    return _order(owner.tenant_id, owner.timezone, {"per_hour": per_hour}).limits


def _order(tenant_id: str, timezone: str, limits: Limits) -> UpsertTenant:
    event = tenant_event(tenant_id, timezone, **limits)
    order = understood(Event("tenant.upserted", tenant_id, SOURCE, None, event), 0)
    assert isinstance(order, UpsertTenant)
    return order
