"""Sender accounts in the campaign processor: kept, announced, refused with a code (C-38)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.campaign.senders import SENDERS_MAX
from schemas.base.times import DAY, HOUR
from schemas.internal import messages as m
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from schemas.internal.states import SenderRecord, TenantRecord
from schemas.internal.topics import Topic
from tests.testing.administered import administered, announced, codes, order, record_of
from tests.testing.builders import TENANT, tenant
from tests.testing.world import START, World

EMAIL_LIMITS = {"": LimitTerms(200, 1_000, spacing_us=30_000_000)}


def sender(
    name: str = "s1", channel: str = "email", at: int = START, cause: str = "", **terms: Any
) -> m.UpsertSender:
    fields: dict[str, Any] = {"limits": EMAIL_LIMITS, "zone": "", **terms}
    cause = cause or f"sender#{name}-{at}"
    return order(
        m.UpsertSender, cause, at, channel=channel, sender=SenderTerms(sender_id=name, **fields)
    )


def removed(name: str = "s1", at: int = START + 1) -> m.RemoveSender:
    return order(m.RemoveSender, f"removed#{name}-{at}", at, sender_id=name)


def throttled(**changes: Any) -> m.ThrottleSender:
    return order(m.ThrottleSender, "throttled#1", **{"sender_id": "s1", **changes})


def used(**changes: Any) -> m.ReportUsage:
    fields = {"sender_id": "s1", "action": "", "used_at": START, "count": 3}
    return order(m.ReportUsage, "used#1", **{**fields, **changes})


def refusals(world: World) -> list[str | None]:
    return codes(world.facts(FactKind.EVENT_REFUSED))


def test_an_account_is_kept_and_announced_to_the_owner_of_its_channel() -> None:
    world = administered(sender())
    record = record_of(world, "s/acme/s1", SenderRecord)
    assert (record.channel, record.terms.limits, record.removed_at) == ("email", EMAIL_LIMITS, 0)
    (message,) = announced(world, m.SenderAnnounced)
    assert (message.tenant_id, message.channel, message.removed_at) == (TENANT, "email", 0)
    (entry,) = [
        entry
        for entry in world.broker.topic(Topic.DISPATCH_LOG)
        if isinstance(m.decode_dispatch(entry.value or b""), m.SenderAnnounced)
    ]
    assert entry.key == m.account_key(TENANT, "email")
    (fact,) = world.facts(FactKind.SENDER_UPDATED)
    assert (fact.channel, fact.values) == ("email", {"sender_id": "s1"})


def test_an_account_without_a_time_zone_has_that_of_its_tenant_also_after_it_changes() -> None:
    world = administered(sender("a"), sender("b", zone="Asia/Tokyo"))
    administered(tenant(cause="t#2", timezone="Europe/Berlin"), world=world)
    zones = [
        (each.sender.sender_id, each.sender.zone) for each in announced(world, m.SenderAnnounced)
    ]
    assert zones == [("a", "America/Chicago"), ("b", "Asia/Tokyo"), ("a", "Europe/Berlin")]


def test_the_same_account_again_is_announced_which_opens_one_that_has_paused_itself() -> None:
    world = administered(sender(), sender(at=START + 1), sender(at=START + 2, paused=True))
    paused = [each.sender.paused for each in announced(world, m.SenderAnnounced)]
    assert paused == [False, False, True]
    assert len(world.facts(FactKind.SENDER_UPDATED)) == 3


def test_limits_that_no_account_can_have_are_named() -> None:
    with_more = order(
        m.UpsertSender,
        "c#1",
        channel="email",
        sender=SenderTerms("s1", EMAIL_LIMITS, ""),
        ignored=("concurrent",),
    )
    (fact,) = administered(with_more).facts(FactKind.SENDER_UPDATED)
    assert fact.values == {"sender_id": "s1", "ignored": ["concurrent"]}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (sender(at=START - 1), "SENDER_UPDATE_STALE"),
        (sender(channel="linkedin", at=START + 1), "SENDER_CHANNEL_CHANGED"),
        (sender("v", "voice"), "SENDER_CHANNEL_BY_POOL"),
        (removed(at=START - 1), "SENDER_UPDATE_STALE"),
        (removed("nobody"), "SENDER_UNKNOWN"),
        (throttled(sender_id="nobody"), "SENDER_UNKNOWN"),
        (used(sender_id="nobody"), "SENDER_UNKNOWN"),
        (throttled(action="send_inmail"), "SENDER_ACTION_UNKNOWN"),
        (used(action="place_call"), "SENDER_ACTION_UNKNOWN"),
        (used(used_at=START + DAY + HOUR), "SENDER_USAGE_IN_FUTURE"),
        (throttled(tenant_id="other"), "SENDER_UNKNOWN"),
        (used(tenant_id="other"), "SENDER_UNKNOWN"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_order_that_cannot_be_carried_out_changes_nothing(message: m.Message, code: str) -> None:
    world = administered(sender())
    before = {key: value for key, value in world.states("campaign").items() if b"/" in key[1]}
    administered(message, world=world)
    assert refusals(world) == [code]
    assert len(announced(world, m.SenderAnnounced)) == 1
    assert not announced(world, m.SenderThrottled) + announced(world, m.SenderUsed)
    after = {key: value for key, value in world.states("campaign").items() if b"/" in key[1]}
    assert after == before


def test_accounts_of_a_tenant_that_is_not_there_are_refused() -> None:
    other = order(
        m.UpsertSender,
        "c#1",
        tenant_id="other",
        channel="email",
        sender=SenderTerms("s1", EMAIL_LIMITS, ""),
    )
    assert refusals(administered(other)) == ["TENANT_UNKNOWN"]
    world = administered(order(m.DeleteTenant, "d#1"), sender())
    assert refusals(world) == ["TENANT_DELETED"]


def test_a_removed_account_is_announced_and_can_come_back() -> None:
    world = administered(sender(), removed())
    assert record_of(world, "s/acme/s1", SenderRecord).removed_at == START
    assert record_of(world, "t/acme", TenantRecord).senders == []
    assert [each.removed_at for each in announced(world, m.SenderAnnounced)] == [0, START]
    assert len(world.facts(FactKind.SENDER_REMOVED)) == 1
    administered(removed(at=START + 2), world=world)
    assert refusals(world) == ["SENDER_UNKNOWN"]
    administered(sender(), world=world)  # older than the removal
    assert refusals(world)[1:] == ["SENDER_UPDATE_STALE"]
    administered(sender(at=START + 2), world=world)
    assert [each.removed_at for each in announced(world, m.SenderAnnounced)] == [0, START, 0]
    assert record_of(world, "t/acme", TenantRecord).senders == ["s1"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_newest_order_counts_in_whatever_order_they_arrive(
    removals: list[bool], random: Any
) -> None:
    """An order has its place in time: the account is what the latest one left (X-1)."""
    orders: list[m.Message] = [
        removed(at=START + number) if is_removal else sender(at=START + number, lag_us=number)
        for number, is_removal in enumerate(removals, 1)
    ]
    shuffled = [*orders]
    random.shuffle(shuffled)
    world = administered(sender(), *shuffled)
    record = record_of(world, "s/acme/s1", SenderRecord)
    assert bool(record.removed_at) is removals[-1]
    assert record_of(world, "t/acme", TenantRecord).senders == ([] if removals[-1] else ["s1"])
    if not removals[-1]:
        assert record.terms.lag_us == len(removals)
    last = announced(world, m.SenderAnnounced)[-1]
    assert bool(last.removed_at) is removals[-1]


def test_the_accounts_of_a_deleted_tenant_are_removed() -> None:
    world = administered(sender("a"), sender("b", "linkedin"), order(m.DeleteTenant, "d#1"))
    gone = [(each.channel, bool(each.removed_at)) for each in announced(world, m.SenderAnnounced)]
    assert sorted(gone) == [
        ("email", False),
        ("email", True),
        ("linkedin", False),
        ("linkedin", True),
    ]
    assert len(world.facts(FactKind.SENDER_REMOVED)) == 2
    assert record_of(world, "t/acme", TenantRecord).senders == []


def test_a_tenant_has_a_bounded_number_of_accounts() -> None:
    world = administered(*[sender(f"s{number}") for number in range(SENDERS_MAX + 1)])
    assert refusals(world) == ["SENDERS_TOO_MANY"]
    administered(sender("s0", at=START + 1, paused=True), world=world)
    assert refusals(world) == ["SENDERS_TOO_MANY"]


@pytest.mark.parametrize(
    ("until", "expected"), [(None, START + 5 * HOUR), (START + HOUR, START + HOUR)]
)
def test_an_account_is_throttled_for_five_hours_or_until_the_provider_is_ready(
    until: int | None, expected: int
) -> None:
    world = administered(sender(), throttled(action="send_message", until=until))
    (message,) = announced(world, m.SenderThrottled)
    ids = (message.tenant_id, message.channel, message.sender_id, message.action)
    assert (*ids, message.until) == (TENANT, "email", "s1", "send_message", expected)
    (fact,) = world.facts(FactKind.SENDER_THROTTLED)
    assert (fact.until, fact.values) == (
        fact_time(expected),
        {"sender_id": "s1", "action": "send_message"},
    )


def test_an_older_wish_of_the_provider_that_arrives_later_changes_nothing() -> None:
    world = administered(
        sender(at=START - HOUR), throttled(until=START + 2 * HOUR), throttled(action="send_message")
    )
    late = order(m.ThrottleSender, "late#1", START - 1, sender_id="s1", until=START + 1)
    shorter = order(m.ThrottleSender, "new#1", START + 1, sender_id="s1", until=START + HOUR)
    administered(late, shorter, world=world)
    assert refusals(world) == ["SENDER_UPDATE_STALE"]
    ends = [each.until for each in announced(world, m.SenderThrottled)]
    assert ends == [START + 2 * HOUR, START + 5 * HOUR, START + HOUR]


def test_what_was_sent_by_hand_counts_once() -> None:
    world = administered(sender(), used(), used())
    (message,) = announced(world, m.SenderUsed)
    assert (message.channel, message.count, message.at) == ("email", 3, START)
    assert refusals(world) == ["EVENT_DUPLICATE"]
    assert len(world.facts(FactKind.SENDER_USED)) == 1


def complained(cause: str = "c#1", sender_id: str = "s1") -> m.ReportComplaints:
    numbers = {"delivered": 10_000, "complaints": 31}
    return order(m.ReportComplaints, cause, START - HOUR, sender_id=sender_id, **numbers)


def test_complaints_about_an_account_go_to_the_owner_of_its_channel_once() -> None:
    world = administered(sender(), complained(), complained())
    (message,) = announced(world, m.SenderComplained)
    names = (message.tenant_id, message.channel, message.sender_id)
    assert names == (TENANT, "email", "s1")
    assert (message.delivered, message.complaints) == (10_000, 31)
    assert (message.at, message.cause) == (START - HOUR, "c#1")
    assert refusals(world) == ["EVENT_DUPLICATE"]
    (fact,) = world.facts(FactKind.SENDER_COMPLAINTS_REPORTED)
    assert (fact.channel, fact.cause) == ("email", "c#1")
    values = {"sender_id": "s1", "delivered": 10_000, "complaints": 31}
    assert (fact.values or {}).items() >= values.items()


def test_complaints_about_an_account_that_is_not_there_are_refused() -> None:
    world = administered(complained(), sender(), removed(), complained("c#2"))
    assert refusals(world) == ["SENDER_UNKNOWN"] * 2
    assert not announced(world, m.SenderComplained)
