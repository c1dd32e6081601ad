"""A simulation in a test: what was decided, commanded and heard, kept in lists."""

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
from streams.simulation.engine import COMMIT_EVERY
from streams.simulation.population import Population
from streams.simulation.report import ENROLLMENTS, report
from streams.simulation.run import SimulationResult
from streams.simulation.scenario import RecordedEvents, Scenario, SimulatedCampaign
from streams.simulation.senders import CommandedTouch, DrawnSignal, SimulatedSenders
from streams.simulation.simulated_events import SimulatedEvent
from streams.simulation.summary import Summary
from tests.testing.world import START

CHANNELS = ("email", "sms", "linkedin", "whatsapp", "voice")
AT_ONCE = {"sent": {"after_minutes": 0}}


class Kept:
    """Hears everything and keeps it."""

    def __init__(self) -> None:
        self.told: list[Fact] = []
        self.commands: list[CommandDue | CommandRevoked] = []
        self.events: list[tuple[CommandedTouch, DrawnSignal, SimulatedEvent]] = []

    def facts(self, facts: list[Fact], now: int) -> None:
        self.told.extend(facts)

    def command(self, command: CommandDue | CommandRevoked, now: int) -> None:
        self.commands.append(command)

    def event(self, who: CommandedTouch, said: DrawnSignal, told: SimulatedEvent) -> None:
        self.events.append((who, said, told))

    def sends(self) -> list[tuple[str, float]]:
        """Steps, and the hour in which each went out: answers come a millisecond later."""
        return [(touch.step_id, round((touch.due_at - START) / HOUR, 3)) for touch in self.due()]

    def due(self) -> list[m.RequestTouch]:
        return [command.touch for command in self.commands if isinstance(command, CommandDue)]

    def kinds(self, *kinds: FactKind) -> list[Fact]:
        return [fact for fact in self.told if fact.fact in kinds]


class Trial(NamedTuple):
    kept: Kept
    summary: dict[str, Any]
    ended: SimulationResult


def step(name: str, channel: str = "email", hours: float = 0, **fields: Any) -> dict[str, Any]:
    return {"id": name, "channel": channel, "delay_hours": hours, "template_id": "t", **fields}


def request(**wait: Any) -> dict[str, Any]:
    waits = {"event": "connection_accepted", "max_wait_hours": 168, **wait}
    return step("request", "linkedin", action="send_connection_request", wait_for=waits)


def campaign(
    *steps: dict[str, Any], kind: str = "prospecting", status: str = "active", **settings: Any
) -> SimulatedCampaign:
    """A campaign of acme's; nothing is quiet unless a setting says so."""
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
    """Without limits, unless told otherwise."""
    fields: dict[str, Any] = {"limits": dict.fromkeys(CHANNELS), **changes}
    return m.UpsertTenant("acme", "t#1", START, "America/Chicago", **fields)


def scenario(
    *campaigns: SimulatedCampaign,
    behaviour: dict[str, Any] | None = None,
    people: int = 1,
    recorded: RecordedEvents | None = None,
    seed: int = 7,
    hours: float = 366 * 24,
    over: int | None = None,
    owner: m.UpsertTenant | None = None,
) -> Scenario:
    """Made-up people in Chicago and Berlin."""
    zones = ["America/Chicago", "Europe/Berlin"]
    return Scenario(
        campaigns,
        {"acme": owner or tenant()},
        Population.generated(people, zones, seed) if people else None,
        recorded,
        None if behaviour is None else SimulatedSenders(Behaviour.of(behaviour), seed),
        START,
        START + int(hours * HOUR),
        over,
    )


def tried(given: Scenario, commit_every: int = COMMIT_EVERY) -> Trial:
    """Run to its end."""
    kept, summary = Kept(), Summary(given.owners())
    ended = given.run([summary, kept], commit_every=commit_every)
    return Trial(kept, summary.told(ended, given.about()), ended)


def written(given: Scenario, place: Path, commit_every: int = COMMIT_EVERY) -> dict[str, bytes]:
    """A report of it: names and bytes."""
    summary = Summary(given.owners())
    with report(place) as files:
        ended = given.run([summary, files], commit_every=commit_every)
        files.lines(ENROLLMENTS, map(enrollment_lines.told, ended.enrollments))
        files.summary(summary.told(ended, given.about()))
    return {path.name: path.read_bytes() for path in sorted(place.iterdir())}


def lines(text: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


LIVELY: dict[str, Any] = {
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
        "outcomes": {
            "answered": {"probability": 0.3, "seconds": 60},
            "no_answer": {"probability": 0.6},
        }
    },
}
"""A bit of everything."""


def sequence(**settings: Any) -> SimulatedCampaign:
    """All channels, with a wait, a branch and a call."""
    return campaign(
        request(max_wait_hours=72),
        step("mail", anchor="trigger", skip_when=["linkedin_connected"]),
        step("message", "linkedin", 48, skip_when=["already_replied"]),
        step("whatsapp", "whatsapp", 120),
        step("call", "voice", 24, wait_for={"event": "call_outcome", "max_wait_hours": 5}),
        **settings,
    )
