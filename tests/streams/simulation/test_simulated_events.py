"""A simulated event in both forms: intake makes the message from the public event."""

import pytest

from processors.intake import internal_message
from schemas.channels import actions
from schemas.public.codec import Decoder
from streams.simulation.behaviour import Behaviour
from streams.simulation.drawn_signals import DrawnSignal, SignalRule
from streams.simulation.senders import CommandedTouch
from streams.simulation.simulated_events import _BUILDERS, build_event, event_line
from tests.testing.simulation_harness import MIXED_BEHAVIOUR
from tests.testing.world import START

COMMAND_ID = "8f14e45f-ceea-867a-9b3c-000000000001"


def drawn_rules() -> dict[str, SignalRule]:
    """The rules of all signals, those within a call too."""
    model = Behaviour.of(MIXED_BEHAVIOUR)
    rules = [rule for rules in model.rules.values() for rule in rules]
    sent = next(rule for rule in rules if rule.name == "sent")
    answered = next(rule for rule in rules if rule.code == "answered")
    placed = [DrawnSignal(START, sent, False), DrawnSignal(START + 1, answered, False)]
    signals = model.calls["voice"].complete(placed, None, COMMAND_ID, 1)
    return {rule.name: rule for rule in (*rules, *(signal.rule for signal in signals))}


RULES = drawn_rules()


@pytest.mark.parametrize("is_variant", [True, False])
@pytest.mark.parametrize("name", sorted(_BUILDERS))
def test_intake_makes_the_message_from_the_event(name: str, is_variant: bool) -> None:
    touch = CommandedTouch("acme", 'an"n', COMMAND_ID, "email", "trial", 1, "one")
    signal = DrawnSignal(START + 1_000, RULES[name], is_variant)
    event = build_event(touch, signal)
    public_event = Decoder().decode((), event_line(touch, signal, event))
    assert internal_message(public_event, 0) == event.message


def test_every_action_of_every_channel_has_a_rule() -> None:
    rules = Behaviour.of(None).rules
    assert set(rules) == set(actions())
    assert {rule.name for of_action in rules.values() for rule in of_action} == {"sent"}
