"""A simulation of the recorded events of a live run emits the same commands as the live run.

The result does not depend on the speed of the machine. The simulation feeds an event at the time at
which the live log had it, so the event meets the same timers. Work that takes time between logs is
kept away from due times: a campaign is known before its people arrive, it is paused and resumed
while none of its touches is due, and no two people share an address. A live timer fires a little
late, when its partition gets the next record or tick. So no touch is scheduled from the time at
which another one was skipped (`previous_scheduled`, not `previous_executed`), and a pause shifts no
touch (`send_now`).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.base.times import format_rfc3339
from schemas.internal.facts import FactKind
from schemas.internal.topics import Layout, Topic
from streams.audit.verify import verify
from streams.embedded.stack import Stack
from tests.testing.builders import step
from tests.testing.command_line import Touchstream, touchstream
from tests.testing.live_engine import LiveEngine
from tests.testing.live_senders import SECOND, LiveSenders, ReceivedCommand, ScriptedAnswer
from tests.testing.publishing import EventSource, now
from tests.testing.topic_readers import FactReader
from tests.testing.waiting import WAIT_TIMEOUT_S

__all__ = ["touchstream"]
pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

LAYOUT = Layout(public=2, contact=2, dispatch=2, campaign=1, commands=2, facts=2)
TENANTS = ("acme", "bee")
CHANNELS = ("email", "sms", "linkedin", "whatsapp", "voice")
HOUR_S = 3_600
WAIT_S = 4.0
PAUSED_S = 7.0
"""The time between the two touches of a paused campaign: long enough to pause it between them."""

REQUIRED_FACTS = {
    FactKind.TOUCH_SKIPPED,
    FactKind.TOUCH_FAILED,
    FactKind.TOUCH_RETRIED,
    FactKind.TOUCH_REVOKED,
    FactKind.TOUCH_BOUNCED,
    FactKind.TOUCH_CONVERTED,
    FactKind.TRIGGER_MET,
    FactKind.TRIGGER_TIMED_OUT,
    FactKind.CONTACT_REPLIED,
    FactKind.CONTACT_OPTED_OUT,
    FactKind.ENROLLMENT_FROZEN,
    FactKind.ENROLLMENT_RESUMED,
    FactKind.ENROLLMENT_STOPPED,
    FactKind.ENROLLMENT_COMPLETED,
}
"""Without these facts the comparison would cover less than it should."""

BEHAVIOURS = 8
(CLICKS_MAIL, DOES_NOTHING, NOT_CONNECTING, UNKNOWN, FAILING_ONCE) = range(5)
(REPLIES, BOUNCES, LEAVES) = range(5, BEHAVIOURS)
PROSPECTS = range(2 * BEHAVIOURS)
CUSTOMERS, PAUSED, SILENT = range(6), range(3), range(1)
(CLICKS, REPEATS, STOPPED, REVIEWS, NO_SMS, DEAD) = CUSTOMERS


def step_after(name: str, channel: str, seconds: float, **fields: Any) -> dict[str, Any]:
    """A step with its delay in seconds."""
    return step(name, channel, seconds / HOUR_S, **fields)


def wait(*events: str, **ways: Any) -> dict[str, Any]:
    return {"event": list(events), "max_wait_hours": WAIT_S / HOUR_S, **ways}


OUTREACH = [
    step_after(
        "request",
        "linkedin",
        0,
        action="send_connection_request",
        wait_for=wait("connection_accepted", on_timeout={"branch": "text"}),
    ),
    step_after("message", "linkedin", 1, anchor="trigger", skip_when="linkedin_not_connected"),
    step_after(
        "mail",
        "email",
        2,
        anchor="previous_scheduled",
        skip_when="already_replied",
        wait_for=wait("click", "reply", on_event="complete"),
    ),
    step_after("whatsapp", "whatsapp", 1, anchor="previous_scheduled", then="complete"),
    step_after("text", "sms", 1, anchor="trigger"),
]
CAMPAIGNS: dict[str, dict[str, Any]] = {
    "outreach": {"kind": "prospecting", "steps": OUTREACH},
    "reviews": {
        "service_type": "hvac",
        "steps": [step_after("s1", "email", 1), step_after("s2", "sms", 3)],
    },
    "paused": {
        "service_type": "roofing",
        "steps": [step_after("s1", "email", 1), step_after("s2", "email", PAUSED_S)],
    },
    "silent": {"service_type": "plumbing", "steps": [step_after("s1", "email", 1)]},
}


def definition(tenant_id: str, campaign_id: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"quiet_hours": "none", "late_policy": "send_now"}
    settings["retry_minutes"] = [0.02]
    if campaign_id == "silent":
        settings["answer_timeout_minutes"] = 0.03
    ids = {"tenant_id": tenant_id, "campaign_id": campaign_id, "name": campaign_id}
    return {**ids, "settings": settings, **CAMPAIGNS[campaign_id]}


def answers(command: ReceivedCommand) -> Iterator[ScriptedAnswer]:
    """The answers of the sender and of the person to a command."""
    data = command.data
    behaviour, ids = int(data["contact_id"].rpartition("-")[2]), {"command_id": data["command_id"]}
    if command.kind != "touch.due" or data["campaign_id"] == "silent":
        return
    prospect = data["campaign_id"] == "outreach"
    failure = _failure(behaviour % BEHAVIOURS, data) if prospect else None
    if failure is not None:
        yield ScriptedAnswer(0.1, "touch.failed", {**ids, **failure})
        return
    if data["campaign_id"] == "reviews" and behaviour == STOPPED:
        yield ScriptedAnswer(0.1, "contact.stopped", {"campaign_id": None})
        return
    yield ScriptedAnswer(0.1, "touch.sent", {**ids, "sent_at": None})
    if prospect:
        yield from _prospect_answers(behaviour % BEHAVIOURS, data["step_id"], ids)
    elif data["campaign_id"] == "reviews":
        yield from _customer_answers(behaviour, data, ids)


def _failure(behaviour: int, data: dict[str, Any]) -> dict[str, Any] | None:
    if data["step_id"] == "request" and behaviour == UNKNOWN:
        return {"code": "404", "permanent": True}
    if data["step_id"] == "request" and behaviour == FAILING_ONCE and data["attempt"] == 1:
        return {"code": "503", "permanent": False}
    return None


def _prospect_answers(behaviour: int, name: str, ids: dict[str, str]) -> Iterator[ScriptedAnswer]:
    match name:
        case "request" if behaviour not in (NOT_CONNECTING, UNKNOWN):
            yield ScriptedAnswer(0.3, "connection.accepted", ids)
        case "message" if behaviour == REPLIES:
            yield ScriptedAnswer(0.3, "contact.replied", {**ids, "channel": "linkedin"})
            yield ScriptedAnswer(3.0, "contact.resumed", {"campaign_id": "outreach"})
        case "mail" if behaviour == CLICKS_MAIL:
            yield ScriptedAnswer(0.2, "touch.opened", ids)
            yield ScriptedAnswer(0.2, "touch.clicked", ids)
        case "mail" if behaviour == BOUNCES:
            yield ScriptedAnswer(0.2, "touch.bounced", {**ids, "bounce_type": "hard"})
        case "mail" if behaviour == LEAVES:
            yield ScriptedAnswer(
                0.2, "contact.unsubscribed", {"channel": "all", "command_id": None}
            )


def _customer_answers(
    behaviour: int, data: dict[str, Any], ids: dict[str, str]
) -> Iterator[ScriptedAnswer]:
    if data["step_id"] != "s1":
        return
    if behaviour == CLICKS:
        yield ScriptedAnswer(0.2, "touch.clicked", ids)
    if behaviour == REPEATS and data["variables"]["job_id"].endswith("-1"):
        yield ScriptedAnswer(0.5, "job.completed", job(data["contact_id"], "hvac", 2))
    if behaviour == REVIEWS:
        yield ScriptedAnswer(0.5, "review.clicked", {**ids, "campaign_id": None})
    if behaviour == NO_SMS:
        yield ScriptedAnswer(0.2, "contact.unsubscribed", {"channel": "sms", "command_id": None})
    if behaviour == DEAD:
        yield ScriptedAnswer(0.2, "touch.bounced", {**ids, "bounce_type": "hard"})


def phone(contact_id: str) -> str:
    """A phone number that no other contact has: an opt-out suppresses it for all of them."""
    kind, _, number = contact_id.partition("-")
    return f"+1555{sum(map(ord, kind))}{int(number):03}"


def job(contact_id: str, service_type: str, number: int = 1) -> dict[str, Any]:
    """The fields of a job that is finished now."""
    email = f"{contact_id}@example.com"
    person = {"contact_id": contact_id, "email": email, "phone": phone(contact_id)}
    return {
        "job_id": f"{contact_id}-{number}",
        "service_type": service_type,
        "completed_at": format_rfc3339(now()),
        "customer": person,
    }


class SimulatedScenario:
    """The live engine with its tenants and campaigns, the senders and the people."""

    def __init__(self, engine: LiveEngine) -> None:
        self.engine = engine
        self.facts, self.publisher = FactReader(engine.settings), EventSource(engine.settings)
        self.senders = LiveSenders(engine.settings, self.publisher, answers)
        for tenant_id in TENANTS:
            cause = self._publish_tenant(tenant_id)
            self.wait_until(
                lambda cause=cause: self.facts.matching(FactKind.TENANT_UPDATED, cause=cause)
            )
            for campaign_id in CAMPAIGNS:
                document = definition(tenant_id, campaign_id)
                ids = {"tenant_id": tenant_id, "campaign_id": campaign_id}
                self.senders.publish("campaign.published", **ids, definition=document)
        self.wait_until(
            lambda: (
                len(self.facts.matching(FactKind.CAMPAIGN_READY)) == len(TENANTS) * len(CAMPAIGNS)
            )
        )

    def _publish_tenant(self, tenant_id: str) -> str:
        return self.senders.publish(
            "tenant.upserted",
            tenant_id=tenant_id,
            timezone="UTC",
            quiet_hours=None,
            calling_hours=False,
            limits={channel: {"per_hour": None} for channel in CHANNELS},
            frequency_caps=None,
            delay_hours_by_service={},
            fence=None,
        )

    def wait_until(self, reached: Any) -> None:
        def work_and_check() -> bool:
            self.senders.work()
            return bool(reached())

        self.engine.wait_until("the condition of the test", work_and_check)

    def publish_people(self, tenant_id: str) -> None:
        """Enrolls the prospects, and completes a job of each customer."""
        publish = self.senders.publish
        for number in PROSPECTS:
            name = f"p-{number}"
            who = {"tenant_id": tenant_id, "contact_id": name}
            link = f"https://linkedin.com/in/{name}"
            address = {"email": f"{name}@example.com", "phone": phone(name), "linkedin_url": link}
            publish("contact.upserted", **who, **address)
            publish("contact.enrolled", **who, campaign_id="outreach", variables=None)
        for campaign_id, behaviours in (
            ("reviews", CUSTOMERS),
            ("paused", PAUSED),
            ("silent", SILENT),
        ):
            service = CAMPAIGNS[campaign_id]["service_type"]
            for behaviour in behaviours:
                name = f"{campaign_id}-{behaviour}"
                who = {"tenant_id": tenant_id, "contact_id": name}
                publish("job.completed", **who, **job(name, service))

    def pause_and_resume(self) -> None:
        """Pauses the campaign between its touches, and resumes it after the second one was due."""
        second = {"campaign_id": "paused", "step_id": "s2"}
        self.wait_until(
            lambda: len(self.facts.matching(FactKind.TOUCH_SCHEDULED, **second)) == 2 * len(PAUSED)
        )
        dues = [
            fact.until
            for fact in self.facts.matching(FactKind.TOUCH_SCHEDULED, **second)
            if fact.until
        ]
        first, last = (int(due.timestamp() * SECOND) for due in (min(dues), max(dues)))
        if now() > first - 2 * SECOND:  # the machine is slow: let both touches go out
            self.wait_until(lambda: now() > last + 2 * SECOND)
        for tenant_id in TENANTS:
            self.senders.publish("campaign.paused", tenant_id=tenant_id, campaign_id="paused")
        self.wait_until(lambda: now() > last + SECOND)
        for tenant_id in TENANTS:
            self.senders.publish("campaign.resumed", tenant_id=tenant_id, campaign_id="paused")

    def wait_for_the_end(self) -> None:
        """Waits until every run has ended, also of repeat jobs, all answers are published, and the
        senders have all commands: a revocation may come after the end of its run."""
        ends = (FactKind.ENROLLMENT_COMPLETED, FactKind.ENROLLMENT_STOPPED)
        begun = len(TENANTS) * (len(PROSPECTS) + len(CUSTOMERS) + 1 + len(PAUSED) + len(SILENT))
        self.wait_until(lambda: sum(len(self.facts.matching(kind)) for kind in ends) == begun)
        seen = -1
        while len(self.senders.commands) > seen:
            seen = len(self.senders.commands)
            self.wait_until(lambda: self.senders.idle)
            verify(self.engine.settings, wait_s=WAIT_TIMEOUT_S)  # waits until the engine is at rest
            self.senders.work()


@pytest.fixture
def scenario(stack: Stack, tmp_path: Path) -> Iterator[SimulatedScenario]:
    with LiveEngine(stack, tmp_path / "logs") as engine:
        engine.start(LAYOUT)
        scenario = SimulatedScenario(engine)
        yield scenario
        scenario.senders.close()


def test_a_simulation_emits_the_commands_of_the_live_run(
    scenario: SimulatedScenario,
    touchstream: Touchstream,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unreadable = scenario.publisher.put(Topic.JOBS, [], b"{oops")
    for tenant_id in TENANTS:
        scenario.publish_people(tenant_id)
    scenario.engine.pause(0.01)
    before, halfway = scenario.senders.published, format_rfc3339(now())
    scenario.engine.pause(0.01)
    scenario.pause_and_resume()
    scenario.wait_for_the_end()
    assert {fact.fact for fact in scenario.facts.facts} >= REQUIRED_FACTS
    live = [comparable(command) for command in scenario.senders.commands]

    for name, value in scenario.engine.environment.items():
        monkeypatch.setenv(name, value)
    out = tmp_path / "report"
    report = touchstream("simulate", "--from-topics", "--out", out, "--json").json()
    lines = map(json.loads, (out / "commands.jsonl").read_text().splitlines())
    simulated = [
        comparable(ReceivedCommand(line["type"], line["id"], line["data"])) for line in lines
    ]
    assert sorted(simulated) == sorted(live)

    place = f"{unreadable[0]}[{unreadable[1]}]@{unreadable[2]}"
    assert [(record["place"], record["code"]) for record in report["bad"]] == [
        (place, "NOT_CLOUDEVENT")
    ]
    recorded = [report["simulation"]["recorded_events"]]
    for half in ("--before", "--since"):
        published = touchstream("simulate", "--from-topics", half, halfway, "--json")
        recorded.append(published.json()["simulation"]["recorded_events"])
    assert recorded == [scenario.senders.published, before, scenario.senders.published - before]


def comparable(command: ReceivedCommand) -> tuple[str, str, str]:
    """The command without its times, which are a little late in a live run."""
    times = ("due_at", "expires_at", "send_before")
    kept = {name: value for name, value in command.data.items() if name not in times}
    return command.kind, command.event_id, json.dumps(kept, sort_keys=True)
