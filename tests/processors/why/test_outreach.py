"""Explanations of runs of outreach: variants, people who take no part, drafts, the preferred
channel, conversions and the completion of the campaign."""

from typing import Any

import pytest

from schemas.base.times import HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.topics import Topic
from tests.testing.builders import CONTACT, TENANT, answer_fields, step
from tests.testing.explanations import explanation_of, gates_of
from tests.testing.outreach import OUTREACH, experiment, experiment_document, outreach_document
from tests.testing.outreach_desk import OutreachDesk, active_desk, desk_with_draft
from tests.testing.story import event_fields, upserted


def experiments_of(desk: OutreachDesk, name: str) -> list[tuple[str, str, str]]:
    (run,) = explanation_of(desk, name).runs
    return [(each.experiment_id, each.variant, each.assigned_by) for each in run.experiments]


def test_a_run_and_its_touch_have_the_variant() -> None:
    desk = active_desk("c-3")
    desk.send("c-3")
    assert experiments_of(desk, "c-3") == [("java-q1", "A", "hash")]
    gate = gates_of(desk, contact_id="c-3")["template"]
    assert gate.result == "passed"
    assert {name: gate.values[name] for name in ("template_id", "experiment_id", "variant")} == {
        "template_id": "a",
        "experiment_id": "java-q1",
        "variant": "A",
    }


@pytest.mark.parametrize(
    ("settings", "reason", "assigned_by"),
    [
        ({"holdout_percentage": 50}, "holdout", "holdout"),
        ({"layer": {"name": "mail", "from": 0, "to": 1}}, "outside_layer", "layer"),
    ],
)
def test_who_takes_no_part_is_refused_by_the_gate_template(
    settings: dict[str, Any], reason: str, assigned_by: str
) -> None:
    names = [f"c-{number}" for number in range(1, 13)]
    desk = active_desk(*names, document=experiment_document(**settings))
    skipped = next(name for name in names if not desk.run(name).results.variants[0].variant)  # type: ignore[union-attr]
    gate = gates_of(desk, contact_id=skipped)["template"]
    assert (gate.result, gate.reason) == ("refused", reason)
    assert gate.values["experiment_id"] == "java-q1"
    assert experiments_of(desk, skipped) == [("java-q1", "", assigned_by)]


def test_a_person_in_a_draft_waits_for_its_activation() -> None:
    desk = desk_with_draft().add("c-1")
    (run,) = explanation_of(desk, "c-1").runs
    assert (run.status, run.touches) == ("frozen", [])
    assert run.waits is not None
    assert (run.waits.reason, run.waits.then, run.waits.until) == (
        "campaign_paused",
        "its campaign is activated or resumed",
        None,
    )
    assert run.experiments[0].variant == "B"
    desk.change("activated")
    assert gates_of(desk, contact_id="c-1")["campaign"].result == "passed"


def test_a_step_on_another_than_the_preferred_channel_is_refused_by_skip_when() -> None:
    steps = [step("mail"), step("note", "linkedin", action="send_inmail")]
    terms = {"channel": "combined", "channel_preference": ["linkedin", "email"]}
    desk = active_desk(document=outreach_document(terms, steps=steps))
    gate = gates_of(desk)["skip_when"]
    assert (gate.result, gate.reason) == ("refused", "channel_not_preferred")
    assert gate.values == {"preferred": "linkedin"}


def test_the_completion_of_the_campaign_refuses_what_is_scheduled() -> None:
    steps = [step("a"), step("b", hours=24)]
    desk = active_desk(document=outreach_document(steps=steps))
    desk.send()
    desk.change("completed")
    (run,) = explanation_of(desk).runs
    assert (run.status, run.reason, run.waits) == ("stopped", "campaign_completed", None)
    gate = gates_of(desk, 1)["campaign"]
    assert (gate.result, gate.reason) == ("refused", "campaign_completed")


def test_a_command_that_is_out_goes_on_after_the_completion_of_the_campaign() -> None:
    desk = active_desk()
    touch = desk.command()
    desk.change("completed")
    (run,) = explanation_of(desk).runs
    assert run.status == "stopped" and run.waits is not None
    assert (run.waits.reason, run.waits.until) == ("answer", fact_time(desk.run().due() or 0))
    assert run.waits.then.startswith("the sender answers, or the touch fails; nothing follows")
    desk.deliver(m.TouchSent(**answer_fields(touch, desk)))
    assert explanation_of(desk).runs[0].waits is None


def test_a_declined_person_has_the_reason_beside_the_runs() -> None:
    desk = desk_with_draft()
    desk.deliver(upserted(desk, CONTACT, first_name="Ann", email=""))
    desk.order()
    explanation = explanation_of(desk)
    assert explanation.runs == []
    declined = [fact.reason for fact in explanation.besides if fact.reason]
    assert declined == ["CONTACT_NO_ADDRESS"]


