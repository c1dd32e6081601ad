"""What a simulated sender says is what intake would make of the event that it writes."""

import pytest

from processors.intake import understood
from schemas.channels import actions
from schemas.public.codec import Decoder
from streams.simulation.behaviour import Behaviour
from streams.simulation.senders import CommandedTouch, DrawnSignal
from streams.simulation.simulated_events import _TELL, event, line
from tests.testing.simulation_harness import LIVELY
from tests.testing.world import START

ROWS = {row.name: row for plan in Behaviour.of(LIVELY).plans.values() for row in plan}


@pytest.mark.parametrize("other", [True, False])
@pytest.mark.parametrize("name", sorted(_TELL))
def test_the_message_and_the_event_say_the_same(name: str, other: bool) -> None:
    who = CommandedTouch("acme", 'an"n', "8f14e45f-ceea-867a-9b3c-000000000001", "email", "trial")
    said = DrawnSignal(START + 1_000, ROWS[name], other)
    told = event(who, said)
    read = Decoder().decode((), line(who, said, told))
    assert understood(read, 0) == told.message


def test_every_channel_says_something_of_every_action() -> None:
    plans = Behaviour.of(None).plans
    assert set(plans) == set(actions())
    assert {row.name for plan in plans.values() for row in plan} == {"sent"}
