"""One recorded input, live and simulated, agrees command by command.

Nothing here hangs on milliseconds. Told again, an event comes at the time at which its log had it,
so it meets the timers of its person as it did then, however slow the machine was. What takes time
between logs is kept away from what is due: a campaign is known before its people come, it is paused
and resumed while nothing of it is near, and nobody shares an address. A timer fires live when its
partition hears of the time, a little late; so no touch counts from the moment in which another one
was skipped (`previous_scheduled`, not `previous_executed`), and a pause shifts nothing
(`send_now`).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.base.times import format_rfc3339
from schemas.internal.facts import FactKind
from schemas.internal.topics import Layout, Topic
from streams.embedded.stack import Stack
from tests.testing.builders import step
from tests.testing.command_line import Touchstream, touchstream
from tests.testing.live_engine import LiveEngine
from tests.testing.live_senders import SECOND, LiveSenders, ReceivedCommand, ScriptedAnswer
from tests.testing.publishing import EventSource, now
from tests.testing.topic_readers import FactReader

__all__ = ["touchstream"]
pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

LAYOUT = Layout(public=2, contact=2, dispatch=2, campaign=1, commands=2, facts=2)
TENANTS = ("acme", "bee")
CHANNELS = ("email", "sms", "linkedin", "whatsapp", "voice")
HOUR_S = 3_600
WAIT_S = 4.0
PAUSED_S = 7.0
"""From the first touch of a paused campaign to the second: time enough to pause it between them."""

MUST_HAPPEN = {
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
"""Or the comparison would be of less than it says."""

LIKES = 8
(EAGER, QUIET, STRANGER, UNKNOWN, UNLUCKY, REPLIES, BOUNCES, LEAVES) = range(LIKES)
PROSPECTS = range(2 * LIKES)
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
    """What a sender and the person say to a command."""
    data = command.data
    like, ids = int(data["contact_id"].rpartition("-")[2]), {"command_id": data["command_id"]}
    if command.kind != "touch.due" or data["campaign_id"] == "silent":
        return
    prospect = data["campaign_id"] == "outreach"
    failure = _failure(like % LIKES, data) if prospect else None
    if failure is not None:
        yield ScriptedAnswer(0.1, "touch.failed", {**ids, **failure})
        return
    if data["campaign_id"] == "reviews" and like == STOPPED:
        yield ScriptedAnswer(0.1, "contact.stopped", {"campaign_id": None})
        return
    yield ScriptedAnswer(0.1, "touch.sent", {**ids, "sent_at": None})
    if prospect:
        yield from _prospect(like % LIKES, data["step_id"], ids)
    elif data["campaign_id"] == "reviews":
        yield from _customer(like, data, ids)


def _failure(like: int, data: dict[str, Any]) -> dict[str, Any] | None:
    if data["step_id"] == "request" and like == UNKNOWN:
        return {"code": "404", "permanent": True}
    if data["step_id"] == "request" and like == UNLUCKY and data["attempt"] == 1:
        return {"code": "503", "permanent": False}
    return None


def _prospect(like: int, name: str, ids: dict[str, str]) -> Iterator[ScriptedAnswer]:
    match name:
        case "request" if like not in (STRANGER, UNKNOWN):
            yield ScriptedAnswer(0.3, "connection.accepted", ids)
        case "message" if like == REPLIES:
            yield ScriptedAnswer(0.3, "contact.replied", {**ids, "channel": "linkedin"})
            yield ScriptedAnswer(3.0, "contact.resumed", {"campaign_id": "outreach"})
        case "mail" if like == EAGER:
            yield ScriptedAnswer(0.2, "touch.opened", ids)
            yield ScriptedAnswer(0.2, "touch.clicked", ids)
        case "mail" if like == BOUNCES:
            yield ScriptedAnswer(0.2, "touch.bounced", {**ids, "bounce_type": "hard"})
        case "mail" if like == LEAVES:
            yield ScriptedAnswer(
                0.2, "contact.unsubscribed", {"channel": "all", "command_id": None}
            )


def _customer(like: int, data: dict[str, Any], ids: dict[str, str]) -> Iterator[ScriptedAnswer]:
    if data["step_id"] != "s1":
        return
    if like == CLICKS:
        yield ScriptedAnswer(0.2, "touch.clicked", ids)
    if like == REPEATS and data["variables"]["job_id"].endswith("-1"):
        yield ScriptedAnswer(0.5, "job.completed", job(data["contact_id"], "hvac", 2))
    if like == REVIEWS:
        yield ScriptedAnswer(0.5, "review.clicked", {**ids, "campaign_id": None})
    if like == NO_SMS:
        yield ScriptedAnswer(0.2, "contact.unsubscribed", {"channel": "sms", "command_id": None})
    if like == DEAD:
        yield ScriptedAnswer(0.2, "touch.bounced", {**ids, "bounce_type": "hard"})


def phone(contact_id: str) -> str:
    """Nobody else's: who leaves closes a number for all who have it."""
    kind, _, number = contact_id.partition("-")
    return f"+1555{sum(map(ord, kind))}{int(number):03}"


def job(contact_id: str, service_type: str, number: int = 1) -> dict[str, Any]:
    """Finished when it is told."""
    email = f"{contact_id}@example.com"
    person = {"contact_id": contact_id, "email": email, "phone": phone(contact_id)}
    return {
        "job_id": f"{contact_id}-{number}",
        "service_type": service_type,
        "completed_at": format_rfc3339(now()),
        "customer": person,
    }


