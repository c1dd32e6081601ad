"""The variant of a person in an experiment, and the template that follows from it: at enrollment,
while a request waits, in later versions, outside of the experiment, and after a winner was
announced (S4-64…S4-72, C-21)."""

from typing import Any

import pytest

from processors.shared.experiment_assignment import bucket
from schemas.base.times import DAY, MINUTE
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase
from schemas.internal.facts import Fact, FactKind
from schemas.internal.topics import Topic
from tests.testing.builders import TENANT, answer_fields, step
from tests.testing.outreach import OUTREACH, experiment, experiment_document, outreach_document
from tests.testing.outreach_desk import (
    OutreachDesk,
    active_desk,
    desk_with_draft,
    publish_version,
)
from tests.testing.story import contact_of, new_event, upserted

PEOPLE = [f"c-{number}" for number in range(1, 13)]


def steps_with_test(**changes: Any) -> list[dict[str, Any]]:
    """One e-mail with an experiment, and no template for who takes no part."""
    return [step(template_id=None, experiment=experiment(**changes))]


def announce_winner(desk: OutreachDesk, variant: str, name: str = "java-q1") -> None:
    """The campaign processor announces the winner to every partition."""
    for partition in range(desk.layout.contact):
        winner = m.WinnerAnnounced(TENANT, OUTREACH, name, variant, "test#winner")
        desk.broker.append(Topic.CONTACT_LOG, TENANT.encode(), m.encode(winner), partition)
    desk.settle()


def values_of(fact: Fact) -> dict[str, Any]:
    """The values of a fact that has some."""
    assert fact.values is not None
    return fact.values


def templates(desk: OutreachDesk) -> dict[str, str]:
    """The template of each person's last request."""
    return {touch.contact_id: touch.template_id for touch in desk.requests()}


def amended(desk: OutreachDesk, name: str) -> m.AmendTouch:
    """The last amendment of a person's request."""
    command_id = desk.request_of(name).command_id
    orders = desk.sent_to_dispatch(m.AmendTouch)
    order: m.AmendTouch = [each for each in orders if each.command_id == command_id][-1]
    return order


def of_variant(desk: OutreachDesk, variant: str) -> list[str]:
    return [name for name in PEOPLE if desk.assigned(name).variant == variant]


def test_the_variants_are_those_of_the_hash() -> None:
    """The numbers were computed beforehand: c-1 has 6180, c-2 has 6535, c-3 has 3600."""
    desk = active_desk("c-1", "c-2", "c-3")
    found = [(desk.assigned(name).bucket, desk.assigned(name).variant) for name in PEOPLE[:3]]
    assert found == [(6180, "B"), (6535, "B"), (3600, "A")]
    assert templates(desk) == {"c-1": "b", "c-2": "b", "c-3": "a"}
    variants = {touch.contact_id: (touch.experiment_id, touch.variant) for touch in desk.requests()}
    assert variants["c-3"] == ("java-q1", "A")


def test_the_fact_of_the_start_has_the_variants() -> None:
    desk = desk_with_draft().add("c-3")
    (started,) = desk.facts(FactKind.ENROLLMENT_STARTED)
    assert values_of(started)["experiments"] == [
        {
            "experiment_id": "java-q1",
            "variant": "A",
            "bucket": 3600,
            "split": 50,
            "assigned_by": "hash",
        }
    ]


def test_people_of_the_holdout_get_nothing_where_the_step_has_no_template() -> None:
    held = [each for each in PEOPLE if bucket(TENANT, "holdout", each) < 4_000]
    assert 0 < len(held) < len(PEOPLE)
    desk = active_desk(*PEOPLE, document=experiment_document(holdout_percentage=40))
    assert set(templates(desk)) == set(PEOPLE) - set(held)
    skipped = desk.facts(FactKind.TOUCH_SKIPPED)
    assert [(fact.contact_id, fact.reason) for fact in skipped] == [
        (fact.contact_id, "holdout") for fact in skipped
    ]
    assert {fact.contact_id for fact in skipped} == set(held)
    assert values_of(skipped[0])["assigned_by"] == "holdout"


def test_people_outside_of_the_layer_get_the_template_of_the_step() -> None:
    layer = {"name": "mail", "from": 0, "to": 50}
    inside = [each for each in PEOPLE if bucket(TENANT, "layer:mail", each) < 5_000]
    steps = [step(template_id="usual", experiment=experiment(layer=layer))]
    desk = active_desk(*PEOPLE, document=outreach_document(steps=steps))
    others = {name for name, template_id in templates(desk).items() if template_id == "usual"}
    assert others == set(PEOPLE) - set(inside)
    assert {t.experiment_id for t in desk.requests() if t.contact_id in others} == {""}


