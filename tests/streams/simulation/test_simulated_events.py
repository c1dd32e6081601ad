"""A simulated event in both forms: intake makes the message from the public event."""

import pytest

from processors.intake import internal_message
from schemas.channels import actions
from schemas.public.codec import Decoder
from streams.simulation.behaviour import Behaviour
from streams.simulation.senders import CommandedTouch, DrawnSignal
from streams.simulation.simulated_events import _BUILDERS, build_event, event_line
from tests.testing.simulation_harness import MIXED_BEHAVIOUR
from tests.testing.world import START

RULES = {
    rule.name: rule for rules in Behaviour.of(MIXED_BEHAVIOUR).rules.values() for rule in rules
}


@pytest.mark.parametrize("is_variant", [True, False])
@pytest.mark.parametrize("name", sorted(_BUILDERS))
def test_intake_makes_the_message_from_the_event(name: str, is_variant: bool) -> None:
    command_id = "8f14e45f-ceea-867a-9b3c-000000000001"
    touch = CommandedTouch("acme", 'an"n', command_id, "email", "trial")
    signal = DrawnSignal(START + 1_000, RULES[name], is_variant)
    event = build_event(touch, signal)
    public_event = Decoder().decode((), event_line(touch, signal, event))
    assert internal_message(public_event, 0) == event.message


def test_every_action_of_every_channel_has_a_rule() -> None:
    rules = Behaviour.of(None).rules
    assert set(rules) == set(actions())
    assert {rule.name for of_action in rules.values() for rule in of_action} == {"sent"}