class Stage:
    """The engine, its tenants, and those who answer."""

    def __init__(self, engine: LiveEngine) -> None:
        self.engine = engine
        self.facts, self.publisher = FactReader(engine.settings), EventSource(engine.settings)
        self.senders = LiveSenders(engine.settings, self.publisher, answers)
        for tenant_id in TENANTS:
            cause = self._tenant(tenant_id)
            self.wait_until(
                lambda cause=cause: self.facts.matching(FactKind.TENANT_UPDATED, cause=cause)
            )
            for campaign_id in CAMPAIGNS:
                whole = definition(tenant_id, campaign_id)
                ids = {"tenant_id": tenant_id, "campaign_id": campaign_id}
                self.senders.publish("campaign.published", **ids, definition=whole)
        self.wait_until(
            lambda: (
                len(self.facts.matching(FactKind.CAMPAIGN_READY)) == len(TENANTS) * len(CAMPAIGNS)
            )
        )

    def _tenant(self, tenant_id: str) -> str:
        return self.senders.publish(
            "tenant.upserted",
            tenant_id=tenant_id,
            timezone="UTC",
            quiet_hours=None,
            limits={channel: {"per_hour": None} for channel in CHANNELS},
            frequency_caps=None,
            delay_hours_by_service={},
            fence=None,
        )

    def wait_until(self, reached: Any) -> None:
        def looked() -> bool:
            self.senders.work()
            return bool(reached())

        self.engine.wait_until("what the test waits for", looked, 60)

    def people(self, tenant_id: str) -> None:
        """Prospects are enrolled, customers have had a job done."""
        publish = self.senders.publish
        for number in PROSPECTS:
            name = f"p-{number}"
            who = {"tenant_id": tenant_id, "contact_id": name}
            link = f"https://linkedin.com/in/{name}"
            address = {"email": f"{name}@example.com", "phone": phone(name), "linkedin_url": link}
            publish("contact.upserted", **who, **address)
            publish("contact.enrolled", **who, campaign_id="outreach", variables=None)
        for campaign_id, likes in (("reviews", CUSTOMERS), ("paused", PAUSED), ("silent", SILENT)):
            service = CAMPAIGNS[campaign_id]["service_type"]
            for like in likes:
                name = f"{campaign_id}-{like}"
                who = {"tenant_id": tenant_id, "contact_id": name}
                publish("job.completed", **who, **job(name, service))

    def pause_and_resume(self) -> None:
        """Between the two touches of the campaign; then after the second would have been due."""
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
        if now() > first - 2 * SECOND:  # the machine is that slow: let them go
            self.wait_until(lambda: now() > last + 2 * SECOND)
        for tenant_id in TENANTS:
            self.senders.publish("campaign.paused", tenant_id=tenant_id, campaign_id="paused")
        self.wait_until(lambda: now() > last + SECOND)
        for tenant_id in TENANTS:
            self.senders.publish("campaign.resumed", tenant_id=tenant_id, campaign_id="paused")

    def rest(self) -> None:
        """Every run has ended, those of repeat jobs too, and all is said."""
        ends = (FactKind.ENROLLMENT_COMPLETED, FactKind.ENROLLMENT_STOPPED)
        begun = len(TENANTS) * (len(PROSPECTS) + len(CUSTOMERS) + 1 + len(PAUSED) + len(SILENT))
        self.wait_until(lambda: sum(len(self.facts.matching(kind)) for kind in ends) == begun)
        self.wait_until(lambda: self.senders.idle)


@pytest.fixture
def stage(stack: Stack, tmp_path: Path) -> Iterator[Stage]:
    engine = LiveEngine(stack, tmp_path / "logs")
    engine.start(LAYOUT)
    stage = Stage(engine)
    yield stage
    stage.senders.close()
    engine.stop()


def test_a_simulated_run_commands_what_the_live_run_commanded(
    stage: Stage, touchstream: Touchstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = stage.publisher.put(Topic.JOBS, [], b"{oops")
    for tenant_id in TENANTS:
        stage.people(tenant_id)
    stage.engine.pause(0.01)
    before, halfway = stage.senders.published, format_rfc3339(now())
    stage.engine.pause(0.01)
    stage.pause_and_resume()
    stage.rest()
    assert {fact.fact for fact in stage.facts.facts} >= MUST_HAPPEN
    live = [seen(command) for command in stage.senders.commands]

    for name, value in stage.engine.environment.items():
        monkeypatch.setenv(name, value)
    out = tmp_path / "report"
    told = touchstream("simulate", "--from-topics", "--out", out, "--json").json()
    lines = map(json.loads, (out / "commands.jsonl").read_text().splitlines())
    simulated = [seen(ReceivedCommand(line["type"], line["id"], line["data"])) for line in lines]
    assert sorted(simulated) == sorted(live)

    place = f"{bad[0]}[{bad[1]}]@{bad[2]}"
    assert [(one["place"], one["code"]) for one in told["bad"]] == [(place, "NOT_CLOUDEVENT")]
    recorded = [told["simulation"]["recorded_events"]]
    for half in ("--before", "--since"):
        published = touchstream("simulate", "--from-topics", half, halfway, "--json")
        recorded.append(published.json()["simulation"]["recorded_events"])
    assert recorded == [stage.senders.published, before, stage.senders.published - before]


def seen(command: ReceivedCommand) -> tuple[str, str, str]:
    """Everything but the moment in which it was asked for, which is late by a little when live."""
    kept = {k: v for k, v in command.data.items() if k not in ("due_at", "expires_at")}
    return command.kind, command.event_id, json.dumps(kept, sort_keys=True)
