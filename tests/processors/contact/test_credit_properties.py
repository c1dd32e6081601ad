"""Whatever the order in which events arrive, the times, the status and the credit are the same; a
conversion is credited once (C-13, S4-77, promise 9)."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base.times import DAY, HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.outreach_status import outreach_status
from tests.testing.builders import step
from tests.testing.conversions import JAVA, RUST
from tests.testing.outreach import outreach_document
from tests.testing.outreach_desk import OutreachDesk, desk_with_draft
from tests.testing.outreach_orders import changed, published
from tests.testing.story import contact_of, event_fields

NAMES = (JAVA, RUST, "go-q1")
MODELS = ("last_touch", "first_touch", "linear")
APART = len(NAMES) * MINUTE
"""The campaigns are a minute apart: so no two events of different campaigns have one time."""

Event = Callable[[dict[str, m.RequestTouch]], m.Message]


def named(kind: Callable[..., m.Message], name: str, at: int, **fields: Any) -> Event:
    """An event about the command of a campaign."""

    def event(commands: dict[str, m.RequestTouch]) -> m.Message:
        touch = commands[name]
        ids = {"tenant_id": touch.tenant_id, "contact_id": touch.contact_id}
        return kind(
            **ids, command_id=touch.command_id, cause=f"/s#{at}", at=touch.due_at + at, **fields
        )

    return event


def unnamed(kind: type[m.ExternalEvent], at: int, **fields: Any) -> Event:
    """An event about Ann that names no command."""

    def event(commands: dict[str, m.RequestTouch]) -> m.Message:
        touch = commands[JAVA]
        return kind(touch.tenant_id, touch.contact_id, f"/s#{at}", touch.due_at + at, **fields)

    return event


def _events_of(name: str, at: int) -> list[Event]:
    seen = [
        partial(named, m.TouchSeen, signal=signal) for signal in ("delivered", "opened", "clicked")
    ]
    bounced = [
        partial(named, m.TouchBounced, bounce_type=kind, rules=1)
        for kind in ("hard", "block", "content")
    ]
    replied = partial(named, m.ContactReplied, channel="email", rules=1)
    converted = partial(named, m.ConversionRecorded, conversion_type="interview", rules=1)
    of_sent = [make(name, at) for make in (*seen, replied, converted)]
    return [*of_sent, *(make(name, at + 3 * HOUR) for make in bounced)]  # after every send


def _others(at: int) -> list[Event]:
    entity = {"conversion_type": "placement", "entity_id": "p-1", "rules": 1}
    return [
        unnamed(m.ContactReplied, at, channel="email", rules=1),
        unnamed(m.ContactReplied, at, channel="linkedin", rules=1),
        unnamed(m.ContactReplied, at, channel="email", automatic=True, rules=1),
        unnamed(m.ContactUnsubscribed, at, channel="email"),
        unnamed(m.ContactUnsubscribed, at, channel="all", method="one_click"),
        unnamed(m.ConversionRecorded, at, conversion_type="submission", rules=1),
        unnamed(m.ConversionRecorded, at, **entity),
        unnamed(m.ConversionRecorded, at, campaign_id=RUST, **entity),
        unnamed(m.ConversionRecorded, at, conversion_type="deal", rules=1),
    ]


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """The sends of three campaigns, each but the first perhaps never reported, and what Ann does
    then; every event has a time of its own."""
    times = iter(draw(st.permutations(range(1, 40))))
    events = [named(m.TouchSent, JAVA, next(times) * APART)]
    for name in NAMES[1:]:
        if draw(st.booleans()):
            events.append(named(m.TouchSent, name, next(times) * APART))
    for _ in range(draw(st.integers(0, 8))):
        at = next(times) * APART
        every = _others(at) + [e for name in NAMES for e in _events_of(name, at)]
        events.append(draw(st.sampled_from(every)))
    return events


def commanded_desk(model: str) -> tuple[OutreachDesk, dict[str, m.RequestTouch]]:
    """Ann has the command of one mail of each campaign, and no answer has come."""
    desk, commands = desk_with_draft(), {}
    person = m.Person("Ann", email="ann@example.com")
    desk.deliver(m.ContactUpserted(**event_fields(desk), person=person))
    for name in NAMES:
        settings = {"attribution": {"model": model}, "quiet_hours": "none"}
        document = outreach_document(campaign_id=name, settings=settings, steps=[step()])
        desk.deliver(published(document))
        desk.order("ann", name)
        desk.deliver(changed("activated", name))
        commands[name] = desk.requests()[-1]
        assert commands[name].campaign_id == name
        desk.command()
        desk.now += MINUTE
    desk.now += DAY
    return desk, commands


def outcome(model: str, events: list[Event]) -> Any:
    """What is known of Ann after the events."""
    desk, commands = commanded_desk(model)
    for event in events:
        desk.deliver(event(commands))
    contact = contact_of(desk)
    rows = []
    for run in contact.enrollments:
        results, touch = run.results, run.touches[0]
        assert results is not None
        signals = (touch.sent_at, touch.delivered_at, touch.opened_at, touch.clicked_at)
        rows.append(
            (
                (outreach_status(run), *signals, touch.bounced_at),
                (run.converted_at, run.conversion, results.entity_id, results.implied),
                (results.responded_at, results.response_channel),
                (results.opted_out_at, results.bounced_at, results.is_reached),
            )
        )
    kept = ("reached", "responses", "conversions", "implied_responses", "opt_outs", "bounces")
    counts = [[desk.counts(name).get(each, 0) for each in kept] for name in NAMES]
    conversions = {
        key: (each.at, each.weights, each.reason) for key, each in contact.conversions.items()
    }
    return rows, counts, conversions


@settings(max_examples=25, deadline=None)
@given(histories(), st.sampled_from(MODELS), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_neither_times_nor_status_nor_credit(
    events: list[Event], model: str, random: Random
) -> None:
    shuffled = random.sample(events, len(events))
    expected = outcome(model, events)
    assert outcome(model, shuffled) == expected
    again = random.sample([*events, *events], 2 * len(events))  # everything comes twice
    assert outcome(model, again) == expected


@settings(max_examples=15, deadline=None)
@given(histories(), st.sampled_from(MODELS))
def test_each_conversion_is_credited_once_or_not_at_all(events: list[Event], model: str) -> None:
    _, _, conversions = outcome(model, events)
    for _, weights, reason in conversions.values():
        assert sum(weights.values()) == (0 if reason else 1_000_000)


def test_a_send_that_is_reported_late_counts_the_first_opt_out_of_any_scope() -> None:
    sent = named(m.TouchSent, JAVA, APART)
    of_all = unnamed(m.ContactUnsubscribed, 2 * APART, channel="all")
    of_email = unnamed(m.ContactUnsubscribed, 3 * APART, channel="email")
    in_time = outcome("last_touch", [sent, of_all, of_email])
    assert outcome("last_touch", [of_all, of_email, sent]) == in_time


def test_of_two_replies_of_one_moment_the_same_one_counts_in_either_order() -> None:
    sent = named(m.TouchSent, JAVA, APART)
    both = [
        unnamed(m.ContactReplied, 2 * APART, channel=name, rules=1)
        for name in ("linkedin", "email")
    ]
    assert outcome("last_touch", [sent, *both]) == outcome("last_touch", [sent, *reversed(both)])