def test_without_a_template_of_the_step_people_outside_of_the_layer_are_skipped() -> None:
    layer = {"name": "mail", "from": 0, "to": 50}
    desk = active_desk(*PEOPLE, document=experiment_document(layer=layer))
    reasons = {fact.reason for fact in desk.facts(FactKind.TOUCH_SKIPPED)}
    assert reasons == {"outside_layer"}


def test_a_deleted_template_of_a_variant_is_skipped_like_others() -> None:
    desk = desk_with_draft().add("c-1", "c-3").change("activated")
    desk.deliver(m.DeleteTemplate(TENANT, "b", "t#gone", desk.now))
    desk.add("c-2")
    (skipped,) = desk.facts(FactKind.TOUCH_SKIPPED)
    assert (skipped.contact_id, skipped.reason) == ("c-2", "no_template")


def test_an_amendment_keeps_the_variant() -> None:
    desk = active_desk("c-3")
    desk.deliver(upserted(desk, "c-3", email="new@example.com"))
    order = amended(desk, "c-3")
    assert (order.template_id, order.variant, order.experiment_id) == ("a", "A", "java-q1")


@pytest.mark.parametrize("split", [49, 51, 90])
def test_an_edited_split_moves_nobody_who_is_assigned(split: int) -> None:
    desk = desk_with_draft().add(*PEOPLE)
    before = {name: desk.assigned(name) for name in PEOPLE}
    publish_version(desk, steps=steps_with_test(ab_split_percentage=split))
    assert {name: desk.assigned(name) for name in PEOPLE} == before
    desk.add("c-99")
    assert desk.assigned("c-99").split == split


@pytest.mark.parametrize("on_edit", ["stay", "follow"])
def test_an_experiment_that_a_later_version_adds_is_for_who_has_not_come_to_its_step(
    on_edit: str,
) -> None:
    """Ann's e-mail was sent, and Bob's waits at dispatch."""
    settings = {"on_edit": on_edit}
    first = [step(), step("b", hours=48)]
    desk = active_desk("ann", "bob", document=outreach_document(steps=first, settings=settings))
    desk.send("ann")
    later = [step(experiment=experiment()), step("b", hours=48, experiment=experiment("second"))]
    publish_version(desk, steps=later, settings=settings)
    results = {name: desk.run(name).results for name in ("ann", "bob")}
    tests = {n: [v.experiment_id for v in r.variants] for n, r in results.items() if r}
    assert tests == {"ann": ["second"], "bob": ["java-q1", "second"]}
    assert amended(desk, "bob").template_id == desk.assigned("bob").variant.lower()
    assert amended(desk, "bob").experiment_id == "java-q1"
    assert desk.outreach_counts()["runs"] == 2


def test_a_command_that_is_out_keeps_its_template_when_an_experiment_is_added() -> None:
    desk = active_desk("ann", document=outreach_document())
    desk.command("ann")
    publish_version(desk, steps=steps_with_test())
    desk.deliver(m.TouchSent(**answer_fields(desk.request_of("ann"), desk)))
    results = desk.run("ann").results
    assert results is not None
    assert results.variants == []
    counts = desk.outreach_counts()
    assert not [name for name in counts if name.startswith("java-q1/")]


def test_the_winner_is_for_who_has_got_nothing_yet() -> None:
    desk = active_desk(*PEOPLE)
    losers = of_variant(desk, "A")
    desk.send(losers[0])
    desk.command(losers[1])
    announce_winner(desk, "B")
    kept = {name for name in PEOPLE if desk.assigned(name).assigned_by == "hash"}
    assert kept == {losers[0], losers[1]}
    for name in set(PEOPLE) - kept:
        assert amended(desk, name).template_id == "b"
        assert (amended(desk, name).variant, desk.assigned(name).variant) == ("B", "B")
    counts = desk.outreach_counts()
    assert {name: n for name, n in counts.items() if name.startswith("java-q1/")} == {
        "java-q1/50/A/runs": 2,
        "java-q1/50/A/reached": 1,
    }
    assert counts["runs"] == len(PEOPLE)


def test_people_who_come_after_the_decision_get_the_winner_and_do_not_count() -> None:
    desk = active_desk("c-1")
    desk.send("c-1")
    announce_winner(desk, "A")
    desk.add("c-2")
    assert (desk.assigned("c-2").variant, desk.assigned("c-2").assigned_by) == ("A", "winner")
    assert templates(desk)["c-2"] == "a"
    desk.send("c-2")
    counts = desk.outreach_counts()
    assert counts["reached"] == 2
    assert counts["java-q1/50/B/reached"] == 1
    assert "java-q1/50/A/runs" not in counts


