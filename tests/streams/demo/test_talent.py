"""The outreach campaign of the demo: it is valid and filled as a draft, and people react more to
one of its templates."""

from collections import Counter
from uuid import UUID

import pytest

from schemas.base.times import DAY, HOUR
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.public.events import EVENTS
from sinks.demo_queries import ReportRow
from streams.demo import talent
from streams.demo.behaviour import reactions_to
from streams.demo.final_check import outreach_problems
from streams.demo.final_report import outreach_lines
from streams.demo.run import PERIOD
from tests.streams.demo.test_behaviour import touch_due


@pytest.mark.parametrize("customers", [60, 2_000])
def test_the_campaign_is_a_valid_draft_that_ends_within_the_demo_period(customers: int) -> None:
    found = validate_definition(talent.talent_document(customers, 3 * DAY))
    assert isinstance(found, Definition), found
    assert found.outreach is not None
    assert (found.kind, found.status) == ("outreach", "draft")
    assert talent.target_of(customers) < talent.people_count(customers)
    per_hour = talent.talent_account(customers)["limits"]["per_hour"]
    hours = talent.people_count(customers) / per_hour
    assert talent.ACTIVATED_AT + hours * 2 * HOUR + 3 * DAY < PERIOD  # twelve hours of each day


def test_every_event_is_valid() -> None:
    events = [
        *talent.talent_people(60, 1),
        *talent.talent_entries(60, 2),
        talent.activation(),
        (0, "tenant", "tenant.upserted", talent.talent_tenant()),
        (0, "account", "sender.upserted", talent.talent_account(60)),
    ]
    assert len({event_id for _, event_id, _, _ in events}) == len(events)
    for _, _, ce_type, data in events:
        EVENTS[ce_type].model.model_validate(data)


def test_people_react_more_often_to_one_variant() -> None:
    replied: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for template in talent.REPLIES:
        for number in range(1_000):
            command = touch_due(
                number,
                tenant_id=talent.TENANT_ID,
                campaign_id=talent.CAMPAIGN_ID,
                template_id=template,
                channel="email",
                experiment_id=None,
                variant=None,
            )
            reactions = reactions_to(command)
            assert reactions == sorted(reactions, key=lambda one: one.after_us)
            for one in reactions:
                kinds[one.ce_type] += 1
                replied[template] += one.fields.get("kind") == "human"
                ids = {"tenant_id": "t", "contact_id": "c", "command_id": str(UUID(int=1))}
                EVENTS[one.ce_type].model.model_validate({**ids, **one.fields})
    assert replied["short"] > 3 * replied["long"] > 0
    assert replied["reminder"] > 0
    expected = {"contact.replied", "conversion.recorded", "contact.unsubscribed", "touch.bounced"}
    assert expected <= set(kinds)


def report(reason: str = "final", end_reason: str = "targets") -> ReportRow:
    variant = {"runs": 50, "reached": 40, "responses": 9, "response_rate": 0.225}
    tested = {"experiment_id": "e", "template_a": "a", "template_b": "b", "winner": "A"}
    values = {
        "end_reason": end_reason,
        "counts": {"runs": 100, "reached": 80, "responses": 18},
        "targets": {"contacts": 80},
        "experiments": [{**tested, "a": variant, "b": variant}],
    }
    return ReportRow("harbour-talent", "electricians", reason, values)


def test_the_demo_fails_unless_the_campaign_has_completed_by_its_target() -> None:
    assert outreach_problems([report("provisional"), report()]) == []
    assert "0 final reports" in outreach_problems([report("provisional")])[0]
    assert "by all_processed" in outreach_problems([report(end_reason="all_processed")])[0]


@pytest.mark.parametrize("width", [80, 130])
def test_the_report_has_the_campaign_and_its_experiment(width: int) -> None:
    lines = [line.plain for line in outreach_lines([report("provisional"), report()], width)]
    text = "\n".join(lines)
    assert all(len(line) <= width for line in lines)
    assert "targets" in text
    assert "A wins" in text
    assert text.count("22.5 %") == 2
