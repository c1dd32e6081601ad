"""Runs that have left the state of their contact: what they count as stays theirs, and nothing
counts a second time because they are gone."""

from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from tests.testing.builders import step
from tests.testing.conversions import converted
from tests.testing.outreach import OUTREACH, experiment_document, outreach_document
from tests.testing.outreach_desk import OutreachDesk, active_desk
from tests.testing.outreach_orders import changed, published
from tests.testing.story import contact_of, event_fields

OTHER, LONG = "cto-spring", "go-q1"
SETTINGS = {
    "reentry": "after_end",
    "on_reply": "continue",
    "on_conversion": "continue",
    "quiet_hours": "none",
}


def desk_of(name: str) -> OutreachDesk:
    """A person was sent the mail of an experiment, in a run that has ended, and the first mail of a
    campaign that goes on for weeks."""
    document = experiment_document(settings=SETTINGS)
    desk = active_desk(name, "stays", document=document)
    desk.send(name)
    other = outreach_document(campaign_id=OTHER, settings=SETTINGS, steps=[step(hours=1)])
    desk.deliver(published(other))
    desk.add("stays", campaign_id=OTHER)
    desk.deliver(changed("activated", OTHER))
    steps = [step(), step("b", hours=1_000)]
    long = outreach_document(campaign_id=LONG, settings=SETTINGS, steps=steps)
    desk.deliver(published(long))
    desk.order(name, LONG)
    desk.deliver(changed("activated", LONG))
    desk.send(name)
    return desk


def leave(desk: OutreachDesk, name: str) -> None:
    """Nine runs in another campaign end, so the state has no place for the first one."""
    for _ in range(9):
        desk.order(name, OTHER)
        desk.advance_to(desk.now + 2 * HOUR)
        desk.send(name)
    desk.order(name, OTHER)
    assert {run.campaign_id for run in contact_of(desk, name).enrollments} == {OTHER, LONG}


def test_a_person_counts_once_in_an_experiment_however_many_runs_come_between() -> None:
    desk = desk_of("c-3")
    leave(desk, "c-3")
    desk.order("c-3")
    run = desk.run("c-3")
    assert (run.campaign_id, run.cycle) == (OUTREACH, 2)
    assert desk.assigned("c-3").assigned_by == "again"
    desk.send("c-3")
    counts = desk.outreach_counts()
    assert (counts["java-q1/50/A/runs"], counts["java-q1/50/A/reached"]) == (1, 1)


def test_a_conversion_that_was_earlier_stays_with_a_run_that_has_left_the_state() -> None:
    desk = desk_of("c-3")
    desk.now += HOUR
    before, desk.now = desk.now, desk.now + HOUR
    desk.deliver(converted(desk, contact_id="c-3", campaign_id=OUTREACH))
    leave(desk, "c-3")
    earlier = converted(desk, contact_id="c-3", cause="web#2", at=before, campaign_id=LONG)
    desk.deliver(earlier)
    assert (conversions_of(desk, OUTREACH), conversions_of(desk, LONG)) == (1, 0)
    (known,) = contact_of(desk, "c-3").conversions.values()
    assert known.at == before


def conversions_of(desk: OutreachDesk, campaign_id: str) -> int:
    return desk.counts(campaign_id).get("conversions", 0)


def test_a_reply_that_comes_again_stays_with_a_run_that_has_left_the_state() -> None:
    desk = desk_of("c-3")
    commands = (t for t in desk.requests() if t.contact_id == "c-3")
    command = next(t for t in commands if t.campaign_id == OUTREACH).command_id
    desk.now += HOUR
    fields = {**event_fields(desk, "c-3"), "command_id": command, "rules": m.RESPONSE_RULES}
    reply = m.ContactReplied(**fields, channel="email")
    desk.deliver(reply)
    leave(desk, "c-3")
    desk.deliver(reply)
    responses = [desk.counts(name).get("responses", 0) for name in (OUTREACH, LONG, OTHER)]
    assert responses == [1, 0, 0]


def test_a_conversion_that_comes_again_after_64_others_counts_no_run_a_second_time() -> None:
    """It is forgotten, and so has its facts again."""
    desk = desk_of("c-3")
    desk.now += HOUR
    first = converted(desk, contact_id="c-3", entity_id="i-0")
    desk.deliver(first)
    before = [conversions_of(desk, name) for name in (OUTREACH, LONG, OTHER)]
    for number in range(1, 65):
        desk.now += HOUR
        desk.deliver(converted(desk, contact_id="c-3", entity_id=f"i-{number}"))
    desk.deliver(first)
    assert len(contact_of(desk, "c-3").conversions) == 64
    assert [conversions_of(desk, name) for name in (OUTREACH, LONG, OTHER)] == before
    assert sum(before) == 1
    attributed = desk.facts(FactKind.CONVERSION_ATTRIBUTED)
    assert [fact.cause for fact in attributed].count(first.cause) == 2
