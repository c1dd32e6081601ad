"""The counts by which a campaign decides: absolute values by partition, of which each run is a part
once, whatever comes twice, late or in another order (C-14…C-17, C-37, C-40)."""

from typing import Any

import pytest

from schemas.base.times import DAY, HOUR, MINUTE, SECOND
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.topics import Topic
from tests.testing.builders import TENANT, answer_fields, step
from tests.testing.outreach import OUTREACH, experiment, outreach_document
from tests.testing.outreach_desk import (
    OutreachDesk,
    active_desk,
    desk_with_draft,
)
from tests.testing.outreach_orders import published
from tests.testing.story import (
    bounced,
    enrollment_of,
    event_fields,
    new_event,
    prospecting,
    replied,
    unsubscribed,
    upserted,
)

PLAIN = outreach_document()


def plain_desk(*names: str) -> OutreachDesk:
    """An active campaign of one e-mail without an experiment."""
    return active_desk(*names, document=PLAIN)


def converted(desk: OutreachDesk, name: str = "ann", **fields: Any) -> m.ConversionRecorded:
    """A person has a phone screen."""
    usual = {"conversion_type": "phone_screen", "entity_id": "p-1", "rules": 1}
    return m.ConversionRecorded(**{**event_fields(desk, name), **usual, **fields})


def counted_test(desk: OutreachDesk, variant: str) -> dict[str, int]:
    """The counts of a variant of the experiment."""
    start = f"java-q1/50/{variant}/"
    counts = desk.outreach_counts()
    return {n.removeprefix(start): c for n, c in counts.items() if n.startswith(start)}


def request_counts(desk: OutreachDesk, request: int) -> list[m.RunsCounted]:
    """The campaign processor asks every partition. Returns what has been reported since."""
    known = len(desk.reported())
    message = m.CountsRequested(TENANT, OUTREACH, request)
    for partition in range(desk.layout.contact):
        desk.broker.append(Topic.CONTACT_LOG, TENANT.encode(), m.encode(message), partition)
    desk.settle()
    return desk.reported()[known:]


# reports


def test_the_first_change_is_reported_after_a_second() -> None:
    desk = desk_with_draft(PLAIN).add("ann")
    assert desk.reported() == []
    added_at = desk.now
    desk.advance_to(desk.now + 1 * SECOND)
    (report,) = desk.reported()
    assert (report.seq, report.version, report.answers) == (1, 1, 0)
    assert (report.counts, report.last_started_at) == ({"runs": 1, "frozen": 1}, added_at)


def test_many_changes_are_reported_at_once() -> None:
    desk = desk_with_draft(PLAIN).add(*(f"p{number}" for number in range(160)))
    reports = desk.reported()
    assert {report.counts["runs"] for report in reports} == {64}
    assert 1 <= len(reports) <= 2  # by partition


def test_every_partition_answers_a_request_at_once() -> None:
    desk = desk_with_draft(PLAIN).add("ann", "bob", "cid")
    reports = request_counts(desk, 7)
    assert [(r.partition, r.answers) for r in reports] == [(0, 7), (1, 7)]
    assert sum(report.counts.get("runs", 0) for report in reports) == 3
    desk.add("dan")
    desk.advance_to(desk.now + 1 * SECOND)
    assert desk.reported()[-1].answers == 7


def test_an_older_request_does_not_take_an_answer_back() -> None:
    desk = desk_with_draft(PLAIN)
    request_counts(desk, 7)
    assert {report.answers for report in request_counts(desk, 6)} == {7}


def test_a_campaign_that_does_not_decide_by_counts_keeps_none() -> None:
    world = prospecting(step(), step("b", hours=24))
    assert enrollment_of(world).results is None
    assert not [key for _, key in world.states("contact") if key.startswith(b"\x00n/")]


# how runs stand


def test_runs_are_counted_by_how_they_stand() -> None:
    desk = desk_with_draft(PLAIN).add("ann", "bob")
    assert desk.outreach_counts() == {"runs": 2, "frozen": 2}
    desk.change("activated")
    assert desk.outreach_counts() == {"runs": 2, "live": 2}
    desk.send("bob")
    assert desk.outreach_counts() == {
        "runs": 2,
        "live": 1,
        "ended_completed": 1,
        "reached": 1,
        "sent_email": 1,
    }
    desk.change("paused")
    assert desk.outreach_counts()["frozen"] == 1
    desk.deliver(new_event(desk, m.ContactStopped))
    counts = desk.outreach_counts()
    assert (counts["ended_owner_stopped"], counts.get("frozen"), counts["runs"]) == (1, None, 2)


def test_a_run_that_ends_while_its_command_is_out_is_counted_as_out() -> None:
    desk = plain_desk()
    touch = desk.command()
    desk.change("completed")
    counts = desk.outreach_counts()
    assert (counts["out"], counts["ended_campaign_completed"]) == (1, 1)
    desk.deliver(m.TouchSent(**answer_fields(touch, desk)))
    counts = desk.outreach_counts()
    assert (counts.get("out"), counts["reached"], counts["sent_email"]) == (None, 1, 1)


def test_each_touch_that_is_sent_counts_on_its_channel() -> None:
    steps = [step(), step("b", "linkedin", hours=1), step("c", hours=1)]
    desk = active_desk(document=outreach_document({"channel": "combined"}, steps=steps))
    for _ in range(3):
        desk.send()
        desk.advance_hours(1)
    counts = desk.outreach_counts()
    assert (counts["reached"], counts["sent_email"], counts["sent_linkedin"]) == (1, 2, 1)


