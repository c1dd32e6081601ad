"""`touchstream why` against the real engine: PostgreSQL and the logs tell the same story."""

import json
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from schemas.public.example_events import sample
from tests.streams.cli.conftest import WAIT_S, Touchstream, until

live = pytest.mark.live
ANN = ("--tenant", "acme", "--contact", "ann")
NOBODY = "00000000-0000-8000-8000-000000000000"


def event(kind: str, number: int, **data: object) -> str:
    whole = {"specversion": "1.0", "type": kind, "id": f"e-{number}", "source": "/test"}
    return json.dumps({**whole, "data": data}) + "\n"


def campaign(path: Path) -> Path:
    """A mail after two seconds and another four seconds later, at any hour."""
    steps = [
        {"id": "first", "channel": "email", "delay_hours": 0.0006, "template_id": "hello"},
        {"id": "second", "channel": "email", "delay_hours": 0.0012, "template_id": "again"},
        {"id": "third", "channel": "sms", "delay_hours": 24, "template_id": "text"},
    ]
    whole = {
        "tenant_id": "acme",
        "campaign_id": "reviews",
        "name": "Reviews",
        "settings": {"quiet_hours": "none"},
        "steps": steps,
    }
    path.write_text(json.dumps(whole))
    return path


def gates(touch: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {gate["name"]: gate for gate in touch["gates"]}


def as_told(said: dict[str, Any]) -> dict[str, Any]:
    """What each processor says is in order; how the two interleave within a moment is not said."""
    for run in said["runs"]:
        run["timeline"].sort(key=lambda fact: (fact["at"], json.dumps(fact, sort_keys=True)))
    said["besides"].sort(key=lambda fact: (fact["at"], json.dumps(fact, sort_keys=True)))
    return said


@live
def test_from_a_job_to_an_opt_out_both_tell_why(
    engine: dict[str, str], touchstream: Touchstream, tmp_path: Path
) -> None:
    assert touchstream("tenant", "set", "acme", "--timezone", "America/Chicago").code == 0
    assert touchstream("tenant", "set", "bolt", "--timezone", "America/Chicago").code == 0
    file = campaign(tmp_path / "reviews.json")
    assert touchstream("campaign", "publish", file, "--timeout", WAIT_S).code == 0
    nothing = touchstream("why", *ANN)
    assert (nothing.code, "does not know the contact ann of acme" in nothing.err) == (1, True)
    assert touchstream("why", *ANN, "--from-log").code == 1

    def publish(*lines: str) -> None:
        events = tmp_path / "events.jsonl"
        events.write_text("".join(lines))
        assert touchstream("publish", events).code == 0

    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    job = {**sample("job.completed"), "tenant_id": "acme", "completed_at": now}
    job["customer"] = {"contact_id": "ann", "email": "ann@example.com", "phone": "+15550100"}
    publish(event("job.completed", 1, **job))

    def touches() -> list[dict[str, Any]]:
        said = touchstream("why", *ANN, "--campaign", "reviews", "--json")
        return list(said.json()["runs"][0]["touches"]) if said.code == 0 else []

    until(lambda: bool(touches()) and touches()[0]["phase"] == "commanded")
    (command,) = touches()[0]["commands"]
    ids = {"tenant_id": "acme", "contact_id": "ann"}
    publish(
        event("touch.sent", 2, **ids, command_id=command),
        event("contact.unsubscribed", 3, **ids, channel="email"),
    )
    until(lambda: len(touches()) == 3)
    sent, skipped, _ = touches()
    assert {gate["result"] for gate in sent["gates"]} == {"passed"}
    assert gates(sent)["template"]["values"] == {"template_id": "hello", "template_version": 1}
    assert gates(skipped)["opt_out"]["reason"] == "opted_out_email"
    assert gates(skipped)["opt_out"]["cause"] == "/test#e-3"

    told = touchstream("why", *ANN, "--json").json()
    (run,) = told["runs"]
    refolded = touchstream("why", *ANN, "--json", "--from-log")
    assert "contact-log[" in refolded.err and "read to" in refolded.err
    assert as_told(refolded.json()) == as_told(told)
    for known in (run["enrollment_id"], command):
        here, there = (touchstream("why", known, "--json", *more) for more in ((), ("--from-log",)))
        assert here.code == there.code == 0
        assert as_told(here.json()) == as_told(there.json())
    words = touchstream("why", command).out
    assert "touch 1, first by email" in words and "touch 2, second" not in words
    assert "ann@example.com" not in touchstream("why", *ANN).out
    _nobody_else_learns_of_it(touchstream, command)
    assert touchstream("verify").code == 0


def _nobody_else_learns_of_it(touchstream: Touchstream, command: str) -> None:
    for more in ((), ("--from-log",)):
        assert touchstream("why", command, "--tenant", "bolt", *more).code == 1
        assert touchstream("why", NOBODY, *more).code == 1
        assert touchstream("why", "--contact", "ann", "--tenant", "bolt", *more).code == 1
        elsewhere = touchstream("why", *ANN, "--campaign", "other", *more)
        assert (elsewhere.code, "campaigns of theirs: reviews" in elsewhere.err) == (1, True)
        assert touchstream("why", NOBODY, *ANN, *more).code == 1
    assert touchstream("why", "--contact", "ann").code == 0  # one tenant alone has an ann
    keyless = touchstream("why", "--contact", "ann", "--from-log")
    assert (keyless.code, "add --tenant" in keyless.err) == (2, True)


def test_nobody_named_is_told_what_to_add(touchstream: Touchstream) -> None:
    nobody = touchstream("why", "--tenant", "acme")
    assert (nobody.code, "--tenant and --contact" in nobody.err) == (2, True)
    both = touchstream("why", NOBODY, "--campaign", "reviews")
    assert (both.code, "--campaign goes with --contact" in both.err) == (2, True)


def test_a_contact_of_two_tenants_is_asked_for_its_tenant(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sinks.contact_history_query import Whose

    queries = Mock()
    queries.return_value.__enter__ = lambda _: queries
    queries.return_value.__exit__ = lambda *_: None
    queries.named.return_value = [Whose("acme", "ann", None), Whose("bolt", "ann", None)]
    monkeypatch.setattr("streams.cli.why.WhyQueries", queries)
    monkeypatch.setenv("TOUCHSTREAM_POSTGRES_DSN", "postgresql://nobody@127.0.0.1:1/x")
    said = touchstream("why", "--contact", "ann")
    assert (said.code, "ann is a contact of acme, bolt: add --tenant" in said.err) == (2, True)
