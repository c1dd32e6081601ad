"""No command goes out in the quiet hours of its recipient, and none states a later end than their
beginning: whatever zones are reported meanwhile, under any limit, with senders that are down."""

from dataclasses import dataclass, field
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.shared.send_windows import closes_at, is_open
from schemas.base.times import HOUR, MINUTE, from_datetime
from schemas.base.zones import zone as zone_of
from schemas.internal.enrollment import Phase
from schemas.internal.facts import FactKind
from schemas.internal.messages import CommandDue, Window
from tests.testing.builders import step
from tests.testing.story import (
    START,
    World,
    deliver,
    enrolled,
    failed,
    sent,
    tenant,
    touch_of,
    upserted,
)

ZONES = (
    "America/Chicago",
    "Pacific/Honolulu",
    "Europe/Rome",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "Pacific/Apia",
)
HOURS = st.integers(0, 8 * 24)
MOVES = st.lists(
    st.tuples(HOURS, st.sampled_from(ZONES)), max_size=5, unique_by=lambda move: move[0]
)
OUTAGES = st.lists(st.tuples(HOURS, st.integers(1, 14)), max_size=3)


@dataclass
class SlowSender:
    """A sender that is down at some hours. It comes to a command when it is up again, and obeys the
    end that the command states."""

    outages: list[tuple[int, int]]
    sent_at: list[tuple[int, Window | None]] = field(default_factory=list)
    _seen: set[tuple[str, int]] = field(default_factory=set)

    def __call__(self, world: World) -> None:
        hours = (world.now - START) / HOUR
        if any(begin <= hours < begin + length for begin, length in self.outages):
            return
        for command in world.commands():
            if not isinstance(command, CommandDue):
                continue
            touch = command.touch
            if (touch.command_id, touch.emission) in self._seen:
                continue
            self._seen.add((touch.command_id, touch.emission))
            if world.now >= command.send_before:
                world.append(*failed(world, touch, "window_closed"))
            else:
                self.sent_at.append((world.now, touch.quiet))
                world.append(*sent(world, touch))


def quiet_in(zone: str, at: int) -> bool:
    """Whether it is between 21:00 and 08:00 in a zone."""
    hour = datetime.fromtimestamp(at / 1e6, zone_of(zone)).hour
    return hour >= 21 or hour < 8


@settings(max_examples=25, deadline=None)
@given(MOVES, OUTAGES, st.sampled_from((1, 2, 100, None)), st.integers(1, 23))
def test_no_command_is_out_of_its_window(
    moves: list[tuple[int, str]], outages: list[tuple[int, int]], limit: int | None, first: int
) -> None:
    steps = [step("a", hours=first), step("b", hours=24), step("c", hours=24)]
    world = enrolled(steps=steps, settings={"answer_timeout_minutes": 10_080})
    deliver(world, tenant(limits={"email": limit}))
    sender, zones = SlowSender(outages), [(START, "America/Chicago")]
    stops = [(begin + length, None) for begin, length in outages]  # the sender is up again
    for hour, zone in sorted([*moves, *stops], key=lambda stop: stop[0]):
        world.advance_to(START + hour * HOUR + 17 * MINUTE, [sender])  # when nothing is due
        if zone is not None:
            deliver(world, upserted(world, timezone=zone))
            zones.append((world.now, zone))
    world.advance_hours(24 * 12, [sender])
    facts = world.facts(FactKind.TOUCH_COMMANDED)
    commands = [c for c in world.commands() if isinstance(c, CommandDue)]
    assert len(facts) == len(commands) >= 3
    for fact, command in zip(facts, commands, strict=True):
        at, window = from_datetime(fact.at), command.touch.quiet
        zone = [name for since, name in zones if since <= at][-1]
        assert not quiet_in(zone, at)
        assert window is not None and window.zone == zone and is_open(window, at)
        assert command.send_before == min(closes_at(window, at), command.touch.expires_at)
    for at, window in sender.sent_at:
        assert window is not None and is_open(window, at)
    assert len(sender.sent_at) == 3
    assert touch_of(world).phase is Phase.SENT
