"""A campaign of outreach from its draft to its report, with all processors."""

from collections.abc import Sequence
from typing import Any

from schemas.base.times import DAY, HOUR, MINUTE, SECOND, parse_rfc3339
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from schemas.internal.states import CampaignRecord
from tests.testing.administered import order, record_of
from tests.testing.builders import CONTACT, TENANT, answer_fields, sent, step, tenant
from tests.testing.outreach import OUTREACH, experiment
from tests.testing.outreach_orders import account, changed, outreach
from tests.testing.story import deliver, event_fields, make_sender, working_senders
from tests.testing.world import World


def person(world: World, number: int) -> list[m.Message]:
    """A person of the campaign, with an e-mail address of the own."""
    contact_id = f"{CONTACT}-{number}"
    address = f"p{number}@example.com"
    return [
        m.ContactUpserted(**event_fields(world, contact_id), person=m.Person(email=address)),
        m.ContactEnrolled(**event_fields(world, contact_id), campaign_id=OUTREACH),
    ]


def people(world: World, first: int, last: int) -> list[m.Message]:
    return [each for number in range(first, last) for each in person(world, number)]


def drafted(number: int, **changes: Any) -> World:
    """A world with a draft and some people."""
    world = deliver(World(), tenant())
    deliver(world, account(), outreach(**changes))
    return deliver(world, *people(world, 0, number))


def started(number: int, **changes: Any) -> World:
    world = drafted(number, **changes)
    return deliver(world, changed("activated"))


def campaign(world: World) -> CampaignRecord:
    return record_of(world, f"c/{TENANT}/{OUTREACH}", CampaignRecord)


def replying(world: World, touch: m.RequestTouch) -> Sequence[m.Message]:
    """A sender whose people all reply."""
    reply = m.ContactReplied(**event_fields(world, touch.contact_id), channel=touch.channel)
    return [*sent(world, touch), reply]


def values(world: World, kind: FactKind) -> dict[str, Any]:
    return world.facts(kind)[-1].values or {}


def test_a_draft_waits_with_its_people_until_it_is_activated() -> None:
    world = drafted(5)
    world.advance_hours(48, working_senders())
    assert not world.commanded_touches()
    deliver(world, changed("activated"))
    assert campaign(world).status == "active"
    assert values(world, FactKind.CAMPAIGN_STATUS_CHANGED)["contacts"] == 5
    world.advance_hours(0.1)
    assert len(world.commanded_touches()) == 5


def test_a_draft_without_people_is_refused_by_the_whole_engine() -> None:
    world = started(0)
    (fact,) = world.facts(FactKind.EVENT_REFUSED)
    assert fact.reason == "CAMPAIGN_NO_CONTACTS"


def test_a_campaign_with_its_first_day_ahead_reaches_nobody_before() -> None:
    world = started(3, settings={"start_date": "2026-03-04"})
    assert campaign(world).status == "active"
    world.advance_hours(38, working_senders())
    assert not world.commanded_touches()
    world.advance_hours(12, working_senders())
    assert len(world.commanded_touches()) == 3


def test_a_first_day_without_a_midnight_begins_when_the_clock_has_changed() -> None:
    days = {"start_date": "2026-04-24", "end_date": "2026-04-25", "timezone": "Africa/Cairo"}
    world = started(2, settings={**days, "quiet_hours": "none"})
    begins_at = parse_rfc3339("2026-04-23T22:00:00Z")  # 01:00 there: the clock leaves 00:00 out
    world.advance_to(begins_at - SECOND, working_senders())
    assert not world.commanded_touches()
    world.advance_to(begins_at + SECOND, working_senders())
    assert len(world.commanded_touches()) == 2


def test_an_opt_out_from_an_archived_campaign_still_holds() -> None:
    world = started(1)
    world.advance_hours(1, working_senders())
    (touch,) = world.commanded_touches()
    deliver(world, changed("archived"))
    assert campaign(world).status == "archived"
    fields = event_fields(world, touch.contact_id)
    deliver(world, m.ContactUnsubscribed(**fields, channel="email"))
    assert world.facts(FactKind.CONTACT_OPTED_OUT)
    deliver(world, outreach(campaign_id="java-q2"))
    again = event_fields(world, touch.contact_id)
    deliver(world, m.ContactEnrolled(**again, campaign_id="java-q2"))
    assert world.facts(FactKind.ENROLLMENT_DECLINED)[-1].reason == "CONTACT_UNSUBSCRIBED"


def test_a_campaign_completes_settles_and_is_reported_when_all_are_processed() -> None:
    world = started(5)
    world.advance_hours(0.1, working_senders())
    assert campaign(world).status == "active"
    world.advance_hours(0.3, working_senders())
    record = campaign(world)
    assert (record.status, record.end_reason) == ("completed", "all_processed")
    assert record.settled_at
    counts = values(world, FactKind.CAMPAIGN_REPORT)["counts"]
    assert (counts["runs"], counts["reached"], counts["sent_email"]) == (5, 5, 5)
    assert counts["ended_completed"] == 5
    assert not any(counts.get(name) for name in ("live", "frozen", "out"))


