"""`touchstream campaign validate`, `publish` and `activate` for outreach: problems, warnings and
exit codes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.internal.facts import Fact, FactKind
from streams.cli.answer_reader import _ExpectedAnswer
from tests.testing.builders import step
from tests.testing.command_line import Touchstream
from tests.testing.memory_reader import PublishedOrders, answer_orders
from tests.testing.outreach import OUTREACH, experiment, outreach_document


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> PublishedOrders:
    return answer_orders(monkeypatch)


def fact(kind: FactKind, **fields: Any) -> Fact:
    return Fact(
        fact=kind,
        at=datetime(2026, 3, 2, tzinfo=UTC),
        tenant_id="acme",
        campaign_id=OUTREACH,
        **fields,
    )


def written(directory: Path, **changes: Any) -> Path:
    file = directory / "talent.json"
    file.write_bytes(msgspec.json.encode(outreach_document(**changes)))
    return file


def activate(touchstream: Touchstream, *options: str) -> Any:
    return touchstream("campaign", "activate", OUTREACH, "--tenant", "acme", *options)


def test_the_example_is_valid(touchstream: Touchstream) -> None:
    result = touchstream("campaign", "validate", "examples/talent.yaml")
    assert (result.code, result.out) == (
        0,
        "examples/talent.yaml: valid, outreach campaign with 2 steps\n",
    )
    assert (
        result.err
        == "warning: settings.end_date: recommended: without it the campaign is ongoing\n"
    )


def test_what_is_recommended_and_what_cannot_be_sent_are_warnings(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = written(tmp_path, steps=[step(template_id=None)])
    result = touchstream("campaign", "validate", file)
    assert result.code == 0
    assert "not ready: CAMPAIGN_NO_TEMPLATE at steps[0].template_id: a step without a" in result.err
    assert "warning: outreach.target_contacts_count: recommended: how many people" in result.err
    found = touchstream("campaign", "validate", file, "--json").json()
    assert (found["valid"], found["problems"]) == (True, [])
    assert [row["code"] for row in found["unready"]] == ["CAMPAIGN_NO_TEMPLATE"]
    assert {row["code"] for row in found["recommendations"]} == {"CAMPAIGN_RECOMMENDED"}


def test_all_problems_have_the_codes_and_messages_of_the_source(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    same = {"id": "x", "variant_a_template_id": "a", "variant_b_template_id": "a"}
    broken = written(
        tmp_path,
        outreach={"owner_id": None},
        settings={"start_date": "2026-03-02", "end_date": "2026-03-02"},
        steps=[step(template_id=None, experiment=same), step("b", experiment={"id": "y"})],
    )
    result = touchstream("campaign", "validate", broken)
    assert result.code == 1
    for line in (
        "CAMPAIGN_OWNER_REQUIRED at outreach.owner_id: Campaign owner is required",
        "CAMPAIGN_INVALID_DATES at settings.end_date: End date must be after start date",
        ": Variant A and B must use different templates",
        ": A/B test requires both variant templates",
    ):
        assert line in result.err, (line, result.err)


def test_an_activation_is_refused_with_every_problem(
    touchstream: Touchstream, orders: PublishedOrders
) -> None:
    problems = [
        {
            "code": "CAMPAIGN_NO_CONTACTS",
            "place": "contacts",
            "message": "Cannot activate campaign with 0 contacts",
        },
        {"code": "CAMPAIGN_NO_SENDER", "place": "steps[0].channel", "message": "no account"},
    ]
    orders.answer = fact(
        FactKind.EVENT_REFUSED,
        reason="CAMPAIGN_INVALID",
        values={"action": "activated", "problems": problems},
    )
    result = activate(touchstream)
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        "refused: CAMPAIGN_INVALID",
        "  CAMPAIGN_NO_CONTACTS at contacts: Cannot activate campaign with 0 contacts",
        "  CAMPAIGN_NO_SENDER at steps[0].channel: no account",
    ]
    orders.answer = fact(
        FactKind.EVENT_REFUSED,
        reason="CAMPAIGN_NO_CONTACTS",
        values={"action": "activated", "problems": problems[:1]},
    )
    single = activate(touchstream)
    assert single.code == 1
    assert "CAMPAIGN_NO_CONTACTS: touchstream contacts import FILE --tenant acme" in single.err


def test_an_activation_lists_what_is_recommended(
    touchstream: Touchstream, orders: PublishedOrders
) -> None:
    missing = {"code": "CAMPAIGN_RECOMMENDED", "place": "description", "message": "recommended: x"}
    orders.answer = fact(
        FactKind.CAMPAIGN_STATUS_CHANGED,
        reason="active",
        values={"before": "draft", "contacts": 7, "recommendations": [missing]},
    )
    result = activate(touchstream)
    assert (result.code, result.out) == (0, f"{OUTREACH} of acme: active\n")
    assert result.err == "warning: description: recommended: x\n"
    assert activate(touchstream, "--json").json()["values"]["contacts"] == 7
    orders.answer = fact(FactKind.EVENT_REFUSED, reason="CAMPAIGN_ALREADY_ACTIVE")
    again = activate(touchstream)
    assert (again.code, "CAMPAIGN_ALREADY_ACTIVE" in again.err) == (1, True)


def test_an_activation_that_nobody_answers_is_an_outage(
    touchstream: Touchstream, orders: PublishedOrders
) -> None:
    orders.answer = None
    result = activate(touchstream)
    assert (result.code, "did not answer" in result.err) == (3, True)


def test_a_published_draft_takes_people(
    touchstream: Touchstream, orders: PublishedOrders, tmp_path: Path
) -> None:
    strata = [{"experiment_id": "java-q1", "split": 60, "before": 50}]
    orders.answer = fact(
        FactKind.CAMPAIGN_READY, version=2, values={"status": "draft", "new_strata": strata}
    )
    tested = step(template_id=None, experiment=experiment(ab_split_percentage=60))
    result = touchstream("campaign", "publish", written(tmp_path, steps=[tested]))
    assert result.code == 0, result
    assert "version 2 is published as a draft, which takes people and sends nothing" in result.out
    assert "warning: the split of java-q1 was 50 and is 60 now: who is enrolled" in result.err
    assert "warning: outreach.target_audience: recommended" in result.err


def test_the_answer_to_a_published_campaign_has_the_values_of_both_facts() -> None:
    answer = _ExpectedAnswer(FactKind.CAMPAIGN_READY, "cli#1")
    published = {"status": "active", "new_strata": [{"split": 60}]}
    first = fact(FactKind.CAMPAIGN_PUBLISHED, cause="cli#1", version=2, values=published)
    ready = fact(FactKind.CAMPAIGN_READY, cause="cli#1", version=2, values={"status": "paused"})
    assert not answer.matches(first) and answer.matches(ready)
    assert answer.whole(ready).values == {**published, "status": "paused"}
