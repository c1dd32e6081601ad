"""A conversion is credited once: to the run that it names, or by the model of attribution (S4-43,
S4-73…S4-77, C-23, C-37)."""

import pytest

from processors.contact.conversion_credit import CONVERSIONS_MAX
from schemas.base.times import DAY, HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.enrollment import Status
from schemas.internal.facts import FactKind
from tests.testing.builders import step
from tests.testing.conversions import (
    ANN,
    FOLLOW_UP,
    JAVA,
    RUST,
    converted,
    credited,
    enter,
    run_of,
    two_campaigns,
    values_of,
)
from tests.testing.outreach import OUTREACH, outreach_document
from tests.testing.outreach_desk import active_desk, desk_with_draft
from tests.testing.story import contact_of, event_fields, replied, seen

ATTRIBUTED, UNATTRIBUTED = FactKind.CONVERSION_ATTRIBUTED, FactKind.CONVERSION_UNATTRIBUTED


# once


def test_a_conversion_of_several_campaigns_is_credited_to_the_last_touch_and_stops_all() -> None:
    desk, _, _ = two_campaigns()
    desk.deliver(converted(desk))
    assert credited(desk) == {RUST: "interview"}
    runs = [run_of(desk, JAVA), run_of(desk, RUST)]
    assert [(run.status, run.reason) for run in runs] == [(Status.STOPPED, "converted")] * 2
    (fact,) = desk.facts(ATTRIBUTED)
    assert (fact.campaign_id, fact.touch_number, fact.reason) == (RUST, 1, "interview")
    assert fact.values == {
        "model": "last_touch",
        "weight": 1_000_000,
        "candidates": [run.enrollment_id for run in runs],
        "implied_response": True,
        "entity_id": "i-1",
    }
    assert [f.campaign_id for f in desk.facts(FactKind.TOUCH_CONVERTED)] == [RUST]


def test_a_click_or_a_reply_of_an_earlier_mail_gets_the_credit() -> None:
    desk, java, _ = two_campaigns()
    desk.deliver(seen(desk, java, "clicked"))
    desk.now += MINUTE
    desk.deliver(converted(desk))
    assert credited(desk) == {JAVA: "interview"}
    desk, java, _ = two_campaigns(settings={"on_reply": "continue"})
    desk.deliver(replied(desk, command_id=java.command_id))
    desk.now += MINUTE
    desk.deliver(converted(desk))
    assert credited(desk) == {JAVA: "interview"}
    (fact,) = desk.facts(ATTRIBUTED)
    assert values_of(fact, "implied_response") == {"implied_response": False}


def test_a_click_of_a_machine_gets_no_credit() -> None:
    desk, java, _ = two_campaigns()
    desk.deliver(seen(desk, java, "clicked", automatic=True), converted(desk))
    assert credited(desk) == {RUST: "interview"}


@pytest.mark.parametrize("name", ["command_id", "campaign_id"])
def test_a_conversion_that_names_a_campaign_is_credited_to_it(name: str) -> None:
    desk, java, _ = two_campaigns()
    desk.deliver(converted(desk, **{name: getattr(java, name)}))
    assert credited(desk) == {JAVA: "interview"}
    (fact,) = desk.facts(ATTRIBUTED)
    assert values_of(fact, "model", "candidates") == {
        "model": name.removesuffix("_id"),
        "candidates": [run_of(desk, JAVA).enrollment_id],
    }
    assert fact.command_id == java.command_id
    assert run_of(desk, RUST).reason == "converted"


def test_a_command_that_nobody_knows_leaves_the_campaign_and_then_the_model() -> None:
    for fields, campaign in (({"campaign_id": JAVA}, JAVA), ({}, RUST)):
        desk, _, _ = two_campaigns()
        unknown = "0198c0de-5eed-8000-8000-000000000009"
        desk.deliver(converted(desk, command_id=unknown, **fields))
        assert credited(desk) == {campaign: "interview"}


def test_one_entity_counts_once_however_often_it_is_reported() -> None:
    desk, java, _ = two_campaigns()
    desk.deliver(converted(desk))
    desk.now += HOUR
    desk.deliver(converted(desk), converted(desk, campaign_id=JAVA))
    assert credited(desk) == {RUST: "interview"}
    assert len(desk.facts(ATTRIBUTED)) == len(contact_of(desk).conversions) == 1
    refused = [fact.reason for fact in desk.facts(FactKind.EVENT_REFUSED)]
    assert refused == ["EVENT_DUPLICATE"] * 2
    desk.deliver(converted(desk, entity_id="i-2", command_id=java.command_id))
    assert credited(desk) == {RUST: "interview", JAVA: "interview"}


def test_without_an_entity_the_event_is_the_conversion() -> None:
    desk, _, _ = two_campaigns()
    event = converted(desk, entity_id=None)
    desk.deliver(event, event, converted(desk, entity_id=None))
    assert len(desk.facts(ATTRIBUTED)) == 2


def test_of_two_reports_about_one_entity_the_earlier_counts_in_any_order() -> None:
    found = set()
    for turned in (False, True):
        desk, java, _ = two_campaigns()
        late, early = (
            converted(desk, cause="/s#2", at=desk.now + HOUR),
            converted(desk, cause="/s#1", at=desk.now + MINUTE, command_id=java.command_id),
        )
        desk.now += 2 * HOUR
        desk.deliver(*((late, early) if turned else (early, late)))
        run = run_of(desk, JAVA)
        assert credited(desk) == {JAVA: "interview"}
        assert run.results is not None
        found.add((run.converted_at, run.conversion, run.results.entity_id))
    assert len(found) == 1


