"""`touchstream why` on a real engine: PostgreSQL and the logs give the same explanation."""

import json
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from schemas.public.example_events import sample
from tests.testing.command_line import Touchstream, wait_until
from tests.testing.live_explanations import explained_by_both
from tests.testing.waiting import WAIT_TIMEOUT_S

live = pytest.mark.live
ANN = ("--tenant", "acme", "--contact", "ann")
NOBODY = "00000000-0000-8000-8000-000000000000"


def event(kind: str, number: int, **data: object) -> str:
    whole = {"specversion": "1.0", "type": kind, "id": f"e-{number}", "source": "/test"}
    return json.dumps({**whole, "data": data}) + "\n"


def campaign(path: Path) -> Path:
    """A campaign with an e-mail after 2 s, another after 4 s more, and an SMS a day later."""
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


@live
def test_postgres_and_logs_explain_the_same_from_a_job_to_an_opt_out(
    engine: dict[str, str], touchstream: Touchstream, tmp_path: Path
) -> None:
    assert touchstream("tenant", "set", "acme", "--timezone", "America/Chicago").code == 0
    assert touchstream("tenant", "set", "bolt", "--timezone", "America/Chicago").code == 0
    file = campaign(tmp_path / "reviews.json")
    assert touchstream("campaign", "publish", file, "--timeout", WAIT_TIMEOUT_S).code == 0
    nothing = touchstream("why", *ANN)
    assert (nothing.code, "does not have the contact ann of acme" in nothing.err) == (1, True)
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
        result = touchstream("why", *ANN, "--campaign", "reviews", "--json")
        return list(result.json()["runs"][0]["touches"]) if result.code == 0 else []

    wait_until(lambda: bool(touches()) and touches()[0]["phase"] == "commanded")
    (sent,) = touches()
    assert {gate["result"] for gate in sent["gates"]} == {"passed"}
    assert gates(sent)["template"]["values"] == {"template_id": "hello", "template_version": 1}
    (command,) = sent["commands"]
    ids = {"tenant_id": "acme", "contact_id": "ann"}
    # First the opt-out, then the report: the second touch may be due as soon as it has come.
    publish(event("contact.unsubscribed", 3, **ids, channel="email"))
    wait_until(lambda: "/test#e-3" in touchstream("why", *ANN, "--json").out)
    publish(event("touch.sent", 2, **ids, command_id=command))
    wait_until(lambda: len(touches()) == 3)
    _, skipped, _ = touches()
    assert gates(skipped)["opt_out"]["reason"] == "opted_out_email"
    assert gates(skipped)["opt_out"]["cause"] == "/test#e-3"

    (run,) = explained_by_both(touchstream, *ANN)["runs"]
    refolded = touchstream("why", *ANN, "--json", "--from-log")
    assert "contact-log[" in refolded.err and "read to" in refolded.err
    for sought in (run["enrollment_id"], command):
        assert explained_by_both(touchstream, sought)["runs"]
    text = touchstream("why", command).out
    assert "touch 1, first by email" in text and "touch 2, second" not in text
    assert "ann@example.com" not in touchstream("why", *ANN).out
    _expect_nothing_for_others(touchstream, command)
    assert touchstream("verify", "--wait", WAIT_TIMEOUT_S).code == 0


def _expect_nothing_for_others(touchstream: Touchstream, command: str) -> None:
    for more in ((), ("--from-log",)):
        assert touchstream("why", command, "--tenant", "bolt", *more).code == 1
        assert touchstream("why", NOBODY, *more).code == 1
        assert touchstream("why", "--contact", "ann", "--tenant", "bolt", *more).code == 1
        elsewhere = touchstream("why", *ANN, "--campaign", "other", *more)
        assert (elsewhere.code, "its campaigns: reviews" in elsewhere.err) == (1, True)
        assert touchstream("why", NOBODY, *ANN, *more).code == 1
    assert touchstream("why", "--contact", "ann").code == 0  # only one tenant has a contact ann
    keyless = touchstream("why", "--contact", "ann", "--from-log")
    assert (keyless.code, "add --tenant" in keyless.err) == (2, True)


def test_a_missing_contact_is_reported_with_the_options_to_add(touchstream: Touchstream) -> None:
    nobody = touchstream("why", "--tenant", "acme")
    assert (nobody.code, "--tenant and --contact" in nobody.err) == (2, True)
    both = touchstream("why", NOBODY, "--campaign", "reviews")
    assert (both.code, "--campaign goes with --contact" in both.err) == (2, True)


def test_a_contact_of_two_tenants_needs_the_tenant(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sinks.contact_history_query import ContactRef

    queries = Mock()
    queries.return_value.__enter__ = lambda _: queries
    queries.return_value.__exit__ = lambda *_: None
    queries.contacts.return_value = [
        ContactRef("acme", "ann", None),
        ContactRef("bolt", "ann", None),
    ]
    monkeypatch.setattr("streams.cli.why_sources.ContactHistoryQueries", queries)
    monkeypatch.setenv("TOUCHSTREAM_POSTGRES_DSN", "postgresql://nobody@127.0.0.1:1/x")
    result = touchstream("why", "--contact", "ann")
    assert (result.code, "ann is a contact of acme, bolt: add --tenant" in result.err) == (2, True)