def test_who_gets_the_template_of_the_winner_is_assigned_by_it() -> None:
    tested = step(template_id=None, hours=24, experiment=experiment())
    desk = active_desk("c-1", document=outreach_document(steps=[tested]))
    assert experiments_of(desk, "c-1") == [("java-q1", "B", "hash")]
    for partition in range(desk.layout.contact):
        winner = m.WinnerAnnounced(TENANT, OUTREACH, "java-q1", "A", "test#winner")
        desk.broker.append(Topic.CONTACT_LOG, TENANT.encode(), m.encode(winner), partition)
    desk.settle()
    desk.advance_hours(40)
    assert experiments_of(desk, "c-1") == [("java-q1", "A", "winner")]
    assert gates_of(desk, contact_id="c-1")["template"].values["assigned_by"] == "winner"


def test_a_conversion_that_is_credited_elsewhere_is_the_cause_of_a_skipped_step() -> None:
    steps = [step("a"), step("b", hours=24, skip_when="converted")]
    document = outreach_document(settings={"on_conversion": "continue"}, steps=steps)
    desk = active_desk(document=document)
    touch = desk.send()
    fields = event_fields(desk, CONTACT)
    desk.deliver(m.ConversionRecorded(**fields, conversion_type="interview", rules=1))
    desk.advance_hours(40)
    gate = gates_of(desk, 1)["skip_when"]
    assert (gate.result, gate.reason, gate.cause) == ("refused", "converted", fields["cause"])
    assert touch.step_id == "a"


def lost(desk: OutreachDesk) -> m.RequestTouch:
    """Ann's request goes out, is sent, and comes back because the mailbox is full."""
    touch = desk.send()
    desk.now += MINUTE
    fields = answer_fields(touch, desk, "back") | {"bounce_type": "soft", "rules": m.BOUNCE_RULES}
    desk.deliver(m.TouchBounced(**fields))
    return touch


def mails(*steps: Any) -> OutreachDesk:
    """An active campaign of these steps without quiet hours, with Ann in it."""
    document = outreach_document(settings={"quiet_hours": "none"}, steps=[*steps])
    return active_desk(document=document)


def test_a_message_that_came_back_waits_to_be_sent_again() -> None:
    desk = mails(step("a"))
    lost(desk)
    (run,) = explanation_of(desk).runs
    assert run.waits is not None and run.status == "active"
    assert (run.waits.reason, run.waits.until) == ("soft_bounce", fact_time(desk.now + 8 * HOUR))
    assert "the mailbox could not take it" in run.waits.then
    assert {gate.result for gate in run.touches[0].gates} == {"not asked"}
    kinds = [fact.fact.value for fact in run.timeline]
    assert kinds.index("enrollment.completed") < kinds.index("enrollment.reopened")


def test_what_is_planned_anew_behind_it_has_the_end_of_the_last_attempt() -> None:
    desk = mails(step("a"), step("b", hours=24))
    lost(desk)
    assert len(explanation_of(desk).runs[0].touches) == 1
    desk.advance_hours(8)
    desk.send()
    sent_at = desk.now
    desk.advance_hours(25)
    gate = gates_of(desk, 1)["previous_touch"]
    assert (gate.result, gate.values["became"], gate.values["at"]) == (
        "passed",
        "touch.sent",
        fact_time(sent_at),
    )


def test_a_message_that_arrived_after_all_has_the_gates_with_which_it_was_sent() -> None:
    desk = mails(step("a"), step("b", hours=24))
    touch = desk.send()
    before = explanation_of(desk).runs[0].touches[0].gates
    fields = answer_fields(touch, desk, "back") | {"bounce_type": "soft", "rules": m.BOUNCE_RULES}
    desk.deliver(m.TouchBounced(**fields))
    desk.now += MINUTE
    seen = answer_fields(touch, desk, "open") | {"signal": "opened"}
    desk.deliver(m.TouchSeen(**seen))
    first, second = explanation_of(desk).runs[0].touches
    assert (first.phase, second.phase) == ("sent", "scheduled")
    assert first.gates == before


def test_the_bounce_that_closed_the_address_is_the_cause_of_the_next_skip() -> None:
    desk = mails(step("a"), step("b", hours=24))
    lost(desk)
    for hours in (8, 24):
        desk.advance_hours(hours)
        lost(desk)
    desk.advance_hours(25)
    last = desk.facts(FactKind.TOUCH_BOUNCED)[-1]
    gate = gates_of(desk, 1)["bounce"]
    assert (gate.result, gate.reason, gate.cause) == ("refused", "address_bounced", last.cause)
