"""What opt-outs of outreach close, and for which runs they count (C-26, S4-83, S4-84)."""

from typing import Any

import pytest

from schemas.base.times import DAY, HOUR
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.outreach_status import outreach_status
from tests.testing.builders import answer_fields, step, tenant
from tests.testing.conversions import JAVA, RUST, two_campaigns
from tests.testing.outreach import outreach_document
from tests.testing.outreach_desk import active_desk
from tests.testing.story import contact_of, unsubscribed
from tests.testing.world import START


@pytest.mark.parametrize(
    ("fields", "scope"),
    [
        ({"method": "one_click"}, "all"),
        ({"complained": True}, "all"),
        ({"complained": True, "method": "complaint"}, "all"),
        *(({"method": each}, "email") for each in ("link", "mailto", "reply", "manual", None)),
    ],
    ids=str,
)
@pytest.mark.parametrize("policy", ["channel", "all"])
def test_what_an_opt_out_by_one_click_and_a_complaint_close_is_a_policy_of_the_tenant(
    policy: str, fields: dict[str, Any], scope: str
) -> None:
    desk = active_desk(document=outreach_document(steps=[step(), step("b", hours=72)]))
    desk.deliver(tenant(at=START + 1, cause="t#2", opt_out_scope=policy))
    desk.send()
    desk.deliver(unsubscribed(desk, "email", **fields))
    expected = scope if policy == "all" else "email"
    assert [*contact_of(desk).opted_out] == [expected]
    (fact,) = desk.facts(FactKind.CONTACT_OPTED_OUT)
    assert fact.channel == expected
    closed = {order.channel for order in desk.sent_to_dispatch(m.SuppressAddress)}
    assert closed == ({"email", "linkedin"} if expected == "all" else {"email"})


def test_an_event_that_closes_all_channels_does_so_whatever_the_policy() -> None:
    desk = active_desk(document=outreach_document())
    desk.deliver(unsubscribed(desk, "all", method="one_click"))
    assert [*contact_of(desk).opted_out] == ["all"]


def test_an_opt_out_after_the_end_of_the_campaign_still_holds_and_counts() -> None:
    desk = active_desk(document=outreach_document())
    touch = desk.send()
    desk.change("completed").change("archived").now += DAY
    desk.deliver(unsubscribed(desk, "email", method="one_click"))
    assert [*contact_of(desk).opted_out] == ["email"]
    results = desk.run().results
    assert results is not None and results.opted_out_at == desk.now
    assert outreach_status(desk.run()) == "unsubscribed"
    closed = desk.sent_to_dispatch(m.SuppressAddress)
    assert [order.recipient for order in closed] == [touch.recipient]


def test_an_opt_out_counts_for_every_run_that_had_sent_something_before() -> None:
    desk, _, _ = two_campaigns()
    desk.deliver(unsubscribed(desk, "linkedin"))
    assert [desk.counts(name).get("opt_outs", 0) for name in (JAVA, RUST)] == [0, 0]
    desk.deliver(unsubscribed(desk, "email"))
    assert [desk.counts(name)["opt_outs"] for name in (JAVA, RUST)] == [1, 1]


def test_a_send_that_is_reported_after_the_opt_out_counts_it_too() -> None:
    desk = active_desk(document=outreach_document())
    touch = desk.command()
    sent_at = desk.now
    desk.now += HOUR
    desk.deliver(unsubscribed(desk, "email"))
    desk.deliver(m.TouchSent(**answer_fields(touch, desk), sent_at=sent_at))
    assert desk.outreach_counts()["opt_outs"] == 1