def test_an_answer_that_comes_twice_counts_once() -> None:
    desk = plain_desk()
    touch = desk.send()
    again = m.TouchSent(**answer_fields(touch, desk, "again"))
    desk.deliver(again, again)
    assert desk.outreach_counts()["sent_email"] == 1


# responses, conversions, opt-outs, bounces


def test_the_first_response_counts() -> None:
    desk = active_desk("ann", document=outreach_document(steps=[step(), step("b", hours=24)]))
    desk.send()
    desk.now += HOUR
    reply = replied(desk)
    desk.deliver(reply, reply, replied(desk, at=desk.now + 1))
    assert desk.outreach_counts()["responses"] == 1
    results = desk.run().results
    assert results is not None
    assert results.responded_at == desk.now


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_conversion_without_a_response_before_it_is_an_implied_response(
    order: tuple[int, int],
) -> None:
    desk = plain_desk()
    desk.send()
    sent_at = desk.now
    desk.now += 2 * HOUR
    events = (
        converted(desk, at=sent_at + 10 * MINUTE),
        replied(desk, at=sent_at + 20 * MINUTE),
    )
    desk.deliver(*(events[number] for number in order))
    counts = desk.outreach_counts()
    assert (counts["conversions"], counts["responses"], counts["implied_responses"]) == (1, 1, 1)
    desk.deliver(replied(desk, channel="linkedin", at=sent_at + 5 * MINUTE))
    assert "implied_responses" not in desk.outreach_counts()


def test_a_conversion_counts_once() -> None:
    desk = plain_desk()
    desk.send()
    event = converted(desk, at=desk.now)
    desk.deliver(event, event, converted(desk, at=desk.now))
    assert desk.outreach_counts()["conversions"] == 1


def test_an_opt_out_and_a_bounce_after_a_touch_are_counted() -> None:
    desk = plain_desk("ann", "bob")
    touch = desk.send("bob")
    desk.send("ann")
    desk.deliver(unsubscribed(desk))
    desk.deliver(bounced(desk, touch), bounced(desk, touch))
    counts = desk.outreach_counts()
    assert (counts["opt_outs"], counts["bounces"], counts["reached"]) == (1, 1, 2)


def test_a_reply_before_the_touch_of_an_experiment_is_none_of_the_experiment() -> None:
    steps = [step(), step("b", hours=24, experiment=experiment())]
    settings = {"on_reply": "continue"}
    desk = active_desk("c-1", "c-3", document=outreach_document(steps=steps, settings=settings))
    desk.send("c-1", "c-3")
    desk.now += HOUR
    desk.deliver(replied(desk, contact_id="c-3"))
    desk.advance_hours(24)
    desk.send("c-1", "c-3")
    desk.now += HOUR
    desk.deliver(replied(desk, contact_id="c-1"), replied(desk, contact_id="c-3"))
    assert desk.outreach_counts()["responses"] == 2
    assert counted_test(desk, "A") == {"runs": 1, "reached": 1}
    assert counted_test(desk, "B") == {"runs": 1, "reached": 1, "responses": 1}


def test_a_reply_that_comes_before_the_answer_of_the_sender_is_one_of_the_experiment() -> None:
    desk = active_desk("c-3")
    touch = desk.command("c-3")
    sent_at = desk.now + MINUTE
    desk.now += HOUR
    reply = {"contact_id": "c-3", "command_id": touch.command_id}
    desk.deliver(replied(desk, at=sent_at + MINUTE, **reply))
    desk.deliver(m.TouchSent(**answer_fields(touch, desk), sent_at=sent_at))
    assert counted_test(desk, "A") == {"runs": 1, "reached": 1, "responses": 1}


# later versions and ended runs


def test_a_campaign_that_decides_by_counts_only_now_counts_who_is_live_and_who_comes() -> None:
    """Ann has ended before, Bob was sent one of two touches, and Cid comes later."""
    document = {
        "tenant_id": TENANT,
        "campaign_id": OUTREACH,
        "name": "Tests",
        "kind": "prospecting",
    }
    steps = [step(), step("b", hours=48)]
    desk = desk_with_draft({**document, "steps": steps})
    desk.add("ann", "bob")
    desk.send("ann", "bob")
    desk.deliver(new_event(desk, m.ContactStopped))
    assert desk.outreach_counts() == {}
    steps[1] = step("b", hours=48, experiment=experiment())
    desk.deliver(published({**document, "steps": steps}))
    assert desk.outreach_counts()["runs"] == 1
    desk.add("cid")
    desk.deliver(upserted(desk, timezone="Europe/Paris"))
    counts = desk.outreach_counts()
    assert (counts["runs"], counts["live"], counts["reached"]) == (2, 2, 1)
    assert min(counts.values()) > 0


def test_runs_that_leave_the_state_of_their_person_stay_counted() -> None:
    settings = {"reentry": "after_end"}
    desk = active_desk("ann", "bob", document=outreach_document(settings=settings))
    desk.send("ann")
    for _ in range(11):
        desk.now += DAY
        desk.order()
        desk.send("ann")
    assert desk.outreach_counts()["ended_completed"] == 12
    assert len(desk.facts(FactKind.ENROLLMENT_STARTED)) == 13


def test_an_erasure_stops_and_keeps_the_counts() -> None:
    desk = plain_desk("ann", "bob")
    desk.send("bob")
    for name in ("ann", "bob"):
        desk.deliver(new_event(desk, m.ContactErased, contact_id=name))
    counts = desk.outreach_counts()
    assert (counts["ended_contact_erased"], counts["ended_completed"], counts["reached"]) == (
        1,
        1,
        1,
    )
