"""The commands that show campaigns, over an engine in memory: they show what it has decided."""

from typing import Any

import pytest

from schemas.base.times import DAY
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from sinks.campaign_report_query import ReportHistory
from streams.cli.report_markdown import report_markdown
from streams.cli.report_sections import report_sections
from tests.testing.builders import publish, step
from tests.testing.command_line import Touchstream
from tests.testing.direct_calls import calling_tenant
from tests.testing.memory_reader import read_states_of
from tests.testing.outreach import OUTREACH, experiment, outreach_document
from tests.testing.outreach_desk import OutreachDesk, desk_with_draft
from tests.testing.story import event_fields
from tests.testing.world import World

PEOPLE = ("c-1", "c-2", "c-3")


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> OutreachDesk:
    """A draft with a test and a target of three contacts, which is the end of it."""
    document = outreach_document(
        {"target_contacts_count": 3, "completion_policy": "contacts_only"},
        steps=[step(template_id=None, experiment=experiment())],
    )
    desk = desk_with_draft(document)
    read_states_of(desk, monkeypatch)
    return desk


def show(touchstream: Touchstream) -> Any:
    result = touchstream("campaign", "show", OUTREACH, "--tenant", "acme", "--json")
    assert result.code == 0, result
    return result.json()


def test_a_campaign_is_shown_from_its_draft_to_its_report(
    touchstream: Touchstream, desk: OutreachDesk
) -> None:
    draft = show(touchstream)
    assert [row["code"] for row in draft["problems"]] == ["CAMPAIGN_NO_CONTACTS"]
    assert desk.facts(FactKind.CAMPAIGN_READY)[0].campaign_id == OUTREACH
    desk.add(*PEOPLE)
    desk.advance_hours(1 / 3600)
    filled = show(touchstream)
    assert (filled["problems"], filled["counts"]["frozen"]) == ([], 3)
    desk.change("activated")
    desk.send("c-1", "c-3")
    desk.advance_hours(1 / 3600)
    active = show(touchstream)
    assert (active["phase"], active["counts"]["reached"]) == ("active", 2)
    assert active["completion"][0] == {"rule": "targets", "targets": ["contacts"]}
    desk.deliver(m.ContactReplied(**event_fields(desk, "c-3"), channel="email"))
    desk.send("c-2")
    desk.advance_hours(1 / 360)
    over = show(touchstream)
    assert (over["status"], over["end_reason"], over["completion"]) == ("completed", "targets", [])
    (result,) = touchstream("experiment", "show", "java-q1", "--tenant", "acme", "--json").json()[
        "experiments"
    ]
    assert (result["a"]["reached"], result["b"]["reached"]) == (1, 2)
    assert (result["a"]["responses"], result["step_id"]) == (1, "a")


def test_the_report_of_the_fact_is_that_of_the_states(
    touchstream: Touchstream, desk: OutreachDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.add(*PEOPLE).change("activated")
    desk.send(*PEOPLE)
    desk.advance_to(desk.now + 40 * DAY)
    *_, final = desk.facts(FactKind.CAMPAIGN_REPORT)
    assert final.reason == "final" and final.values is not None
    from_fact = report_markdown("Java developers", "x", report_sections(final.values))
    monkeypatch.setattr(
        "streams.cli.campaign_report.report_history", lambda *_: ReportHistory(None, None, [])
    )
    result = touchstream("campaign", "report", OUTREACH, "--tenant", "acme", "--json")
    values = result.json()
    lead = values.pop("lead")
    assert report_markdown("Java developers", "x", report_sections(values)) == from_fact
    assert lead.endswith("after the final report.") and values["final"]
    assert not any(name in from_fact for name in PEOPLE)


def test_campaigns_of_other_kinds_are_shown_too(
    touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    world.append(calling_tenant())
    world.settle()
    call = {"id": "call", "channel": "voice", "template_id": "script"}
    world.append(publish(campaign_id="renewals", kind="calls", steps=[call]))
    world.append(publish(campaign_id="reviews"))
    world.settle()
    read_states_of(world, monkeypatch)
    calls = touchstream("campaign", "show", "renewals", "--tenant", "acme")
    assert (calls.code, "all processed     nobody is enrolled yet" in calls.out) == (0, True), calls
    reviews = touchstream("campaign", "show", "reviews", "--tenant", "acme")
    assert "not counted: a review campaign without an experiment" in reviews.out
    report = touchstream("campaign", "report", "reviews", "--tenant", "acme")
    assert (report.code, "no outreach campaign and has no experiment" in report.err) == (1, True)
    listed = touchstream("campaign", "list", "--tenant", "acme", "--json").json()["campaigns"]
    found = {row["campaign_id"]: (row["kind"], row["runs"]) for row in listed}
    assert found == {"renewals": ("calls", None), "reviews": ("review", None)}
