"""An outreach campaign with an experiment on a real engine, through the command line: a draft is
filled, activated, answered, completed and reported."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.internal.topics import COMMAND_TOPICS
from tests.streams.cli.test_outreach import commands, event_file
from tests.testing.command_line import CommandResult, Touchstream, wait_until
from tests.testing.live_explanations import explained_by_both

pytestmark = pytest.mark.live

CAMPAIGN = """
campaign_id: java
name: Java developers
kind: outreach
outreach: {owner_id: owner-1, target_contacts_count: 3}
settings: {quiet_hours: none, in_flight: revoke}
steps:
  - id: first
    channel: email
    experiment: {id: java-q1, variant_a_template_id: short, variant_b_template_id: long}
  - {id: last, channel: email, template_id: last, delay_hours: 48}
"""
PEOPLE = """contact_id,first_name,email,company,job_title,contact_type
c-1,Ann,ann@example.com,Nordlys,Engineer,candidate
c-2,Ben,ben@example.com,Elbwerk,CTO,Decision Maker
c-3,Cleo,cleo@example.com,,,
c-4,Dan,dan@,,,
,Eve,,,,
"""


def order(touchstream: Touchstream, *arguments: object) -> CommandResult:
    """A command about the tenant, which must succeed."""
    result = touchstream(*arguments, "--tenant", "acme")
    assert result.code == 0, result
    return result


def publish(touchstream: Touchstream, file: Path, kind: str, **data: object) -> None:
    result = touchstream("publish", event_file(file, kind, **data))
    assert result.code == 0, result


def show(touchstream: Touchstream) -> Any:
    return order(touchstream, "campaign", "show", "java", "--json").json()


def test_a_campaign_runs_from_its_draft_to_its_report(
    engine: dict[str, str], touchstream: Touchstream, tmp_path: Path
) -> None:
    assert engine
    assert touchstream("tenant", "set", "acme", "--timezone", "America/New_York").code == 0
    file = tmp_path / "java.yaml"
    file.write_text(CAMPAIGN)
    published = order(touchstream, "campaign", "publish", file)
    assert "is published as a draft, which takes people" in published.out
    _activation_is_refused(touchstream)
    account = ("sender", "set", "ann", "--channel", "email", "--spacing", 1)
    order(touchstream, *account)
    _import(touchstream, tmp_path / "people.csv")
    wait_until(lambda: show(touchstream)["counts"].get("frozen") == 3)
    wait_until(lambda: show(touchstream)["problems"] == [])
    assert commands(COMMAND_TOPICS["email"]) == []

    activated = order(touchstream, "campaign", "activate", "java")
    assert "warning: outreach.target_audience: recommended" in activated.err
    again = touchstream("campaign", "activate", "java", "--tenant", "acme")
    assert (again.code, "CAMPAIGN_ALREADY_ACTIVE" in again.err) == (1, True), again
    wait_until(lambda: len(commands(COMMAND_TOPICS["email"])) == 3)
    mails = {mail["contact_id"]: mail for mail in commands(COMMAND_TOPICS["email"])}
    assert {name: mail["template_id"] for name, mail in mails.items()} == {
        "c-1": "long",
        "c-2": "long",
        "c-3": "short",
    }
    assert mails["c-2"]["variables"]["contact_type"] == "decision_maker"
    assert (mails["c-3"]["variant"], mails["c-3"]["experiment_id"]) == ("A", "java-q1")

    _answer(touchstream, tmp_path, mails)
    wait_until(lambda: _answers_counted(show(touchstream)["counts"]) == (1, 1))
    view = show(touchstream)
    assert view["counts"]["reached"] == 2
    assert view["completion"][0] == {"rule": "targets", "targets": ["contacts"]}
    assert "c-3" not in touchstream("campaign", "show", "java", "--tenant", "acme").out
    test = order(touchstream, "experiment", "show", "java-q1", "--json").json()["experiments"][0]
    assert (test["a"]["reached"], test["a"]["responses"], test["b"]["reached"]) == (1, 1, 1)
    _explained(touchstream)

    assert order(touchstream, "campaign", "complete", "java").out == "java of acme: completed\n"
    wait_until(lambda: show(touchstream)["phase"] == "settled")
    assert show(touchstream)["end_reason"] == "by_order"
    _report(touchstream, tmp_path)


def _answers_counted(counts: dict[str, int]) -> tuple[int | None, int | None]:
    """The two people may be of two partitions: either answer may be counted first."""
    return counts.get("responses"), counts.get("conversions")


def _activation_is_refused(touchstream: Touchstream) -> None:
    """A draft without people and senders names both."""
    result = touchstream("campaign", "activate", "java", "--tenant", "acme")
    assert result.code == 1, result
    assert "CAMPAIGN_NO_CONTACTS at contacts: Cannot activate campaign with 0" in result.err
    assert "CAMPAIGN_NO_SENDER at steps[0].channel" in result.err
    problems = [row["code"] for row in show(touchstream)["problems"]]
    assert problems == ["CAMPAIGN_NO_CONTACTS", "CAMPAIGN_NO_SENDER"]


def _import(touchstream: Touchstream, people: Path) -> None:
    people.write_text(PEOPLE)
    command = ("contacts", "import", people, "--tenant", "acme", "--campaign", "java")
    result = touchstream(*command)
    counts = "4 imported, 1 bad, 1 cell left out, 1 not written to as it is now\n"
    assert (result.code, result.out) == (1, counts), result
    assert "line 5: CONTACT_EMAIL_INVALID: email" in result.err
    assert "line 6: CONTACT_NO_ADDRESS: the campaign needs email" in result.err
    assert "java is draft, and sends nothing yet: touchstream campaign activate java" in result.err


def _answer(touchstream: Touchstream, directory: Path, mails: dict[str, Any]) -> None:
    """Two mails are sent; one person replies, the other one books an interview."""
    for name in ("c-1", "c-3"):
        ids = {"contact_id": name, "command_id": mails[name]["command_id"]}
        publish(touchstream, directory / "sent.jsonl", "touch.sent", **ids)
    wait_until(lambda: show(touchstream)["counts"].get("reached") == 2)
    reply = {"contact_id": "c-3", "channel": "email"}
    publish(touchstream, directory / "reply.jsonl", "contact.replied", **reply)
    booked = {"contact_id": "c-1", "conversion_type": "interview", "entity_id": "I-1"}
    publish(touchstream, directory / "booked.jsonl", "conversion.recorded", **booked)


def _explained(touchstream: Touchstream) -> None:
    """The explanation of a person is the same, whatever it is read from."""
    (run,) = explained_by_both(touchstream, "--tenant", "acme", "--contact", "c-1")["runs"]
    assert run["experiments"][0]["variant"] == "B"
    assert run["status"] == "stopped" and run["reason"] == "converted"
    kinds = {fact["fact"] for fact in run["timeline"]}
    assert "conversion.attributed" in kinds


def _report(touchstream: Touchstream, directory: Path) -> None:
    page = directory / "report.html"
    wait_until(lambda: "By day" in _page(touchstream, page))
    text = order(touchstream, "campaign", "report", "java").out
    assert "| status | completed, by an order |" in text
    assert "## Experiment java-q1: not decided" in text
    values = json.loads(order(touchstream, "campaign", "report", "java", "--json").out)
    assert values["counts"]["reached"] == 2


def _page(touchstream: Touchstream, page: Path) -> str:
    order(touchstream, "campaign", "report", "java", "--html", page)
    return page.read_text()