def test_a_winner_is_none_for_the_holdout() -> None:
    document = experiment_document(holdout_percentage=40)
    desk = desk_with_draft(document).add(*PEOPLE)
    held = of_variant(desk, "")
    announce_winner(desk, "A")
    assert of_variant(desk, "") == held != []


def test_every_partition_acknowledges_a_winner_also_a_repeated_one() -> None:
    desk = active_desk("c-1")
    announce_winner(desk, "B")
    announce_winner(desk, "B")
    values = [r.value or b"" for r in desk.broker.topic(Topic.CAMPAIGN_LOG)]
    known = [each for each in map(m.decode_campaign, values) if type(each) is m.WinnerAcknowledged]
    assert sorted(each.partition for each in known) == [0, 0, 1, 1]


def fail(desk: OutreachDesk, touch: m.RequestTouch) -> None:
    """The sender could not send, and may be asked again."""
    answer = answer_fields(touch, desk, "f")
    desk.deliver(m.TouchFailed(**answer, code="timeout", permanent=False))


def has_the_winner(desk: OutreachDesk, name: str) -> None:
    """The last request for a person of variant A has B, which has won; nobody counts any more."""
    request, assigned = desk.request_of(name), desk.assigned(name)
    assert (request.template_id, request.variant) == ("b", "B")
    assert (assigned.variant, assigned.assigned_by) == ("B", "winner")
    desk.send(name)
    assert not [each for each in desk.outreach_counts() if each.startswith("java-q1/")]


@pytest.mark.parametrize("fails_first", [False, True])
def test_a_further_attempt_has_the_template_of_the_winner(fails_first: bool) -> None:
    """Whether the first attempt fails before or after the winner was announced."""
    desk = active_desk("c-3")
    touch = desk.command("c-3")
    if fails_first:
        fail(desk, touch)
        announce_winner(desk, "B")
    else:
        announce_winner(desk, "B")
        assert desk.assigned("c-3").variant == "A"
        fail(desk, touch)
    assert desk.run("c-3").touches[0].phase is Phase.SCHEDULED
    desk.advance_hours(1)
    assert desk.request_of("c-3").attempt == 2
    has_the_winner(desk, "c-3")


def test_a_further_attempt_that_waits_at_dispatch_gets_the_template_of_the_winner() -> None:
    desk = active_desk("c-3")
    fail(desk, desk.command("c-3"))
    desk.advance_hours(1)
    assert desk.request_of("c-3").template_id == "a"
    announce_winner(desk, "B")
    assert (amended(desk, "c-3").template_id, amended(desk, "c-3").variant) == ("b", "B")
    assert desk.assigned("c-3").assigned_by == "winner"


def test_a_request_that_was_being_withdrawn_has_the_template_of_the_winner_later() -> None:
    desk = active_desk("c-3")
    touch = desk.request_of("c-3")
    desk.change("paused")
    assert desk.run("c-3").touches[0].phase is Phase.WITHDRAWING
    announce_winner(desk, "B")
    desk.deliver(m.TouchWithdrawn(touch.tenant_id, touch.contact_id, touch.command_id))
    desk.change("resumed")
    assert len([each for each in desk.requests() if each.contact_id == "c-3"]) == 2
    has_the_winner(desk, "c-3")


def test_a_repeat_of_a_command_that_may_be_out_keeps_its_template() -> None:
    desk = active_desk("c-3")
    desk.command("c-3")
    announce_winner(desk, "B")
    desk.advance_hours(24)
    assert [each.emission for each in desk.requests() if each.contact_id == "c-3"] == [1, 2]
    assert (desk.request_of("c-3").template_id, desk.assigned("c-3").assigned_by) == ("a", "hash")


@pytest.mark.parametrize("bounces_first", [False, True])
def test_a_message_that_came_back_is_sent_again_as_it_was(bounces_first: bool) -> None:
    """Also if it waits to be sent again when the winner is announced."""
    desk = active_desk("c-3")
    answer = answer_fields(desk.send("c-3"), desk, "b")
    bounce = m.TouchBounced(**answer, bounce_type="soft", rules=m.BOUNCE_RULES)
    if bounces_first:
        desk.deliver(bounce)
    announce_winner(desk, "B")
    if not bounces_first:
        desk.deliver(bounce)
    desk.advance_hours(24)
    assert desk.outreach_counts()["java-q1/50/A/reached"] == 1
    assert desk.request_of("c-3").attempt == 2
    assert (desk.request_of("c-3").template_id, desk.assigned("c-3").assigned_by) == ("a", "hash")