def test_ten_thousand_conversions_of_a_person_are_each_credited_once() -> None:
    desk, _, _ = two_campaigns()
    desk.append(*[converted(desk, entity_id=f"i-{number}") for number in range(10_000)])
    desk.settle()
    assert len(desk.facts(ATTRIBUTED)) == 10_000
    assert len(contact_of(desk).conversions) == CONVERSIONS_MAX
    run = run_of(desk, RUST)
    assert run.results is not None and run.results.entity_id == "i-0"
    assert desk.counts(RUST)["conversions"] == 1


# nobody


def test_a_conversion_before_any_send_is_credited_to_nobody() -> None:
    desk = active_desk(document=outreach_document())
    desk.deliver(converted(desk))
    assert credited(desk) == {}
    (fact,) = desk.facts(UNATTRIBUTED)
    assert fact.reason == "nothing_sent"
    assert values_of(fact, "conversion_type", "entity_id") == {
        "conversion_type": "interview",
        "entity_id": "i-1",
    }
    assert desk.run().reason == "converted"


@pytest.mark.parametrize("fields", [{}, {"campaign_id": OUTREACH}])
def test_a_type_that_the_campaign_does_not_know_is_credited_to_nobody_and_stops_nothing(
    fields: dict[str, str],
) -> None:
    desk = active_desk(document=outreach_document(steps=FOLLOW_UP))
    desk.send()
    desk.deliver(converted(desk, conversion_type="deal", **fields))
    assert credited(desk) == {}
    assert [fact.reason for fact in desk.facts(UNATTRIBUTED)] == ["type_not_of_campaign"]
    assert desk.run().status is Status.ACTIVE


def test_a_type_is_credited_to_the_campaign_that_knows_it() -> None:
    desk = active_desk(document=outreach_document({"campaign_type": "business_development"}))
    desk.send()
    desk.now += HOUR
    enter(desk, RUST)
    desk.deliver(converted(desk, conversion_type="deal"))
    assert credited(desk) == {OUTREACH: "deal"}
    assert run_of(desk, RUST).status is Status.ACTIVE


def test_a_type_that_no_campaign_knows_stops_nobody_and_has_a_reason() -> None:
    desk = active_desk(
        document=outreach_document({"campaign_type": "mixed"}, steps=[step(), step("b", hours=72)])
    )
    desk.send()
    desk.now += HOUR
    desk.deliver(converted(desk, conversion_type="party"))
    assert credited(desk) == {}
    assert run_of(desk, OUTREACH).status is Status.ACTIVE
    (fact,) = desk.facts(FactKind.CONVERSION_UNATTRIBUTED)
    assert fact.reason == "type_not_of_campaign"


def test_mixed_campaigns_know_all_types() -> None:
    desk = active_desk(document=outreach_document({"campaign_type": "mixed"}))
    desk.send()
    desk.deliver(converted(desk, conversion_type="deal"))
    desk.deliver(converted(desk, conversion_type="placement"))
    assert len(desk.facts(ATTRIBUTED)) == 2


def test_a_campaign_that_the_person_is_not_in_is_not_replaced_by_another_one() -> None:
    desk, _, _ = two_campaigns()
    desk.deliver(converted(desk, campaign_id="elsewhere"))
    assert [fact.reason for fact in desk.facts(UNATTRIBUTED)] == ["not_in_campaign"]


def test_a_person_without_any_run_has_no_conversion() -> None:
    desk = desk_with_draft()
    desk.deliver(m.ContactUpserted(**event_fields(desk), person=ANN), converted(desk))
    assert [fact.reason for fact in desk.facts(FactKind.EVENT_REFUSED)] == ["ENROLLMENT_NONE"]


def test_a_conversion_of_before_a_run_is_none_of_it() -> None:
    desk, _, _ = two_campaigns()
    desk.deliver(converted(desk, at=desk.now - DAY))
    assert credited(desk) == {}
    assert run_of(desk, RUST).status is Status.ACTIVE


# models


def test_linear_credits_every_run_with_its_part() -> None:
    desk, _, _ = two_campaigns(settings={"attribution": {"model": "linear"}})
    enter(desk, "go-q1", settings={"attribution": {"model": "linear"}})
    desk.deliver(converted(desk))
    parts = [(f.campaign_id, f.values and f.values["weight"]) for f in desk.facts(ATTRIBUTED)]
    assert parts == [(JAVA, 333_334), (RUST, 333_333), ("go-q1", 333_333)]
    assert [*credited(desk)] == [JAVA, RUST, "go-q1"]
    (conversion,) = contact_of(desk).conversions.values()
    assert sum(conversion.weights.values()) == 1_000_000


@pytest.mark.parametrize(
    ("model", "names"), [("first_touch", [JAVA]), ("all", [JAVA, RUST]), ("last_touch", [RUST])]
)
def test_the_other_models(model: str, names: list[str]) -> None:
    desk, _, _ = two_campaigns(settings={"attribution": {"model": model}})
    desk.deliver(converted(desk))
    assert [*credited(desk)] == names


def test_the_model_is_that_of_the_campaign_whose_touch_was_the_last() -> None:
    desk = active_desk(document=outreach_document(settings={"attribution": {"model": "all"}}))
    desk.send()
    desk.now += HOUR
    enter(desk, RUST, settings={"attribution": {"model": "first_touch"}})
    desk.deliver(converted(desk))
    assert credited(desk) == {OUTREACH: "interview"}
    (fact,) = desk.facts(ATTRIBUTED)
    assert values_of(fact, "model") == {"model": "first_touch"}
