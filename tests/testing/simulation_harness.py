"""Simulations in tests: builders of scenarios, and a listener that records everything."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from schemas.base.times import HOUR
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind
from schemas.internal.messages import CommandDue, CommandRevoked
from streams.simulation import enrollment_lines
from streams.simulation.behaviour import Behaviour
from streams.simulation.drawn_signals import DrawnSignal
from streams.simulation.engine import COMMIT_EVERY
from streams.simulation.population import Population
from streams.simulation.report import ENROLLMENTS, open_report
from streams.simulation.run import SimulationResult
from streams.simulation.scenario import RecordedEvents, Scenario, SimulatedCampaign
from streams.simulation.senders import CommandedTouch, SimulatedSenders
from streams.simulation.simulated_events import SimulatedEvent
from streams.simulation.summary import Summary
from tests.testing.builders import connection_request, step
from tests.testing.world import START

CHANNELS = ("email", "sms", "linkedin", "whatsapp", "voice")
SENT_AT_ONCE = {"sent": {"after_minutes": 0}}
"""A channel model: every command is sent a millisecond after it, the least delay there is."""


class RecordingListener:
    """Records facts, commands and drawn events in lists."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.commands: list[CommandDue | CommandRevoked] = []
        self.events: list[tuple[CommandedTouch, DrawnSignal, SimulatedEvent]] = []

    def on_facts(self, facts: list[Fact], now: int) -> None:
        self.facts.extend(facts)

    def on_command(self, command: CommandDue | CommandRevoked, now: int) -> None:
        self.commands.append(command)

    def on_event(self, touch: CommandedTouch, signal: DrawnSignal, event: SimulatedEvent) -> None:
        self.events.append((touch, signal, event))

    def sends(self) -> list[tuple[str, float]]:
        """Returns the step id of each touch and the hour after START at which it was commanded,
        rounded so that the millisecond before each answer does not show."""
        touches = self.commanded_touches()
        return [(touch.step_id, round((touch.due_at - START) / HOUR, 3)) for touch in touches]

    def commanded_touches(self) -> list[m.RequestTouch]:
        return [command.touch for command in self.commands if isinstance(command, CommandDue)]

    def facts_of(self, *kinds: FactKind) -> list[Fact]:
        return [fact for fact in self.facts if fact.fact in kinds]


class SimulationTrial(NamedTuple):
    """A finished simulation: what was recorded, its summary and its result."""

    recorded: RecordingListener
    summary: dict[str, Any]
    result: SimulationResult


def campaign(
    *steps: dict[str, Any], kind: str = "prospecting", status: str = "active", **settings: Any
) -> SimulatedCampaign:
    """A campaign of the tenant acme, without quiet hours unless a setting has them."""
    document = {
        "tenant_id": "acme",
        "campaign_id": "trial",
        "name": "Trial",
        "kind": kind,
        "status": status,
        "settings": {"quiet_hours": "none", **settings},
        "steps": list(steps),
    }
    found = validate_definition(document)
    assert isinstance(found, Definition), found
    return SimulatedCampaign(found, document)


def tenant(**changes: Any) -> m.UpsertTenant:
    """The tenant acme, without limits unless `changes` has them."""
    fields: dict[str, Any] = {"limits": dict.fromkeys(CHANNELS), **changes}
    return m.UpsertTenant("acme", "t#1", START, "America/Chicago", **fields)


def scenario(
    *campaigns: SimulatedCampaign,
    behaviour: dict[str, Any] | None = None,
    people: int = 1,
    recorded: RecordedEvents | None = None,
    seed: int = 7,
    hours: float = 366 * 24,
    arrival_span_us: int | None = None,
    owner: m.UpsertTenant | None = None,
) -> Scenario:
    """A scenario from START on, with generated people in Chicago and Berlin."""
    zones = ["America/Chicago", "Europe/Berlin"]
    return Scenario(
        campaigns,
        {"acme": owner or tenant()},
        Population.generated(people, zones, seed) if people else None,
        recorded,
        None if behaviour is None else SimulatedSenders(Behaviour.of(behaviour), seed),
        START,
        START + int(hours * HOUR),
        arrival_span_us,
    )


def simulate(given: Scenario, commit_every: int = COMMIT_EVERY) -> SimulationTrial:
    """Runs a scenario to its end."""
    recorded, summary = RecordingListener(), Summary(given)
    result = given.run([summary, recorded], commit_every=commit_every)
    return SimulationTrial(recorded, summary.to_dict(result, given.describe()), result)


def write_simulation_report(
    given: Scenario, place: Path, commit_every: int = COMMIT_EVERY
) -> dict[str, bytes]:
    """Runs a scenario and writes its report to `place`. Returns the bytes of its files by name."""
    summary = Summary(given)
    with open_report(place) as writer:
        result = given.run([summary, writer], commit_every=commit_every)
        writer.write_lines(ENROLLMENTS, map(enrollment_lines.to_row, result.enrollments))
        writer.write_summary(summary.to_dict(result, given.describe()))
    return {path.name: path.read_bytes() for path in sorted(place.iterdir())}


def lines(text: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


MIXED_BEHAVIOUR: dict[str, Any] = {
    "email": {
        "failed": {"probability": 0.05, "code": "500"},
        "bounced": {"probability": 0.04, "hard": 0.5},
        "delivered": {"probability": 0.98},
        "opened": {"probability": 0.5},
        "clicked": {"probability": 0.4},
        "replied": {"probability": 0.1},
        "unsubscribed": {"probability": 0.05, "every": 0.3},
        "converted": {"probability": 0.05},
        "reviewed": {"probability": 0.5},
    },
    "sms": {"delivered": {"probability": 0.9}, "clicked": {"probability": 0.2}},
    "linkedin": {
        "sent": {"after_minutes": [1, 20]},
        "accepted": {"probability": 0.4, "after_hours": [1, 100]},
        "replied": {"probability": 0.1},
    },
    "whatsapp": {"delivered": {"probability": 1}, "read": {"probability": 0.7}},
    "voice": {
        "progress": 1.0,
        "outcomes": {
            "answered": {"probability": 0.3, "seconds": 60},
            "no_answer": {"probability": 0.6},
        },
        "assessed": {"probability": 1, "successful": 0.5},
    },
}
"""A behaviour with every signal there is."""


def sequence(**settings: Any) -> SimulatedCampaign:
    """A campaign on four channels, with a wait, skip conditions and a call."""
    return campaign(
        connection_request(max_wait_hours=72),
        step("mail", anchor="trigger", skip_when=["linkedin_connected"]),
        step("message", "linkedin", 48, skip_when=["already_replied"]),
        step("whatsapp", "whatsapp", 120),
        step("call", "voice", 24, wait_for={"event": "call_outcome", "max_wait_hours": 5}),
        **settings,
    )