def test_an_erased_person_stays_in_the_numbers() -> None:
    desk = active_desk("c-3")
    desk.send("c-3")
    before = desk.outreach_counts()
    desk.deliver(new_event(desk, m.ContactErased, contact_id="c-3"))
    assert desk.outreach_counts() == before


@pytest.mark.parametrize("kind", ["prospecting", "calls"])
def test_a_campaign_of_another_kind_may_test_templates_too(kind: str) -> None:
    by_channel = {"prospecting": "email", "calls": "voice"}
    tested = step("a", by_channel[kind], template_id=None, experiment=experiment())
    document = {"tenant_id": TENANT, "campaign_id": OUTREACH, "name": "Tests", "kind": kind}
    desk = desk_with_draft({**document, "steps": [tested]})
    desk.deliver(upserted(desk, "c-3", phone="+12125550123"))
    desk.add("c-3")
    assert templates(desk) == {"c-3": "a"}
    counts = desk.outreach_counts()
    assert (counts["runs"], counts["live"], counts["java-q1/50/A/runs"]) == (1, 1, 1)


def test_a_person_counts_once_in_an_experiment_however_often_they_come_back() -> None:
    """With people who come four times, and always respond or never, the e-value names a winner in
    21 % of histories without a difference if every run counts."""
    settings = {"reentry": "after_end", "on_reply": "continue"}
    desk = active_desk("c-1", document=experiment_document(settings=settings))
    for _ in range(3):
        desk.add("c-3").send("c-3")
        sent = desk.request_of("c-3").command_id
        reply = {"contact_id": "c-3", "channel": "email", "command_id": sent}
        desk.deliver(new_event(desk, m.ContactReplied, **reply))
        desk.now += 10 * DAY
    runs = [run.results for run in contact_of(desk, "c-3").enrollments if run.results is not None]
    assert [each.variants[0].assigned_by for each in runs] == ["hash", "again", "again"]
    assert {each.variants[0].variant for each in runs} == {"A"}
    counts = desk.outreach_counts()
    of_a = {name: counts[f"java-q1/50/A/{name}"] for name in ("runs", "reached", "responses")}
    assert of_a == {"runs": 1, "reached": 1, "responses": 1}
    assert (counts["reached"], counts["responses"]) == (3, 3)


def test_a_run_that_ended_before_its_step_does_not_keep_the_next_one_from_counting() -> None:
    desk = active_desk("c-3", document=experiment_document(settings={"reentry": "restart"}))
    desk.order("c-3")
    assert desk.assigned("c-3").assigned_by == "hash"
    desk.send("c-3")
    assert desk.outreach_counts()["java-q1/50/A/reached"] == 1


def test_a_send_that_is_reported_after_that_of_the_next_run_counts_no_second_time() -> None:
    settings = {"reentry": "restart", "on_reply": "continue"}
    desk = active_desk("c-3", document=experiment_document(settings=settings))
    first = desk.command("c-3")
    desk.order("c-3")
    second = desk.send("c-3")
    desk.deliver(m.TouchSent(**answer_fields(first, desk)))
    for command_id in (first.command_id, second.command_id):
        desk.now += MINUTE
        reply = {"contact_id": "c-3", "channel": "email", "command_id": command_id}
        desk.deliver(new_event(desk, m.ContactReplied, **reply))
    counts = desk.outreach_counts()
    of_a = {name: counts[f"java-q1/50/A/{name}"] for name in ("runs", "reached", "responses")}
    assert of_a == {"runs": 1, "reached": 1, "responses": 1}
    assert (counts["reached"], counts["responses"]) == (2, 2)


def test_the_repeat_of_a_command_keeps_its_template_when_an_experiment_is_added() -> None:
    desk = active_desk("ann", document=outreach_document())
    desk.command("ann")
    publish_version(desk, steps=steps_with_test())
    desk.advance_to(desk.run("ann").touches[0].due_at)
    repeat = desk.request_of("ann")
    assert (repeat.emission, repeat.template_id, repeat.variant) == (2, "t", "")


def test_a_send_counts_for_the_experiment_of_its_request_also_if_a_version_drops_it() -> None:
    desk = active_desk("c-3")
    touch = desk.command("c-3")
    publish_version(desk, steps=[step(template_id="plain")])
    desk.deliver(m.TouchSent(**answer_fields(touch, desk)))
    assert desk.assigned("c-3").is_reached
    assert desk.outreach_counts()["java-q1/50/A/reached"] == 1