def test_a_target_completes_the_campaign_and_stops_who_is_left() -> None:
    steps = [step("first"), step("second", hours=24, template_id="u")]
    terms = {"target_contacts_count": 10}
    world = started(12, steps=steps, outreach=terms)
    world.advance_hours(2, working_senders())
    record = campaign(world)
    assert (record.status, record.end_reason) == ("completed", "targets")
    stopped = world.facts(FactKind.ENROLLMENT_STOPPED)
    assert {fact.reason for fact in stopped} == {"campaign_completed"}
    assert len(stopped) == 12
    world.advance_hours(100, working_senders())
    assert {touch.step_id for touch in world.commanded_touches()} == {"first"}
    assert campaign(world).settled_at
    deliver(world, *person(world, 99))
    assert world.facts(FactKind.ENROLLMENT_DECLINED)[-1].reason == "CAMPAIGN_COMPLETED"


def test_a_campaign_goes_past_its_target_by_no_more_than_what_is_out_and_one_round_of_counts() -> (
    None
):
    spaced = SenderTerms("slow", {"": LimitTerms(spacing_us=30 * SECOND)}, "")
    world = deliver(World(), tenant())
    terms = {"target_contacts_count": 10}
    sender = order(m.UpsertSender, "slow#1", channel="email", sender=spaced)
    deliver(world, sender, outreach(outreach=terms))
    deliver(world, *people(world, 0, 30))
    deliver(world, changed("activated"))
    world.advance_hours(2, working_senders())
    assert campaign(world).end_reason == "targets"
    assert values(world, FactKind.CAMPAIGN_REPORT)["counts"]["reached"] == 10
    assert len(world.commanded_touches()) == 10


def test_replies_meet_the_target_of_a_rate() -> None:
    terms = {"target_contacts_count": 4, "target_response_rate": 50.00}
    world = started(4, outreach=terms)
    world.advance_hours(1, working_senders())
    assert campaign(world).end_reason != "targets"
    replies = started(4, outreach=terms)
    replies.advance_hours(0.1, [make_sender(replying)])
    assert campaign(replies).end_reason == "targets"


def test_a_command_that_is_out_at_the_completion_counts_when_it_is_answered() -> None:
    world = started(3)
    world.advance_hours(0.1)
    out = world.commanded_touches()
    assert len(out) == 3
    deliver(world, changed("completed"))
    world.advance_to(world.now + 2 * MINUTE)
    assert (campaign(world).status, campaign(world).settled_at) == ("completed", 0)
    for touch in out:
        deliver(world, *sent(world, touch))
    world.advance_to(world.now + 2 * MINUTE)
    assert campaign(world).settled_at
    assert values(world, FactKind.CAMPAIGN_REPORT)["counts"]["reached"] == 3


def test_a_reply_after_the_completion_is_in_the_last_report() -> None:
    world = started(3)
    world.advance_hours(1, working_senders())
    touch = world.commanded_touches()[0]
    fields = answer_fields(touch, world, "r")
    deliver(world, m.ContactReplied(**fields, channel=touch.channel))
    world.advance_hours(1)
    assert "responses" not in values(world, FactKind.CAMPAIGN_REPORT)["counts"]
    commands = len(world.commands())
    world.advance_to(world.now + 31 * DAY)
    report = values(world, FactKind.CAMPAIGN_REPORT)
    assert (report["final"], report["counts"]["responses"]) == (True, 1)
    assert len(world.commands()) == commands


def test_a_run_that_a_reply_holds_keeps_the_campaign_open() -> None:
    world = started(2, steps=[step("first"), step("second", hours=24, template_id="u")])
    world.advance_hours(0.5, [make_sender(replying)])
    world.advance_to(world.now + 3 * DAY)
    assert campaign(world).status == "active"


def test_people_that_come_one_after_another_do_not_complete_the_campaign_in_between() -> None:
    world = started(1)
    for number in range(1, 6):
        world.advance_to(world.now + 10 * MINUTE, working_senders())
        deliver(world, *person(world, number))
        assert campaign(world).status == "active"
    world.advance_to(world.now + 20 * MINUTE, working_senders())
    assert campaign(world).status == "completed"


def test_a_campaign_that_is_paused_over_its_end_date_completes() -> None:
    world = started(3, settings={"end_date": "2026-03-05", "start_date": "2026-03-04"})
    deliver(world, changed("paused"))
    world.advance_to(world.now + 5 * DAY, working_senders())
    assert campaign(world).end_reason == "end_date"
    assert not world.commanded_touches()
    deliver(world, changed("resumed"))
    world.advance_to(world.now + HOUR, working_senders())
    assert not world.commanded_touches()


def test_an_experiment_is_counted_to_its_report() -> None:
    tested = step(template_id=None, experiment=experiment())
    world = started(40, steps=[tested])
    world.advance_hours(1, [make_sender(replying)])
    deliver(world, changed("completed"))
    world.advance_hours(1)
    (result,) = values(world, FactKind.CAMPAIGN_REPORT)["experiments"]
    assert result["a"]["reached"] + result["b"]["reached"] == 40
    assert result["a"]["responses"] + result["b"]["responses"] == 40
    assert result["winner"] == ""
