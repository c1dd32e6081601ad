"""Builds the scenario of `touchstream simulate` from files and options. Every function that reads
input of the person raises CommandError where that input is wrong."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from processors.intake import internal_message
from schemas.base.times import DAY, HOUR, MomentUs, parse_rfc3339
from schemas.base.zone_names import NO_SINGLE_ZONE, single_zone
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import read_definition
from schemas.campaigns.yaml_document import parse_document
from schemas.csv_import import (
    LINE_BYTES,
    ContactLine,
    ContactsFile,
    CsvHeaderInvalid,
    RejectedLine,
)
from schemas.internal.messages import UpsertTenant
from schemas.public.codec import PublicEvent
from streams.audit.recorded_events import Notify, read_recorded_events
from streams.cli.campaign import format_problems
from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_NO, EXIT_USAGE, CommandError
from streams.cli.import_target import ReadOptions, outreach_addresses
from streams.cli.input_lines import open_input, read_events, text_lines
from streams.cli.option_values import parse_time
from streams.cli.rejected_inputs import RejectedInputs
from streams.cli.tenant import tenant_event
from streams.kafka.topics import layout_of
from streams.simulation.behaviour import Behaviour, BehaviourInvalid
from streams.simulation.platform_setup import NO_SETUP, PlatformSetup, SetupInvalid
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

DEFAULT_START = parse_rfc3339("2026-01-05T00:00:00Z")
"""A Monday, and not the present: the same command has the same result on another day."""

LONGEST_US = 366 * DAY
"""How long a simulation goes on at most, after its start and after the last recorded event."""

PROGRESS_EVERY = 1_000
"""Inputs between two progress messages."""

T = TypeVar("T")


class TimeSpan(NamedTuple):
    """The beginning and the end of a span of time, as the person has typed them."""

    since: str | None
    before: str | None


class TenantOptions(NamedTuple):
    """The settings of all tenants that the options change; None: as recorded, or the default."""

    timezone: str | None = None
    per_hour: list[str] | None = None
    quiet: str | None = None
    per_day: int | None = None
    per_week: int | None = None


class SimulationFiles(NamedTuple):
    """The inputs of a simulation; `topics` is the span to read from the engine's own topics, None
    if they are not read."""

    definitions: Sequence[Path]
    population: Path | None
    events: str | None
    topics: TimeSpan | None
    behaviour: Path | None
    setup: Path | None = None


class MadeUpPeople(NamedTuple):
    """How many people are made up, in which zones (comma-separated), and the hours in which all of
    them arrive."""

    people: int | None
    zones: str
    over_hours: float | None


def build_scenario(
    files: SimulationFiles,
    made_up: MadeUpPeople,
    options: TenantOptions,
    tenant: str | None,
    seed: int,
    span: TimeSpan,
    rejected: RejectedInputs,
    show_progress: Notify,
) -> Scenario:
    """The scenario of the given inputs; `span` is the simulated time."""
    campaigns = [read_campaign(file, tenant) for file in files.definitions]
    recorded = _recorded_events(files, campaigns, span.since, rejected, show_progress)
    if not campaigns and not recorded:
        message = "nothing to simulate: give a DEFINITION.yaml or recorded events"
        raise CommandError(message, EXIT_USAGE)
    setup = read_setup(files.setup)
    if files.setup is None and recorded is None:
        setup = setup.with_usual_accounts(campaign.definition for campaign in campaigns)
    known = {**({} if recorded is None else recorded.tenants), **setup.tenants}
    tenant_ids = dict.fromkeys(campaign.definition.tenant_id for campaign in campaigns)
    tenant_ids |= dict.fromkeys(known if any(options) else setup.tenants)
    tenants = {name: _tenant(name, known.get(name), options) for name in tenant_ids}
    _check_senders(files.setup, setup, {**known, **tenants})
    behaviour = _behaviour(files.behaviour, default=recorded is None)
    start = _start(span.since, recorded)
    return Scenario(
        campaigns,
        tenants,
        _population(files.population, made_up, seed, campaigns, tenants, rejected, show_progress),
        recorded,
        None if behaviour is None else SimulatedSenders(behaviour, seed),
        start,
        _until(span.before, start, start if recorded is None else max(start, recorded.ends_at)),
        None if made_up.over_hours is None else int(made_up.over_hours * HOUR),
        frozenset(tenants if any(options) else setup.tenants),
        setup,
    )


def read_setup(file: Path | None) -> PlatformSetup:
    """The tenants, pools and sender accounts of a file; none without a file."""
    if file is None:
        return NO_SETUP
    try:
        return PlatformSetup.read(file.read_bytes())
    except SetupInvalid as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        raise CommandError(f"{file}: not a valid set-up:\n{lines}", EXIT_NO) from None


def _check_senders(
    file: Path | None, setup: PlatformSetup, tenants: Mapping[str, UpsertTenant]
) -> None:
    unknown = setup.unknown_tenants(tenants)
    if unknown:
        message = f"{file}: senders of tenants that nothing creates: {', '.join(unknown)}"
        raise CommandError(message, EXIT_USAGE)


def read_campaign(file: Path, tenant: str | None) -> SimulatedCampaign:
    """A definition, validated as by `campaign publish`."""
    text = file.read_bytes()
    result = read_definition(text, tenant_id=tenant)
    if not isinstance(result, Definition):
        raise CommandError(format_problems(str(file), result))
    return SimulatedCampaign(result, {**parse_document(text), "tenant_id": result.tenant_id})


def _recorded_events(
    files: SimulationFiles,
    campaigns: Sequence[SimulatedCampaign],
    start: str | None,
    rejected: RejectedInputs,
    show_progress: Notify,
) -> RecordedEvents | None:
    """The valid events of the events file or of the topics; None if neither is given."""
    default_start = DEFAULT_START if start is None else parse_time(start)
    if files.topics is not None:
        events = _events_from_topics(files.topics, rejected, show_progress)
        return RecordedEvents(events, campaigns, default_start)
    if files.events is None:
        return None
    with open_input(files.events) as stream:
        reject = partial(rejected.add_line, files.events)
        valid = (event for _, event in read_events(stream, reject))
        timed = with_event_times(with_progress(valid, "events", show_progress))
        return RecordedEvents(timed, campaigns, default_start)


def _events_from_topics(
    span: TimeSpan, rejected: RejectedInputs, show_progress: Notify
) -> list[TimedEvent]:
    since, before = (None if text is None else parse_time(text) for text in span)
    settings = connected_settings()
    layout_of(settings)
    return read_recorded_events(settings, since, before, rejected.add_record, show_progress)


def with_progress(items: Iterable[T], name: str, show_progress: Notify) -> Iterator[T]:
    """The items unchanged; every PROGRESS_EVERY items it reports how many were read."""
    for number, item in enumerate(items, 1):
        yield item
        if number % PROGRESS_EVERY == 0:
            show_progress(f"{number:,} {name} read")


def _tenant(tenant_id: str, recorded: UpsertTenant | None, options: TenantOptions) -> UpsertTenant:
    given_zone = options._replace(timezone=options.timezone or "UTC")
    country = recorded.country if recorded is not None else ""
    event = tenant_event(tenant_id, **given_zone._asdict(), country=country or None)
    given = internal_message(PublicEvent("tenant.upserted", tenant_id, SOURCE, None, event), 0)
    assert isinstance(given, UpsertTenant)
    if recorded is None:
        return given
    quiet = (given.quiet_start, given.quiet_end) if options.quiet else None
    start, end = quiet or (recorded.quiet_start, recorded.quiet_end)
    return msgspec.structs.replace(
        recorded,
        timezone=given.timezone if options.timezone else recorded.timezone,
        limits={**recorded.limits, **given.limits},
        caps={**recorded.caps, **given.caps},
        quiet_start=start,
        quiet_end=end,
    )


def _behaviour(file: Path | None, *, default: bool) -> Behaviour | None:
    """The behaviour model of a file. Without a file: with `default` the model in which everything
    is sent and people do nothing, else None."""
    try:
        if file is not None:
            return Behaviour.read(file.read_bytes())
    except BehaviourInvalid as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        raise CommandError(f"{file}: not a valid behaviour model:\n{lines}", EXIT_NO) from None
    return Behaviour.of(None) if default else None


def _population(
    file: Path | None,
    made_up: MadeUpPeople,
    seed: int,
    campaigns: Sequence[SimulatedCampaign],
    tenants: Mapping[str, UpsertTenant],
    rejected: RejectedInputs,
    show_progress: Notify,
) -> Population | None:
    """The people of a file, or made-up people; None if all people come from recorded events."""
    people = made_up.people
    if (file is not None or people is not None) and not campaigns:
        raise CommandError("people need a DEFINITION.yaml to be enrolled in", EXIT_USAGE)
    if file is not None and people is not None:
        raise CommandError("give --population or --people, not both", EXIT_USAGE)
    if people is not None:
        return Population.generated(people, _zones(made_up.zones), seed)
    if file is None:
        return None
    try:
        options = _read_options(campaigns, tenants)
        contacts = with_progress(_contacts(file, options, rejected), "people", show_progress)
        return Population.from_lines(contacts)
    except CsvHeaderInvalid as error:
        raise CommandError(f"{file}: {error}", EXIT_USAGE) from None


def _zones(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    zones = {name: single_zone(name) for name in names}
    wrong = [name for name, known in zones.items() if known is None]
    if wrong:
        raise CommandError(f"--zones: {', '.join(wrong)}: {NO_SINGLE_ZONE}", EXIT_USAGE)
    return [known for name in names if (known := zones[name]) is not None]


def _read_options(
    campaigns: Sequence[SimulatedCampaign], tenants: Mapping[str, UpsertTenant]
) -> ReadOptions:
    """How the file is read: as one of the first campaign of calls or outreach, else of contacts."""
    for definition, _ in campaigns:
        if KINDS[definition.kind].redial is not None:
            zone = definition.settings.timezone or tenants[definition.tenant_id].timezone
            return ReadOptions(calls_zone=zone)
        if definition.outreach is not None:
            return ReadOptions(outreach=outreach_addresses(definition))
    return ReadOptions()


def _contacts(file: Path, options: ReadOptions, rejected: RejectedInputs) -> Iterator[ContactLine]:
    with file.open("rb") as stream:
        lines = ContactsFile(text_lines(stream, LINE_BYTES + 1), *options)
        for line in lines.contacts("anybody"):
            if isinstance(line, RejectedLine):
                rejected.add_line(str(file), line.line, line.code, line.detail)
            else:
                for cell in line.dropped:
                    rejected.add_cell(str(file), cell)
                yield line


def _start(text: str | None, recorded: RecordedEvents | None) -> MomentUs:
    """The time that was typed; else that of the first recorded event; else DEFAULT_START."""
    if text is not None:
        return parse_time(text)
    return DEFAULT_START if recorded is None else recorded.begins_at


def _until(text: str | None, start: MomentUs, last_input: MomentUs) -> MomentUs:
    """The end of a simulation: a time, or hours after the start such as `336h`; by default a year
    after the last input, which is the start or the last recorded event."""
    latest = last_input + LONGEST_US
    if text is None:
        return latest
    hours = text.removesuffix("h")
    if hours.isdecimal():
        return min(start + int(hours) * HOUR, latest)
    until = parse_time(text)
    if not start <= until <= latest:
        message = "--until: must be within a year after the start or the last recorded event"
        raise CommandError(message, EXIT_USAGE)
    return until


class OtherSide(NamedTuple):
    """What the scenario to compare with has instead: a definition, limits by the hour, a set-up."""

    definition: Path | None
    per_hour: list[str] | None
    setup: Path | None


def other_scenario(
    scenario: Scenario, side: OtherSide, tenant: str | None, options: TenantOptions
) -> Scenario:
    """The scenario to compare with: the same people and events on the other side. `options` are
    those of the first scenario."""
    if side.setup is not None:
        scenario = _under_setup(scenario, side.setup, options)
    campaigns, tenants = [*scenario.campaigns], {**scenario.tenants}
    file, per_hour, recorded = side.definition, side.per_hour, scenario.recorded
    if per_hour:
        tenants = scenario.all_tenants()
    if file is not None:
        other = read_campaign(file, tenant)
        places = [n for n, campaign in enumerate(campaigns) if campaign.key == other.key]
        if places:
            campaigns[places[0]] = other
        elif recorded is not None and other.key in recorded.published:
            campaigns.append(other)
            tenant_id = other.key[0]
            if tenant_id in recorded.tenants:
                tenants.setdefault(tenant_id, recorded.tenants[tenant_id])
        else:
            message = f"{file}: defines none of the campaigns that are simulated"
            raise CommandError(message, EXIT_USAGE)
    limits = TenantOptions(per_hour=per_hour)
    return scenario._replace(
        campaigns=campaigns,
        tenants={name: _tenant(name, settings, limits) for name, settings in tenants.items()},
        senders=None if scenario.senders is None else scenario.senders.fresh_copy(),
        fixed_tenants=frozenset(tenants) if per_hour else scenario.fixed_tenants,
    )


def _under_setup(scenario: Scenario, file: Path, options: TenantOptions) -> Scenario:
    """The scenario with the tenants of the file, and with its pools and sender accounts instead of
    those of the first set-up."""
    setup = read_setup(file)
    given = {name: _tenant(name, order, options) for name, order in setup.tenants.items()}
    _check_senders(file, setup, {**scenario.all_tenants(), **given})
    return scenario._replace(
        tenants={**scenario.tenants, **given},
        fixed_tenants=scenario.fixed_tenants | given.keys(),
        platform=setup,
    )
